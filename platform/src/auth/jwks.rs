//! The keys of an OpenID Connect issuer: fetched when they are needed, kept, and fetched anew when they are old or when
//! a token names a key that is not among them, but never often.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;

use super::error::{AuthError, AuthSetupError, InvalidToken};
use crate::clock::Clock;
use crate::config::OidcConfig;
use crate::http_client;
use crate::lifecycle::Lifecycle;

/// However many unknown keys tokens name, the issuer is asked no more often than this.
const REFETCH_PAUSE_MS: u64 = 30_000;
/// When the issuer cannot be reached, its last keys hold for this long.
const STALE_MS_MAX: u64 = 24 * 60 * 60 * 1000;
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const RESPONSE_BYTES_MAX: usize = 1 << 20;
const KEYS_MAX: usize = 100;
/// 2048 bits, in base64 (RFC 7518, 3.3: smaller keys must not be used).
const RSA_MODULUS_CHARS_MIN: usize = 342;

/// A key, and the only algorithm that it may be used with.
pub(super) struct VerificationKey {
    pub(super) algorithm: Algorithm,
    pub(super) key: DecodingKey,
}

type Keys = HashMap<String, Arc<VerificationKey>>;

pub(super) struct Jwks {
    issuer: String,
    keys_url: Option<String>,
    max_age_ms: u64,
    http: reqwest::Client,
    clock: Arc<dyn Clock>,
    lifecycle: Lifecycle,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fetched: Option<Fetched>,
    last_attempt: Option<Attempt>,
    /// Closes when the fetch that is under way has ended.
    in_flight: Option<watch::Receiver<()>>,
}

struct Fetched {
    keys: Keys,
    at_ms: u64,
}

struct Attempt {
    at_ms: u64,
    error: Option<String>,
}

/// What a look at the state says.
enum Decision {
    Key(Arc<VerificationKey>),
    Wait(watch::Receiver<()>),
    Refuse(AuthError),
}

impl Jwks {
    pub(super) fn new(
        config: &OidcConfig,
        clock: Arc<dyn Clock>,
        lifecycle: Lifecycle,
    ) -> Result<Self, AuthSetupError> {
        Ok(Self {
            issuer: config.issuer.clone(),
            keys_url: config.jwks_url.clone(),
            max_age_ms: config.jwks_max_age_seconds * 1000,
            http: http_client::client(FETCH_TIMEOUT)?,
            clock,
            lifecycle,
            state: Mutex::default(),
        })
    }

    /// The issuer's key of that id. Waits for a fetch only when there is no usable key yet.
    pub(super) async fn key(self: &Arc<Self>, kid: &str) -> Result<Arc<VerificationKey>, AuthError> {
        loop {
            match self.decide(kid) {
                Decision::Key(key) => return Ok(key),
                Decision::Refuse(error) => return Err(error),
                // Ends with the fetch; the pause after it makes the next decision a final one.
                Decision::Wait(mut fetch) => while fetch.changed().await.is_ok() {},
            }
        }
    }

    fn decide(self: &Arc<Self>, kid: &str) -> Decision {
        let now_ms = self.clock.monotonic_ms();
        let mut state = self.state();
        let fetched = state.fetched.as_ref().map(|fetched| (fetched, now_ms.saturating_sub(fetched.at_ms)));
        let key = fetched.filter(|(_, age_ms)| *age_ms < STALE_MS_MAX).and_then(|(fetched, _)| fetched.keys.get(kid));
        let key = key.cloned();
        let is_fresh = fetched.is_some_and(|(_, age_ms)| age_ms < self.max_age_ms);
        if let (Some(key), true) = (&key, is_fresh) {
            return Decision::Key(Arc::clone(key));
        }
        let is_paused =
            state.last_attempt.as_ref().is_some_and(|last| now_ms.saturating_sub(last.at_ms) < REFETCH_PAUSE_MS);
        let under_way = state.in_flight.clone().filter(|fetch| fetch.has_changed().is_ok());
        let fetch = under_way.or_else(|| (!is_paused).then(|| self.start_fetch(&mut state, now_ms)));
        match (key, fetch) {
            (Some(key), _) => Decision::Key(key),
            (None, Some(fetch)) => Decision::Wait(fetch),
            (None, None) => Decision::Refuse(match state.last_attempt.as_ref().and_then(|last| last.error.clone()) {
                Some(error) => AuthError::Unavailable(error),
                None => InvalidToken::UnknownKey.into(),
            }),
        }
    }

