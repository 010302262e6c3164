//! Presence on its way between instances, as JSON. Members that a later version adds are left out by an earlier one.

use std::sync::Arc;

use bytes::Bytes;
use platform::auth::Principal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::room::{Claim, Extent, PresenceNews, PresenceState};

#[derive(Serialize)]
struct Outgoing<'a> {
    all: bool,
    states: Vec<OutgoingState<'a>>,
}

#[derive(Serialize)]
struct OutgoingState<'a> {
    client: u64,
    clock: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<OutgoingClaim<'a>>,
    answered: bool,
}

#[derive(Serialize)]
struct OutgoingClaim<'a> {
    state: &'a RawValue,
    principal: &'a Principal,
    editing: bool,
}

#[derive(Deserialize)]
struct Incoming {
    all: bool,
    states: Vec<IncomingState>,
}

#[derive(Deserialize)]
struct IncomingState {
    client: u64,
    clock: u64,
    claim: Option<IncomingClaim>,
    answered: bool,
}

#[derive(Deserialize)]
struct IncomingClaim {
    state: Box<RawValue>,
    principal: Principal,
    editing: bool,
}

/// The news as bytes.
///
/// # Errors
/// When a state is no JSON, which a room does not take from anybody.
pub(crate) fn encode(news: &PresenceNews) -> serde_json::Result<Bytes> {
    let states = news.states.iter().map(|PresenceState { client, clock, claim, answered }| {
        let claim = claim.as_ref().map(|Claim { json, principal, editing }| {
            Ok(OutgoingClaim { state: serde_json::from_str(json)?, principal, editing: *editing })
        });
        Ok(OutgoingState { client: *client, clock: *clock, claim: claim.transpose()?, answered: *answered })
    });
    let states = states.collect::<serde_json::Result<_>>()?;
    let encoded = serde_json::to_vec(&Outgoing { all: news.extent == Extent::All, states })?;
    Ok(encoded.into())
}

/// The news in these bytes.
///
/// # Errors
/// When they are nobody's news.
pub(crate) fn decode(bytes: &[u8]) -> serde_json::Result<PresenceNews> {
    let Incoming { all, states } = serde_json::from_slice(bytes)?;
    let states = states.into_iter().map(|IncomingState { client, clock, claim, answered }| {
        let claim = claim.map(|IncomingClaim { state, principal, editing }| Claim {
            json: Arc::from(state.get()),
            principal: Arc::new(principal),
            editing,
        });
        PresenceState { client, clock, claim, answered }
    });
    Ok(PresenceNews { extent: if all { Extent::All } else { Extent::Changes }, states: states.collect() })
}

#[cfg(test)]
mod tests {
    use platform::auth::PrincipalKind;
    use schema::ids::UserId;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn news_are_the_same_after_their_way() {
        let ann = Principal::user(UserId::new(Uuid::from_u128(1)), "Ann \"the\" <first>");
        let agent = Principal {
            kind: PrincipalKind::Agent,
            id: Uuid::from_u128(2),
            user: None,
            name: String::new(),
            lease: None,
        };
        let state = |client, json: &str, principal: &Principal| PresenceState {
            client,
            clock: u64::MAX - client,
            claim: Some(Claim { json: json.into(), principal: Arc::new(principal.clone()), editing: client == 1 }),
            answered: client != 1,
        };
        for extent in [Extent::All, Extent::Changes] {
            let states = vec![
                state(1, r#"{"cursor":{"anchor":1.0},"user":{"name":"ä"}}"#, &ann),
                state(u64::MAX >> 11, "{ }", &agent),
                PresenceState { client: 3, clock: 0, claim: None, answered: false },
            ];
            let news = PresenceNews { extent, states };
            assert_eq!(decode(&encode(&news).unwrap()).unwrap(), news);
        }
    }

    #[test]
    fn what_a_later_version_adds_is_left_out() {
        let news = decode(br#"{"all":true,"since":5,"states":[{"client":1,"clock":2,"answered":true,"mood":"good"}]}"#)
            .unwrap();
        assert_eq!(news.states, [PresenceState { client: 1, clock: 2, claim: None, answered: true }]);
    }

    #[test]
    fn other_bytes_are_no_news() {
        for bytes in
            [&b""[..], b"[]", b"{\"all\":true}", b"\xff", b"{\"all\":true,\"states\":[{\"client\":-1,\"clock\":0}]}"]
        {
            assert!(decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
