//! Reading requests: path, query and body, each with a problem that says what is wrong.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use platform::limits::{Limit, LimitCounters};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::idempotency::Asked;
use crate::problem::{Code, Problem};

/// The one id or document name in the route's path, read before anybody is asked about it.
#[derive(Debug, Clone)]
pub struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err: Display> + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        parse_nth(&params(parts, state).await?, 0).map(Self)
    }
}

/// The two ids in the route's path: of something, and of something in it.
#[derive(Debug, Clone)]
pub struct Ids<A, B>(pub A, pub B);

impl<A, B, S> FromRequestParts<S> for Ids<A, B>
where
    A: FromStr<Err: Display> + Send,
    B: FromStr<Err: Display> + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Ok(Self(parse_nth(&params, 0)?, parse_nth(&params, 1)?))
    }
}

/// The three ids in the route's path.
#[derive(Debug, Clone)]
pub struct Ids3<A, B, C>(pub A, pub B, pub C);

impl<A, B, C, S> FromRequestParts<S> for Ids3<A, B, C>
where
    A: FromStr<Err: Display> + Send,
    B: FromStr<Err: Display> + Send,
    C: FromStr<Err: Display> + Send,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = params(parts, state).await?;
        Ok(Self(parse_nth(&params, 0)?, parse_nth(&params, 1)?, parse_nth(&params, 2)?))
    }
}

/// Reads a member that may be left out and is not `null`: with `#[serde(default, deserialize_with = "present")]`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Reads a parameter that is a whole number, as large as descriptions say (`int64`), and may be left out: with
/// `#[serde(default, deserialize_with = "whole")]`.
pub(crate) fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = Option::<u64>::deserialize(deserializer)?;
    match number {
        Some(number) if i64::try_from(number).is_err() => Err(D::Error::custom("a number below 2^63 is expected")),
        _ => Ok(number),
    }
}

async fn params<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    RawPathParams::from_request_parts(parts, state).await.map_err(|error| invalid_id(&error))
}

fn parse_nth<T: FromStr<Err: Display>>(params: &RawPathParams, index: usize) -> Result<T, Problem> {
    let (_, text) = params.iter().nth(index).ok_or_else(|| Problem::new(Code::Internal))?;
    text.parse().map_err(|error: T::Err| invalid_id(&error))
}

fn invalid_id(error: &dyn Display) -> Problem {
    Problem::new(Code::InvalidId).detail(format!("In the address: {error}."))
}

/// The parameters after the `?`. One that may be repeated is a `Vec`. One without a value is refused: a filter that somebody
/// forgot to fill in must not let everything pass.
#[derive(Debug, Clone)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let invalid = |detail: String| Problem::new(Code::InvalidParameter).detail(detail);
        // No text of ours holds this character, and no table takes it.
        if query.contains("%00") {
            return Err(invalid("A parameter holds the character U+0000.".to_owned()));
        }
        if let Some(name) = parameter_without_value(query) {
            return Err(invalid(format!("The parameter {name} has no value. Leave it out, or say what it is.")));
        }
        serde_html_form::from_str(query).map(Self).map_err(|error| invalid(format!("In the query: {error}.")))
    }
}

fn parameter_without_value(query: &str) -> Option<&str> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .find(|(_, value)| value.is_empty())
        .map(|(name, _)| name)
}

/// The body, a JSON object of exactly the expected shape.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<T, S> FromRequest<S> for Json<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(Code::UnsupportedMediaType));
        }
        let asked = request.extensions().get::<Asked>().cloned();
        let body = read_body(request, state).await?;
        // serde would take a list for the members of a struct, in their order.
        if body.trim_ascii_start().starts_with(b"[") {
            return Err(Problem::new(Code::ValidationFailed).field_error("", "a list, but an object is expected"));
        }
        let mut deserializer = serde_json::Deserializer::from_slice(&body);
        let value = serde_path_to_error::deserialize(&mut deserializer).map_err(unfit)?;
        deserializer.end().map_err(|error| malformed(&error))?;
        if let Some(asked) = asked {
            asked.note(&body);
        }
        Ok(Self(value))
    }
}

/// How long a body may take to arrive. An extension of requests.
#[derive(Debug, Clone)]
pub(crate) struct BodyDeadline {
    pub(crate) time: Duration,
    pub(crate) reached: LimitCounters,
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let deadline = request.extensions().get::<BodyDeadline>().cloned();
    let reading = Bytes::from_request(request, state);
    let Some(BodyDeadline { time, reached }) = deadline else { return reading.await.map_err(unreadable) };
    let read = tokio::time::timeout(time, reading).await.map_err(|_| {
        reached.count(Limit::RequestBodyTime);
        Problem::new(Code::BodyTooSlow)
    })?;
    read.map_err(unreadable)
}

