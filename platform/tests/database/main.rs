//! The database half of the crate, against a real Postgres (see [`platform::testing`]).
#![allow(clippy::unwrap_used)]

mod ambiguous_commit;
mod append;
mod compaction;
mod load;
mod proxy;
mod support;
mod throughput;
