//! Sockets: how clients reach the living documents, in the dialect that they speak.
//!
//! | module | subject |
//! |---|---|
//! | [`server`] | the routes, and what all sockets share |
//! | `upgrade` | from an HTTP request to an authenticated socket |
//! | `socket` | the loop that serves one socket, whatever it speaks |
//! | `throttle` | how fast a client may talk |
//! | `principals` | how much each principal has open |
//! | `account` | what all sockets of a principal use together |
//! | `access_check` | what a socket may still do |
//! | `meanwhile` | what happens while a document is being opened |
//! | `byte_budget` | bytes that all sockets may hold together |
//! | `incoming` | what a client says: the messages of the WebSocket protocol |
//! | `websocket` | the frames that are sent |
//! | `outbox` | what waits to be written to a socket, bounded, and its writing |
//! | `pieces` | a large message in pieces, between which others on the socket have their turn |
//! | `glassbox` | our own dialect, `/ws` (SPEC §2) |
//! | `y_websocket` | the dialect of stock Yjs clients, `/yjs/{document}` (SPEC §3) |
//! | `hocuspocus` | the dialect of Hocuspocus' providers, `/hocuspocus` (SPEC §4) |

mod access_check;
mod account;
mod byte_budget;
mod glassbox;
mod hocuspocus;
mod incoming;
mod meanwhile;
mod metrics;
mod outbox;
mod pieces;
mod principals;
pub mod server;
mod socket;
mod throttle;
mod upgrade;
mod websocket;
mod y_websocket;

pub use server::SyncServer;
