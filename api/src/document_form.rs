//! The forms of a snapshot, and which of them a caller asks for.

use http::HeaderMap;
use http::header::ACCEPT;
use schema::ids::DocumentKind;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::problem::{Code, Problem};

/// A form of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// In the document's own shape.
    Json,
    /// A node's body.
    Markdown,
    /// One update, under the name that every client knows.
    OctetStream,
    /// One update, under its own name.
    Yjs,
}

/// The parameter `format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum FormParameter {
    /// In the document's own shape.
    Json,
    /// A node's body.
    Markdown,
    /// One Yjs update, version 1.
    Yjs,
}

impl Form {
    /// All forms; where a caller likes several equally, the first.
    pub(crate) const ALL: [Self; 4] = [Self::Json, Self::Markdown, Self::OctetStream, Self::Yjs];

    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::OctetStream => "application/octet-stream",
            Self::Yjs => "application/vnd.yjs.update",
        }
    }

    /// Whether documents of a kind have this form.
    pub(crate) const fn fits(self, kind: DocumentKind) -> bool {
        !matches!(self, Self::Markdown) || matches!(kind, DocumentKind::Node)
    }

    /// The form that a caller asks for; `None` when there is no such form.
    pub(crate) fn asked_for(parameter: Option<FormParameter>, headers: &HeaderMap) -> Option<Self> {
        match parameter {
            Some(FormParameter::Json) => Some(Self::Json),
            Some(FormParameter::Markdown) => Some(Self::Markdown),
            Some(FormParameter::Yjs) => Some(Self::Yjs),
            None => Self::accepted(&Self::ALL, headers),
        }
    }

    /// The form of these that `Accept` likes best (RFC 9110 §12.5.1); where it likes several equally, the first.
    pub(crate) fn accepted(forms: &[Self], headers: &HeaderMap) -> Option<Self> {
        let ranges: Vec<Range<'_>> = headers
            .get_all(ACCEPT)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .filter_map(Range::parse)
            .collect();
        if ranges.is_empty() {
            return forms.first().copied();
        }
        let mut best: Option<(Self, u16)> = None;
        for &form in forms {
            let quality = quality_of(form, &ranges);
            if quality > best.map_or(0, |(_, best)| best) {
                best = Some((form, quality));
            }
        }
        best.map(|(form, _)| form)
    }
}

/// A part of `Accept`: a media range and how much it is liked.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// In thousandths.
    quality: u16,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(Some(1000), thousandths)?;
        Some(Self { kind, subtype, quality })
    }

    /// How closely it names a media type: 0 for not at all.
    fn closeness(&self, media_type: &str) -> u8 {
        let (kind, subtype) = media_type.split_once('/').unwrap_or_default();
        match (self.kind, self.subtype) {
            ("*", "*") => 1,
            (of_range, "*") if of_range.eq_ignore_ascii_case(kind) => 2,
            (of_range, exact) if of_range.eq_ignore_ascii_case(kind) && exact.eq_ignore_ascii_case(subtype) => 3,
            _ => 0,
        }
    }
}

/// The quality of the range that names a form most closely.
fn quality_of(form: Form, ranges: &[Range<'_>]) -> u16 {
    let media_type = form.media_type().split(';').next().unwrap_or_default();
    let closest = ranges.iter().max_by_key(|range| range.closeness(media_type));
    closest.filter(|range| range.closeness(media_type) > 0).map_or(0, |range| range.quality)
}

/// Reads `0.7` as 700.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_number = fraction.len() <= 3 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fraction: u16 = if is_number { format!("{fraction:0<3}").parse().ok()? } else { return None };
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// A document of this kind has no such form.
pub(crate) fn not_acceptable(kind: DocumentKind) -> Problem {
    let forms: Vec<_> = Form::ALL.iter().filter(|form| form.fits(kind)).map(|form| form.media_type()).collect();
    Problem::new(Code::NotAcceptable).detail(format!("This document is available as {}.", forms.join(", ")))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepted(value: &'static str) -> Option<Form> {
        Form::accepted(&Form::ALL, &[(ACCEPT, HeaderValue::from_static(value))].into_iter().collect())
    }

    #[test]
    fn the_most_liked_form_is_taken_and_json_where_nothing_is_said() {
        assert_eq!(Form::accepted(&Form::ALL, &HeaderMap::new()), Some(Form::Json));
        assert_eq!(accepted("*/*"), Some(Form::Json));
        assert_eq!(accepted("text/markdown"), Some(Form::Markdown));
        assert_eq!(accepted("text/*"), Some(Form::Markdown));
        assert_eq!(accepted("Application/Octet-Stream"), Some(Form::OctetStream));
        assert_eq!(accepted("application/vnd.yjs.update"), Some(Form::Yjs));
        assert_eq!(accepted("application/json;q=0.5, text/markdown; q=0.8"), Some(Form::Markdown));
        assert_eq!(accepted("application/json;q=0, */*;q=0.1"), Some(Form::Markdown));
        assert_eq!(accepted("image/png"), None);
        assert_eq!(accepted("application/json;q=0"), None);
    }

    #[test]
    fn only_nodes_are_markdown() {
        assert!(Form::Markdown.fits(DocumentKind::Node));
        for kind in [DocumentKind::Project, DocumentKind::Free, DocumentKind::Scratch] {
            assert!(!Form::Markdown.fits(kind));
            assert!(Form::Json.fits(kind) && Form::Yjs.fits(kind));
        }
    }
}
