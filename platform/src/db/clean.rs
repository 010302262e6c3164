//! Makes what a document holds fit for the tables: anybody may write anything into a document, and a projection must
//! not fail for it.

use chrono::{DateTime, Utc};
use serde_json::Value;

pub(in crate::db) const NAME_CHARS_MAX: usize = 255;
pub(in crate::db) const TITLE_CHARS_MAX: usize = 500;
/// Statuses and types are indexed, and an index takes up to 2,700 bytes.
pub(in crate::db) const WORD_CHARS_MAX: usize = 100;
pub(in crate::db) const TEXT_CHARS_MAX: usize = 1_000_000;
pub(in crate::db) const LIST_ITEMS_MAX: usize = 100;
const JSON_DEPTH_MAX: usize = 32;

/// Without NUL, which Postgres does not store in a text, and not longer than `chars_max`.
pub(in crate::db) fn text(text: &str, chars_max: usize) -> String {
    text.chars().filter(|&character| character != '\0').take(chars_max).collect()
}

/// The same for all texts of a JSON value; what is nested too deep becomes null.
pub(in crate::db) fn json(value: &Value) -> Value {
    fn within(value: &Value, depth: usize) -> Value {
        match value {
            Value::Array(_) | Value::Object(_) if depth == 0 => Value::Null,
            Value::String(string) => Value::String(text(string, TEXT_CHARS_MAX)),
            Value::Array(items) => items.iter().map(|item| within(item, depth - 1)).collect(),
            Value::Object(members) => {
                members.iter().map(|(name, member)| (text(name, TEXT_CHARS_MAX), within(member, depth - 1))).collect()
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }
    within(value, JSON_DEPTH_MAX)
}

/// Within the years 1 to 9999.
pub(in crate::db) fn time(time: DateTime<Utc>) -> DateTime<Utc> {
    const YEAR_1_SECONDS: i64 = -62_135_596_800;
    const YEAR_9999_SECONDS: i64 = 253_402_300_799;
    let seconds = time.timestamp().clamp(YEAR_1_SECONDS, YEAR_9999_SECONDS);
    if seconds == time.timestamp() { time } else { DateTime::from_timestamp(seconds, 0).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_postgres_refuses_is_left() {
        assert_eq!(text("a\0b\u{1f600}c", 3), "ab\u{1f600}");
        assert_eq!(json(&json!({"k\0": ["\0x", 1, null]})), json!({"k": ["x", 1, null]}));
        let deep = (0..200).fold(json!(1), |value, _| json!([value]));
        assert!(json(&deep).to_string().len() < 2 * JSON_DEPTH_MAX + 10);
        let (first, last) = (time(DateTime::<Utc>::MIN_UTC), time(DateTime::<Utc>::MAX_UTC));
        assert_eq!((first.to_rfc3339().get(..4), last.to_rfc3339().get(..4)), (Some("0001"), Some("9999")));
        let now = DateTime::from_timestamp_micros(1_790_000_000_123_456).unwrap();
        assert_eq!(time(now), now);
    }
}
