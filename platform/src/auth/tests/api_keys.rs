//! API keys at the door.

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::access::Scope;
use crate::clock::Clock;

/// A door that knows a key which ends then.
fn door(ends_in: Option<TimeDelta>) -> (Door, Secret) {
    let door = Door::new(Mode::Production, SECRET, None);
    let fresh = FreshApiKey::draw(&Random::from_seed(7));
    let principal = Principal { kind: PrincipalKind::ApiKey, id: Uuid::from_u128(7), ..user("ada") };
    let authority = KeyAuthority { org: Uuid::from_u128(8).into(), scope: Scope::Read };
    let expires_at = ends_in.map(|time| door.clock.now() + time);
    door.directory.keys.lock().unwrap().insert(fresh.hash, KeyHolder { principal, authority, expires_at });
    (door, fresh.key)
}

#[tokio::test]
async fn a_key_acts_as_itself_for_its_maker_within_its_authority() {
    let (door, key) = door(None);
    let held = door.authenticator.authenticate_access(key.expose()).await.unwrap();
    assert_eq!(held.principal.reference().to_string(), format!("api_key:{}", Uuid::from_u128(7)));
    assert_eq!(held.principal.user, user("ada").user);
    assert_eq!(held.key, Some(KeyAuthority { org: Uuid::from_u128(8).into(), scope: Scope::Read }));
    assert_eq!(held.expires_at, door.clock.now() + TimeDelta::hours(1), "what it opens is to be renewed");

    let socket = door.authenticator.issue_ws_token(&held).token;
    let opened = door.authenticator.authenticate_socket(socket.expose()).await.unwrap();
    assert_eq!(opened.principal, held.principal);
    let refused = door.authenticator.authenticate_socket(key.expose()).await;
    assert!(matches!(refused, Err(AuthError::Invalid(_))), "a key does not belong into an address");
}

#[tokio::test]
async fn a_key_that_is_unknown_or_has_run_out_opens_nothing() {
    let (door, key) = door(Some(TimeDelta::minutes(10)));
    let held = door.authenticator.authenticate_access(key.expose()).await.unwrap();
    assert_eq!(held.expires_at, door.clock.now() + TimeDelta::minutes(10));
    for other in ["sk-", "sk-0", &format!("{}0", key.expose()), &"sk-".repeat(9000)] {
        let refused = door.authenticator.authenticate_access(other).await;
        assert!(matches!(refused, Err(AuthError::Invalid(_))), "{refused:?}");
    }
    door.clock.advance(Duration::from_secs(601));
    assert_eq!(door.authenticator.authenticate_access(key.expose()).await, Err(AuthError::Expired));
}
