//! The server's word in a state: whose it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::auth::{Principal, PrincipalKind};
use serde::Serialize;
use serde_json::value::RawValue;

/// Replaces the member `user` of a state by the principal's identity. `None` when the state is no JSON object.
pub(super) fn with_identity(state: &str, principal: &Principal) -> Option<(Arc<str>, bool)> {
    #[derive(Serialize)]
    struct User<'a> {
        id: String,
        name: &'a str,
        kind: &'a str,
        color: &'a str,
    }
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(state).ok()?;
    let says = |member: &str, value: &str| members.get(member).is_some_and(|raw| raw.get() == value);
    let editing = says("action", "\"editing\"") || (members.contains_key("cursor") && !says("cursor", "null"));
    // Without a token there is no identity to protect, and a name of one's own choice is better than none.
    if principal.kind == PrincipalKind::Anonymous {
        return Some((state.into(), editing));
    }
    let color = principal.color();
    let kind = if principal.kind == PrincipalKind::Agent { "agent" } else { "human" };
    let user = User { id: principal.id.to_string(), name: &principal.name, kind, color };
    let user = serde_json::value::to_raw_value(&user).ok()?;
    members.insert("user".to_owned(), &user);
    Some((serde_json::to_string(&members).ok()?.into(), editing))
}
