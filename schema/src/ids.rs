//! The identifiers that the whole server speaks: one newtype per noun, so that no two can be mixed up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

pub use yrs::block::ClientID;

/// The longest name of a scratch document, in bytes.
pub const SCRATCH_NAME_BYTES_MAX: usize = 100;

/// The namespace under which scratch documents get their version 5 uuids. Part of the stored format: never change it.
const SCRATCH_NAMESPACE: Uuid = Uuid::from_u128(0x9d3b_54d6_1c0e_5a8b_b1f7_6c61_7373_0b0c);

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Not a uuid in lower-case hyphenated form.
    #[error("an id is a lower-case uuid with hyphens, such as 0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    Uuid,
    /// Not 1 to 100 of `A–Z a–z 0–9 . _ -`.
    #[error("a scratch name is 1 to {SCRATCH_NAME_BYTES_MAX} of A-Z a-z 0-9 . _ -")]
    ScratchName,
    /// No known prefix.
    #[error("a document name is project:<uuid>, node:<uuid>, doc:<uuid> or scratch:<name>")]
    DocumentKind,
}

/// Reads a uuid in the one spelling that is accepted: 36 characters, hyphenated, lower-case.
fn parse_uuid(text: &str) -> Result<Uuid, ParseIdError> {
    const HYPHENATED_LENGTH: usize = 36;
    if text.len() != HYPHENATED_LENGTH || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(ParseIdError::Uuid);
    }
    Uuid::try_parse(text).map_err(|_| ParseIdError::Uuid)
}

/// Serializes a type as its `Display` form and reads it back by its `FromStr`.
macro_rules! serde_as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct TextVisitor;
                impl de::Visitor<'_> for TextVisitor {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str(concat!("the text form of ", stringify!($name)))
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(TextVisitor)
            }
        }
    };
}

macro_rules! uuid_newtypes {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        $(#[$doc])*
        ///
        /// Its text form, everywhere, is the lower-case uuid with hyphens.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a uuid.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The uuid inside.
            #[must_use]
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), formatter)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_uuid(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        serde_as_text!($name);
    )+};
}

uuid_newtypes! {
    /// An organization: the tenant.
    OrgId;
    /// A person.
    UserId;
    /// A project, and thereby its canvas document.
    ProjectId;
    /// A node of a canvas, and thereby its node document.
    NodeId;
    /// A document of a project that has no schema of ours.
    FreeDocumentId;
    /// One execution of an agent on a node.
    RunId;
    /// A dependency between two nodes.
    EdgeId;
    /// An input of a node.
    InputId;
    /// An output of a node.
    OutputId;
    /// A template.
    TemplateId;
    /// Something that somebody is told.
    NotificationId;
    /// A webhook of an organization.
    WebhookId;
    /// A delivery to a webhook.
    DeliveryId;
    /// An uploaded file.
    FileId;
}

/// A document's lineage: it changes only when history is replaced, and replicas of two epochs are never merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(u32);

impl Epoch {
    /// The epoch of a document whose history was never replaced.
    pub const FIRST: Self = Self(1);

    /// Wraps a number.
    #[must_use]
    pub const fn new(epoch: u32) -> Self {
        Self(epoch)
    }

    /// The number inside.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The epoch after this one.
    ///
    /// # Panics
    /// After four thousand million replacements of one document's history.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a document's history is replaced fewer than 2^32 times"))
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<u32> for Epoch {
    fn from(epoch: u32) -> Self {
        Self(epoch)
    }
}

/// An update's place in its document's log: gapless, in commit order, from 1. Zero stands for "nothing yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(u64);

impl Seq {
    /// The head of an empty log.
    pub const ZERO: Self = Self(0);

    /// Wraps a number.
    #[must_use]
    pub const fn new(seq: u64) -> Self {
        Self(seq)
    }

    /// The number inside.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place after this one.
    ///
    /// # Panics
    /// When a log holds 2^64 − 1 updates.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.checked_add(1).expect("a log holds fewer than 2^64 updates"))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl From<u64> for Seq {
    fn from(seq: u64) -> Self {
        Self(seq)
    }
}

/// The name of a scratch document: 1 to 100 of `A–Z a–z 0–9 . _ -`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ScratchName(Box<str>);

impl ScratchName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScratchName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for ScratchName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let fits = (1..=SCRATCH_NAME_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(is_allowed) { Ok(Self(text.into())) } else { Err(ParseIdError::ScratchName) }
    }
}

serde_as_text!(ScratchName);

/// What sort of document a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKind {
    /// A project's canvas.
    Project,
    /// A node.
    Node,
    /// A free document of a project.
    Free,
    /// A document for trying things out, in development mode only.
    Scratch,
}

