// Edits a text and waits until the server has it on disk.
//
//   node examples/node.mjs <token> [document] [url]
//   node examples/node.mjs dev-token scratch:hello ws://127.0.0.1:8080/ws
//
// The document `scratch:…` exists in development mode only.

import { GlassBoxClient } from "@glassbox/client";
import { WebSocket } from "ws"; // the platform's own from Node 22 on

const [token, name = "scratch:hello", url = "ws://127.0.0.1:8080/ws"] = process.argv.slice(2);
if (!token) {
  console.error("usage: node examples/node.mjs <token> [document] [url]");
  process.exit(2);
}

const client = new GlassBoxClient({ url, token: () => token, WebSocket });
client.status.subscribe((status) => console.log(`connection: ${status}`));
client.error.subscribe((error) => error && console.log(`  ${error.code}: ${error.message}`));

const provider = client.open(name);
provider.saved.subscribe(({ state, unconfirmed }) =>
  console.log(`document: ${state}, ${unconfirmed} unconfirmed`),
);

try {
  await provider.whenSynced;
  const text = provider.doc.getText("text");
  text.insert(text.length, `Hello from Node ${process.version}.\n`);
  await provider.whenSaved();
  console.log(`saved as ${client.principal.value?.name}:\n${text}`);
} catch (error) {
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
