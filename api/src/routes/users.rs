//! `/users`: people.

mod me;
mod update_me;

use std::sync::Arc;

use platform::auth::Principal;
use platform::db::users::User;
use schema::ids::UserId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Api;

/// A person.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub struct UserBody {
    /// The person's id.
    #[schema(value_type = Uuid)]
    id: UserId,
    /// The address.
    #[schema(example = "ada@example.com")]
    email: String,
    /// What to call the person.
    #[schema(example = "Ada")]
    name: String,
    /// Where a picture is.
    #[schema(required)]
    avatar_url: Option<String>,
    /// The colour of the person's cursor and avatar.
    #[schema(value_type = String, example = "#3949ab")]
    color: &'static str,
    /// Preferences: what the person's clients keep here.
    #[schema(value_type = Object, example = json!({"theme": "dark"}))]
    settings: Value,
}

impl From<User> for UserBody {
    fn from(user: User) -> Self {
        let color = Principal::user(user.id, "").color();
        let User { id, email, name, avatar_url, settings, .. } = user;
        Self { id, email, name, avatar_url, color, settings }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(me::handler, update_me::handler))
}
