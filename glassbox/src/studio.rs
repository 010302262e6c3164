//! The studio: the browser app, served from files that are part of the binary.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use tower_http::compression::CompressionLayer;

const INDEX: &str = "index.html";
/// Names under this folder hold a hash of their content.
const HASHED: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; img-src 'self' data: blob: https:; \
     style-src 'self' 'unsafe-inline'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; \
     connect-src 'self' ws: wss:";

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Files;

/// Serves the studio's files; every other path that a browser navigates to is the app itself. Files may be brought to and
/// fetched from another origin, where their bytes are.
pub(crate) fn router(files_at: Option<&str>) -> Router {
    Router::new().fallback(serve).layer(CompressionLayer::new()).with_state(policy(files_at))
}

fn policy(files_at: Option<&str>) -> HeaderValue {
    let with_files = files_at.map(|origin| format!("{CONTENT_SECURITY_POLICY} {origin}"));
    let policy = with_files.and_then(|policy| HeaderValue::from_str(&policy).ok());
    policy.unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
}

async fn serve(State(policy): State<HeaderValue>, request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    if let Some(found) = Files::get(path) {
        return respond(path, &found, policy);
    }
    // A missing file is missing; a missing page is a place inside the app.
    if path.rsplit('/').next().is_some_and(|name| name.contains('.')) || path.starts_with("api/") {
        return StatusCode::NOT_FOUND.into_response();
    }
    match Files::get(INDEX) {
        Some(index) => respond(INDEX, &index, policy),
        None => (StatusCode::NOT_FOUND, "This binary was built without the studio; run `./dev up`.\n").into_response(),
    }
}

fn respond(path: &str, file: &EmbeddedFile, policy: HeaderValue) -> Response {
    let mut response = Response::new(Body::from(file.data.clone().into_owned()));
    let headers = response.headers_mut();
    if let Ok(kind) = HeaderValue::from_str(file.metadata.mimetype()) {
        headers.insert(header::CONTENT_TYPE, kind);
    }
    let caching = if path.starts_with(HASHED) { FOR_EVER } else { ASK_AGAIN };
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
