// An editor as the documentation of Tiptap and y-websocket tells to make one; nothing in it knows of GlassBox.
import { Editor } from "@tiptap/core";
import Collaboration from "@tiptap/extension-collaboration";
import StarterKit from "@tiptap/starter-kit";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const query = new URLSearchParams(window.location.search);
const doc = new Y.Doc();
const provider = new WebsocketProvider(query.get("server") ?? "", query.get("document") ?? "", doc, {
  // Windows of one browser must not reach each other but through the server.
  disableBc: true,
});
provider.on("sync", (isSynced) => {
  document.body.dataset.synced = String(isSynced);
});

new Editor({
  element: document.querySelector("main"),
  extensions: [StarterKit.configure({ undoRedo: false }), Collaboration.configure({ document: doc })],
  editorProps: { attributes: { role: "textbox", "aria-label": "Text" } },
});
