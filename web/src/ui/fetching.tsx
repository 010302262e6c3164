import { useEffect, useState } from "react";
import { Button } from "./button";

/** How long a part of the studio may take before something is said. */
const PATIENCE_MS = 1_500;

/** Stands where a part of the studio is still being fetched. */
export function Fetching({ what }: { what: string }) {
  const [isLate, setIsLate] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setIsLate(true), PATIENCE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  if (!isLate) return <div className="min-h-12" />;
  return (
    <div role="status" className="grid justify-items-center gap-3 p-6 text-center text-sm text-muted">
      <p>
        The {what} is not here yet: it has to be fetched once from the server. It appears as soon as there is
        a connection, and nothing that you wrote is lost.
      </p>
      <Button onClick={() => window.location.reload()}>Reload</Button>
    </div>
  );
}