/// `application/json`, `application/merge-patch+json` and the like.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(content_type) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.strip_prefix("application/").is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

fn unreadable(rejection: BytesRejection) -> Problem {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(Code::BodyTooLarge)
    } else {
        Problem::new(Code::InvalidJson).detail("The body did not arrive whole. Send it again.").caused_by(rejection)
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::InvalidJson).detail(format!("The body is not JSON: {error}."))
}

fn unfit(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let path = error.path().to_string();
    let error = error.into_inner();
    if !error.is_data() {
        return malformed(&error);
    }
    let text = error.to_string();
    // serde_json adds where in the text it was, which says less than the path.
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let field = if path == "." { String::new() } else { path };
    Problem::new(Code::ValidationFailed).field_error(field, message)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its reading is of interest")]
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its reading is of interest")]
        x: f64,
    }

    async fn read(content_type: &str, body: &'static str) -> Result<Outer, Problem> {
        let request = Request::builder().header(CONTENT_TYPE, content_type).body(Body::from(body)).unwrap();
        Json::<Outer>::from_request(request, &()).await.map(|json| json.0)
    }

    #[tokio::test]
    async fn a_body_must_be_json_of_exactly_the_expected_shape() {
        const JSON: &str = "application/json";
        assert!(read(JSON, r#"{"inner": {"x": 1}}"#).await.is_ok());
        assert!(read("application/merge-patch+json; charset=utf-8", r#"{"inner": {"x": 1}}"#).await.is_ok());
        let code = async |content_type, body| read(content_type, body).await.unwrap_err().code();
        assert_eq!(code("text/plain", "{}").await, Code::UnsupportedMediaType);
        assert_eq!(code(JSON, "").await, Code::InvalidJson);
        assert_eq!(code(JSON, "{").await, Code::InvalidJson);
        assert_eq!(code(JSON, r#"{"inner": {"x": 1}} {}"#).await, Code::InvalidJson);
        assert_eq!(code(JSON, "{}").await, Code::ValidationFailed);
        assert_eq!(code(JSON, r#"{"inner": {"x": 1}, "other": 2}"#).await, Code::ValidationFailed);
        for list in ["[]", r#" [{"x": 1}]"#] {
            assert_eq!(code(JSON, list).await, Code::ValidationFailed, "{list}");
        }
    }

    #[tokio::test]
    async fn a_parameter_has_a_value_and_a_number_is_one_of_63_bits() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Parameters {
            at: Option<chrono::DateTime<chrono::Utc>>,
            #[serde(deserialize_with = "whole")]
            seq: Option<u64>,
        }
        let read = async |query: &str| {
            let mut parts = Request::get(format!("/?{query}")).body(Body::empty()).unwrap().into_parts().0;
            let read = Query::<Parameters>::from_request_parts(&mut parts, &()).await;
            read.map(|Query(parameters)| (parameters.at.is_some(), parameters.seq)).map_err(|problem| problem.code())
        };
        assert_eq!(read("").await, Ok((false, None)));
        assert_eq!(read("at=2026-01-02T03:04:05Z&seq=9223372036854775807").await, Ok((true, Some(i64::MAX as u64))));
        for query in ["at=", "at", "seq=1&at=", "seq=9223372036854775808", "seq=-1"] {
            assert_eq!(read(query).await, Err(Code::InvalidParameter), "{query}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_arrive_in_time_is_given_up_and_counted() {
        let reached = LimitCounters::default();
        let deadline = BodyDeadline { time: Duration::from_secs(5), reached: reached.clone() };
        let dribble = futures_util::stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let request = Request::builder().header(CONTENT_TYPE, "application/json").extension(deadline);
        let request = request.body(Body::from_stream(dribble)).unwrap();
        let problem = Json::<Outer>::from_request(request, &()).await.unwrap_err();
        assert_eq!((problem.code(), reached.get(Limit::RequestBodyTime)), (Code::BodyTooSlow, 1));
    }

    #[tokio::test]
    async fn what_does_not_fit_is_named_by_its_path() {
        let problem = read("application/json", r#"{"inner": {"x": "one"}}"#).await.unwrap_err();
        let fields = format!("{problem:?}");
        assert!(fields.contains("inner.x") && fields.contains("invalid type"), "{fields}");
        assert!(!fields.contains("line 1"), "{fields}");
    }
}
