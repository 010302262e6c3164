import type { Provider, StaleReplica } from "@glassbox/client";
import { useState } from "react";
import { useObservable } from "../documents/session";
import { plural } from "../lib/text";
import { Button } from "../ui/button";
import { Icon } from "../ui/icon";

/** Says that a document's history was replaced, and hands out the copy that was set aside. */
export function StaleBanner({ provider, what }: { provider: Provider; what: string }) {
  const stale = useObservable(provider.stale);
  return stale ? <Banner key={stale.epoch} stale={stale} what={what} name={provider.name} /> : null;
}

function Banner({ stale, what, name }: { stale: StaleReplica; what: string; name: string }) {
  const [downloaded, setDownloaded] = useState(false);
  const edits =
    stale.unconfirmed > 0
      ? `It holds ${plural(stale.unconfirmed, "edit")} of yours that the server does not have.`
      : "All your edits in it had been saved.";
  return (
    <section
      aria-label="Older copy"
      className="flex flex-wrap items-center gap-x-4 gap-y-2 border-b border-line bg-warn-soft px-4 py-2 text-[13px] text-warn"
    >
      <Icon name="warning" />
      <p className="min-w-60 flex-1">
        The history of this {what} was replaced on the server. You now see the present content; your older
        copy was set aside on this device. {edits}
      </p>
      <span className="flex gap-2">
        <Button
          onClick={() => {
            download(stale.export(), `${name.replace(":", "-")}.yjs`);
            setDownloaded(true);
          }}
        >
          <Icon name="download" /> Download my copy
        </Button>
        <Button disabled={!downloaded && stale.unconfirmed > 0} onClick={() => void stale.discard()}>
          Discard it
        </Button>
      </span>
    </section>
  );
}

function download(bytes: Uint8Array, filename: string): void {
  const url = URL.createObjectURL(
    new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" }),
  );
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.click();
  URL.revokeObjectURL(url);
}
