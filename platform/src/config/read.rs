//! Typed values out of the layers. A value that is refused leaves a problem behind and a stand-in in its place, so that
//! everything that is wrong is found in one go.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use reqwest::Url;
use toml::Value;

use super::agents::parse_price;
use super::error::{ConfigError, Problem, Source};
use super::layers::Layers;
use super::roles::Roles;
use super::secret::Secret;
use crate::ingress::TrustedProxies;

/// Keys whose value is never shown.
const SECRET_KEYS: [&str; 6] = [
    "agents.model.api_key",
    "auth.token_secret",
    "database.owner_url",
    "database.url",
    "embeddings.api_key",
    "redis.url",
];
/// Longer prefixes would be paid for with every message.
const CHANNEL_PREFIX_BYTES_MAX: usize = 64;

/// How `value` of `key` appears in a message.
pub(super) fn shown(key: &str, value: &Value) -> String {
    if SECRET_KEYS.contains(&key) { "[secret]".to_owned() } else { value.to_string() }
}

pub(super) struct Reader {
    layers: Layers,
}

impl Reader {
    pub(super) fn new(layers: Layers) -> Self {
        Self { layers }
    }

    /// All problems, or nothing.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        if self.layers.problems.is_empty() { Ok(()) } else { Err(ConfigError::Invalid(self.layers.problems)) }
    }

    /// Notes that the value of `key` is not what is `allowed`.
    pub(super) fn refuse(&mut self, key: &str, allowed: impl Into<String>) {
        let (value, source) = &self.layers.values[key];
        let (value, source) = (shown(key, value), source.clone());
        self.layers.problems.push(Problem { key: key.to_owned(), source, value, allowed: allowed.into() });
    }

    /// Whether nobody set it.
    pub(super) fn is_default(&self, key: &str) -> bool {
        matches!(self.layers.values[key].1, Source::Default)
    }

    fn text(&self, key: &str) -> &str {
        self.layers.values[key].0.as_str().expect("a value has its default's type, and this default is a text")
    }

    /// A text; `None` when it is empty.
    pub(super) fn optional_text(&self, key: &str) -> Option<String> {
        let text = self.text(key).trim();
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// A price in US dollars; `None` when it is not known.
    pub(super) fn optional_price(&mut self, key: &str) -> Option<u64> {
        let text = self.optional_text(key)?;
        let price = parse_price(&text);
        if price.is_none() {
            self.refuse(key, "must be an amount of US dollars, such as 2.50, or empty when it is not known");
        }
        price
    }

    /// Where sockets are; `None` when it is empty.
    pub(super) fn optional_socket_url(&mut self, key: &str) -> Option<String> {
        let text = self.optional_text(key)?;
        let url = Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "ws" | "wss") && url.has_host());
        if url.is_none() {
            self.refuse(key, "must be an address such as ws://127.0.0.1:8080 or wss://sync.example.com");
        }
        url.map(|_| text.trim_end_matches('/').to_owned())
    }

    pub(super) fn optional_secret(&self, key: &str) -> Option<Secret> {
        self.optional_text(key).map(Secret::new)
    }

    pub(super) fn path(&mut self, key: &str) -> PathBuf {
        self.optional_text(key).map_or_else(
            || {
                self.refuse(key, "must be a folder");
                PathBuf::new()
            },
            PathBuf::from,
        )
    }

    pub(super) fn integer<T: TryFrom<i64> + Default>(&mut self, key: &str, allowed: RangeInclusive<i64>) -> T {
        let value = self.layers.values[key].0.as_integer();
        let value = value.expect("a value has its default's type, and this default is a whole number");
        match T::try_from(value) {
            Ok(integer) if allowed.contains(&value) => integer,
            _ => {
                self.refuse(key, format!("must be from {} to {}", allowed.start(), allowed.end()));
                T::default()
            }
        }
    }

    pub(super) fn choice<T: Copy>(&mut self, key: &str, choices: &[(&str, T)]) -> T {
        let text = self.text(key);
        if let Some((_, value)) = choices.iter().find(|(name, _)| *name == text) {
            return *value;
        }
        let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
        self.refuse(key, format!("must be one of {}", names.join(", ")));
        choices[0].1
    }

    pub(super) fn socket_address(&mut self, key: &str) -> SocketAddr {
        self.text(key).parse().unwrap_or_else(|_| {
            self.refuse(key, "must be an address and a port, such as 127.0.0.1:8080 or [::]:8080");
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// Scheme, host and port, without a slash at the end.
    pub(super) fn origin(&mut self, key: &str) -> String {
        parse_origin(self.text(key)).unwrap_or_else(|| {
            self.refuse(key, "must be scheme, host and port, such as https://glassbox.example");
            String::new()
        })
    }

    pub(super) fn origins(&mut self, key: &str) -> Vec<String> {
        self.list(key, parse_origin).unwrap_or_else(|| {
            self.refuse(key, "must be a list of origins, such as [\"https://app.example\"]");
            Vec::new()
        })
    }

    pub(super) fn roles(&mut self, key: &str) -> Roles {
        let names = self.layers.values[key].0.as_array();
        let names = names.expect("a value has its default's type, and this default is a list");
        let names: Vec<&str> = names.iter().map(|name| name.as_str().unwrap_or("?")).collect();
        names.join(",").parse().unwrap_or_else(|_| {
            self.refuse(key, "must be a list of sync, api or all");
            Roles::ALL
        })
    }

    pub(super) fn proxies(&mut self, key: &str) -> TrustedProxies {
        let networks = self.list(key, |item| item.parse().ok()).unwrap_or_else(|| {
            self.refuse(key, "must be a list of addresses or ranges of them, such as [\"10.0.0.0/8\", \"::1\"]");
            Vec::new()
        });
        TrustedProxies::new(networks)
    }

    /// A list; `None` when something in it cannot be read.
    fn list<T>(&self, key: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let items = self.layers.values[key].0.as_array();
        let items = items.expect("a value has its default's type, and this default is a list");
        items.iter().map(|item| item.as_str().and_then(&parse)).collect()
    }

    /// An http(s) URL, as it was written; `None` when it is empty.
    pub(super) fn optional_url(&mut self, key: &str) -> Option<String> {
        let text = self.optional_text(key)?;
        if parse_http_url(&text).is_none() {
            self.refuse(key, "must be a URL that starts with https:// (or http://)");
        }
        Some(text)
    }

    /// What the names of Redis's channels start with.
    pub(super) fn channel_prefix(&mut self, key: &str) -> String {
        let prefix = self.text(key).to_owned();
        let is_plain = prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":-_.".contains(&byte));
        if prefix.is_empty() || prefix.len() > CHANNEL_PREFIX_BYTES_MAX || !is_plain {
            self.refuse(key, format!("must be 1 to {CHANNEL_PREFIX_BYTES_MAX} letters, digits, or one of : - _ ."));
        }
        prefix
    }

    pub(super) fn log_filter(&mut self, key: &str) -> String {
        let filter = self.text(key).trim().to_owned();
        if filter.is_empty() || tracing_subscriber::EnvFilter::try_new(&filter).is_err() {
            self.refuse(key, "must be error, warn, info, debug, trace, or filters such as info,documents=debug");
        }
        filter
    }
}

fn parse_http_url(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn parse_origin(text: &str) -> Option<String> {
    let url = parse_http_url(text)?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let has_credentials = !url.username().is_empty() || url.password().is_some();
    (is_bare && !has_credentials).then(|| url.origin().ascii_serialization())
}
