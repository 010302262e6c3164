//! `GET /documents/{name}/snapshot`

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use platform::access::Access;
use platform::db::documents::DocumentRef;
use schema::ids::{DocumentKind, DocumentName};
use schema::node;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{X_GLASSBOX_EPOCH, X_GLASSBOX_SEQ};
use crate::Api;
use crate::authenticate::Caller;
use crate::document_form::{Form, FormParameter, not_acceptable};
use crate::etag::{DocumentTag, etag_header, if_none_match};
use crate::extract::{Id, Query};
use crate::problem::{Problem, ProblemBody};

#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// In which form; goes before the header `Accept`.
    #[param(inline)]
    format: Option<FormParameter>,
}

/// Read a document as a whole
///
/// The living document as it is now: as JSON (a canvas and a node in their own shapes, a free document with its root
/// types by name), as Markdown (the body of a node), or as one Yjs update, version 1, for a replica of the epoch that
/// `X-GlassBox-Epoch` names.
#[utoipa::path(get, path = "/documents/{name}/snapshot", tag = "documents", operation_id = "getSnapshot",
    params(
        ("name" = String, Path, description = "`project:<uuid>`, `node:<uuid>`, `doc:<uuid>`; in development mode `scratch:<name>` as well."),
        Parameters,
        ("Accept" = Option<String>, Header, description = "`application/json` (the default), `text/markdown`, `application/octet-stream` or `application/vnd.yjs.update`."),
        ("If-None-Match" = Option<String>, Header, description = "An ETag: the answer is 304 while it holds."),
    ),
    responses(
        (status = OK, description = "The document.",
            content((serde_json::Value = "application/json"), (String = "text/markdown"), (Vec<u8> = "application/octet-stream"), (Vec<u8> = "application/vnd.yjs.update")),
            headers(
                ("ETag" = String, description = "Where the document stands: `\"<epoch>-<seq>\"`."),
                ("X-GlassBox-Epoch" = u32, description = "The document's lineage."),
                ("X-GlassBox-Seq" = u64, description = "The last update of the log that is part of it."),
            )),
        (status = NOT_MODIFIED, description = "Nothing has changed since."),
        (status = NOT_ACCEPTABLE, description = "`NOT_ACCEPTABLE`: the document is not available in this form; the detail names those that are.",
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
    let known = if_none_match::<DocumentTag>(&headers)?;
    if let Some(known) = known {
        let ((), epoch, seq) = api.documents.read(&document, |_| ()).await?;
        let tag = DocumentTag::new(epoch, seq);
        if known.holds(&tag) {
            return Ok((StatusCode::NOT_MODIFIED, place_headers(&tag)).into_response());
        }
    }
    let (body, tag) = api.snapshot(&document, name.kind(), form).await?;
    let content_type = (CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    Ok((place_headers(&tag), [content_type], body).into_response())
}

fn place_headers(tag: &DocumentTag) -> [(HeaderName, HeaderValue); 4] {
    [
        etag_header(tag),
        (VARY, HeaderValue::from_static("accept")),
        (X_GLASSBOX_EPOCH, HeaderValue::from(tag.epoch.get())),
        (X_GLASSBOX_SEQ, HeaderValue::from(tag.seq.get())),
    ]
}

impl Api {
    /// A document in a form that fits its kind.
    async fn snapshot(
        &self,
        document: &DocumentRef,
        kind: DocumentKind,
        form: Form,
    ) -> Result<(Vec<u8>, DocumentTag), Problem> {
        if matches!(form, Form::Yjs | Form::OctetStream) {
            let state = self.documents.state(document).await?;
            return Ok((state.update.into(), DocumentTag::new(state.epoch, state.seq)));
        }
        let render = move |txn: &yrs::Transaction<'_>| match (form, kind) {
            (Form::Markdown, _) => node::read(txn).body.into_bytes(),
            (_, kind) => schema::to_json(kind, txn).to_string().into_bytes(),
        };
        let (body, epoch, seq) = self.documents.read(document, render).await?;
        Ok((body, DocumentTag::new(epoch, seq)))
    }
}
