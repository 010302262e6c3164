import { useEffect } from "react";
import { useStore } from "../lib/external-store";
import { useSay } from "../ui/toast";
import { useDocumentSession } from "./session";

const REPAIRED = "The server put something right that was not of this document's shape.";

/** Says when the server repaired what was written here: it changes before somebody's eyes. */
export function RepairNotices(): null {
  const session = useDocumentSession();
  const providers = useStore(session.providers);
  const say = useSay();
  useEffect(() => {
    const ends = providers.map((provider) => provider.repaired.subscribe(() => say(REPAIRED)));
    return () => ends.forEach((end) => void end());
  }, [providers, say]);
  return null;
}
