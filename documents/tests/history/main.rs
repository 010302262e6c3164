//! What documents were, who made them so, and how it is brought back: on a real Postgres.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "numbers are drawn below bounds that fit, and recorded ones are small"
)]

#[path = "../common/mod.rs"]
mod common;
mod nodes;
mod parts;
mod past;
mod prune;
mod recordings;
mod retention;
mod scene;
mod undo;
