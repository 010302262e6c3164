//! `GET /templates/{templateId}`

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use schema::ids::TemplateId;

use super::{Found, TemplateBody};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{answer_with_digest, if_none_match};
use crate::extract::Id;
use crate::problem::{Problem, ProblemBody};

/// Read a template
#[utoipa::path(get, path = "/templates/{templateId}", tag = "templates", operation_id = "getTemplate",
    params(
        ("templateId" = Uuid, Path, description = "The template's id."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The template.", body = TemplateBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller is a guest of its organization.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id<TemplateId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = if_none_match(&headers)?;
    let template: TemplateBody = match api.template(&caller, id).await? {
        Found::System(template) => template.into(),
        Found::Org(template, _) => (*template).into(),
    };
    Ok(answer_with_digest(known.as_ref(), template))
}
