//! Access tokens of an OpenID Connect issuer (RS256 or ES256, by the keys that it publishes).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use jsonwebtoken::Header;
use serde::Deserialize;
use serde_json::{Number, Value};

use super::authenticator::OidcIdentity;
use super::error::{AuthError, AuthSetupError, InvalidToken};
use super::jwks::Jwks;
use super::own_token::decode;
use crate::clock::Clock;
use crate::config::OidcConfig;
use crate::lifecycle::Lifecycle;

/// How much the issuer's clock may differ from ours.
const LEEWAY_SECONDS: i64 = 60;

pub(super) struct Oidc {
    issuer: String,
    audience: String,
    jwks: Arc<Jwks>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    exp: Number,
    nbf: Option<Number>,
    #[serde(default)]
    aud: Audiences,
    /// Cognito's access tokens have no `aud`, but this.
    client_id: Option<String>,
    email: Option<String>,
    /// A text in some issuers' tokens.
    #[serde(default)]
    email_verified: Value,
    name: Option<String>,
    preferred_username: Option<String>,
    username: Option<String>,
    picture: Option<String>,
}

/// RFC 7519, 4.1.3: a text or a list of texts.
#[derive(Debug, Default, Deserialize)]
#[serde(untagged)]
enum Audiences {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    fn contain(&self, audience: &str) -> bool {
        match self {
            Self::None => false,
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

impl Oidc {
    pub(super) fn new(
        config: &OidcConfig,
        clock: Arc<dyn Clock>,
        lifecycle: Lifecycle,
    ) -> Result<Self, AuthSetupError> {
        let jwks = Arc::new(Jwks::new(config, clock, lifecycle)?);
        Ok(Self { issuer: config.issuer.clone(), audience: config.audience.clone(), jwks })
    }

    /// Who holds the token, and until when.
    pub(super) async fn verify(
        &self,
        token: &str,
        header: &Header,
        now: DateTime<Utc>,
    ) -> Result<(OidcIdentity, DateTime<Utc>), AuthError> {
        let kid = header.kid.as_deref().ok_or(InvalidToken::UnknownKey)?;
        let key = self.jwks.key(kid).await?;
        let claims: Claims = decode(token, &key.key, key.algorithm)?;
        if claims.iss != self.issuer {
            return Err(InvalidToken::Issuer.into());
        }
        let is_for_us = match (&claims.aud, &claims.client_id) {
            (Audiences::None, Some(client)) => *client == self.audience,
            (audiences, _) => audiences.contain(&self.audience),
        };
        if !is_for_us {
            return Err(InvalidToken::Audience.into());
        }
        let ends = numeric_date(&claims.exp)?.saturating_add(LEEWAY_SECONDS);
        if ends <= now.timestamp() {
            return Err(AuthError::Expired);
        }
        if let Some(nbf) = &claims.nbf
            && numeric_date(nbf)?.saturating_sub(LEEWAY_SECONDS) > now.timestamp()
        {
            return Err(InvalidToken::NotYet.into());
        }
        if claims.sub.is_empty() {
            return Err(InvalidToken::Malformed.into());
        }
        let expires_at = DateTime::from_timestamp(ends, 0).ok_or(InvalidToken::Malformed)?;
        Ok((claims.into_identity(), expires_at))
    }
}

impl Claims {
    fn into_identity(self) -> OidcIdentity {
        let is_verified = self.email_verified == Value::Bool(true) || self.email_verified == "true";
        OidcIdentity {
            issuer: self.iss,
            subject: self.sub,
            email: self.email.filter(|_| is_verified),
            name: self.name.or(self.preferred_username).or(self.username),
            picture: self.picture,
        }
    }
}

/// RFC 7519, 2: seconds since 1970, possibly with a fraction.
fn numeric_date(number: &Number) -> Result<i64, InvalidToken> {
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is not needed, and the cast saturates")]
    let whole = |fraction: f64| fraction as i64;
    number.as_i64().or_else(|| number.as_f64().map(whole)).ok_or(InvalidToken::Malformed)
}