impl DocumentKind {
    /// The prefix of such a document's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Node => "node",
            Self::Free => "doc",
            Self::Scratch => "scratch",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for DocumentKind {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        match text {
            "project" => Ok(Self::Project),
            "node" => Ok(Self::Node),
            "doc" => Ok(Self::Free),
            "scratch" => Ok(Self::Scratch),
            _ => Err(ParseIdError::DocumentKind),
        }
    }
}

/// A document by name: `project:<uuid>`, `node:<uuid>`, `doc:<uuid>` or `scratch:<name>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentName {
    /// The canvas of a project.
    Project(ProjectId),
    /// A node's document.
    Node(NodeId),
    /// A free document.
    Free(FreeDocumentId),
    /// A scratch document.
    Scratch(ScratchName),
}

impl DocumentName {
    /// The sort of document that this names.
    #[must_use]
    pub const fn kind(&self) -> DocumentKind {
        match self {
            Self::Project(_) => DocumentKind::Project,
            Self::Node(_) => DocumentKind::Node,
            Self::Free(_) => DocumentKind::Free,
            Self::Scratch(_) => DocumentKind::Scratch,
        }
    }

    /// The uuid under which the document is stored. A scratch document's is derived from its name (version 5).
    #[must_use]
    pub fn document_id(&self) -> Uuid {
        match self {
            Self::Project(id) => id.as_uuid(),
            Self::Node(id) => id.as_uuid(),
            Self::Free(id) => id.as_uuid(),
            Self::Scratch(name) => Uuid::new_v5(&SCRATCH_NAMESPACE, name.as_str().as_bytes()),
        }
    }
}

impl fmt::Display for DocumentName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.kind())?;
        match self {
            Self::Project(id) => id.fmt(formatter),
            Self::Node(id) => id.fmt(formatter),
            Self::Free(id) => id.fmt(formatter),
            Self::Scratch(name) => name.fmt(formatter),
        }
    }
}

impl FromStr for DocumentName {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (kind, rest) = text.split_once(':').ok_or(ParseIdError::DocumentKind)?;
        Ok(match kind.parse()? {
            DocumentKind::Project => Self::Project(rest.parse()?),
            DocumentKind::Node => Self::Node(rest.parse()?),
            DocumentKind::Free => Self::Free(rest.parse()?),
            DocumentKind::Scratch => Self::Scratch(rest.parse()?),
        })
    }
}

serde_as_text!(DocumentName);

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e";

    #[test]
    fn a_document_name_is_the_same_after_its_text_form() {
        for text in [format!("project:{UUID}"), format!("node:{UUID}"), format!("doc:{UUID}"), "scratch:a.B_9-".into()]
        {
            let name: DocumentName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let json = serde_json::to_string(&name).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<DocumentName>(&json).unwrap(), name);
        }
    }

    #[test]
    fn only_lower_case_hyphenated_uuids_are_accepted() {
        let refused = [
            UUID.to_uppercase(),
            UUID.replace('-', ""),
            format!("{{{UUID}}}"),
            format!("urn:uuid:{UUID}"),
            format!(" {UUID}"),
            format!("{UUID}0"),
            UUID[..35].to_owned(),
            String::new(),
        ];
        for text in refused {
            assert_eq!(text.parse::<NodeId>(), Err(ParseIdError::Uuid), "{text}");
            assert!(format!("node:{text}").parse::<DocumentName>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_outside_the_four_forms_are_refused() {
        for text in [
            "",
            "node",
            "Node:",
            "nodes:x",
            ":",
            UUID,
            "scratch:",
            "scratch:a b",
            "scratch:é",
            "scratch:a/b",
            "scratch:a:b",
        ] {
            assert!(text.parse::<DocumentName>().is_err(), "{text}");
        }
        let longest = "x".repeat(SCRATCH_NAME_BYTES_MAX);
        assert!(longest.parse::<ScratchName>().is_ok());
        assert!(format!("{longest}x").parse::<ScratchName>().is_err());
    }

    #[test]
    fn a_scratch_documents_uuid_follows_from_its_name_for_ever() {
        let id = |text: &str| text.parse::<DocumentName>().unwrap().document_id();
        assert_eq!(id("scratch:demo"), id("scratch:demo"));
        assert_ne!(id("scratch:demo"), id("scratch:Demo"));
        assert_eq!(id("scratch:demo").get_version_num(), 5);
        assert_eq!(id("scratch:demo").to_string(), "04895c7b-4057-5999-8c28-260010768f0a");
        assert_eq!(id(&format!("node:{UUID}")).to_string(), UUID);
    }

    #[test]
    fn seq_and_epoch_count_up_and_are_numbers_in_json() {
        assert_eq!(Seq::ZERO.next().next().get(), 2);
        assert_eq!(serde_json::to_string(&Seq::new(7)).unwrap(), "7");
        assert_eq!(serde_json::from_str::<Epoch>("3").unwrap(), Epoch::FIRST.next().next());
        assert_eq!(format!("{}-{}", Epoch::FIRST, Seq::new(4)), "1-4");
    }
}
