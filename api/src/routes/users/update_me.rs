//! `PATCH /users/me`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::users::{self, Profile};
use schema::Patch;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::UserBody;
use crate::authenticate::Caller;
use crate::fields::{Fields, NAME_LENGTH_MAX};
use crate::problem::{Code, Problem, ProblemBody};
use crate::{Api, extract};

/// How much a person's settings may hold, as JSON.
const SETTINGS_BYTES_MAX: usize = 16 * 1024;

/// What changes. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = UserChanges)]
pub(super) struct Request {
    /// What to call the person; `null`: what the identity provider says, from the next sign-in on.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, min_length = 1, max_length = 255, example = "Ada")]
    name: Patch<String>,
    /// Where a picture is (https); `null`: none, or the identity provider's, from the next sign-in on.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "https://example.com/ada.png")]
    avatar_url: Patch<String>,
    /// Merged, key by key: `null` removes a key. `null` as a whole removes all. At most 16 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>, required = false, example = json!({"theme": "dark"}))]
    settings: Patch<Map<String, Value>>,
}

/// Change my profile
///
/// What a person chooses here, the identity provider does not overwrite.
#[utoipa::path(patch, path = "/users/me", tag = "users", operation_id = "updateMe",
    request_body(content((Request = "application/json"), (Request = "application/merge-patch+json"))),
    responses(
        (status = OK, description = "The person as they are now.", body = UserBody),
        (status = FORBIDDEN, description = "`PERSON_REQUIRED`: an API key cannot do this.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    extract::Json(request): extract::Json<Request>,
) -> Result<Json<UserBody>, Problem> {
    caller.check(OwnAction::Configure)?;
    let user = users::update(&api.db, caller.user, |profile| request.apply(profile)).await?;
    // A token may outlive its person.
    let user = user.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    Ok(Json(user.into()))
}

impl Request {
    fn apply(self, profile: &mut Profile) -> Result<(), Problem> {
        let mut fields = Fields::default();
        match self.name {
            Patch::Absent => {}
            Patch::Clear => profile.name_is_chosen = false,
            Patch::Set(name) => {
                profile.name = fields.line("name", &name, 1..=NAME_LENGTH_MAX);
                profile.name_is_chosen = true;
            }
        }
        match self.avatar_url {
            Patch::Absent => {}
            Patch::Clear => (profile.avatar_url, profile.avatar_is_chosen) = (None, false),
            Patch::Set(url) => {
                profile.avatar_url = Some(fields.url("avatarUrl", &url, &["https"]));
                profile.avatar_is_chosen = true;
            }
        }
        merge_settings(&mut profile.settings, self.settings, &mut fields);
        fields.finish()
    }
}

fn merge_settings(settings: &mut Value, changes: Patch<Map<String, Value>>, fields: &mut Fields) {
    let mut merged = match settings.take() {
        Value::Object(present) => present,
        _ => Map::new(),
    };
    match changes {
        Patch::Absent => {}
        Patch::Clear => merged.clear(),
        Patch::Set(changes) => merged.extend(changes),
    }
    merged.retain(|_, value| !value.is_null());
    *settings = Value::Object(merged);
    let text = settings.to_string();
    if text.len() > SETTINGS_BYTES_MAX {
        fields.refuse("settings", format!("must be at most {SETTINGS_BYTES_MAX} bytes of JSON, all together"));
    }
    // In JSON it is written like this, and the database has no such character.
    if text.contains("\\u0000") {
        fields.refuse("settings", "must not hold the character U+0000");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn apply(changes: Value, settings: Value) -> Result<Profile, Problem> {
        let mut profile = Profile {
            name: "Ada".to_owned(),
            name_is_chosen: false,
            avatar_url: None,
            avatar_is_chosen: false,
            settings,
        };
        serde_json::from_value::<Request>(changes).unwrap().apply(&mut profile)?;
        Ok(profile)
    }

    #[test]
    fn settings_are_merged_key_by_key() {
        let settings = |changes, before| apply(json!({ "settings": changes }), before).unwrap().settings;
        let before = || json!({"theme": "dark", "zoom": 2});
        assert_eq!(settings(json!({"zoom": null, "new": [1]}), before()), json!({"theme": "dark", "new": [1]}));
        assert_eq!(settings(json!(null), before()), json!({}));
        assert_eq!(apply(json!({}), before()).unwrap().settings, before());
    }

    #[test]
    fn what_is_too_much_or_cannot_be_stored_is_refused() {
        for changes in [
            json!({"settings": {"long": "x".repeat(SETTINGS_BYTES_MAX)}}),
            json!({"settings": {"nul": "a\u{0}b"}}),
            json!({"settings": {"a\u{0}": 1}}),
            json!({"name": " "}),
            json!({"avatarUrl": "http://example.com/ada.png"}),
        ] {
            assert!(apply(changes.clone(), json!({})).is_err(), "{changes}");
        }
    }
}
