//! Checks of single fields that more than one endpoint makes. All that is wrong is reported at once.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use schema::Patch;

use crate::problem::{FieldError, Problem};

/// The longest name or title, in characters.
pub const NAME_LENGTH_MAX: usize = 255;
/// The longest description of a project, in characters.
pub const DESCRIPTION_LENGTH_MAX: usize = 10_000;
/// The longest e-mail address, in characters (RFC 5321).
const EMAIL_LENGTH_MAX: usize = 254;

/// The longest address of something in the web, in characters.
const URL_LENGTH_MAX: usize = 2_048;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Fields {
    errors: Vec<FieldError>,
}

impl Fields {
    /// Notes that a field is not acceptable.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
    }

    /// A text of so many characters, without blanks around it and without control characters.
    pub fn line(&mut self, field: &str, text: &str, lengths: RangeInclusive<usize>) -> String {
        let text = text.trim();
        if !lengths.contains(&text.chars().count()) {
            self.refuse(field, format!("must be {} to {} characters", lengths.start(), lengths.end()));
        } else if text.chars().any(char::is_control) {
            self.refuse(field, "must be one line, without control characters");
        }
        text.to_owned()
    }

    /// A text of several lines, of so many characters at most.
    pub fn text(&mut self, field: &str, text: &str, length_max: usize) -> String {
        if text.chars().count() > length_max {
            self.refuse(field, format!("must be at most {length_max} characters"));
        } else if text.contains('\0') {
            self.refuse(field, "must not hold the character U+0000");
        }
        text.to_owned()
    }

    /// An e-mail address. Whether mail arrives there is not asked.
    pub fn email(&mut self, field: &str, text: &str) -> String {
        let text = text.trim();
        let has_parts = text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let is_plain = text.chars().all(|c| !c.is_whitespace() && !c.is_control());
        if !has_parts || !is_plain || text.chars().count() > EMAIL_LENGTH_MAX {
            self.refuse(field, "must be an e-mail address");
        }
        text.to_owned()
    }

    /// An absolute address of one of these schemes, without a name or password in it.
    pub fn url(&mut self, field: &str, text: &str, schemes: &[&str]) -> String {
        let text = text.trim();
        let uri = text.parse::<http::Uri>().ok().filter(|_| text.len() <= URL_LENGTH_MAX);
        let is_fit = uri.is_some_and(|uri| {
            let has_scheme = uri.scheme_str().is_some_and(|scheme| schemes.contains(&scheme));
            has_scheme && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        });
        if !is_fit {
            let schemes = schemes.join(" or ");
            self.refuse(field, format!("must be an {schemes} address of at most {URL_LENGTH_MAX} characters"));
        }
        text.to_owned()
    }

    /// A time to come, no more than so many days from now.
    pub fn future(&mut self, field: &str, time: DateTime<Utc>, now: DateTime<Utc>, days_max: i64) {
        if time <= now || time > now + TimeDelta::days(days_max) {
            self.refuse(field, format!("must be in the future, and within {days_max} days"));
        }
    }

    /// The new value of a field that cannot be without one; `None` when it stays as it is.
    pub fn required<T>(&mut self, field: &str, patch: Patch<T>) -> Option<T> {
        match patch {
            Patch::Absent => None,
            Patch::Clear => {
                self.refuse(field, "cannot be removed");
                None
            }
            Patch::Set(value) => Some(value),
        }
    }

    /// The problem, if anything is wrong.
    pub fn finish(self) -> Result<(), Problem> {
        if self.errors.is_empty() { Ok(()) } else { Err(Problem::invalid_fields(self.errors)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_accepted(check: impl FnOnce(&mut Fields)) -> bool {
        let mut fields = Fields::default();
        check(&mut fields);
        fields.finish().is_ok()
    }

    #[test]
    fn lines_are_trimmed_and_counted_in_characters() {
        let mut fields = Fields::default();
        assert_eq!(fields.line("name", "  Ünïcode \n", 1..=7), "Ünïcode");
        assert!(fields.finish().is_ok());
        for text in ["", "   ", "12345678", "a\nb", "a\0b"] {
            assert!(!is_accepted(|fields| drop(fields.line("name", text, 1..=7))), "{text:?}");
        }
    }

    #[test]
    fn web_addresses_are_absolute_and_hold_no_password() {
        let is_fit = |text: &str| is_accepted(|fields| drop(fields.url("url", text, &["https", "http"])));
        assert!(is_fit("https://example.com/a.png?b=c") && is_fit("http://10.0.0.1:8080/v1"));
        for text in
            ["", "example.com", "/a", "ftp://example.com", "https://me:secret@example.com", "javascript:alert(1)"]
        {
            assert!(!is_fit(text), "{text}");
        }
        assert!(!is_fit(&format!("https://example.com/{}", "a".repeat(URL_LENGTH_MAX))));
    }

    #[test]
    fn addresses_have_two_parts_and_no_blanks() {
        assert!(is_accepted(|fields| drop(fields.email("email", " ada@example.com "))));
        for text in ["", "ada", "@example.com", "ada@", "a@b@c", "a b@c", "a\u{0}@b"] {
            assert!(!is_accepted(|fields| drop(fields.email("email", text))), "{text:?}");
        }
    }
}
