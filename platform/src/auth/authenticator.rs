//! The door: from a token to a principal.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use jsonwebtoken::{Algorithm, decode_header};
use schema::ids::{OrgId, RunId, UserId};

use super::api_key;
use super::error::{AuthError, AuthSetupError, InvalidToken};
use super::oidc::Oidc;
use super::own_token::{OwnTokens, Purpose};
use super::principal::Principal;
use crate::access::Scope;
use crate::clock::Clock;
use crate::config::{AuthConfig, Mode, Secret};
use crate::lifecycle::Lifecycle;

/// Longer texts are not looked at.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// For how long a socket's token opens sockets.
const SOCKET_TOKEN_SECONDS: i64 = 300;
/// For how long sockets stay open that were opened by an API key, unless they get another token.
const KEY_AUTHORITY_SECONDS: i64 = 3600;

/// Somebody whose token holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticated {
    /// Who it is.
    pub principal: Principal,
    /// When the authority ends: a socket that was opened with it must be closed or have been given a new token.
    pub expires_at: DateTime<Utc>,
    /// Who the issuer says it is: the `sub` of the access token.
    pub subject: String,
    /// By which API key, if by one.
    pub key: Option<KeyAuthority>,
}

/// What an API key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAuthority {
    /// The one organization.
    pub org: OrgId,
    /// What may be done there, within what the person may for whom the key acts.
    pub scope: Scope,
}

/// A token, just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    /// The token itself. Never logged.
    pub token: Secret,
    /// When it runs out.
    pub expires_at: DateTime<Utc>,
}

/// A person, as an OpenID Connect issuer describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcIdentity {
    /// `iss`.
    pub issuer: String,
    /// `sub`: unique within the issuer, and never reassigned.
    pub subject: String,
    /// The address, if the issuer has verified it.
    pub email: Option<String>,
    /// The name that others see.
    pub name: Option<String>,
    /// A picture's URL.
    pub picture: Option<String>,
}

/// Why the directory names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    /// The person may not come in; the text says why.
    #[error("{0}")]
    Refused(String),
    /// It cannot be told now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<DirectoryError> for AuthError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Refused(reason) => Self::Refused(reason),
            DirectoryError::Unavailable(reason) => Self::Unavailable(reason),
        }
    }
}

/// Knows which user stands behind an identity, and behind an API key.
pub trait SubjectDirectory: Send + Sync {
    /// The user, created at the first sight of an identity.
    fn resolve<'a>(&'a self, identity: &'a OidcIdentity) -> BoxFuture<'a, Result<Principal, DirectoryError>>;

    /// Who acts by the API key with this hash; `None` when there is no such key in force.
    fn holder_of<'a>(&'a self, hash: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<KeyHolder>, DirectoryError>>;
}

/// Who acts by an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHolder {
    /// The key as a principal, with the person for whom it acts.
    pub principal: Principal,
    /// What it opens.
    pub authority: KeyAuthority,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Checks tokens, and issues the server's own. Cheap to clone.
#[derive(Clone)]
pub struct Authenticator(Arc<Inner>);

struct Inner {
    mode: Mode,
    development_ttl: TimeDelta,
    own: OwnTokens,
    oidc: Option<Oidc>,
    clock: Arc<dyn Clock>,
    directory: Arc<dyn SubjectDirectory>,
}

impl Authenticator {
    /// `secret` signs the server's own tokens: see [`super::token_secret`].
    ///
    /// # Errors
    /// When the client that fetches the issuer's keys cannot be made.
    pub fn new(
        config: &AuthConfig,
        mode: Mode,
        secret: &Secret,
        clock: Arc<dyn Clock>,
        lifecycle: &Lifecycle,
        directory: Arc<dyn SubjectDirectory>,
    ) -> Result<Self, AuthSetupError> {
        let oidc = config.oidc.as_ref().map(|oidc| Oidc::new(oidc, Arc::clone(&clock), lifecycle.clone()));
        Ok(Self(Arc::new(Inner {
            mode,
            development_ttl: TimeDelta::seconds(i64::try_from(config.token_ttl_seconds).unwrap_or(i64::MAX / 1000)),
            own: OwnTokens::new(secret),
            oidc: oidc.transpose()?,
            clock,
            directory,
        })))
    }

