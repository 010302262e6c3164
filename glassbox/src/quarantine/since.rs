use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};

/// A moment in the past, as people write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

impl Since {
    /// The moment, seen from `now`.
    pub(crate) fn before(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.checked_sub_signed(ago).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(at) = text.parse::<DateTime<Utc>>() {
            return Ok(Self::At(at));
        }
        if let Ok(day) = text.parse::<NaiveDate>() {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        ago(text).map(Self::Ago).ok_or_else(|| {
            "write a time such as 2026-11-21T12:00:00Z, a day such as 2026-11-21, or 30m, 24h, 7d".into()
        })
    }
}

fn ago(text: &str) -> Option<TimeDelta> {
    let number = |unit: char| text.strip_suffix(unit)?.parse::<u32>().ok().map(i64::from);
    let minutes =
        number('m').or_else(|| number('h').map(|hours| hours * 60)).or_else(|| number('d').map(|it| it * 1440));
    TimeDelta::try_minutes(minutes?)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    #[test]
    fn times_days_and_ages_are_understood_and_nothing_else_is() {
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 12, 0, 0).unwrap();
        let of = |text: &str| text.parse::<Since>().map(|since| since.before(now).to_rfc3339());
        assert_eq!(of("2026-11-20T12:00:00+02:00").unwrap(), "2026-11-20T10:00:00+00:00");
        assert_eq!(of("2026-11-20").unwrap(), "2026-11-20T00:00:00+00:00");
        assert_eq!(of("30m").unwrap(), "2026-11-21T11:30:00+00:00");
        assert_eq!(of("36h").unwrap(), "2026-11-20T00:00:00+00:00");
        assert_eq!(of("7d").unwrap(), "2026-11-14T12:00:00+00:00");
        for text in ["", "yesterday", "7", "-1d", "h", "1.5h", "99999999999d"] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
