//! Placeholders: `{{name}}`, with blanks around the name if one likes.

use std::collections::BTreeMap;

use super::{TEMPLATE_VALUE_CHARS_MAX, TemplateParameter};
use crate::patch::PatchError;

/// What is put in the place of placeholders.
pub(super) struct Values<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Values<'a> {
    /// Each parameter with what was given for it, or else its default.
    pub(super) fn of(
        parameters: &'a [TemplateParameter],
        given: &'a BTreeMap<String, String>,
    ) -> Result<Self, PatchError> {
        let invalid = |message: String| Err(PatchError::invalid("parameters", message));
        if let Some(unknown) = given.keys().find(|name| parameters.iter().all(|parameter| parameter.name != **name)) {
            return invalid(format!("the template has no parameter {unknown}"));
        }
        let mut values = BTreeMap::new();
        for TemplateParameter { name, default, .. } in parameters {
            let Some(value) = given.get(name).or(default.as_ref()) else {
                return invalid(format!("a value for {name} is needed"));
            };
            if value.chars().count() > TEMPLATE_VALUE_CHARS_MAX {
                return invalid(format!("the value of {name} is longer than {TEMPLATE_VALUE_CHARS_MAX} characters"));
            }
            values.insert(name.as_str(), value.as_str());
        }
        Ok(Self(values))
    }

    /// The text with its placeholders replaced. What was put in is not looked at again.
    pub(super) fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        for part in parts(text) {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Placeholder { name, whole } => filled.push_str(self.0.get(name).copied().unwrap_or(whole)),
            }
        }
        filled
    }
}

/// The names that a text has placeholders for.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    parts(text).filter_map(|part| if let Part::Placeholder { name, .. } = part { Some(name) } else { None })
}

/// Whether placeholders can have this name.
pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

enum Part<'a> {
    Text(&'a str),
    Placeholder { name: &'a str, whole: &'a str },
}

fn parts(mut rest: &str) -> impl Iterator<Item = Part<'_>> {
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let Some(start) = rest.find("{{") else { return Some(Part::Text(std::mem::take(&mut rest))) };
        if start > 0 {
            let (text, after) = rest.split_at(start);
            rest = after;
            return Some(Part::Text(text));
        }
        let end = rest.find("}}").map(|end| end + 2);
        let placeholder = end.map(|end| &rest[..end]).map(|whole| (whole[2..whole.len() - 2].trim(), whole));
        if let Some((name, whole)) = placeholder.filter(|(name, _)| is_name(name)) {
            rest = &rest[whole.len()..];
            return Some(Part::Placeholder { name, whole });
        }
        let (braces, after) = rest.split_at(2);
        rest = after;
        Some(Part::Text(braces))
    })
}
