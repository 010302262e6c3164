//! Telling other servers what happens: messages signed by the Standard Webhooks scheme, tried until they get through or
//! are given up.

mod metrics;
mod sender;
pub mod signature;
mod worker;

pub use crate::outbound::Networks;
pub use worker::Deliverer;
