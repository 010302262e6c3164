export type * from "./api.js";
export { GlassBoxClient } from "./client.js";
export type { ClientErrorCode, ErrorInfo } from "./errors.js";
export { GlassBoxError } from "./errors.js";
export type { EventListener } from "./event-channels.js";
export type * from "./events.js";
export type { Observable } from "./observable.js";
export { deleteLocalCopies, unsavedDocuments } from "./persistence.js";
