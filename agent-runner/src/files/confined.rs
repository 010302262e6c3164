//! The inside of the process that reads one file: it takes away from itself what it does not need, reads, and says what
//! came of it.

use std::io::Read;

use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};

use super::extract::{ExtractLimits, Extracted, extract};

/// The most memory that the process may have, in bytes of its address space.
const ADDRESS_SPACE_BYTES: u64 = 1 << 30;
/// How long it may compute, in seconds.
const CPU_SECONDS: u64 = 30;

/// What came of reading a file, as the process says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Its text.
    Text(Extracted),
    /// Why it cannot be read.
    Failed {
        /// In words.
        error: String,
    },
    /// It has none: `{}`.
    Nothing {},
}

/// Bounds what this process can use from now on: memory, time, and no files beyond those that are open.
///
/// # Errors
/// When the system does not let it.
pub fn confine() -> std::io::Result<()> {
    setrlimit(Resource::RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_NOFILE, 0, 0)?;
    let memory = setrlimit(Resource::RLIMIT_AS, ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES);
    // Other systems map more than that before they begin, and refuse.
    if cfg!(target_os = "linux") { Ok(memory?) } else { Ok(()) }
}

/// Reads a file from `input`.
#[must_use]
pub fn answer(content_type: &str, filename: &str, input: impl Read) -> Answer {
    let limits = ExtractLimits::default();
    let most = u64::try_from(limits.file_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if let Err(error) = input.take(most).read_to_end(&mut bytes) {
        return Answer::Failed { error: format!("the file could not be read: {error}") };
    }
    match extract(content_type, filename, &bytes, &limits) {
        Ok(Some(extracted)) => Answer::Text(extracted),
        Ok(None) => Answer::Nothing {},
        Err(error) => Answer::Failed { error: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json, to_value};

    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let text = Answer::Text(Extracted { text: "a".to_owned(), truncated: true });
        let failed = Answer::Failed { error: "it is broken".to_owned() };
        for (answer, told) in [
            (text, json!({"text": "a", "truncated": true})),
            (failed, json!({"error": "it is broken"})),
            (Answer::Nothing {}, json!({})),
        ] {
            assert_eq!(to_value(&answer).unwrap(), told);
            assert_eq!(from_str::<Answer>(&told.to_string()).unwrap(), answer);
        }
    }

    #[test]
    fn a_file_is_read_from_where_it_comes() {
        let read = |kind: &str, bytes: &[u8]| answer(kind, "a.bin", bytes);
        assert_eq!(
            read("text/plain", b"words"),
            Answer::Text(Extracted { text: "words".to_owned(), truncated: false })
        );
        assert_eq!(read("image/png", b"words"), Answer::Nothing {});
        assert!(matches!(read("application/pdf", b"words"), Answer::Failed { .. }));
    }
}