    /// Fetches in a task, so that a caller who goes away does not break it off.
    fn start_fetch(self: &Arc<Self>, state: &mut State, now_ms: u64) -> watch::Receiver<()> {
        let (ended, fetch) = watch::channel(());
        state.in_flight = Some(fetch.clone());
        state.last_attempt = Some(Attempt { at_ms: now_ms, error: None });
        let jwks = Arc::clone(self);
        self.lifecycle.spawn("jwks fetch", async move {
            let outcome = jwks.fetch().await;
            jwks.finish_fetch(outcome, now_ms);
            drop(ended);
        });
        fetch
    }

    fn finish_fetch(&self, outcome: Result<Keys, FetchError>, at_ms: u64) {
        let mut state = self.state();
        state.in_flight = None;
        let error = match outcome {
            Ok(keys) => {
                state.fetched = Some(Fetched { keys, at_ms });
                None
            }
            Err(error) => {
                tracing::warn!(%error, issuer = self.issuer, "the issuer's keys could not be fetched");
                Some(error.to_string())
            }
        };
        state.last_attempt = Some(Attempt { at_ms, error });
    }

    async fn fetch(&self) -> Result<Keys, FetchError> {
        let url = match &self.keys_url {
            Some(url) => url.clone(),
            None => self.discover().await?,
        };
        let published: Published = self.get(&url).await?;
        if published.keys.len() > KEYS_MAX {
            return Err(FetchError::TooLarge(url));
        }
        Ok(published.keys.into_iter().filter_map(usable).collect())
    }

    /// OpenID Connect Discovery 1.0, 4.
    async fn discover(&self) -> Result<String, FetchError> {
        #[derive(Deserialize)]
        struct Discovery {
            issuer: String,
            jwks_uri: String,
        }
        let url = format!("{}/.well-known/openid-configuration", self.issuer.trim_end_matches('/'));
        let discovery: Discovery = self.get(&url).await?;
        if discovery.issuer != self.issuer {
            return Err(FetchError::OtherIssuer(discovery.issuer));
        }
        let is_downgrade = self.issuer.starts_with("https://") && !discovery.jwks_uri.starts_with("https://");
        if is_downgrade { Err(FetchError::Insecure(discovery.jwks_uri)) } else { Ok(discovery.jwks_uri) }
    }

    async fn get<T: DeserializeOwned>(&self, url: &str) -> Result<T, FetchError> {
        let mut response = self.http.get(url).send().await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > RESPONSE_BYTES_MAX {
                return Err(FetchError::TooLarge(url.to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&body).map_err(|_| FetchError::Malformed(url.to_owned()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// RFC 7517, 5. Each key is read by itself: an unknown sort of key must not spoil the others.
#[derive(Deserialize)]
struct Published {
    keys: Vec<Value>,
}

/// The key, if it is one that signs tokens in a way that we accept.
fn usable(published: Value) -> Option<(String, Arc<VerificationKey>)> {
    let jwk: Jwk = serde_json::from_value(published).ok()?;
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return None;
    }
    let algorithm = match (&jwk.algorithm, jwk.common.key_algorithm) {
        (AlgorithmParameters::RSA(rsa), None | Some(KeyAlgorithm::RS256)) if rsa.n.len() >= RSA_MODULUS_CHARS_MIN => {
            Algorithm::RS256
        }
        (AlgorithmParameters::EllipticCurve(ec), None | Some(KeyAlgorithm::ES256))
            if ec.curve == EllipticCurve::P256 =>
        {
            Algorithm::ES256
        }
        _ => return None,
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, Arc::new(VerificationKey { algorithm, key })))
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the issuer's keys cannot be fetched: {0}")]
    Http(#[from] reqwest::Error),
    #[error("{0} sent more than is accepted")]
    TooLarge(String),
    #[error("{0} sent something else than was expected")]
    Malformed(String),
    #[error("the discovery document is of another issuer: {0}")]
    OtherIssuer(String),
    #[error("the issuer's keys are at an address without https: {0}")]
    Insecure(String),
}
