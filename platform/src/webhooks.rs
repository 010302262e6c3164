//! Telling other servers what happens: messages signed by the Standard Webhooks scheme, tried until they get through or
//! are given up.

mod destination;
mod sender;
pub mod signature;
mod worker;

use crate::config::Mode;

pub use destination::DestinationError;
pub use worker::Deliverer;

/// Which destinations are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Networks {
    /// Addresses that anybody on the internet can reach.
    Public,
    /// Those of this machine and of private networks as well.
    All,
}

/// Checks the address of a webhook, as far as that is possible without asking for its host: `https` (in development mode
/// `http` as well), no user or password, no fragment, and no private address. What a name stands for is checked whenever
/// something is sent.
///
/// # Errors
/// What is wrong with it.
pub fn check_url(url: &str, mode: Mode, networks: Networks) -> Result<String, DestinationError> {
    destination::check(url, mode, networks).map(|url| url.to_string())
}
