import { Dialog } from "../ui/dialog";
import { FileById } from "./file-view";

interface FileDialogProps {
  /** What is shown; null: nothing. */
  file: { id: string; title: string } | null;
  onClose: () => void;
}

/** A file by itself. */
export function FileDialog({ file, onClose }: FileDialogProps) {
  return (
    <Dialog title={file?.title ?? "File"} open={file !== null} onClose={onClose} wide>
      <FileById id={file?.id ?? null} />
    </Dialog>
  );
}
