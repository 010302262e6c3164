import { Popover as Radix } from "radix-ui";
import { useState } from "react";
import { fetchLatestExecution } from "../api/executions";
import { type Notification, useNotifications, useReading, useUnreadCount } from "../api/notifications";
import { navigate, projectPath } from "../app/router";
import { plural, timeAgo } from "../lib/text";
import { Button } from "../ui/button";
import { Icon, type IconName } from "../ui/icon";
import { Loaded } from "../ui/loaded";
import { MorePages } from "../ui/more-pages";
import { Notice } from "../ui/notice";
import { placeOf } from "./place";
import { useNews } from "./use-news";

const ICONS: Record<string, IconName> = {
  lock_released: "unlock",
  node_assigned: "node",
  mention: "quote",
  execution_complete: "spark",
  human_input_needed: "question",
};

/** Counts above this are not told exactly. */
const COUNTED_TO = 99;

/** What I am told: how much of it is new, and the list. */
export function Bell() {
  const unread = useUnreadCount(useNews());
  const [isOpen, setIsOpen] = useState(false);
  const label = unread > 0 ? `Notifications, ${plural(unread, "new one", "new ones")}` : "Notifications";
  return (
    <Radix.Root open={isOpen} onOpenChange={setIsOpen}>
      <Radix.Trigger asChild>
        <button
          type="button"
          aria-label={label}
          title={label}
          className="relative inline-flex size-8 shrink-0 items-center justify-center rounded-lg text-muted hover:bg-hover hover:text-ink data-[state=open]:bg-hover"
        >
          <Icon name="bell" />
          {unread > 0 && (
            <span
              aria-hidden
              className="absolute -top-0.5 -right-0.5 min-w-4 rounded-full bg-accent-solid px-1 text-center text-[10px] leading-4 font-semibold text-white tabular-nums"
            >
              {unread > COUNTED_TO ? `${COUNTED_TO}+` : unread}
            </span>
          )}
        </button>
      </Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={8}
          collisionPadding={8}
          aria-label="Notifications"
          className="z-50 flex max-h-[min(560px,80vh)] w-[min(380px,calc(100vw-16px))] animate-rise flex-col rounded-2xl border border-line bg-raised shadow-float"
        >
          <List unread={unread} onOpen={() => setIsOpen(false)} />
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  );
}

function List({ unread, onOpen }: { unread: number; onOpen: () => void }) {
  const list = useNotifications();
  const { read, readAll } = useReading();
  const open = (notification: Notification) => {
    if (!notification.readAt) read.mutate(notification.id);
    if (!notification.projectId) return;
    void placeOf(notification, fetchLatestExecution).then((place) =>
      navigate(projectPath(notification.projectId as string, place)),
    );
    onOpen();
  };
  return (
    <>
      <div className="flex h-11 shrink-0 items-center justify-between border-b border-line pr-2 pl-4">
        <h2 className="text-[13px] font-semibold">Notifications</h2>
        <Button
          look="quiet"
          className="h-7!"
          disabled={unread === 0 || readAll.isPending}
          onClick={() => readAll.mutate()}
        >
          Mark all as read
        </Button>
      </div>
      <div className="min-h-40 overflow-y-auto p-1.5">
        <Loaded what="The notifications" query={{ ...list, data: list.items }}>
          {(items) =>
            items.length === 0 ? (
              <Notice icon="bell" title="Nothing yet">
                You are told here when a node is given to you, a lock is free that you waited for, somebody
                names you, or an agent is done or asks you something.
              </Notice>
            ) : (
              <>
                <ul aria-label="Notifications">
                  {items.map((notification) => (
                    <Item
                      key={notification.id}
                      notification={notification}
                      onOpen={() => open(notification)}
                    />
                  ))}
                </ul>
                <MorePages pages={list} />
              </>
            )
          }
        </Loaded>
      </div>
    </>
  );
}

function Item({ notification, onOpen }: { notification: Notification; onOpen: () => void }) {
  const isNew = notification.readAt === null;
  return (
    <li>
      <button
        type="button"
        onClick={onOpen}
        className="flex w-full items-start gap-3 rounded-lg px-2.5 py-2 text-left hover:bg-hover"
      >
        <span className={`mt-0.5 ${isNew ? "text-accent" : "text-muted"}`}>
          <Icon name={ICONS[notification.type] ?? "bell"} />
        </span>
        <span className="min-w-0 flex-1">
          <span className={`block text-[13px] break-words ${isNew ? "font-semibold" : ""}`}>
            {isNew && <span className="sr-only">New: </span>}
            {notification.title}
          </span>
          {notification.body && (
            <span className="line-clamp-2 text-xs break-words text-muted">{notification.body}</span>
          )}
          <span className="block text-xs text-muted">{timeAgo(notification.createdAt, Date.now())}</span>
        </span>
        {isNew && <span aria-hidden className="mt-1.5 size-2 shrink-0 rounded-full bg-accent-solid" />}
      </button>
    </li>
  );
}
