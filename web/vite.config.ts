import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const server = process.env.GLASSBOX_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: { dedupe: ["yjs", "y-protocols", "lib0", "react", "react-dom"] },
  server: {
    proxy: {
      "/api": server,
      "/ws": { target: server, ws: true },
      "/yjs": { target: server, ws: true },
    },
  },
  build: {
    target: "es2023",
    rolldownOptions: {
      output: {
        codeSplitting: {
          // A group takes along what it imports, so what is needed first is claimed first.
          groups: [
            { name: "react", priority: 4, test: /node_modules\/(react|react-dom|scheduler)\// },
            {
              name: "sync",
              priority: 3,
              test: /node_modules\/(yjs|lib0|y-protocols|y-indexeddb)\/|web-protocol\/client/,
            },
            { name: "canvas", priority: 2, test: /node_modules\/(@xyflow|d3-|zustand)/ },
            {
              name: "editor",
              priority: 1,
              test: /node_modules\/(@tiptap|prosemirror|orderedmap|rope-sequence|linkifyjs|w3c-keyname)/,
            },
          ],
        },
      },
    },
  },
  test: { environment: "jsdom", include: ["src/**/*.test.{ts,tsx}"] },
});
