//! Edits that bring something back, and what they answer.

use axum::Json;
use axum::response::{IntoResponse, Response};
use documents::history::Undone;
use http::HeaderMap;
use platform::db::documents::DocumentRef;
use schema::ids::{Epoch, Seq};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::etag::{Condition, DocumentTag, etag_header, if_match, require};
use crate::problem::Problem;

/// What became of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HistoryEdit)]
pub(super) struct EditBody {
    /// Whether the document was changed; not, when there was nothing to be done.
    changed: bool,
    /// The document's lineage.
    epoch: u32,
    /// Where its log stands; the edit is part of it.
    seq: u64,
}

/// An edit of a document's history, with the place as its tag.
pub(super) fn answer(undone: &Undone) -> Response {
    let (epoch, seq) = (undone.place.epoch, undone.place.seq);
    let body = EditBody { changed: undone.is_changed, epoch: epoch.get(), seq: seq.get() };
    ([etag_header(&DocumentTag::new(epoch, seq))], Json(body)).into_response()
}

/// Where the caller expects a document to be, if it expects that, and it is there.
pub(super) async fn expected_place(
    api: &Api,
    headers: &HeaderMap,
    document: &DocumentRef,
) -> Result<Option<(Epoch, Seq)>, Problem> {
    let condition = match if_match::<DocumentTag>(headers)? {
        None | Some(Condition::Any) => return Ok(None),
        condition => condition,
    };
    let ((), epoch, seq) = api.documents.read(document, |_| ()).await?;
    require(condition.as_ref(), &DocumentTag::new(epoch, seq))?;
    Ok(Some((epoch, seq)))
}
