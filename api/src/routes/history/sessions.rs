//! `GET /documents/{name}/history/sessions`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use documents::history::{Grouping, WorkSession};
use platform::access::Access;
use schema::ids::{DocumentName, RunId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::authors::{Authors, read_principal};
use crate::Api;
use crate::authenticate::Caller;
use crate::extract::{Id, Query, whole};
use crate::pagination::number_or_cursor;
use crate::problem::{Code, Problem};

/// The longest pause and session that can be asked for, in seconds: a year.
const SECONDS_MAX: u32 = 366 * 24 * 3600;
/// Sessions of a page, unless another number is asked for, and at most.
const SESSIONS_DEFAULT: u32 = 50;
const SESSIONS_MAX: u32 = 500;

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The longest pause within a session, in seconds.
    #[param(default = 300, minimum = 0, maximum = 31_622_400)]
    gap: Option<u32>,
    /// The longest session, in seconds.
    #[param(default = 3600, minimum = 0, maximum = 31_622_400)]
    length: Option<u32>,
    /// Only sessions whose last update is before this one: the `nextBeforeSeq` of the page before.
    #[param(minimum = 0)]
    #[serde(default, deserialize_with = "whole")]
    before_seq: Option<u64>,
    /// Instead of `beforeSeq`: `nextCursor` of the page before; left out: the first page.
    cursor: Option<String>,
    /// Only the work of this principal: `user:<uuid>`, `agent:<uuid>` or `api_key:<uuid>`.
    #[param(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    principal: Option<String>,
    /// How many sessions.
    #[param(default = 50, minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Some time of somebody's work.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkSession)]
pub(super) struct SessionBody {
    /// Who, as in `authors`.
    #[schema(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    principal: String,
    /// The agent's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    run: Option<RunId>,
    /// When the first update came in.
    started_at: DateTime<Utc>,
    /// When the last one did.
    ended_at: DateTime<Utc>,
    /// The first update.
    first_seq: u64,
    /// The last. Those between may be of others too.
    last_seq: u64,
    /// How many updates.
    updates: u64,
    /// Their bytes.
    bytes: u64,
    /// How much was inserted: characters, and one for anything else (an element, a value).
    inserted: u64,
    /// How much was deleted, likewise.
    deleted: u64,
}

/// Who worked when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = WorkSessions)]
pub(super) struct Answer {
    /// The sessions, the one that ended last first.
    sessions: Vec<SessionBody>,
    /// Where the next page begins; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_before_seq: Option<u64>,
    /// Where to go on: the parameter `cursor` of the next page; `null` at the end.
    #[schema(required)]
    next_cursor: Option<String>,
    /// Those who worked, by principal.
    #[schema(value_type = std::collections::HashMap<String, super::authors::AuthorBody>)]
    authors: Authors,
}

/// List who worked on a document when
///
/// The updates of everybody, grouped into sessions: after a pause of `gap` seconds, or when it has lasted `length`
/// seconds, a new session begins.
#[utoipa::path(get, path = "/documents/{name}/history/sessions", tag = "history", operation_id = "listWorkSessions",
    params(("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."), Parameters),
    responses((status = OK, description = "A page of sessions.", body = Answer)))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Answer>, Problem> {
    let grouping = parameters.grouping()?;
    let limit = parameters.limit.unwrap_or(SESSIONS_DEFAULT);
    if !(1..=SESSIONS_MAX).contains(&limit) {
        return Err(Problem::new(Code::InvalidParameter).detail(format!("limit is 1 to {SESSIONS_MAX}.")));
    }
    let before = number_or_cursor(parameters.before_seq, "beforeSeq", parameters.cursor.as_deref())?;
    let principal = read_principal(parameters.principal.as_deref())?;
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let sessions = api.documents.history().sessions(&document, grouping).await?;
    let is_asked_for = |session: &&WorkSession| {
        before.is_none_or(|seq| session.last.get() < seq) && principal.is_none_or(|who| session.principal == who)
    };
    let mut left = sessions.iter().filter(is_asked_for);
    let page: Vec<&WorkSession> = left.by_ref().take(limit as usize).collect();
    let next_before_seq = left.next().and(page.last()).map(|last| last.last.get());
    let authors = api.authors(document.org, page.iter().map(|session| session.principal)).await?;
    let next_cursor = next_before_seq.map(|seq| seq.to_string());
    Ok(Json(Answer {
        sessions: page.into_iter().map(SessionBody::of).collect(),
        next_before_seq,
        next_cursor,
        authors,
    }))
}

impl Parameters {
    fn grouping(&self) -> Result<Grouping, Problem> {
        let default = Grouping::default();
        let seconds = |name: &str, asked: Option<u32>, default: TimeDelta| match asked {
            None => Ok(default),
            Some(seconds) if seconds <= SECONDS_MAX => Ok(TimeDelta::seconds(i64::from(seconds))),
            Some(_) => Err(Problem::new(Code::InvalidParameter).detail(format!("{name} is 0 to {SECONDS_MAX}."))),
        };
        Ok(Grouping {
            gap: seconds("gap", self.gap, default.gap)?,
            length: seconds("length", self.length, default.length)?,
        })
    }
}

impl SessionBody {
    fn of(session: &WorkSession) -> Self {
        Self {
            principal: session.principal.to_string(),
            run: session.run,
            started_at: session.started_at,
            ended_at: session.ended_at,
            first_seq: session.first.get(),
            last_seq: session.last.get(),
            updates: session.updates,
            bytes: session.bytes,
            inserted: session.inserted,
            deleted: session.deleted,
        }
    }
}
