import { messageOf } from "../api/http";
import { type Delivery, useDeliveries, useRedelivery } from "../api/webhooks";
import { humanize, plural, timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { useSay } from "../ui/toast";

const LOOKS: Record<Delivery["state"], [label: string, look: string]> = {
  delivered: ["Delivered", "bg-good-soft text-good"],
  pending: ["On its way", "bg-info-soft text-info"],
  failed: ["Given up", "bg-danger-soft text-danger"],
};

/** What a webhook was told, and how that went. */
export function Deliveries({ orgId, webhookId }: { orgId: string; webhookId: string }) {
  const deliveries = useDeliveries(orgId, webhookId);
  const redeliver = useRedelivery(orgId, webhookId);
  const say = useSay();
  return (
    <div className="rounded-xl bg-sunken px-3 py-1">
      <Loaded what="The deliveries" query={{ ...deliveries, data: deliveries.items }}>
        {(items) => (
          <>
            {items.length === 0 && <p className="py-2 text-[13px] text-muted">Nothing has happened yet.</p>}
            <ul aria-label="Deliveries" className="grid">
              {items.map((delivery) => (
                <li
                  key={delivery.id}
                  className="flex min-h-10 items-center gap-3 border-b border-line text-[13px] last:border-0"
                >
                  <span
                    className={`shrink-0 rounded-full px-2 py-0.5 text-[11px] ${LOOKS[delivery.state][1]}`}
                  >
                    {LOOKS[delivery.state][0]}
                  </span>
                  <span className="min-w-0 flex-1 truncate">
                    {typeWords(delivery)}
                    <span className="text-muted"> · {outcomeWords(delivery)}</span>
                  </span>
                  <time
                    dateTime={delivery.createdAt}
                    title={new Date(delivery.createdAt).toLocaleString("en")}
                    className="shrink-0 text-xs text-muted"
                  >
                    {timeAgo(delivery.createdAt, Date.now())}
                  </time>
                  <Button
                    look="quiet"
                    aria-label={`Send ${typeWords(delivery).toLowerCase()} again`}
                    disabled={redeliver.isPending && redeliver.variables === delivery.id}
                    onClick={() =>
                      redeliver.mutate(delivery.id, { onError: (error) => say(messageOf(error)) })
                    }
                  >
                    Send again
                  </Button>
                </li>
              ))}
            </ul>
            <MorePages pages={deliveries} />
          </>
        )}
      </Loaded>
    </div>
  );
}

function typeWords({ type }: Delivery): string {
  return type === "ping" ? "Test" : humanize(type);
}

/** What came of it, as far as it is known. */
function outcomeWords({ attempts, responseStatus, error, nextAttemptAt, state }: Delivery): string {
  const answer = responseStatus ? `answered ${responseStatus}` : (error ?? "");
  const tries = attempts > 1 ? plural(attempts, "attempt") : "";
  if (attempts === 0) return "not sent yet";
  const next = state === "pending" && nextAttemptAt ? `tried again ${timeUntil(nextAttemptAt)}` : "";
  return [answer, tries, next].filter(Boolean).join(", ");
}

function timeUntil(at: string): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(at) - Date.now()) / 1000));
  return seconds < 60 ? `in ${plural(seconds, "second")}` : timeAgo(at, Date.now());
}
