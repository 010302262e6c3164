//! The wire protocol of GlassBox as pure code: what `SPEC.md` states in rules, these modules encode and decode.
//!
//! | module | subject |
//! |---|---|
//! | [`lib0`] | varints, length-prefixed bytes and strings |
//! | [`frame`] | binary frames of the `/ws` dialect (G11) |
//! | [`control`] | JSON messages of the `/ws` dialect (G2 and on) |
//! | [`y_websocket`] | messages of the `/yjs` dialect (Y2) |
//! | [`hocuspocus`] | messages of the `/hocuspocus` dialect (H2) |
//! | `client` | with the feature of this name: a client of the `/ws` dialect |
//! | [`awareness`] | presence states inside awareness messages |
//! | [`close`] | WebSocket close codes |
//!
//! Decoders borrow from their input, allocate nothing in proportion to a claimed length, and never panic.

pub mod awareness;
#[cfg(feature = "client")]
pub mod client;
pub mod close;
pub mod control;
pub mod frame;
pub mod hocuspocus;
pub mod lib0;
pub mod y_websocket;

/// The version of the `/ws` dialect that `welcome` announces (G3).
pub const PROTOCOL_VERSION: u32 = 1;
