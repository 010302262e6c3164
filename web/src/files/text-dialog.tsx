import { type StoredFile, useFileText } from "../api/files";
import { Dialog } from "../ui/dialog";
import { Loaded } from "../ui/loaded";

/** How many characters of a text are shown. */
const SHOWN_AT_MOST = 500_000;

/** The text that was found in a file. */
export function TextDialog({
  file,
  open,
  onClose,
}: {
  file: StoredFile;
  open: boolean;
  onClose: () => void;
}) {
  return (
    <Dialog
      title={file.filename}
      description="The text that was found in the file, without its form."
      open={open}
      onClose={onClose}
      wide
    >
      <FileText file={file} />
    </Dialog>
  );
}

function FileText({ file }: { file: StoredFile }) {
  const text = useFileText(file, SHOWN_AT_MOST);
  return (
    <Loaded what="The text" query={text} lines={6}>
      {(found) => (
        <>
          <section
            aria-label={`Text of ${file.filename}`}
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keyboard
            tabIndex={0}
            className="max-h-[56vh] overflow-y-auto rounded-lg bg-sunken px-4 py-3 text-sm break-words whitespace-pre-wrap"
          >
            {found.text}
          </section>
          {(found.isCut || file.textTruncated) && (
            <p className="text-[13px] text-muted">
              This is the beginning of a longer text. Download the file to read all of it.
            </p>
          )}
        </>
      )}
    </Loaded>
  );
}
