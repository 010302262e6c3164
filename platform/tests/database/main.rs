//! The database half of the crate, against a real Postgres (see [`platform::testing`]).
#![allow(clippy::unwrap_used)]

mod access;
mod append;
mod audit;
mod compaction;
mod erasure;
mod event_feed;
mod events;
mod files;
mod forgetting;
mod idempotency;
mod load;
mod locks;
mod lost_answer;
mod node_events;
mod node_lists;
mod node_trash;
mod nodes;
mod nouns;
mod plans;
mod proxy;
mod quarantine;
mod retention;
mod runs;
mod search;
mod support;
mod tenancy;
mod webhooks;
