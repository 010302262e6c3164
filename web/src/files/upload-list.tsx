import { messageOf } from "../api/http";
import type { Side } from "../documents/node";
import { useStore, Value } from "../lib/external-store";
import { plural } from "../lib/text";
import { Button, IconButton } from "../ui/button";
import { Icon } from "../ui/icon";
import { worthSendingAgain } from "./transfer";
import type { Upload, Uploads } from "./uploads";
import { useUploads } from "./uploads-context";
import { sizeWords } from "./words";

const NONE = new Value<readonly Upload[]>([]);

/** The files that are on their way into a list of a node. */
export function UploadList({ nodeId, side }: { nodeId: string; side: Side }) {
  const uploads = useUploads();
  const all = useStore(uploads?.list ?? NONE);
  const here = all.filter(({ target }) => target.nodeId === nodeId && target.side === side);
  const underWay = here.filter(({ phase }) => phase !== "failed").length;
  return (
    <>
      <p role="status" className="sr-only">
        {underWay > 0 ? `${plural(underWay, "file")} on the way` : ""}
      </p>
      {uploads && here.length > 0 && (
        <ul aria-label="Uploads" className="grid gap-2">
          {here.map((upload) => (
            <li key={upload.id} className="rounded-xl border border-dashed border-line-strong px-3 py-2">
              {upload.phase === "failed" ? (
                <Failed upload={upload} uploads={uploads} />
              ) : (
                <UnderWay upload={upload} uploads={uploads} />
              )}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

interface RowProps {
  upload: Upload;
  uploads: Uploads;
}

function UnderWay({ upload, uploads }: RowProps) {
  const { id, name, sizeBytes, sentBytes } = upload;
  return (
    <div className="grid gap-1.5">
      <div className="flex items-center gap-2 text-muted">
        <Icon name="file" />
        <span className="min-w-0 flex-1 truncate text-[13px] text-ink">{name}</span>
        <span className="text-xs tabular-nums">{progressWords(upload)}</span>
        <IconButton icon="close" label={`Cancel the upload of ${name}`} onClick={() => uploads.cancel(id)} />
      </div>
      <progress
        aria-label={`Upload of ${name}`}
        max={Math.max(1, sizeBytes)}
        value={Math.min(sentBytes, sizeBytes)}
        className="h-1 w-full accent-accent"
      />
    </div>
  );
}

function progressWords({ phase, sentBytes, sizeBytes }: Upload): string {
  if (phase === "waiting") return "Waiting";
  if (phase === "confirming") return "Being confirmed";
  return `${sizeWords(Math.min(sentBytes, sizeBytes))} of ${sizeWords(sizeBytes)}`;
}

function Failed({ upload, uploads }: RowProps) {
  const { id, name, error } = upload;
  return (
    <div className="flex flex-wrap items-center gap-2">
      <p role="alert" className="min-w-40 flex-1 text-[13px] text-danger">
        <span className="font-medium break-words">{name}</span> was not uploaded. {messageOf(error)}
      </p>
      {worthSendingAgain(error) && (
        <Button aria-label={`Try to upload ${name} again`} onClick={() => uploads.retry(id)}>
          Try again
        </Button>
      )}
      <IconButton icon="close" label={`Dismiss ${name}`} onClick={() => uploads.cancel(id)} />
    </div>
  );
}
