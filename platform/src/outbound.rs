//! Where the server may be sent by its tenants.
//!
//! A tenant chooses the addresses of webhooks and models, and the server's own network must not be reached that way. A
//! host that is an address is checked by itself; a name is resolved by a resolver that gives the connection nothing but
//! addresses that are allowed, so that it cannot stand for another one when it is connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use crate::config::Mode;

/// The longest address, in bytes.
const URL_BYTES_MAX: usize = 2_000;

/// Which destinations are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Networks {
    /// Addresses that anybody on the internet can reach.
    Public,
    /// Those of this machine and of private networks as well.
    All,
}

/// Whether what is sent may be read on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    /// It may not: `https` only.
    Required,
    /// It may: `http` as well.
    Optional,
}

impl Encryption {
    /// For models: those of one's own, in one's own network, are often served without it.
    #[must_use]
    pub const fn of_models(mode: Mode, networks: Networks) -> Self {
        match (networks, mode) {
            (Networks::All, _) | (_, Mode::Development) => Self::Optional,
            (Networks::Public, Mode::Production) => Self::Required,
        }
    }
}

impl From<Mode> for Encryption {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Development => Self::Optional,
            Mode::Production => Self::Required,
        }
    }
}

/// Why an address cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// It is no address of a web server.
    #[error("must be an address such as https://example.com/hooks, of at most {URL_BYTES_MAX} bytes")]
    NoUrl,
    /// It does not begin with `https:`.
    #[error("must begin with https://")]
    Insecure,
    /// It holds a user, a password or a fragment.
    #[error("must hold neither a user nor a password nor a fragment")]
    Surplus,
    /// It is an address of a private network.
    #[error("must not lead to a private network")]
    Private,
}

/// Checks an address, as far as that is possible without asking for its host, and gives it its usual form: no user or
/// password, no fragment, and nothing that is private by itself. What a name stands for is for the [`Resolver`].
///
/// # Errors
/// What is wrong with it.
pub fn check_url(text: &str, encryption: Encryption, networks: Networks) -> Result<String, DestinationError> {
    check(text, encryption, networks).map(|url| url.to_string())
}

fn check(text: &str, encryption: Encryption, networks: Networks) -> Result<Url, DestinationError> {
    let url = Url::parse(text).map_err(|_| DestinationError::NoUrl)?;
    if text.len() > URL_BYTES_MAX || url.as_str().len() > URL_BYTES_MAX || !url.has_host() {
        return Err(DestinationError::NoUrl);
    }
    match (url.scheme(), encryption) {
        ("https", _) | ("http", Encryption::Optional) => {}
        ("http", Encryption::Required) => return Err(DestinationError::Insecure),
        _ => return Err(DestinationError::NoUrl),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(DestinationError::Surplus);
    }
    if networks == Networks::Public && !may_be_public(&url) {
        return Err(DestinationError::Private);
    }
    Ok(url)
}

fn may_be_public(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_public(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => is_public(IpAddr::V6(address)),
        // Names within a machine or a network, whatever they are resolved to.
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            let is_local =
                |zone: &str| name.strip_suffix(zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
            name.contains('.') && !["localhost", "local", "internal"].into_iter().any(is_local)
        }
        None => false,
    }
}

/// Whether an address can be reached by anybody on the internet: not of this machine, a private network, a link, a test,
/// a group, nor one that another such address is hidden in.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19)))
}

/// <https://www.iana.org/assignments/iana-ipv6-special-registry>: what is public is in `2000::/3`.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(hidden) = address.to_ipv4_mapped() {
        return is_public_v4(hidden);
    }
    let [a, b, c, ..] = address.segments();
    // NAT64 leads to the IPv4 address at its end.
    if (a, b) == (0x0064, 0xff9b) {
        let octets = address.octets();
        return c == 0 && is_public_v4(Ipv4Addr::new(octets[12], octets[13], octets[14], octets[15]));
    }
    let is_global = a & 0xe000 == 0x2000;
    // Teredo and other protocols' own, 6to4, documentation (two ranges).
    let is_special =
        (a == 0x2001 && b < 0x0200) || a == 0x2002 || (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000);
    is_global && !is_special
}

/// Resolves names to addresses that are allowed: for a [`reqwest::ClientBuilder::dns_resolver`]. Redirects are to be
/// refused, or checked like any address.
#[derive(Debug, Clone, Copy)]
pub struct Resolver(pub Networks);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let networks = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = |address: &SocketAddr| networks == Networks::All || is_public(address.ip());
            let addresses: Vec<SocketAddr> = found.filter(allowed).collect();
            if addresses.is_empty() {
                return Err(DestinationError::Private.into());
            }
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_internet_are_public() {
        let public =
            ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450::1", "64:ff9b::101:101", "::ffff:1.1.1.1"];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        let private = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1.1.1.1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_address_of_a_webhook_is_of_the_internet_and_encrypted() {
        let check = |url: &str, mode: Mode| check(url, mode.into(), Networks::Public).err();
        for url in ["https://example.com/hooks?a=b", "https://93.184.216.34:8443/", "https://ÿ.example/"] {
            assert_eq!(check(url, Mode::Production), None, "{url}");
        }
        assert_eq!(check("http://example.com/", Mode::Production), Some(DestinationError::Insecure));
        assert_eq!(check("http://example.com/", Mode::Development), None);
        for url in [
            "",
            "example.com",
            "ftp://example.com/",
            "https://",
            "file:///etc/passwd",
            "mailto:a@b.c",
            &format!("https://a.b/{}", "x".repeat(2_000)),
        ] {
            assert_eq!(check(url, Mode::Production), Some(DestinationError::NoUrl), "{url}");
        }
        for url in ["https://user@example.com/", "https://:password@example.com/", "https://example.com/#x"] {
            assert_eq!(check(url, Mode::Production), Some(DestinationError::Surplus), "{url}");
        }
        let private = [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://localhost/",
            "https://a.localhost./",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://intranet/",
            "https://169.254.169.254/latest/meta-data",
        ];
        for url in private {
            assert_eq!(check(url, Mode::Development), Some(DestinationError::Private), "{url}");
            assert!(super::check(url, Encryption::Optional, Networks::All).is_ok(), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_stands_for_a_private_address_is_not_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        assert!(Resolver(Networks::Public).resolve(name()).await.is_err());
        assert!(Resolver(Networks::All).resolve(name()).await.unwrap().next().is_some());
    }
}
