/** What happens, as it is told on channels of events (SPEC.md, G29–G31). */

/** Who did something. */
export interface Actor {
  readonly kind: "user" | "agent" | "api_key" | "system" | "anonymous";
  readonly id: string;
}

/** What is said of every event. */
export interface EventFacts {
  /** The channel on which it is told. */
  readonly channel: string;
  /** Counts up within an organization. */
  readonly eventId: string;
  readonly organizationId: string;
  readonly projectId?: string;
  readonly nodeId?: string;
  /** Several when people wrote at the same time. */
  readonly actors: readonly Actor[];
  /** RFC 3339. */
  readonly at: string;
}

/** The fields of a node of which events tell. */
export interface NodeFields {
  readonly title: string;
  readonly status: string;
  readonly parentId: string | null;
  readonly authorType: "human" | "agent";
  readonly authorUserId: string | null;
  readonly supervisorUserId: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** A place on the canvas. */
export interface NodePlace {
  readonly position: { readonly x: number; readonly y: number };
  readonly width: number | null;
  readonly height: number | null;
}

/** A node as it was when it appeared. What was too long is named in `omitted`. */
export interface NodeSummary extends Partial<NodeFields>, NodePlace {
  readonly id: string;
  /** Counts its changes: the greater number is the later state. */
  readonly changeCount: number;
  readonly createdAt: string;
  readonly omitted?: readonly string[];
}

/** Something that somebody is told. */
export interface Notification {
  readonly id: string;
  readonly type: "execution_complete" | "human_input_needed" | "mention" | "node_assigned" | "lock_released";
  readonly organizationId: string;
  readonly title: string;
  readonly body: string | null;
  readonly projectId: string | null;
  readonly resourceType: string | null;
  readonly resourceId: string | null;
  readonly actors: readonly Actor[];
  readonly readAt: string | null;
  readonly createdAt: string;
}

/** A file, as it is named when something happens to it. */
export interface FileNamed {
  readonly fileId: string;
  readonly filename: string;
}

/** Somebody's role in an organization or a project. */
export interface RoleGiven {
  readonly userId: string;
  readonly role: "owner" | "admin" | "member" | "guest" | "viewer";
}

type Unspecified = Readonly<Record<string, unknown>>;

/** What the types of events add. */
export interface EventPayloads {
  node_created: { readonly node: NodeSummary };
  node_restored: { readonly node: NodeSummary };
  node_updated: {
    /** New values; of the node's document, what has changed. */
    readonly changes: Partial<NodeFields> & {
      readonly body?: true;
      readonly inputs?: true;
      readonly outputs?: true;
    };
    /** Counts the node's changes: the greater number is the later state. */
    readonly changeCount: number;
    readonly omitted?: readonly string[];
  };
  node_moved: NodePlace;
  node_deleted: { readonly title?: string };
  nodes_changed: {
    readonly created: number;
    readonly updated: number;
    readonly moved: number;
    readonly deleted: number;
    readonly restored: number;
  };
  edges_changed: Unspecified;
  lock_acquired: Unspecified;
  lock_released: Unspecified;
  execution_update: Unspecified;
  trace: Unspecified;
  version_created: {
    /** What `/nodes/{nodeId}/versions/{version}` and `/nodes/{nodeId}/rollback/{version}` take. */
    readonly version: number;
    readonly changeType: "created" | "updated" | "status_change" | "session" | "rollback";
    readonly summary: string;
  };
  file_uploaded: FileNamed & { readonly contentType: string; readonly sizeBytes: number };
  file_processed: FileNamed & { readonly processingStatus: "complete" | "failed" };
  file_deleted: FileNamed;
  project_created: { readonly name: string; readonly description: string };
  project_updated: {
    readonly changes: {
      readonly name?: string;
      readonly description?: string;
      readonly workflowStates?: readonly string[];
      readonly settings?: Readonly<Record<string, unknown>>;
    };
    readonly omitted?: readonly string[];
  };
  project_deleted: { readonly name: string };
  project_restored: { readonly name: string };
  project_member_updated: RoleGiven;
  project_member_removed: { readonly userId: string };
  member_updated: RoleGiven;
  member_removed: { readonly userId: string };
  organization_updated: { readonly changes: Readonly<Record<string, unknown>> };
  notification: { readonly notification: Notification };
  /** `null`: all of the organization. */
  notifications_read: { readonly ids: readonly string[] | null; readonly read: boolean };
}

/** The name of a type of event. */
export type EventType = keyof EventPayloads;

/** Something that happened. */
export type GlassBoxEvent = {
  [T in EventType]: { readonly type: T; readonly payload: EventFacts & EventPayloads[T] };
}[EventType];

const TYPES: Record<EventType, true> = {
  node_created: true,
  node_restored: true,
  node_updated: true,
  node_moved: true,
  node_deleted: true,
  nodes_changed: true,
  edges_changed: true,
  lock_acquired: true,
  lock_released: true,
  execution_update: true,
  trace: true,
  version_created: true,
  file_uploaded: true,
  file_processed: true,
  file_deleted: true,
  project_created: true,
  project_updated: true,
  project_deleted: true,
  project_restored: true,
  project_member_updated: true,
  project_member_removed: true,
  member_updated: true,
  member_removed: true,
  organization_updated: true,
  notification: true,
  notifications_read: true,
};

/** Whether a message of this type tells that something happened. */
export function isEventType(type: string): type is EventType {
  return Object.hasOwn(TYPES, type);
}
