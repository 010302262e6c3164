//! Entity tags: where documents stand in their logs, and digests of what is in rows of tables.
//!
//! A document's tag is `"<epoch>-<seq>"`. A node lives in two documents, its canvas and its own, so its tag names both:
//! `"<canvas epoch>-<canvas seq>.<node epoch>-<node seq>"`. That of what has no log (an organization, a project, a template,
//! …) is a digest of what an answer says of it, so what happens on a project's canvas does not change it. Tags are opaque to
//! clients; only equality has a meaning.

use std::fmt;
use std::str::FromStr;

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use schema::ids::{Epoch, Seq};
use serde::Serialize;
use uuid::Uuid;

use crate::problem::{Code, Problem};

/// How many tags a header may list.
const TAGS_MAX: usize = 32;
/// The namespace of digests.
const DIGESTS: Uuid = Uuid::from_u128(0x2b0c_8d0a_90d5_5c1f_8a3e_6b1d_47f2_c9e4);

/// A document's place in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DocumentTag {
    /// The lineage.
    pub epoch: Epoch,
    /// The head of the log.
    pub seq: Seq,
}

/// A node's two places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeTag {
    /// Of the canvas: title, status, place, metadata.
    pub canvas: DocumentTag,
    /// Of the node's own document: body, inputs, outputs.
    pub node: DocumentTag,
}

/// A digest of what an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentTag(Uuid);

/// The text is no entity tag of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotATag;

/// What a conditional header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<T> {
    /// `*`: any state.
    Any,
    /// One of these states. Tags that are not ours can never match, and are left out.
    OneOf(Vec<T>),
}

impl DocumentTag {
    /// A document's tag.
    #[must_use]
    pub const fn new(epoch: Epoch, seq: Seq) -> Self {
        Self { epoch, seq }
    }

    /// The place as the documents expect it.
    #[must_use]
    pub const fn place(self) -> (Epoch, Seq) {
        (self.epoch, self.seq)
    }
}

impl fmt::Display for DocumentTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.epoch, self.seq)
    }
}

impl FromStr for DocumentTag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        let (epoch, seq) = text.split_once('-').ok_or(NotATag)?;
        let epoch = Epoch::new(epoch.parse().map_err(|_| NotATag)?);
        let seq = Seq::new(seq.parse().map_err(|_| NotATag)?);
        let tag = Self { epoch, seq };
        // Numbers have several spellings; a tag has one.
        if tag.to_string() == text { Ok(tag) } else { Err(NotATag) }
    }
}

impl ContentTag {
    /// The digest of this content.
    ///
    /// # Panics
    /// When the content is not what JSON can say.
    #[must_use]
    pub fn of(content: &impl Serialize) -> Self {
        let json = serde_json::to_vec(content).expect("what is answered is JSON");
        Self(Uuid::new_v5(&DIGESTS, &json))
    }
}

impl fmt::Display for ContentTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0.as_simple())
    }
}

impl FromStr for ContentTag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        let tag = Self(Uuid::try_parse(text).map_err(|_| NotATag)?);
        if tag.to_string() == text { Ok(tag) } else { Err(NotATag) }
    }
}

impl fmt::Display for NodeTag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.canvas, self.node)
    }
}

impl FromStr for NodeTag {
    type Err = NotATag;

    fn from_str(text: &str) -> Result<Self, NotATag> {
        let (canvas, node) = text.split_once('.').ok_or(NotATag)?;
        Ok(Self { canvas: canvas.parse()?, node: node.parse()? })
    }
}

impl<T: PartialEq> Condition<T> {
    /// Whether the present state is one that was asked for.
    pub fn holds(&self, present: &T) -> bool {
        match self {
            Self::Any => true,
            Self::OneOf(tags) => tags.contains(present),
        }
    }
}

/// The header that names the present state.
///
/// # Panics
/// When the tag's text form is not made of letters, digits, dots and hyphens.
#[must_use]
pub fn etag_header(tag: &impl fmt::Display) -> (HeaderName, HeaderValue) {
    let value =
        HeaderValue::try_from(format!("\"{tag}\"")).expect("tags are made of letters, digits, dots and hyphens");
    (ETAG, value)
}

/// The answer to whoever wants to read this, or that it is what is `known` to them.
pub fn answer_unless_known(known: Option<&Condition<ContentTag>>, tag: ContentTag, body: impl Serialize) -> Response {
    if known.is_some_and(|known| known.holds(&tag)) {
        return (StatusCode::NOT_MODIFIED, [etag_header(&tag)]).into_response();
    }
    ([etag_header(&tag)], Json(body)).into_response()
}

/// The answer to whoever wants to read this, or that it is what is `known` to them. Its tag is its digest.
pub fn answer_with_digest(known: Option<&Condition<ContentTag>>, body: impl Serialize) -> Response {
    answer_unless_known(known, ContentTag::of(&body), body)
}

