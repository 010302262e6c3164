//! Outgoing HTTP.

use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::Resolve;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for calls to other services: TLS with the machine's trusted roots, no redirects, and `timeout` for a whole
/// exchange.
///
/// # Errors
/// When the machine's trusted roots cannot be read.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    builder(timeout).build()
}

/// The same for addresses that somebody else has chosen: names are resolved by `resolver` alone, and no proxy that is set
/// in the environment takes their place.
///
/// # Errors
/// When the machine's trusted roots cannot be read.
pub fn client_to(timeout: Duration, resolver: impl Resolve + 'static) -> Result<reqwest::Client, reqwest::Error> {
    builder(timeout).dns_resolver(Arc::new(resolver)).no_proxy().build()
}

fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("glassbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
}
