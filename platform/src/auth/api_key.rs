//! API keys: what they look like, and their hashes. Which there are, and whose, is in [`crate::db::api_keys`].

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::config::Secret;
use crate::random::Random;

/// What every key begins with, so that it is recognized where it should not be.
const PREFIX: &str = "sk-";
/// How many characters of a key may be shown, to tell it from others.
const HINT_LENGTH: usize = 10;
/// The random part, in bytes.
const SECRET_BYTES: usize = 32;

/// A key that was just made. Nobody can make it out from what is stored of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshApiKey {
    /// The key itself, to be shown once. Never logged.
    pub key: Secret,
    /// What is stored of it.
    pub hash: [u8; 32],
    /// What may be shown of it.
    pub hint: String,
}

impl FreshApiKey {
    /// Draws a key.
    #[must_use]
    pub fn draw(random: &Random) -> Self {
        let mut key = PREFIX.to_owned();
        for byte in random.bytes::<SECRET_BYTES>() {
            // Writing to a text cannot fail.
            let _ = write!(key, "{byte:02x}");
        }
        Self { hash: hash(&key), hint: key.chars().take(HINT_LENGTH).collect(), key: Secret::new(key) }
    }
}

/// Whether a token claims to be an API key.
pub(super) fn is_one(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// A key is 256 random bits: nothing slower than a plain hash is needed to keep it from being guessed.
pub(super) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_recognized_hashed_and_kept_out_of_the_log() {
        let random = Random::from_seed(1);
        let (one, other) = (FreshApiKey::draw(&random), FreshApiKey::draw(&random));
        assert_ne!(one.hash, other.hash);
        let text = one.key.expose();
        assert!(is_one(text) && text.len() == 3 + 64 && text.starts_with(&one.hint));
        assert_eq!(hash(text), one.hash);
        assert!(!format!("{one:?}").contains(text), "{one:?}");
        assert!(!is_one("eyJhbGciOiJIUzI1NiJ9.e30."));
    }
}
