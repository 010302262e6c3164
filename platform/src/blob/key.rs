//! What blobs are called in the store.

use std::fmt;
use std::str::FromStr;

use schema::ids::{FileId, OrgId};
use uuid::Uuid;

use super::BlobError;

/// The longest key, in bytes: more than any that is made here.
const KEY_BYTES_MAX: usize = 200;

/// The key of a blob: parts of `a–z 0–9 -`, with slashes between them. Never made of what a client sends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobKey(String);

impl BlobKey {
    /// Of an uploaded file.
    #[must_use]
    pub fn of_file(org: OrgId, file: FileId) -> Self {
        Self(format!("uploads/{org}/{file}"))
    }

    /// Of a file that was confirmed, for which no address to upload anything to was ever given out.
    #[must_use]
    pub fn of_confirmed(org: OrgId, drawn: Uuid) -> Self {
        Self(format!("files/{org}/{drawn}"))
    }

    /// A key as it was stored, or stands in a signed address.
    ///
    /// # Errors
    /// [`BlobError::BadKey`] for what cannot be one.
    pub fn stored(text: String) -> Result<Self, BlobError> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(is_allowed);
        let is_key = text.len() <= KEY_BYTES_MAX && text.split('/').all(is_part);
        if is_key { Ok(Self(text)) } else { Err(BlobError::BadKey) }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// As [`BlobKey::stored`].
impl FromStr for BlobKey {
    type Err = BlobError;

    fn from_str(text: &str) -> Result<Self, BlobError> {
        Self::stored(text.to_owned())
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_ids_and_read_again() {
        let key = BlobKey::of_file(Uuid::nil().into(), Uuid::max().into());
        assert_eq!(key.as_str(), "uploads/00000000-0000-0000-0000-000000000000/ffffffff-ffff-ffff-ffff-ffffffffffff");
        assert_eq!(BlobKey::stored(key.to_string()).unwrap(), key);
    }

    #[test]
    fn what_could_lead_elsewhere_is_no_key() {
        let long = "a".repeat(KEY_BYTES_MAX + 1);
        for text in
            ["", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", "A", "a b", "a\\b", "a\0", "ä", "%2e", &long]
        {
            assert!(matches!(BlobKey::stored(text.to_owned()), Err(BlobError::BadKey)), "{text:?}");
        }
    }
}
