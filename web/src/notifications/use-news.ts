import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { askAnew } from "../api/ask-anew";
import { NOTIFICATIONS } from "../api/notifications";
import { useDocumentSession, useObservable } from "../documents/session";

/** News that come together are asked for together. */
const TOGETHER_MS = 100;

/** Reads anew what I am told, and have read, when the server says that it changed. @returns whether it can say so now */
export function useNews(): boolean {
  const { client } = useDocumentSession();
  const queries = useQueryClient();
  const [isTold, setIsTold] = useState(false);
  useEffect(() => {
    let timer: number | null = null;
    const refresh = () => {
      timer = null;
      void askAnew(queries, NOTIFICATIONS);
    };
    const onNews = () => {
      timer ??= window.setTimeout(refresh, TOGETHER_MS);
    };
    const end = client.listen("user", {
      event: onNews,
      resync() {
        setIsTold(true);
        onNews();
      },
      failed: () => setIsTold(false),
    });
    return () => {
      end();
      if (timer !== null) window.clearTimeout(timer);
    };
  }, [client, queries]);
  const isConnected = useObservable(client.status) === "connected";
  return isTold && isConnected;
}
