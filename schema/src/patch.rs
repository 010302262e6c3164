//! What the patches of all documents share: the three states of a field, and the error of a refused patch.

pub(crate) mod metadata;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A field of a patch: left alone, cleared, or set. In JSON: absent, `null`, or a value.
///
/// Fields of this type carry `#[serde(default, skip_serializing_if = "Patch::is_absent")]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Patch<T> {
    /// The field stays as it is.
    #[default]
    Absent,
    /// The field loses its value.
    Clear,
    /// The field gets this value.
    Set(T),
}

impl<T> Patch<T> {
    /// Whether the field stays as it is.
    #[must_use]
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The value to set, if there is one.
    #[must_use]
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Clear => None,
        }
    }

    /// `None` to leave the field alone, `Some(None)` to clear it.
    #[must_use]
    pub const fn as_change(&self) -> Option<Option<&T>> {
        match self {
            Self::Absent => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }

    /// Changes the value to set.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Clear => Patch::Clear,
            Self::Set(value) => Patch::Set(change(value)),
        }
    }
}

impl<T> From<Option<T>> for Patch<T> {
    /// A value is set, none clears.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Clear, Self::Set)
    }
}

impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

/// What is wrong with a patch; the text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchErrorCode {
    /// A value is out of bounds or of the wrong kind.
    Invalid,
    /// What is to be changed, or referred to, is not in the document.
    NotFound,
    /// What is to be created is there already.
    AlreadyExists,
    /// The change would close a cycle of the graph.
    Cycle,
    /// What it was made for has changed meanwhile.
    Stale,
    /// There would be more than fit into one document.
    TooMany,
}

impl PatchErrorCode {
    /// The code as users see it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::Cycle => "CYCLE",
            Self::Stale => "STALE",
            Self::TooMany => "TOO_MANY",
        }
    }
}

impl std::fmt::Display for PatchErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Why a patch was refused. The document is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct PatchError {
    /// What sort of mistake it is.
    pub code: PatchErrorCode,
    /// The field at fault, spelled as in JSON.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl PatchError {
    pub(crate) fn new(code: PatchErrorCode, field: &'static str, message: impl Into<String>) -> Self {
        Self { code, field, message: message.into() }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(PatchErrorCode::Invalid, field, message)
    }

    pub(crate) fn not_found(field: &'static str, message: impl Into<String>) -> Self {
        Self::new(PatchErrorCode::NotFound, field, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Fields {
        #[serde(default, skip_serializing_if = "Patch::is_absent")]
        title: Patch<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_states_in_json() {
        let cases = [
            ("{}", Patch::Absent),
            (r#"{"title":null}"#, Patch::Clear),
            (r#"{"title":"a"}"#, Patch::Set("a".to_owned())),
        ];
        for (json, title) in cases {
            let fields = Fields { title };
            assert_eq!(serde_json::from_str::<Fields>(json).unwrap(), fields);
            assert_eq!(serde_json::to_string(&fields).unwrap(), json);
        }
    }
}
