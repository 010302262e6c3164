//! The id of a request: given by the caller, or made here. It is in the log as `trace_id`, in the answer, and in problems.

use http::{HeaderMap, HeaderName, HeaderValue};
use platform::clock::Clock;
use platform::random::Random;

/// The header, in both directions.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a caller.
const LENGTH_MAX: usize = 64;

/// The id of a request: 1 to 64 of `A–Z a–z 0–9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(String);

impl RequestId {
    /// The caller's id if it is one, else a new one: what a caller sends gets into logs, so it is not taken over as it is.
    #[must_use]
    pub(crate) fn of(headers: &HeaderMap, clock: &dyn Clock, random: &Random) -> Self {
        headers
            .get(X_REQUEST_ID)
            .and_then(|value| value.to_str().ok())
            .and_then(Self::parse)
            .unwrap_or_else(|| Self(random.uuid_v7(clock.now()).as_simple().to_string()))
    }

    fn parse(text: &str) -> Option<Self> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=LENGTH_MAX).contains(&text.len());
        (fits && text.bytes().all(is_allowed)).then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as the value of a header.
    #[must_use]
    pub(crate) fn header_value(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).expect("an id is made of visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use platform::clock::SystemClock;

    use super::*;

    fn of(value: &'static str) -> RequestId {
        let headers = [(X_REQUEST_ID, HeaderValue::from_static(value))].into_iter().collect();
        RequestId::of(&headers, &SystemClock::new(), &Random::from_seed(1))
    }

    #[test]
    fn a_callers_id_is_taken_over_only_if_it_is_harmless() {
        assert_eq!(of("abc-1.2_3").as_str(), "abc-1.2_3");
        for value in ["", "a b", "a\"b", "{}", "0123456789012345678901234567890123456789012345678901234567890123456789"]
        {
            assert_eq!(of(value).as_str().len(), 32, "{value}");
        }
    }
}
