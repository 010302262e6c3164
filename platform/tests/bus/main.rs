//! The bus: what holds for every variant (`contract`), and what holds of Redis (`redis`, against a real one).

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod contract;
mod instances;
mod redis;
