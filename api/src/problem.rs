//! Errors as RFC 9457 problems.
//!
//! A handler answers with a [`Problem`]; what it looks like on the wire is decided in one place, [`Problem::render`],
//! which the middleware of [`crate::observe`] calls, since it knows the request's id.

mod code;
mod from;

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use schema::ids::RunId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::routes::locks::LockBody;

pub use code::Code;

/// The media type of a problem.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";
/// Seconds after which a request that met an unavailable server is worth repeating.
const RETRY_AFTER_SECONDS: u64 = 2;

/// Why a request was not carried out.
#[derive(Debug, Clone)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    lock: Option<Box<LockBody>>,
    execution_id: Option<RunId>,
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as a path into the body (`position.x`), or the name of a parameter.
    #[schema(example = "title")]
    pub field: String,
    /// What is wrong with it, for a person.
    #[schema(example = "must be 1 to 255 characters")]
    pub message: String,
}

/// A problem on the wire (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// A URI that names the sort of problem.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "https://glassbox.dev/problems/not-found")]
    kind: String,
    /// The sort of problem, in words.
    #[schema(example = "Not found")]
    title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    status: u16,
    /// What happened this time and what to do, in words for a person.
    #[schema(value_type = String, example = "There is no such node, or you may not see it.")]
    detail: Cow<'static, str>,
    /// A stable code for programs.
    code: Code,
    /// The request's id, to be named when asking for help.
    #[schema(example = "0192d3e05b7a7c3e8f003f2a9f1c4d5e")]
    request_id: String,
    /// What is wrong with single fields.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    /// The lock that is in the way, with the code `LOCK_HELD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<LockBody>, required = false, nullable = false)]
    lock: Option<Box<LockBody>>,
    /// The run that is in the way, with the code `EXECUTION_ACTIVE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>, required = false, nullable = false)]
    execution_id: Option<RunId>,
}

impl Problem {
    /// A problem of this sort, with the sort's own advice as its detail.
    #[must_use]
    pub fn new(code: Code) -> Self {
        let headers = match code {
            Code::Unauthenticated => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))],
            Code::InvalidToken | Code::TokenExpired => {
                vec![(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#))]
            }
            Code::Unavailable => vec![(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))],
            _ => Vec::new(),
        };
        Self {
            code,
            detail: Cow::Borrowed(code.advice()),
            errors: Vec::new(),
            lock: None,
            execution_id: None,
            headers,
            cause: None,
        }
    }

    /// What the caller asks for does not exist, or must not be seen.
    #[must_use]
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Code::NotFound).detail(format!("There is no such {what}, or you may not see it."))
    }

    /// Fields of the request are not acceptable.
    #[must_use]
    pub fn invalid_fields(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::ValidationFailed) }
    }

    /// Names a field that is at fault.
    #[must_use]
    pub fn field_error(mut self, field: impl Into<String>, message: impl Into<String>) -> Self {
        self.errors.push(FieldError { field: field.into(), message: message.into() });
        self
    }

    /// Says whose lock is in the way.
    #[must_use]
    pub(crate) fn lock(mut self, lock: LockBody) -> Self {
        self.lock = Some(Box::new(lock));
        self
    }

    /// Says which run is in the way.
    #[must_use]
    pub(crate) const fn execution(mut self, execution: RunId) -> Self {
        self.execution_id = Some(execution);
        self
    }

    /// Says what happened this time, and what to do.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Remembers what the log is to tell and the caller is not.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The sort of problem.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// What the log is to tell: the cause and its causes.
    #[must_use]
    pub fn cause(&self) -> Option<String> {
        let mut error: &dyn Error = self.cause.as_deref()?;
        let mut text = error.to_string();
        while let Some(source) = error.source() {
            let source_text = source.to_string();
            // Many errors repeat their source in their own text.
            if !text.contains(&source_text) {
                text = format!("{text}: {source_text}");
            }
            error = source;
        }
        Some(text)
    }

    /// The answer on the wire. `others` are headers that were put on the answer before.
    #[must_use]
    pub fn render(self, request_id: &str, others: HeaderMap) -> Response {
        let status = self.code.status();
        let body = ProblemBody {
            kind: self.code.type_uri(),
            title: self.code.title(),
            status: status.as_u16(),
            detail: self.detail,
            code: self.code,
            request_id: request_id.to_owned(),
            errors: self.errors,
            lock: self.lock,
            execution_id: self.execution_id,
        };
        let mut response = (status, axum::Json(body)).into_response();
        *response.headers_mut() = others;
        response.headers_mut().remove(http::header::CONTENT_LENGTH);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_CONTENT_TYPE));
        response.headers_mut().extend(self.headers);
        response
    }
}

/// An answer without a body yet, which carries the problem to [`crate::observe`].
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = StatusCode::into_response(self.code.status());
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_problem_tells_the_caller_what_to_do_and_keeps_the_cause_to_itself() {
        let problem = Problem::new(Code::Unavailable).caused_by(std::io::Error::other("secret host is down"));
        assert_eq!(problem.cause().as_deref(), Some("secret host is down"));
        let response = problem.render("r-1", HeaderMap::new());
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_CONTENT_TYPE);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["type"], "https://glassbox.dev/problems/unavailable");
        assert_eq!(json["status"], 503);
        assert_eq!(json["code"], "UNAVAILABLE");
        assert_eq!(json["requestId"], "r-1");
        assert!(json.get("errors").is_none());
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }

    #[test]
    fn a_cause_is_told_with_its_own_causes_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("writing failed")]
        struct Outer(#[source] std::io::Error);
        let problem = Problem::new(Code::Internal).caused_by(Outer(std::io::Error::other("disk full")));
        assert_eq!(problem.cause().as_deref(), Some("writing failed: disk full"));
    }
}
