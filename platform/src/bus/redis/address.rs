//! Where Redis is, and how to get a connection.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use ::redis::aio::{MultiplexedConnection, PubSub};
use ::redis::io::tcp::TcpSettings;
use ::redis::{AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, RedisResult, TlsCertificates};
use tokio::time::timeout;

use super::REPLY_TIMEOUT;
use crate::config::{RedisConfig, Secret};

/// How long a connection may take to come about, TLS and authentication included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Redis's address, with its password. Its `Debug` and `Display` forms name the host alone.
#[derive(Clone)]
pub struct Address {
    client: Client,
}

/// Why there is no address. The messages do not repeat what was written, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// It is no URL of a Redis.
    #[error("must be redis://, rediss:// (TLS) or redis+unix://, such as rediss://user:password@host:6379")]
    Url,
    /// It asks for TLS that does not check who answers.
    #[error("must not end in #insecure: set redis.ca_file to the authority that signed Redis's certificate")]
    Insecure,
    /// The certificate of the authority cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds no certificates, or the address is not that of a server with TLS.
    #[error("{} is not the certificate of an authority (PEM) for a rediss:// address", .0.display())]
    Certificate(PathBuf),
}

impl Address {
    /// Checks a URL without asking anybody.
    ///
    /// # Errors
    /// When it is no URL of a Redis.
    pub fn parse(url: &Secret) -> Result<Self, AddressError> {
        let info = url.expose().into_connection_info().map_err(|_| AddressError::Url)?;
        if matches!(info.addr(), ConnectionAddr::TcpTls { insecure: true, .. }) {
            return Err(AddressError::Insecure);
        }
        // Small messages must leave at once.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self { client: Client::open(info).map_err(|_| AddressError::Url)? })
    }

    /// The address that is configured, and the authority to trust.
    pub(crate) fn read(config: &RedisConfig) -> Result<Self, AddressError> {
        // Fails only when a provider is installed already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = Self::parse(&config.url)?;
        let Some(path) = &config.ca_file else { return Ok(plain) };
        let root_cert = fs::read(path).map_err(|source| AddressError::Unreadable { path: path.clone(), source })?;
        let certificates = TlsCertificates { client_tls: None, root_cert: Some(root_cert) };
        let client = Client::build_with_tls(plain.client.get_connection_info().clone(), certificates);
        Ok(Self { client: client.map_err(|_| AddressError::Certificate(path.clone()))? })
    }

    /// A connection for commands.
    pub(super) async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        self.connect_within(REPLY_TIMEOUT).await
    }

    /// A connection for commands that are answered in that time, or fail.
    pub(crate) async fn connect_within(&self, reply: Duration) -> RedisResult<MultiplexedConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(reply));
        self.client.get_multiplexed_async_connection_with_config(&config).await
    }

    /// A connection for subscriptions.
    pub(super) async fn connect_to_listen(&self) -> RedisResult<PubSub> {
        timeout(CONNECT_TIMEOUT, self.client.get_async_pubsub()).await.map_err(std::io::Error::from)?
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.client.get_connection_info().addr().fmt(formatter)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, AddressError> {
        Address::parse(&Secret::new(url))
    }

    #[test]
    fn addresses_of_redis_are_taken_and_shown_without_their_password() {
        for (url, shown) in [
            ("redis://redis.example", "redis.example:6379"),
            ("rediss://glassbox:hunter2@redis.example:6380/1", "redis.example:6380"),
            ("redis+unix:///run/redis.sock?pass=hunter2", "/run/redis.sock"),
        ] {
            let address = parse(url).unwrap();
            assert_eq!(address.to_string(), shown);
            assert!(!format!("{address:?}").contains("hunter2"));
        }
    }

    #[test]
    fn other_addresses_are_refused_without_repeating_them() {
        for url in ["", "redis.example:6379", "http://hunter2@redis.example", "redis://:hunter2@redis.example/none"] {
            let error = parse(url).unwrap_err();
            assert!(matches!(error, AddressError::Url), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}");
        }
    }

    #[test]
    fn tls_that_checks_nothing_is_refused() {
        assert!(matches!(parse("rediss://redis.example/#insecure"), Err(AddressError::Insecure)));
    }
}
