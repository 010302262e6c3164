//! WebSocket close codes and what they tell a client to do (SPEC, "Close codes").

/// A frame was larger than the limit. Do not come back with it.
pub const TOO_LARGE: u16 = 1009;
/// The server failed. Come back with backoff.
pub const INTERNAL: u16 = 1011;
/// The server restarts (G20). Come back.
pub const RESTART: u16 = 1012;
/// Overloaded, or saving is behind. Come back with backoff.
pub const TRY_LATER: u16 = 1013;
/// A frame that cannot be decoded (G16).
pub const MALFORMED: u16 = 4400;
/// The token is missing or invalid. Come back with another one.
pub const UNAUTHORIZED: u16 = 4401;
/// Access ended.
pub const FORBIDDEN: u16 = 4403;
/// No such document, or no access to it (Y5).
pub const NOT_FOUND: u16 = 4404;
/// The client did not say in time who it is (H4). Come back.
pub const AUTHENTICATION_TIMEOUT: u16 = 4408;
/// The token has run out on an open socket (G19, Y5). Come back with a new one.
pub const AUTHORITY_ENDED: u16 = 4501;
/// A limit of the principal is reached: sockets, documents, messages (L4, L5). Come back with backoff.
pub const TOO_MANY: u16 = 4529;
/// Nothing was heard for too long (G4). Come back.
pub const TIMEOUT: u16 = 4508;
