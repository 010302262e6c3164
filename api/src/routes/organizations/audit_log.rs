//! `GET /orgs/{orgId}/audit-log`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use platform::access::OrgAction;
use platform::auth::PrincipalRef;
use platform::db::PageRequest;
use platform::db::audit::{self, Action, AuditSort, Filter, Recorded, ResourceKind};
use schema::ids::{OrgId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Code, Problem, ProblemBody};

/// Which entries, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<AuditSort>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Who did it: `user:<id>` (what programs did for that person included), `api_key:<id>` or `agent:<id>`.
    #[param(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    actor: Option<String>,
    /// What was done.
    #[param(example = "organization.member_added")]
    action: Option<String>,
    /// To what sort of thing.
    #[param(example = "project")]
    resource_type: Option<String>,
    /// To what.
    resource_id: Option<Uuid>,
    /// Then or later.
    since: Option<DateTime<Utc>>,
    /// Before then.
    until: Option<DateTime<Utc>>,
}

/// Something that was done to an organization or what belongs to it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AuditEntry {
    /// Its id.
    id: Uuid,
    /// When it was done.
    at: DateTime<Utc>,
    /// Who did it, as `user:<id>`, `api_key:<id>`, `agent:<id>` or `system:<id>`.
    #[schema(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    actor: String,
    /// The person whose rights held.
    #[schema(value_type = Option<Uuid>, required)]
    user_id: Option<UserId>,
    /// What that person is called now.
    #[schema(required)]
    user_name: Option<String>,
    /// The agent's run that it was part of.
    #[schema(required)]
    run_id: Option<Uuid>,
    /// What was done. A name keeps its meaning; there may be new ones.
    #[schema(example = "organization.member_added")]
    action: String,
    /// To what sort of thing.
    #[schema(example = "user")]
    resource_type: String,
    /// To what.
    #[schema(required)]
    resource_id: Option<Uuid>,
    /// What else is to be known; what it holds follows from `action`.
    #[schema(value_type = Object, example = json!({"role": "member", "before": null}))]
    details: Value,
    /// The address that it was done from; of IPv6, its network.
    #[schema(required, example = "203.0.113.7")]
    ip_address: Option<String>,
    /// What the client called itself.
    #[schema(required)]
    user_agent: Option<String>,
}

impl From<Recorded> for AuditEntry {
    fn from(entry: Recorded) -> Self {
        Self {
            id: entry.id,
            at: entry.at,
            actor: entry.principal.to_string(),
            user_id: entry.user,
            user_name: entry.user_name,
            run_id: entry.run,
            action: entry.action,
            resource_type: entry.resource_type,
            resource_id: entry.resource_id,
            details: entry.details,
            ip_address: entry.ip,
            user_agent: entry.user_agent,
        }
    }
}

/// Read an organization's audit log
///
/// For owners and admins. Who did what to the organization, its people, projects, keys and settings, the newest first
/// unless `sort` says otherwise.
/// Entries can neither be changed nor deleted. What people write in documents is not here but in the documents' history.
#[utoipa::path(get, path = "/orgs/{orgId}/audit-log", tag = "organizations", operation_id = "listAuditLog",
    params(("orgId" = Uuid, Path, description = "The organization's id."), Parameters),
    responses(
        (status = OK, description = "A page of the log.", body = Page<AuditEntry>),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is neither an owner nor an admin. `INSUFFICIENT_SCOPE`: the API key may not.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<OrgId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let (filter, page) = parameters.read()?;
    api.organization(&caller, id, OrgAction::ReadAuditLog).await?;
    let page = audit::list(&api.db, id, &filter, page).await?;
    Ok(Json(Page::of(page, AuditEntry::from)))
}

impl Parameters {
    fn read(self) -> Result<(Filter, PageRequest<AuditSort>), Problem> {
        let filter = Filter {
            actor: self
                .actor
                .map(|text| text.parse::<PrincipalRef>().map_err(|error| invalid("actor", error)))
                .transpose()?,
            action: named("action", self.action.as_deref(), Action::from_name)?,
            resource_kind: named("resourceType", self.resource_type.as_deref(), ResourceKind::from_name)?,
            resource: self.resource_id,
            since: self.since,
            until: self.until,
        };
        let page = PageQuery { cursor: self.cursor, limit: self.limit };
        Ok((filter, page.sorted(self.sort.as_deref(), AuditSort::NEWEST_FIRST)?))
    }
}

fn named<T>(parameter: &str, name: Option<&str>, find: impl Fn(&str) -> Option<T>) -> Result<Option<T>, Problem> {
    name.map(|name| find(name).ok_or_else(|| invalid(parameter, "there is no such name"))).transpose()
}

fn invalid(parameter: &str, reason: impl std::fmt::Display) -> Problem {
    Problem::new(Code::InvalidParameter).detail(format!("{parameter}: {reason}."))
}
