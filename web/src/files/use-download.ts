import { useState } from "react";
import { fetchDownloadUrl } from "../api/files";
import { messageOf } from "../api/http";
import { useSay } from "../ui/toast";

/** Downloads files. Their addresses are good for a short time, so each is asked for when it is wanted. */
export function useDownload(): { download: (id: string, filename: string) => void; isPending: boolean } {
  const say = useSay();
  const [isPending, setIsPending] = useState(false);
  const download = (id: string, filename: string) => {
    setIsPending(true);
    fetchDownloadUrl(id)
      .then(
        (url) => save(url, filename),
        (error: unknown) => say(`${filename} cannot be downloaded. ${messageOf(error)}`),
      )
      .finally(() => setIsPending(false));
  };
  return { download, isPending };
}

function save(url: string, filename: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = filename;
  link.rel = "noreferrer noopener";
  document.body.append(link);
  link.click();
  link.remove();
}
