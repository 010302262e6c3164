//! The sockets over a real database and real living documents, as a client sees them: rule by rule of SPEC.md.

#![expect(clippy::unwrap_used, reason = "a test that finds something else fails")]

mod authority;
mod channels;
mod client;
mod clock_jumps;
mod events;
mod frames;
mod h_client;
mod heartbeat;
mod hocuspocus;
mod locks;
mod notices;
mod opening;
mod pieces;
mod presence;
mod principals;
mod repairs;
mod runs;
mod server;
mod strangers;
mod y_client;
mod y_websocket;