/// Refuses what expects another state than the present one.
pub fn require<T: PartialEq + fmt::Display>(condition: Option<&Condition<T>>, present: &T) -> Result<(), Problem> {
    if condition.is_none_or(|condition| condition.holds(present)) {
        return Ok(());
    }
    Err(Problem::precondition_failed(present))
}

/// Reads `If-Match`. Weak tags never match there (RFC 9110 §13.1.1).
pub fn if_match<T: FromStr>(headers: &HeaderMap) -> Result<Option<Condition<T>>, Problem> {
    read(headers, &IF_MATCH, Comparison::Strong)
}

/// Reads `If-None-Match`. Weak tags match there too: a proxy that compresses makes them weak (RFC 9110 §13.1.2).
pub fn if_none_match<T: FromStr>(headers: &HeaderMap) -> Result<Option<Condition<T>>, Problem> {
    read(headers, &IF_NONE_MATCH, Comparison::Weak)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Strong,
    Weak,
}

fn read<T: FromStr>(
    headers: &HeaderMap,
    name: &HeaderName,
    comparison: Comparison,
) -> Result<Option<Condition<T>>, Problem> {
    let invalid =
        || Problem::new(Code::InvalidParameter).detail(format!("The header {name} lists no valid entity tags."));
    let mut listed = Vec::new();
    for value in headers.get_all(name) {
        let text = value.to_str().map_err(|_| invalid())?.trim();
        if text == "*" {
            return Ok(Some(Condition::Any));
        }
        listed.extend(text.split(',').map(str::trim));
    }
    if listed.is_empty() {
        return Ok(None);
    }
    if listed.len() > TAGS_MAX {
        return Err(invalid());
    }
    let mut tags = Vec::new();
    for text in listed {
        let (is_weak, quoted) = text.strip_prefix("W/").map_or((false, text), |rest| (true, rest));
        let tag = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(invalid)?;
        if is_weak && comparison == Comparison::Strong {
            continue;
        }
        tags.extend(tag.parse().ok());
    }
    Ok(Some(Condition::OneOf(tags)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(epoch: u32, seq: u64) -> DocumentTag {
        DocumentTag::new(Epoch::new(epoch), Seq::new(seq))
    }

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        [(name, HeaderValue::from_str(value).unwrap())].into_iter().collect()
    }

    #[test]
    fn a_tag_is_the_same_after_its_text_form_and_has_one_spelling() {
        let node = NodeTag { canvas: tag(1, 42), node: tag(3, 0) };
        assert_eq!(node.to_string(), "1-42.3-0");
        assert_eq!("1-42.3-0".parse(), Ok(node));
        for text in ["", "1", "1-", "-1", "+1-2", "01-2", "1-02", "1-2.3-4", "a-b"] {
            assert_eq!(text.parse::<DocumentTag>(), Err(NotATag), "{text}");
        }
        assert_eq!("1-2".parse::<NodeTag>(), Err(NotATag));
        assert_eq!(etag_header(&tag(1, 2)).1, "\"1-2\"");
    }

    #[test]
    fn the_same_content_has_the_same_tag() {
        let one = ContentTag::of(&["a", "b"]);
        assert_eq!((one, one.to_string().parse()), (ContentTag::of(&["a", "b"]), Ok(one)));
        assert_ne!(one, ContentTag::of(&["ab"]));
        assert_eq!(one.to_string().to_uppercase().parse::<ContentTag>(), Err(NotATag));
        assert!(require(Some(&Condition::OneOf(vec![one])), &one).is_ok());
        assert!(require(Some(&Condition::OneOf(vec![])), &one).is_err());
    }

    #[test]
    fn if_match_compares_strongly_and_foreign_tags_never_match() {
        let read = |value| if_match::<DocumentTag>(&headers(IF_MATCH, value)).unwrap().unwrap();
        assert_eq!(read("\"1-2\", \"xyz\""), Condition::OneOf(vec![tag(1, 2)]));
        assert!(read("\"1-2\"").holds(&tag(1, 2)));
        assert!(!read("\"1-2\"").holds(&tag(1, 3)));
        assert!(!read("W/\"1-2\"").holds(&tag(1, 2)));
        assert!(!read("\"xyz\"").holds(&tag(1, 2)));
        assert!(read("*").holds(&tag(1, 2)));
        assert_eq!(if_match::<DocumentTag>(&HeaderMap::new()).unwrap(), None);
        for value in ["1-2", "\"1-2", "W/", ""] {
            assert!(if_match::<DocumentTag>(&headers(IF_MATCH, value)).is_err(), "{value}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        let condition = if_none_match::<DocumentTag>(&headers(IF_NONE_MATCH, "W/\"1-2\"")).unwrap().unwrap();
        assert!(condition.holds(&tag(1, 2)));
    }
}
