import { expect } from "@playwright/test";
import * as Y from "yjs";
import { call, socketToken } from "../rest";
import { test } from "./studio";

test("a viewer reads along, and has nothing to edit with", async ({ studio }, info) => {
  const nodeId = await studio.addNode("To be read", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const vera = await studio.visit("Vera", { role: "viewer", nodeId });
  await expect(vera.stateLine).toHaveText("View only");
  await expect(vera.body).toHaveAttribute("contenteditable", "false");
  await expect(vera.title).toHaveAttribute("readonly");
  await ada.enterBody();
  await ada.page.keyboard.type(" And more.");
  await expect(vera.body).toContainText("Start. And more.");
  await vera.page.screenshot({ path: info.outputPath("viewer.png") });

  await vera.page.getByRole("button", { name: "Close node" }).click();
  await vera.page.keyboard.press("n");
  await expect(vera.stateLine).toHaveText("View only");
  await expect(vera.page.getByRole("textbox", { name: "Node title" })).toHaveCount(0);
  await expect(vera.card("Untitled")).toHaveCount(0);
});

test("what a viewer forges is refused", async ({ studio, server }) => {
  const nodeId = await studio.addNode("To be forged", "Start.");
  const ada = await studio.visit("Ada", { nodeId });
  const vera = await studio.visit("Vera", { role: "viewer", nodeId });
  const token = await socketToken(server, vera.person);
  const answer = await vera.page.evaluate(sendUpdate, {
    url: `${server.yjsUrl}/node:${nodeId}?token=${token}`,
    update: [...forgedParagraph()],
  });
  // The message that permission was denied (Y4).
  expect(answer.slice(0, 2)).toEqual([2, 0]);
  await expect(
    call(server, `/nodes/${nodeId}`, { person: vera.person, method: "PATCH", body: { title: "Forged" } }),
  ).rejects.toThrow(": 403 ");

  await ada.enterBody();
  await ada.page.keyboard.type(" After it.");
  await expect(vera.body).toContainText("After it.");
  for (const { body, title } of [ada, vera]) {
    await expect(body).not.toContainText("Forged");
    await expect(title).toHaveValue("To be forged");
  }
});

function forgedParagraph(): Uint8Array {
  const doc = new Y.Doc();
  const paragraph = new Y.XmlElement("paragraph");
  paragraph.insert(0, [new Y.XmlText("Forged")]);
  doc.getXmlFragment("body").insert(0, [paragraph]);
  return Y.encodeStateAsUpdate(doc);
}

/** Runs in the page: sends an update through `/yjs` by hand, and resolves with the server's answer to it. */
function sendUpdate({ url, update }: { url: string; update: number[] }): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    const length = update.length < 128 ? [update.length] : [(update.length & 127) | 128, update.length >> 7];
    socket.onopen = () => socket.send(Uint8Array.from([0, 2, ...length, ...update]));
    socket.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    socket.onmessage = ({ data }) => {
      const frame = [...new Uint8Array(data)];
      if (frame[0] === 2) resolve(frame);
    };
  });
}
