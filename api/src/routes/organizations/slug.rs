//! Slugs: the unique names of organizations in addresses.

use platform::random::Random;

use crate::fields::Fields;

/// The longest slug, in characters.
const SLUG_LENGTH_MAX: usize = 100;
/// A slug that is made from a name leaves room for what tells it from others.
const SLUG_BASE_LENGTH_MAX: usize = 80;

/// Refuses a text that is no slug.
pub(super) fn check(text: &str, fields: &mut Fields) {
    if !is_slug(text) {
        fields.refuse("slug", "must be 1 to 100 of a-z 0-9 -, and neither begin nor end with -");
    }
}

fn is_slug(text: &str) -> bool {
    (1..=SLUG_LENGTH_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The name in small letters and hyphens; after the first attempt with something random, since the plain one is taken.
pub(super) fn from_name(name: &str, random: &Random, attempt: usize) -> String {
    let base = slug_base(name);
    if attempt == 0 && !base.is_empty() {
        return base;
    }
    let suffix = random.uuid_v4().as_simple().to_string();
    format!("{}-{}", if base.is_empty() { "org" } else { &base }, &suffix[..8])
}

fn slug_base(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut base = words.collect::<Vec<_>>().join("-");
    base.truncate(SLUG_BASE_LENGTH_MAX);
    base.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_small_letters_digits_and_inner_hyphens() {
        for slug in ["a", "a-b", "2024", &"x".repeat(SLUG_LENGTH_MAX)] {
            assert!(is_slug(slug), "{slug}");
        }
        for slug in ["", "-a", "a-", "A", "a b", "ä", &"x".repeat(SLUG_LENGTH_MAX + 1)] {
            assert!(!is_slug(slug), "{slug}");
        }
    }

    #[test]
    fn a_name_becomes_a_slug() {
        assert_eq!(slug_base("Analytical  Engines, Ltd."), "analytical-engines-ltd");
        assert_eq!(slug_base("日本"), "");
        assert!(is_slug(&slug_base(&"long name ".repeat(30))));
    }
}
