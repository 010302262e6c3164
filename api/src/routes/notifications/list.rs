//! `GET /users/me/notifications`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::OwnAction;
use platform::db::notifications::{self, Filter, NotificationKind, Which};
use platform::db::{Creation, Sort};
use schema::ids::OrgId;
use serde::Deserialize;
use utoipa::IntoParams;

use super::NotificationBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::Query;
use crate::pagination::{Page, PageQuery, sort_schema};
use crate::problem::{Code, Problem};

/// Which notifications, in which order.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// By what to sort; with a hyphen the other way round.
    #[param(schema_with = sort_schema::<Creation>)]
    sort: Option<String>,
    /// `nextCursor` of the page before, of the same order; left out: the first page.
    cursor: Option<String>,
    /// How many items, at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// Only those that were not read.
    #[param(default = false)]
    unread: Option<bool>,
    /// Only those of these types, separated by commas.
    #[serde(rename = "type")]
    #[param(example = "mention,node_assigned")]
    kinds: Option<String>,
    /// Only those about this organization.
    #[param(value_type = Option<Uuid>)]
    organization_id: Option<OrgId>,
}

/// List my notifications
///
/// Of all organizations that the caller belongs to, the newest first unless `sort` says otherwise; of each, the newest
/// 1,000 are kept.
#[utoipa::path(get, path = "/users/me/notifications", tag = "notifications", operation_id = "listNotifications",
    params(Parameters),
    responses((status = OK, description = "A page of notifications.", body = Page<NotificationBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<NotificationBody>>, Problem> {
    caller.check(OwnAction::ReadNotifications)?;
    let kinds = parameters.kinds()?;
    let Parameters { sort, cursor, limit, unread, organization_id: org, .. } = parameters;
    let page = PageQuery { cursor, limit }.sorted(sort.as_deref(), Sort::descending(Creation::CreatedAt))?;
    let which = if unread.unwrap_or(false) { Which::Unread } else { Which::All };
    let page = notifications::list(&api.db, caller.user, &Filter { which, kinds, org }, page).await?;
    Ok(Json(Page::of(page, NotificationBody::from)))
}

impl Parameters {
    fn kinds(&self) -> Result<Vec<NotificationKind>, Problem> {
        let names = self.kinds.iter().flat_map(|names| names.split(',')).map(str::trim).filter(|name| !name.is_empty());
        let read = |name: &str| {
            let words: Vec<&str> = NotificationKind::ALL.iter().map(|kind| kind.as_str()).collect();
            let detail = format!("type: {name:?} is none of {}.", words.join(", "));
            NotificationKind::from_name(name).ok_or_else(|| Problem::new(Code::InvalidParameter).detail(detail))
        };
        names.map(read).collect()
    }
}
