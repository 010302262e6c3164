//! Outgoing HTTP.

use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A client for calls to other services: TLS with the machine's trusted roots, no redirects, and `timeout` for a whole
/// exchange.
///
/// # Errors
/// When the machine's trusted roots cannot be read.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    // Fails only when a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .user_agent(concat!("glassbox/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(timeout)
        .redirect(reqwest::redirect::Policy::none())
        .build()
}
