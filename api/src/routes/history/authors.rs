//! Those who acted, with what to call them.

use std::collections::{BTreeMap, BTreeSet};

use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::users;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Api;
use crate::problem::Problem;

/// Somebody who acted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Author)]
pub(super) struct AuthorBody {
    /// `user`, `agent`, `api_key`, `anonymous` or `system`.
    #[schema(example = "user")]
    kind: &'static str,
    /// The user's, run's or key's id.
    id: Uuid,
    /// What to call a person; others have no name here.
    #[schema(required, example = "Ada Lovelace")]
    name: Option<String>,
}

/// Authors by their principals (`user:<uuid>`).
pub(super) type Authors = BTreeMap<String, AuthorBody>;

impl Api {
    /// What to call those who acted.
    pub(super) async fn authors(&self, acted: impl IntoIterator<Item = PrincipalRef>) -> Result<Authors, Problem> {
        let acted: BTreeSet<PrincipalRef> = acted.into_iter().collect();
        let people: Vec<Uuid> = acted.iter().filter(|who| who.kind == PrincipalKind::User).map(|who| who.id).collect();
        let names = users::names(&self.db, &people).await?;
        let author = |who: PrincipalRef| {
            let name = names.get(&who.id).filter(|_| who.kind == PrincipalKind::User).cloned();
            (who.to_string(), AuthorBody { kind: who.kind.as_str(), id: who.id, name })
        };
        Ok(acted.into_iter().map(author).collect())
    }
}
