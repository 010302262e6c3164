//! The people of the database, as the directory behind an issuer's identities.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::authenticator::{DirectoryError, KeyAuthority, KeyHolder, OidcIdentity, SubjectDirectory};
use super::principal::{Principal, PrincipalKind};
use crate::clock::Clock;
use crate::db::api_keys::{self, KeyInForce};
use crate::db::users::{self, Identity};
use crate::db::{Db, DbError};
use crate::random::Random;

/// Finds the person of an identity in the database, or creates one.
pub struct UserDirectory {
    db: Db,
    clock: Arc<dyn Clock>,
    random: Random,
}

impl UserDirectory {
    /// New people get ids from `clock` and `random`.
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, random: Random) -> Self {
        Self { db, clock, random }
    }

    async fn sign_in(&self, identity: &OidcIdentity) -> Result<Principal, DirectoryError> {
        let identity = with_email(identity)?;
        let new_id = self.random.uuid_v7(self.clock.now()).into();
        let user = users::sign_in(&self.db, new_id, &identity).await.map_err(|error| match error {
            DbError::Invalid(reason) => DirectoryError::Refused(reason),
            other => DirectoryError::Unavailable(other.to_string()),
        })?;
        Ok(Principal::user(user.id, user.name))
    }
}

impl SubjectDirectory for UserDirectory {
    fn resolve<'a>(&'a self, identity: &'a OidcIdentity) -> BoxFuture<'a, Result<Principal, DirectoryError>> {
        self.sign_in(identity).boxed()
    }

    fn holder_of<'a>(&'a self, hash: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<KeyHolder>, DirectoryError>> {
        let found = api_keys::use_key(&self.db, hash, self.clock.now());
        let unavailable = |error: DbError| DirectoryError::Unavailable(error.to_string());
        async move { found.await.map(|key| key.map(KeyHolder::from)).map_err(unavailable) }.boxed()
    }
}

impl From<KeyInForce> for KeyHolder {
    fn from(key: KeyInForce) -> Self {
        let KeyInForce { id, name, org, scope, user, expires_at } = key;
        let principal = Principal { kind: PrincipalKind::ApiKey, id, user: Some(user), name, lease: None };
        Self { principal, authority: KeyAuthority { org, scope }, expires_at }
    }
}

/// People are invited by address, so that one which nobody has verified would let its bearer in as somebody else.
fn with_email(identity: &OidcIdentity) -> Result<Identity, DirectoryError> {
    let Some(email) = identity.email.clone() else {
        let reason = "its token holds no verified address: let the issuer include email and email_verified";
        return Err(DirectoryError::Refused(reason.to_owned()));
    };
    let (sub, name, avatar_url) = (identity.subject.clone(), identity.name.clone(), identity.picture.clone());
    Ok(Identity { sub, email, name, avatar_url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_without_a_verified_address_is_refused() {
        let mut identity = OidcIdentity {
            issuer: "https://issuer.example".to_owned(),
            subject: "subject-1".to_owned(),
            email: None,
            name: Some("Ada".to_owned()),
            picture: None,
        };
        assert!(matches!(with_email(&identity), Err(DirectoryError::Refused(_))));
        identity.email = Some("ada@example.com".to_owned());
        let stored = with_email(&identity).unwrap();
        assert_eq!((stored.sub.as_str(), stored.email.as_str()), ("subject-1", "ada@example.com"));
    }
}
