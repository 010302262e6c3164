//! Everything of GlassBox that touches the world: configuration, time, randomness, tasks, logs, metrics, identity,
//! the database, the bus between instances, and the
//! way in for clients. What is above this crate gets the world through it.

pub mod access;
pub mod agent_queue;
pub mod auth;
pub mod blob;
pub mod bus;
pub mod clock;
pub mod config;
pub mod db;
pub mod embedded_postgres;
pub mod embedding;
pub mod erasure;
pub mod events;
pub mod executions;
pub mod files;
pub mod http_client;
pub mod ingress;
pub mod lifecycle;
pub mod limits;
pub mod metrics;
pub mod outbound;
pub mod queue;
pub mod random;
pub mod rate;
pub mod rate_limiter;
pub mod search;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod webhooks;
