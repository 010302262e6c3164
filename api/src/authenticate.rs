//! Who calls: the bearer token in the header `Authorization`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use http::HeaderMap;
use http::header::{AUTHORIZATION, USER_AGENT};
use platform::access::Means;
use platform::auth::{AuthError, Authenticated, Principal, PrincipalKind, PrincipalRef};
use platform::db::audit::Actor;
use platform::ingress::Client;
use platform::rate_limiter::Whom;
use schema::ids::{OrgId, UserId};

use crate::Api;
use crate::observe::note_user;
use crate::problem::{Code, Problem};
use crate::rate_limit;

/// Somebody whose token holds.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who acts.
    pub principal: Arc<Principal>,
    /// The person whose rights hold.
    pub user: UserId,
    /// What the token said.
    pub authenticated: Authenticated,
    /// The same for the audit log: with where the request comes from.
    pub actor: Actor,
    means: Means,
}

impl Caller {
    /// Somebody who calls from nowhere in particular. `None` when the token acts for no person.
    #[must_use]
    pub fn new(authenticated: Authenticated) -> Option<Self> {
        let principal = Arc::new(authenticated.principal.clone());
        let (user, actor) = (principal.user?, Actor::new(&principal));
        let means = Means::of(principal.kind, authenticated.key.map(|key| key.scope))?;
        Some(Self { principal, user, authenticated, actor, means })
    }

    /// By what means the caller makes use of the person's rights.
    #[must_use]
    pub const fn means(&self) -> Means {
        self.means
    }

    /// For whom it is counted how often they do something: the person, by whatever means they do it.
    #[must_use]
    pub const fn person(&self) -> Whom {
        Whom::Principal(PrincipalRef { kind: PrincipalKind::User, id: self.user.as_uuid() })
    }

    /// The only organization that the caller may know of; `None`: all of which the person is a member.
    #[must_use]
    pub fn only_org(&self) -> Option<OrgId> {
        self.authenticated.key.map(|key| key.org)
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let token = bearer_token(&parts.headers)?;
        let authenticated = api.authenticator.authenticate_access(token).await?;
        let mut caller = Self::new(authenticated).ok_or_else(|| Problem::new(Code::InvalidToken))?;
        if let Some(client) = parts.extensions.get::<Client>() {
            client.authenticated();
            caller.actor.ip = Some(client.address().ip());
        }
        let user_agent = parts.headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        caller.actor.user_agent = user_agent.map(Arc::from);
        note_user(caller.user);
        rate_limit::count_request(api, parts, caller.person()).await?;
        Ok(caller)
    }
}

fn bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| Problem::new(Code::Unauthenticated))?;
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if values.next().is_some() || !scheme.eq_ignore_ascii_case("bearer") || token.trim().is_empty() {
        return Err(Problem::new(Code::Unauthenticated));
    }
    Ok(token.trim())
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Invalid(_) => Code::InvalidToken,
            AuthError::Expired => Code::TokenExpired,
            AuthError::Refused(_) => Code::AccountRefused,
            AuthError::Unavailable(_) => Code::Unavailable,
        };
        Self::new(code).caused_by(error)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn token_of(values: &[&'static str]) -> Option<String> {
        let headers = values.iter().map(|value| (AUTHORIZATION, HeaderValue::from_static(value))).collect();
        bearer_token(&headers).ok().map(str::to_owned)
    }

    #[test]
    fn exactly_one_bearer_token_is_accepted() {
        assert_eq!(token_of(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token_of(&["bearer abc"]).as_deref(), Some("abc"));
        for values in [&[][..], &["abc"], &["Bearer"], &["Bearer "], &["Basic abc"], &["Bearer a", "Bearer b"]] {
            assert_eq!(token_of(values), None, "{values:?}");
        }
    }
}
