//! The tokens that the server issues itself, signed with its own secret (HS256).

use chrono::{DateTime, Utc};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use schema::ids::UserId;
use serde::{Deserialize, Serialize};

use super::authenticator::Authenticated;
use super::error::{AuthError, InvalidToken};
use super::principal::{Principal, PrincipalRef};
use crate::config::Secret;

/// What a token of ours opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Everything, in development mode.
    Development,
    /// A WebSocket.
    Socket,
}

impl Purpose {
    const fn issuer(self) -> &'static str {
        match self {
            Self::Development => "glassbox-dev",
            Self::Socket => "glassbox",
        }
    }

    const fn audience(self) -> &'static str {
        match self {
            Self::Development => "glassbox-api",
            Self::Socket => "glassbox-ws",
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    /// The principal, as in `user:<uuid>`.
    sub: String,
    /// The name that others see.
    name: String,
    /// On whose behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    /// Of a run: which lease of it the worker holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lease: Option<i64>,
    /// The subject of the access token behind a socket's token.
    subject: String,
    iat: i64,
    exp: i64,
    /// When what a socket's token opened ends.
    authority_until: i64,
}

pub(super) struct OwnTokens {
    encoding: EncodingKey,
    decoding: DecodingKey,
}

impl OwnTokens {
    pub(super) fn new(secret: &Secret) -> Self {
        let secret = secret.expose().as_bytes();
        Self { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret) }
    }

    /// A token for `whom` that runs out at `expires_at`.
    pub(super) fn issue(
        &self,
        purpose: Purpose,
        whom: &Authenticated,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> String {
        let claims = Claims {
            iss: purpose.issuer().to_owned(),
            aud: purpose.audience().to_owned(),
            sub: whom.principal.reference().to_string(),
            name: whom.principal.name.clone(),
            user: whom.principal.user,
            lease: whom.principal.lease,
            subject: whom.subject.clone(),
            iat: now.timestamp(),
            exp: expires_at.timestamp(),
            authority_until: whom.expires_at.timestamp(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.encoding)
            .expect("texts and numbers can be written as JSON and signed with a secret")
    }

    /// Checks a token that must serve one of `purposes`.
    pub(super) fn verify(
        &self,
        token: &str,
        purposes: &[Purpose],
        now: DateTime<Utc>,
    ) -> Result<Authenticated, AuthError> {
        let claims: Claims = decode(token, &self.decoding, Algorithm::HS256)?;
        let mut of_issuer = purposes.iter().filter(|purpose| purpose.issuer() == claims.iss).peekable();
        if of_issuer.peek().is_none() {
            return Err(InvalidToken::Issuer.into());
        }
        if !of_issuer.any(|purpose| purpose.audience() == claims.aud) {
            return Err(InvalidToken::Audience.into());
        }
        if claims.exp <= now.timestamp() {
            return Err(AuthError::Expired);
        }
        let PrincipalRef { kind, id } = claims.sub.parse().map_err(|_| InvalidToken::Malformed)?;
        let principal = Principal { kind, id, user: claims.user, name: claims.name, lease: claims.lease };
        let expires_at = DateTime::from_timestamp(claims.authority_until, 0).ok_or(InvalidToken::Malformed)?;
        Ok(Authenticated { principal, expires_at, subject: claims.subject, key: None })
    }
}

/// Checks the signature under `key`, by `algorithm` and no other, and reads the claims. Issuer, audience and times are
/// for the caller, who has the clock.
pub(super) fn decode<T: serde::de::DeserializeOwned>(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
) -> Result<T, InvalidToken> {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<T>(token, key, &validation).map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => InvalidToken::Signature,
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => InvalidToken::Algorithm,
        _ => InvalidToken::Malformed,
    })?;
    // RFC 7515, 4.1.11: extensions that we do not understand make the token invalid, and we understand none.
    if decoded.header.crit.is_some() { Err(InvalidToken::Malformed) } else { Ok(decoded.claims) }
}