    /// Checks an access token: an issuer's, a development token, or an API key.
    ///
    /// # Errors
    /// [`AuthError::Unavailable`] may go away by itself; the others do not.
    pub async fn authenticate_access(&self, token: &str) -> Result<Authenticated, AuthError> {
        if api_key::is_one(token) {
            return self.authenticate_key(token).await;
        }
        let purposes: &[Purpose] = if self.accepts_development_tokens() { &[Purpose::Development] } else { &[] };
        self.authenticate(token, purposes).await
    }

    /// Checks the token of a socket: one of [`Self::issue_ws_token`], or an access token.
    ///
    /// # Errors
    /// As [`Self::authenticate_access`].
    pub async fn authenticate_socket(&self, token: &str) -> Result<Authenticated, AuthError> {
        let purposes: &[Purpose] = if self.accepts_development_tokens() {
            &[Purpose::Socket, Purpose::Development]
        } else {
            &[Purpose::Socket]
        };
        self.authenticate(token, purposes).await
    }

    /// A development token for `principal`; `None` outside of development mode.
    #[must_use]
    pub fn issue_dev_token(&self, principal: &Principal) -> Option<IssuedToken> {
        let now = self.0.clock.now();
        let expires_at = now + self.0.development_ttl;
        let subject = principal.reference().to_string();
        let whom = Authenticated { principal: principal.clone(), expires_at, subject, key: None };
        self.accepts_development_tokens().then(|| self.issue(Purpose::Development, &whom, now, expires_at))
    }

    /// A token that opens sockets for five minutes, or until the authority of `whom` ends. What it opened lasts until
    /// then.
    #[must_use]
    pub fn issue_ws_token(&self, whom: &Authenticated) -> IssuedToken {
        let now = self.0.clock.now();
        let expires_at = whom.expires_at.min(now + TimeDelta::seconds(SOCKET_TOKEN_SECONDS));
        self.issue(Purpose::Socket, whom, now, expires_at)
    }

    /// A token that opens sockets for a run of an agent, on behalf of a person, while the worker holds this lease of it.
    /// What it opened lasts until `expires_at`, or until the lease is lost.
    #[must_use]
    pub fn issue_run_token(
        &self,
        run: RunId,
        lease: i64,
        user: UserId,
        name: &str,
        expires_at: DateTime<Utc>,
    ) -> IssuedToken {
        let principal = Principal::run(run, lease, user, name);
        let subject = principal.reference().to_string();
        self.issue_ws_token(&Authenticated { principal, expires_at, subject, key: None })
    }

    async fn authenticate_key(&self, key: &str) -> Result<Authenticated, AuthError> {
        if key.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::TooLong.into());
        }
        let now = self.0.clock.now();
        let found = self.0.directory.holder_of(&api_key::hash(key)).await.map_err(AuthError::from)?;
        let KeyHolder { principal, authority, expires_at } = found.ok_or(InvalidToken::UnknownKey)?;
        let until = now + TimeDelta::seconds(KEY_AUTHORITY_SECONDS);
        let expires_at = expires_at.map_or(until, |end| end.min(until));
        if expires_at <= now {
            return Err(AuthError::Expired);
        }
        let subject = principal.reference().to_string();
        Ok(Authenticated { principal, expires_at, subject, key: Some(authority) })
    }

    fn issue(
        &self,
        purpose: Purpose,
        whom: &Authenticated,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> IssuedToken {
        IssuedToken { token: Secret::new(self.0.own.issue(purpose, whom, now, expires_at)), expires_at }
    }

    fn accepts_development_tokens(&self) -> bool {
        self.0.mode == Mode::Development
    }

    /// The algorithm that a token names decides whose it claims to be: ours are signed with a secret, an issuer's with
    /// a key pair. Neither is ever checked with the other's key.
    async fn authenticate(&self, token: &str, own_purposes: &[Purpose]) -> Result<Authenticated, AuthError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(InvalidToken::TooLong.into());
        }
        let now = self.0.clock.now();
        let header = decode_header(token).map_err(|_| InvalidToken::Malformed)?;
        match (header.alg, &self.0.oidc) {
            (Algorithm::HS256, _) => self.0.own.verify(token, own_purposes, now),
            (Algorithm::RS256 | Algorithm::ES256, Some(oidc)) => {
                let (identity, expires_at) = oidc.verify(token, &header, now).await?;
                let principal = self.0.directory.resolve(&identity).await.map_err(AuthError::from)?;
                Ok(Authenticated { principal, expires_at, subject: identity.subject, key: None })
            }
            _ => Err(InvalidToken::Algorithm.into()),
        }
    }
}
