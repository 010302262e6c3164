//! What the REST interface counts.

use http::{Method, StatusCode};
use platform::metrics::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

/// Upper bounds of the durations that are told apart, in seconds.
const DURATION_BOUNDS_SECONDS: [f64; 11] = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

/// The metrics of requests.
#[derive(Debug, Clone)]
pub(crate) struct RequestMetrics {
    durations: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

/// A request that was answered.
pub(crate) struct Served<'a> {
    pub(crate) method: &'a Method,
    /// The route's pattern, never the address itself: labels must be few.
    pub(crate) route: &'a str,
    pub(crate) status: StatusCode,
    pub(crate) duration_ms: u64,
}

impl RequestMetrics {
    pub(crate) fn register(metrics: &Metrics) -> Self {
        let durations = Family::new_with_constructor(new_histogram as fn() -> Histogram);
        metrics.registry().register(
            "http_request_duration_seconds",
            "Seconds from a request's arrival to its answer",
            durations.clone(),
        );
        Self { durations }
    }

    pub(crate) fn served(&self, request: &Served<'_>) {
        let labels = RequestLabels {
            method: known(request.method).to_owned(),
            route: request.route.to_owned(),
            status: request.status.as_u16(),
        };
        let seconds = std::time::Duration::from_millis(request.duration_ms).as_secs_f64();
        self.durations.get_or_create(&labels).observe(seconds);
    }
}

fn new_histogram() -> Histogram {
    Histogram::new(DURATION_BOUNDS_SECONDS)
}

/// A caller may invent methods; labels must be few.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}
