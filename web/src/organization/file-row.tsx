import { type FormEvent, useState } from "react";
import { type StoredFile, useFileChanges } from "../api/files";
import { messageOf } from "../api/http";
import { useMembers } from "../api/members";
import { useSession } from "../api/session";
import type { Organization, Project } from "../api/types";
import { FileDialog } from "../files/file-dialog";
import { aboutWords, StatePill } from "../files/file-view";
import { useDownload } from "../files/use-download";
import { fileIcon } from "../files/words";
import { timeAgo } from "../lib/text";
import { Button, IconButton } from "../ui/button";
import { Confirm } from "../ui/confirm";
import { Dialog } from "../ui/dialog";
import { Field, FormError } from "../ui/field";
import { Icon } from "../ui/icon";
import { Menu, type MenuItem } from "../ui/menu";

interface FileRowProps {
  file: StoredFile;
  organization: Organization;
  /** The one that it belongs to, if I may open it. */
  project: Project | undefined;
}

type Asked = "details" | "rename" | "delete" | null;

/** A file in a list, and what can be done with it. */
export function FileRow({ file, organization, project }: FileRowProps) {
  const [asked, setAsked] = useState<Asked>(null);
  const { download } = useDownload();
  const mayChange = useMayChange({ file, organization, project });
  const close = () => setAsked(null);
  const { id, filename } = file;
  const items: MenuItem[] = [
    ...(file.processingStatus === "uploading"
      ? []
      : [{ label: "Download", icon: "download", onSelect: () => download(id, filename) } as const]),
    ...(mayChange
      ? ([
          { label: "Rename…", icon: "text", onSelect: () => setAsked("rename") },
          { label: "Delete…", icon: "trash", danger: true, onSelect: () => setAsked("delete") },
        ] as const)
      : []),
  ];
  return (
    <li className="flex min-h-12 items-center gap-3 border-b border-line py-1.5 last:border-0">
      <span className="text-muted">
        <Icon name={fileIcon(file.contentType)} />
      </span>
      <span className="min-w-0 flex-1">
        <button
          type="button"
          onClick={() => setAsked("details")}
          className="block max-w-full truncate text-left text-sm font-medium hover:underline"
        >
          {filename}
        </button>
        <About file={file} organization={organization} project={project} />
        {file.processingError && (
          <span className="block text-xs break-words text-danger">{file.processingError}</span>
        )}
      </span>
      <StatePill file={file} />
      {items.length > 0 && (
        <Menu trigger={<IconButton icon="more" label={`Actions for ${filename}`} />} items={items} />
      )}
      <FileDialog file={asked === "details" ? { id, title: filename } : null} onClose={close} />
      <RenameDialog file={file} open={asked === "rename"} onClose={close} />
      <DeleteDialog file={file} open={asked === "delete"} onClose={close} />
    </li>
  );
}

/** Whether I may rename and delete a file: whoever uploaded it may, and admins. */
function useMayChange({ file, organization, project }: FileRowProps): boolean {
  const userId = useSession()?.user.id;
  const isAdmin = organization.role === "owner" || organization.role === "admin" || project?.role === "admin";
  return isAdmin || (userId !== undefined && file.uploadedBy === userId);
}

function About({ file, organization, project }: FileRowProps) {
  const { data: members } = useMembers({ kind: "orgs", id: organization.id });
  const by = file.executionId ? "an agent" : members?.find(({ userId }) => userId === file.uploadedBy)?.name;
  const facts = [aboutWords(file), project?.name, by && `by ${by}`, timeAgo(file.createdAt, Date.now())];
  return <span className="block truncate text-xs text-muted">{facts.filter(Boolean).join(" · ")}</span>;
}

interface AskProps {
  file: StoredFile;
  open: boolean;
  onClose: () => void;
}

const NAME_AT_MOST = 255;

function RenameDialog({ file, open, onClose }: AskProps) {
  return (
    <Dialog title="Rename the file" open={open} onClose={onClose}>
      <RenameForm file={file} onClose={onClose} />
    </Dialog>
  );
}

function RenameForm({ file, onClose }: Omit<AskProps, "open">) {
  const { rename } = useFileChanges();
  const [name, setName] = useState(file.filename);
  const filename = name.trim();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (filename) rename.mutate({ id: file.id, filename }, { onSuccess: onClose });
  };
  return (
    <form onSubmit={submit} className="grid gap-4">
      <Field
        label="Name"
        hint="Nodes that hold the file show the new name; labels that people gave it stay."
        value={name}
        maxLength={NAME_AT_MOST}
        onChange={(event) => setName(event.target.value)}
      />
      <FormError>{rename.isError ? messageOf(rename.error) : null}</FormError>
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          look="primary"
          disabled={!filename || filename === file.filename || rename.isPending}
        >
          Rename
        </Button>
      </div>
    </form>
  );
}

function DeleteDialog({ file, open, onClose }: AskProps) {
  const { remove } = useFileChanges();
  return (
    <Confirm
      title="Delete this file?"
      action="Delete"
      danger
      open={open}
      isPending={remove.isPending}
      error={remove.error}
      onClose={() => {
        remove.reset();
        onClose();
      }}
      onConfirm={() => remove.mutate({ id: file.id }, { onSuccess: onClose })}
    >
      <span className="font-medium break-words">{file.filename}</span> is deleted for everybody, with the text
      that was read from it. Nodes that hold it say that it is gone. This cannot be undone.
    </Confirm>
  );
}
