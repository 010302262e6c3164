//! What happens around every request: it gets an id, a span and one line in the log; a panic becomes a problem; a
//! problem becomes an answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use http::{HeaderMap, Method, StatusCode};
use platform::clock::Clock;
use platform::random::Random;
use tracing::field::{Empty, display};
use tracing::{Instrument, Level, Span};

use crate::metrics::{RequestMetrics, Served};
use crate::problem::{Code, Problem};
use crate::rate_limit::Standing;
use crate::request_id::{RequestId, X_REQUEST_ID};

/// After this time a request is given up.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);

/// The same for the bytes of a file, of which each piece has to come in time.
pub(crate) const UPLOAD_TIMEOUT: Duration = Duration::from_hours(1);
/// Where those are sent.
const UPLOAD_ROUTE: &str = "/api/v1/blobs/{*key}";

/// What watching a request needs.
#[derive(Clone)]
pub(crate) struct Observer {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) metrics: RequestMetrics,
}

/// The middleware around all routes.
pub(crate) async fn observe(State(observer): State<Observer>, mut request: Request, next: Next) -> Response {
    let id = RequestId::of(request.headers(), &*observer.clock, &observer.random);
    let started_ms = observer.clock.monotonic_ms();
    let method = request.method().clone();
    // Without the query, which may hold what does not belong into a log.
    let path = request.uri().path().to_owned();
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request", trace_id = id.as_str(), method = %method, path, user_id = Empty, org_id = Empty
    );
    let standing = Standing::default();
    request.extensions_mut().insert(standing.clone());
    async {
        let (mut response, cause) = carry_out(request, next, &id).await;
        response.headers_mut().insert(X_REQUEST_ID, id.header_value());
        standing.write(response.headers_mut());
        let duration_ms = observer.clock.monotonic_ms().saturating_sub(started_ms);
        observer.metrics.served(&Served { method: &method, route: &route, status: response.status(), duration_ms });
        log(&method, &route, response.status(), duration_ms, cause.as_deref());
        response
    }
    .instrument(span)
    .await
}

/// Notes on whose behalf the present request is.
pub(crate) fn note_user(user: impl std::fmt::Display) {
    Span::current().record("user_id", display(user));
}

/// Notes which organization the present request concerns.
pub(crate) fn note_org(org: impl std::fmt::Display) {
    Span::current().record("org_id", display(org));
}

async fn carry_out(request: Request, next: Next, id: &RequestId) -> (Response, Option<String>) {
    let is_upload = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == UPLOAD_ROUTE);
    let time = if is_upload { UPLOAD_TIMEOUT } else { REQUEST_TIMEOUT };
    let carried_out = tokio::time::timeout(time, AssertUnwindSafe(next.run(request)).catch_unwind()).await;
    let mut response = match carried_out {
        Ok(Ok(response)) => response,
        // The panic hook has logged what happened, within this request's span.
        Ok(Err(_panic)) => Problem::new(Code::Internal).into_response(),
        Err(_elapsed) => Problem::new(Code::Unavailable)
            .detail(
                "The server did not finish in time. What was asked for may have been done; read before you repeat it.",
            )
            .into_response(),
    };
    match response.extensions_mut().remove::<Problem>() {
        Some(problem) => {
            let cause = problem.cause();
            let headers = std::mem::take::<HeaderMap>(response.headers_mut());
            (problem.render(id.as_str(), headers), cause)
        }
        None => (response, None),
    }
}

/// One line per request: an error when the server is at fault.
fn log(method: &Method, route: &str, status: StatusCode, duration_ms: u64, cause: Option<&str>) {
    macro_rules! line {
        ($level:expr) => {
            tracing::event!($level, status = status.as_u16(), duration_ms, cause, "{method} {route}")
        };
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        line!(Level::WARN);
    } else if status.is_server_error() {
        line!(Level::ERROR);
    } else if is_probe(route) {
        line!(Level::DEBUG);
    } else {
        line!(Level::INFO);
    }
}

/// Asked by machines every few seconds.
fn is_probe(route: &str) -> bool {
    matches!(route, "/health" | "/ready" | "/metrics")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use platform::clock::SystemClock;
    use platform::metrics::Metrics;
    use platform::telemetry::JsonLayer;
    use tower::ServiceExt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    /// What is logged, as it is shipped.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(line);
            Ok(line.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        fn read(&self) -> Vec<serde_json::Value> {
            let bytes = self.0.lock().unwrap();
            bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .map(|line| serde_json::from_slice(line).unwrap())
                .collect()
        }
    }

    #[tokio::test]
    async fn a_request_is_one_line_of_the_log_with_its_cause_and_without_its_query() {
        async fn fails() -> Problem {
            note_user("u-1");
            note_org("o-1");
            Problem::new(Code::Unavailable).caused_by(std::io::Error::other("the disk is full"))
        }
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::registry().with(JsonLayer::new(move || writer.clone()));
        let guard = tracing::subscriber::set_default(log);
        answer_of(Router::new().route("/", get(fails))).await;
        drop(guard);
        let lines = lines.read();
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        assert_eq!((&line["status"], &line["level"]), (&503.into(), &"warn".into()));
        assert_eq!((&line["method"], &line["path"]), (&"GET".into(), &"/".into()));
        assert_eq!((&line["user_id"], &line["org_id"]), (&"u-1".into(), &"o-1".into()));
        assert_eq!(line["cause"], "the disk is full");
        assert!(line["duration_ms"].is_u64() && line["trace_id"].is_string(), "{line}");
        assert!(!line.to_string().contains("secret"), "{line}");
    }

    async fn answer_of(router: Router) -> (StatusCode, serde_json::Value) {
        let observer = Observer {
            clock: Arc::new(SystemClock::new()),
            random: Random::from_seed(1),
            metrics: RequestMetrics::register(&Metrics::new()),
        };
        let router = router.layer(from_fn_with_state(observer, observe));
        let response = router.oneshot(Request::get("/?token=secret").body(Body::empty()).unwrap()).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_becomes_a_problem_that_does_not_tell_what_it_was() {
        async fn panics() -> &'static str {
            panic!("a secret reason")
        }
        let (status, problem) = answer_of(Router::new().route("/", get(panics))).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem["code"], "INTERNAL");
        assert!(!problem.to_string().contains("secret"), "{problem}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_takes_too_long_is_given_up() {
        let (status, problem) = answer_of(Router::new().route("/", get(std::future::pending::<()>))).await;
        assert_eq!((status, &problem["code"]), (StatusCode::SERVICE_UNAVAILABLE, &"UNAVAILABLE".into()));
    }
}
