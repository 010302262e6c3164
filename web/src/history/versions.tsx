import { type FormEvent, useState } from "react";
import { useHistoryChanges } from "../api/history";
import { messageOf } from "../api/http";
import { Button } from "../ui/button";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";

/** Gives a place a name. */
export function NameVersionButton({ document, seq }: { document: string; seq: number }) {
  const { name: naming } = useHistoryChanges(document);
  const [isAsking, setIsAsking] = useState(false);
  const [name, setName] = useState("");
  const close = () => {
    naming.reset();
    setIsAsking(false);
    setName("");
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    naming.mutate({ name: name.trim(), seq }, { onSuccess: close });
  };
  return (
    <>
      <Button onClick={() => setIsAsking(true)}>Name it</Button>
      <Dialog
        title="Name this version"
        description="What it is now stays kept for as long as it has a name."
        open={isAsking}
        onClose={close}
      >
        <form onSubmit={submit} className="grid gap-4">
          <Field
            label="Name"
            required
            maxLength={255}
            placeholder="As sent to the customer"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
          <FormError>{naming.error && messageOf(naming.error)}</FormError>
          <Button type="submit" look="primary" disabled={naming.isPending || !name.trim()}>
            {naming.isPending ? "Naming…" : "Name it"}
          </Button>
        </form>
      </Dialog>
    </>
  );
}
