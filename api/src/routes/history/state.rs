//! `GET /documents/{name}/history/state`

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::header::{CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue};
use platform::access::Access;
use schema::ids::DocumentName;
use schema::node;
use serde::Deserialize;
use utoipa::IntoParams;

use super::place::Place;
use crate::Api;
use crate::authenticate::Caller;
use crate::document_form::{Form, FormParameter, not_acceptable};
use crate::etag::{DocumentTag, etag_header};
use crate::extract::{Id, Query, whole};
use crate::problem::{Problem, ProblemBody};
use crate::routes::documents::{X_GLASSBOX_EPOCH, X_GLASSBOX_SEQ};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The last update of the log that counts; 0 is the empty document. Instead of `at`.
    #[param(minimum = 0, example = 17)]
    #[serde(default, deserialize_with = "whole")]
    seq: Option<u64>,
    /// What had come in by this time counts. Instead of `seq`.
    #[param(example = "2026-11-21T12:00:00Z")]
    at: Option<DateTime<Utc>>,
    /// In which form; goes before the header `Accept`.
    #[param(inline)]
    format: Option<FormParameter>,
}

/// Read a document as it was
///
/// In the forms of `/documents/{name}/snapshot`: JSON, Markdown (the body of a node), or one Yjs update, version 1.
#[utoipa::path(get, path = "/documents/{name}/history/state", tag = "history", operation_id = "getPastState",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>` or `doc:<uuid>`."),
        Parameters,
        ("Accept" = Option<String>, Header, description = "`application/json` (the default), `text/markdown`, `application/octet-stream` or `application/vnd.yjs.update`."),
    ),
    responses(
        (status = OK, description = "The document.",
            content((serde_json::Value = "application/json"), (String = "text/markdown"), (Vec<u8> = "application/octet-stream"), (Vec<u8> = "application/vnd.yjs.update")),
            headers(
                ("ETag" = String, description = "The place: `\"<epoch>-<seq>\"`."),
                ("X-GlassBox-Epoch" = u32, description = "The document's lineage."),
                ("X-GlassBox-Seq" = u64, description = "The last update of the log that is part of it."),
            )),
        (status = NOT_ACCEPTABLE, description = "`NOT_ACCEPTABLE`: the document is not available in this form; the detail names those that are.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = GONE, description = "`HISTORY_NOT_KEPT`: what the document was there is not kept.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn handler(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(name): Id<DocumentName>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let document = api.document(&caller, &name, Access::Read).await?.document;
    let form = Form::asked_for(parameters.format, &headers).filter(|form| form.fits(name.kind()));
    let form = form.ok_or_else(|| not_acceptable(name.kind()))?;
    let at = api.place(&document, Place { seq: parameters.seq, at: parameters.at }).await?;
    let history = api.documents.history();
    let kind = name.kind();
    let (body, epoch) = match form {
        Form::Yjs | Form::OctetStream => {
            let state = history.state(&document, at).await?;
            (state.update.into(), state.epoch)
        }
        Form::Markdown => history.read(&document, at, |txn| node::read(txn).body.into_bytes()).await?,
        Form::Json => {
            history.read(&document, at, move |txn| schema::to_json(kind, txn).to_string().into_bytes()).await?
        }
    };
    let place = [
        etag_header(&DocumentTag::new(epoch, at)),
        (VARY, HeaderValue::from_static("accept")),
        (X_GLASSBOX_EPOCH, HeaderValue::from(epoch.get())),
        (X_GLASSBOX_SEQ, HeaderValue::from(at.get())),
    ];
    let content_type = (CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    Ok((place, [content_type], body).into_response())
}
