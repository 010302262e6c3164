//! Those who acted, with what to call them.

use std::collections::{BTreeMap, BTreeSet};

use platform::auth::{ParsePrincipalError, PrincipalRef};
use platform::db::names;
use schema::ids::OrgId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::Api;
use crate::problem::{Code, Problem};

/// Somebody who acted.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Author)]
pub(in crate::routes) struct AuthorBody {
    /// `user`, `agent`, `api_key`, `anonymous` or `system`.
    #[schema(example = "user")]
    kind: &'static str,
    /// The user's, run's or key's id.
    id: Uuid,
    /// What to call a person, an agent or an API key; others have no name here, nor does who is not there any more.
    #[schema(required, example = "Ada Lovelace")]
    name: Option<String>,
}

/// Authors by their principals (`user:<uuid>`).
pub(in crate::routes) type Authors = BTreeMap<String, AuthorBody>;

/// Reads a parameter `principal`.
pub(in crate::routes) fn read_principal(text: Option<&str>) -> Result<Option<PrincipalRef>, Problem> {
    let invalid =
        |error: ParsePrincipalError| Problem::new(Code::InvalidParameter).detail(format!("principal: {error}."));
    text.map(str::parse).transpose().map_err(invalid)
}

impl Api {
    /// What to call those who acted in an organization.
    pub(in crate::routes) async fn authors(
        &self,
        org: OrgId,
        acted: impl IntoIterator<Item = PrincipalRef>,
    ) -> Result<Authors, Problem> {
        let acted: BTreeSet<PrincipalRef> = acted.into_iter().collect();
        let acted: Vec<PrincipalRef> = acted.into_iter().collect();
        let mut names = names::of_principals(&self.db, org, &acted).await?;
        let author = |who: PrincipalRef| {
            (who.to_string(), AuthorBody { kind: who.kind.as_str(), id: who.id, name: names.remove(&who) })
        };
        Ok(acted.into_iter().map(author).collect())
    }
}
