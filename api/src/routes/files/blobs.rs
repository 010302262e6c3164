//! `/blobs/{key}`: the bytes of files, when the store of blobs is a folder. The signature in the address is the right.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use platform::blob::{
    Arriving, BlobError, BlobKey, BlobMethod, BlobStore, FolderStore, NotPermitted, Permit, SignedQuery,
    content_disposition, harmless_type,
};
use platform::db::files::{self, FileState};
use platform::ingress::Client;
use platform::limits::Limit;
use tokio::time::timeout;

use super::too_large;
use crate::Api;
use crate::extract::{Id, Query};
use crate::problem::{Code, Problem};

/// What a browser calls something that has no name.
const FILENAME: &str = "file";
/// Nothing in it may run, load or be sent.
const POLICY: &str = "sandbox; default-src 'none'";

/// Takes the bytes of a file that is not confirmed yet, in place of those that came before.
pub(super) async fn upload(
    State(api): State<Arc<Api>>,
    Id(key): Id<BlobKey>,
    Query(query): Query<SignedQuery>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let (folder, permit) = permitted(&api, BlobMethod::Put, key, query, &request)?;
    check_upload(&permit, request.headers())?;
    match files::state_of_blob(&api.db, &permit.key).await? {
        Some(FileState::Uploading) => {}
        Some(_) => return Err(confirmed()),
        None => return Err(Problem::not_found("file")),
    }
    let most = permit.size.unwrap_or(api.limits.file_bytes);
    let too_many = || if permit.size.is_some() { other_size() } else { too_large(&api) };
    if announced_size(request.headers()).is_some_and(|size| size > most) {
        return Err(too_many());
    }
    let mut arriving = folder.receive(&permit.key, most).await?;
    receive(&api, request.into_body(), &mut arriving, too_many).await?;
    if permit.size.is_some_and(|size| size != arriving.size()) {
        return Err(other_size());
    }
    // Before the row is locked: it may take a while.
    arriving.sync().await?;
    let replacing = files::replace_blob(&api.db, &permit.key).await?.ok_or_else(confirmed)?;
    arriving.finish().await?;
    replacing.done().await?;
    Ok(StatusCode::OK)
}

/// Sends the bytes of a file, to be saved and not shown.
pub(super) async fn download(
    State(api): State<Arc<Api>>,
    Id(key): Id<BlobKey>,
    Query(query): Query<SignedQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (folder, permit) = permitted(&api, BlobMethod::Get, key, query, &request)?;
    let (bytes, size) = folder.stream(&permit.key).await.map_err(|error| match error {
        BlobError::NotFound => Problem::not_found("file"),
        other => other.into(),
    })?;
    let unfit = |error| Problem::new(Code::Internal).caused_by(error);
    let header = |text: &str| HeaderValue::from_str(text).map_err(unfit);
    let filename = permit.filename.as_deref().unwrap_or(FILENAME);
    let headers = [
        (CONTENT_TYPE, header(harmless_type(&permit.content_type))?),
        (CONTENT_DISPOSITION, header(&content_disposition(filename))?),
        (CONTENT_LENGTH, HeaderValue::from(size)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
    ];
    Ok((headers, Body::from_stream(bytes)).into_response())
}

/// What the address permits, if this server signed it and it holds.
fn permitted<'a>(
    api: &'a Api,
    method: BlobMethod,
    key: BlobKey,
    query: SignedQuery,
    request: &Request,
) -> Result<(&'a FolderStore, Permit), Problem> {
    let BlobStore::Folder(folder) = &api.blobs else { return Err(Problem::new(Code::NotFound)) };
    let permit = folder.permit(method, key, query).map_err(|error| {
        let detail = match error {
            NotPermitted::Forged => "This server gave out no such address. Use it as it was given, with its method.",
            NotPermitted::Expired => "This address has expired. Ask for the file again to get another one.",
        };
        Problem::new(Code::Forbidden).detail(detail)
    })?;
    if let Some(client) = request.extensions().get::<Client>() {
        client.authenticated();
    }
    Ok((folder, permit))
}

/// Whether what comes is what was announced, as far as its headers say.
fn check_upload(permit: &Permit, headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get(CONTENT_TYPE).is_none_or(|value| value.as_bytes() != permit.content_type.as_bytes()) {
        let detail = format!("This address is for a body with the header Content-Type: {}.", permit.content_type);
        return Err(Problem::new(Code::Forbidden).detail(detail));
    }
    match (permit.size, announced_size(headers)) {
        (Some(permitted), Some(announced)) if permitted != announced => Err(other_size()),
        _ => Ok(()),
    }
}

fn announced_size(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn other_size() -> Problem {
    Problem::new(Code::InvalidParameter).detail("The body has another number of bytes than was announced.")
}

fn confirmed() -> Problem {
    Problem::new(Code::Conflict).detail("This file was confirmed, and its bytes stay as they are. Upload another one.")
}

/// Takes the body as it comes; each piece has to come in time.
async fn receive(
    api: &Api,
    body: Body,
    arriving: &mut Arriving,
    too_many: impl Fn() -> Problem,
) -> Result<(), Problem> {
    let time = Duration::from_secs(api.limits.request_body_seconds);
    let mut pieces = body.into_data_stream();
    loop {
        let Ok(piece) = timeout(time, pieces.next()).await else {
            api.metrics.limits().count(Limit::RequestBodyTime);
            return Err(Problem::new(Code::BodyTooSlow));
        };
        let Some(piece) = piece else { return Ok(()) };
        let piece = piece.map_err(|error| {
            let detail = "The body did not arrive whole. Send it again.";
            Problem::new(Code::InvalidParameter).detail(detail).caused_by(error)
        })?;
        arriving.take(&piece).await.map_err(|error| match error {
            BlobError::TooLarge { .. } => too_many(),
            other => other.into(),
        })?;
    }
}
