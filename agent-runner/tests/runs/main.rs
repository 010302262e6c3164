//! Runs of agents on a real server and database, with models of which the tests know every word.

#![expect(clippy::unwrap_used, reason = "a test that finds something else fails")]

mod asking;
mod away;
mod exactly_once;
mod failures;
mod files;
mod following;
mod human;
mod injection;
mod making;
mod people;
mod pinning;
mod presence;
mod proposing;
mod provider;
mod queue;
mod reading;
mod retrying;
mod search;
mod steering;
mod turns;
mod versions;
mod world;
