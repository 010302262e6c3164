mod api_keys;
mod issuer;
mod oidc;
mod own;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use schema::ids::UserId;

use super::*;
use crate::clock::ManualClock;
use crate::config::{AuthConfig, Config, Mode, OidcConfig, Secret};
use crate::lifecycle::Lifecycle;
use crate::random::Random;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const AUDIENCE: &str = "glassbox";

/// Remembers whom it was asked for, and knows everybody but `blocked`.
#[derive(Default)]
struct Directory {
    asked: Mutex<Vec<OidcIdentity>>,
    keys: Mutex<HashMap<[u8; 32], KeyHolder>>,
}

impl SubjectDirectory for Directory {
    fn resolve<'a>(&'a self, identity: &'a OidcIdentity) -> BoxFuture<'a, Result<Principal, DirectoryError>> {
        async move {
            self.asked.lock().unwrap().push(identity.clone());
            match identity.subject.as_str() {
                "blocked" => Err(DirectoryError::Refused("it was deactivated".to_owned())),
                _ => Ok(user(identity.name.as_deref().unwrap_or("nameless"))),
            }
        }
        .boxed()
    }

    fn holder_of<'a>(&'a self, hash: &'a [u8; 32]) -> BoxFuture<'a, Result<Option<KeyHolder>, DirectoryError>> {
        let found = self.keys.lock().unwrap().get(hash).cloned();
        async { Ok(found) }.boxed()
    }
}

fn user(name: &str) -> Principal {
    Principal::user(UserId::new(Random::from_seed(1).uuid_v4()), name)
}

/// An authenticator with a clock of its own.
struct Door {
    clock: Arc<ManualClock>,
    directory: Arc<Directory>,
    authenticator: Authenticator,
}

impl Door {
    fn new(mode: Mode, secret: &str, oidc: Option<OidcConfig>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let directory = Arc::new(Directory::default());
        let config = AuthConfig { oidc, token_ttl_seconds: 3600, ..Config::default().auth };
        let secret = Secret::new(secret);
        let lifecycle = Lifecycle::new();
        let authenticator =
            Authenticator::new(&config, mode, &secret, clock.clone(), &lifecycle, directory.clone()).unwrap();
        Self { clock, directory, authenticator }
    }

    fn development() -> Self {
        Self::new(Mode::Development, SECRET, None)
    }

    async fn access(&self, token: &str) -> Result<Authenticated, AuthError> {
        self.authenticator.authenticate_access(token).await
    }

    async fn socket(&self, token: &str) -> Result<Authenticated, AuthError> {
        self.authenticator.authenticate_socket(token).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}
