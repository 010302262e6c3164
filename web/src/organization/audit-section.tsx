import { useState } from "react";
import { type AuditEntry, type AuditFilter, useAuditLog } from "../api/audit";
import { useMembers } from "../api/members";
import type { Organization, OrganizationRole } from "../api/types";
import { timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { SelectField } from "../ui/field";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { AUDIT_ACTIONS, actionWords, actorWords, detailLines } from "./audit-words";
import { Card } from "./card";

const ALL: AuditFilter = { actor: "", action: "", resourceType: "", since: "", until: "" };
const DAY_MS = 86_400_000;

/** Who did what in the organization, when, and from where. */
export function AuditSection({ organization }: { organization: Organization }) {
  const [filter, setFilter] = useState(ALL);
  const log = useAuditLog(organization.id, filter);
  return (
    <Card
      title="What was done"
      hint="The newest first. Nothing here can be changed or deleted; what people write is in the history of each node."
    >
      <Filters orgId={organization.id} filter={filter} onChange={setFilter} />
      <Loaded what="The audit log" query={{ ...log, data: log.items }} lines={8}>
        {(entries) => (
          <>
            {entries.length === 0 && (
              <div className="grid justify-items-center gap-3 py-6 text-sm text-muted">
                <p>Nothing that you look for was done.</p>
                <Button onClick={() => setFilter(ALL)}>Show all</Button>
              </div>
            )}
            <ul aria-label="Audit log" className="grid">
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} />
              ))}
            </ul>
            <MorePages pages={log} />
          </>
        )}
      </Loaded>
    </Card>
  );
}

interface FiltersProps {
  orgId: string;
  filter: AuditFilter;
  onChange: (filter: AuditFilter) => void;
}

function Filters({ orgId, filter, onChange }: FiltersProps) {
  const members = useMembers<OrganizationRole>({ kind: "orgs", id: orgId });
  const sinceDays = (days: string) =>
    days && new Date(Math.floor(Date.now() / DAY_MS - Number(days)) * DAY_MS).toISOString();
  const [days, setDays] = useState("");
  return (
    <div className="grid gap-3 sm:grid-cols-3">
      <SelectField
        label="Who"
        value={filter.actor}
        onChange={(event) => onChange({ ...filter, actor: event.target.value })}
      >
        <option value="">Everybody</option>
        {members.data?.map(({ userId, name }) => (
          <option key={userId} value={`user:${userId}`}>
            {name}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="What"
        value={filter.action}
        onChange={(event) => onChange({ ...filter, action: event.target.value })}
      >
        <option value="">Everything</option>
        {Object.entries(AUDIT_ACTIONS).map(([action, words]) => (
          <option key={action} value={action}>
            {words}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="When"
        value={days}
        onChange={(event) => {
          setDays(event.target.value);
          onChange({ ...filter, since: sinceDays(event.target.value) });
        }}
      >
        <option value="">At any time</option>
        <option value="1">Since yesterday</option>
        <option value="7">In the last 7 days</option>
        <option value="30">In the last 30 days</option>
      </SelectField>
    </div>
  );
}

function Entry({ entry }: { entry: AuditEntry }) {
  const lines = detailLines(entry.details);
  return (
    <li className="border-b border-line py-2 last:border-0">
      <details>
        <summary className="flex items-baseline gap-3 rounded text-[13px]">
          <span className="min-w-0 flex-1">
            <span className="font-medium">{actorWords(entry)}</span> {actionWords(entry.action)}
          </span>
          <time
            dateTime={entry.at}
            title={new Date(entry.at).toLocaleString("en")}
            className="shrink-0 text-xs text-muted"
          >
            {timeAgo(entry.at, Date.now())}
          </time>
        </summary>
        <dl className="mt-2 grid grid-cols-[auto_1fr] gap-x-4 gap-y-1 rounded-lg bg-sunken px-3 py-2 text-xs">
          <Fact name="When">{new Date(entry.at).toLocaleString("en")}</Fact>
          <Fact name="To what">
            {entry.resourceType} {entry.resourceId}
          </Fact>
          <Fact name="From">
            {[entry.ipAddress, entry.userAgent].filter(Boolean).join(" · ") || "unknown"}
          </Fact>
          {lines.length > 0 && (
            <Fact name="Details">
              {lines.map((line) => (
                <span key={line} className="block break-words">
                  {line}
                </span>
              ))}
            </Fact>
          )}
        </dl>
      </details>
    </li>
  );
}

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}
