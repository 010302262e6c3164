//! `GET /executions/{executionId}/trace`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use platform::access::Access;
use platform::db::executions;
use platform::db::{PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX};
use schema::ids::RunId;

use super::body::TraceEventBody;
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query};
use crate::pagination::{Page, PageQuery};
use crate::problem::{Code, Problem};

/// Read what a run did
///
/// Step by step, in the order in which the steps began, each as it is now.
#[utoipa::path(get, path = "/executions/{executionId}/trace", tag = "executions", operation_id = "getExecutionTrace",
    params(("executionId" = Uuid, Path, description = "The run's id."), PageQuery),
    responses((status = OK, description = "A page of events.", body = Page<TraceEventBody>)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<RunId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<TraceEventBody>>, Problem> {
    let invalid = |detail: String| Problem::new(Code::InvalidParameter).detail(detail);
    let after = page.cursor.map_or(Ok(0), |cursor| cursor.parse::<i32>().map_err(drop));
    let after = after.map_err(|()| invalid("cursor: nextCursor of the page before.".to_owned()))?;
    let limit = page.limit.unwrap_or(PAGE_ITEMS_DEFAULT);
    if !(1..=PAGE_ITEMS_MAX).contains(&limit) {
        return Err(invalid(format!("limit: 1 to {PAGE_ITEMS_MAX}.")));
    }
    let (execution, _) = api.execution(&caller, id, Access::Read).await?;
    let page = executions::trace(&api.db, execution.org, id, after, limit).await?;
    let next_cursor = page.events.last().filter(|_| page.has_more).map(|last| last.seq.to_string());
    Ok(Json(Page { items: page.events.into_iter().map(TraceEventBody::from).collect(), next_cursor }))
}
