import { Button } from "./button";
import { CopyButton } from "./copy-button";
import { Dialog } from "./dialog";
import { CONTROL } from "./field";

interface SecretProps {
  title: string;
  /** What it is for, and that it is not shown again. */
  description: string;
  secret: string | null;
  onClose: () => void;
}

/** Shows a secret, once. */
export function Secret({ title, description, secret, onClose }: SecretProps) {
  return (
    <Dialog title={title} description={description} open={secret !== null} onClose={onClose} wide>
      <div className="flex gap-2">
        <input
          aria-label={title}
          readOnly
          value={secret ?? ""}
          onFocus={(event) => event.currentTarget.select()}
          className={`${CONTROL} font-mono text-[13px]`}
        />
        <CopyButton text={secret ?? ""} label={`Copy: ${title}`} />
      </div>
      <Button look="primary" onClick={onClose}>
        I have kept it
      </Button>
    </Dialog>
  );
}
