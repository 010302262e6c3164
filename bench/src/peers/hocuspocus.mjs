// Hocuspocus as it comes, and with its SQLite extension when DATABASE names a file.
import { Server } from '@hocuspocus/server'

const extensions = []
if (process.env.DATABASE) {
  const { SQLite } = await import('@hocuspocus/extension-sqlite')
  extensions.push(new SQLite({ database: process.env.DATABASE }))
}
await new Server({ address: process.env.HOST, port: Number(process.env.PORT), quiet: true, extensions }).listen()
