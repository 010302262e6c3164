//! Awareness updates: a list of presence states, each of one Yjs client id.
//!
//! Source: `y-protocols`, `awareness.js`: varuint count, then per entry varuint client id, varuint clock,
//! varstring state (JSON, `null` for a client that is gone).

use crate::lib0::{DecodeError, Reader, write_varstring, write_varuint};

/// The state that says that a client is gone.
pub const GONE: &str = "null";

/// One client's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The Yjs client id.
    pub client: u64,
    /// Rises with every change of the state; of two states the one with the higher clock holds.
    pub clock: u64,
    /// JSON text, `null` when the client is gone.
    pub state: &'a str,
}

/// Decodes an awareness update of at most `max_entries` states.
pub fn decode(bytes: &[u8], max_entries: usize) -> Result<Vec<Entry<'_>>, DecodeError> {
    let mut reader = Reader::new(bytes);
    let count = reader.varuint()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        if entries.len() == max_entries {
            return Ok(entries);
        }
        entries.push(Entry { client: reader.varuint()?, clock: reader.varuint()?, state: reader.varstring()? });
    }
    reader.finish()?;
    Ok(entries)
}

/// Encodes an awareness update.
pub fn encode<'a>(entries: impl ExactSizeIterator<Item = Entry<'a>>) -> Vec<u8> {
    let mut out = Vec::new();
    write_varuint(&mut out, entries.len() as u64);
    for entry in entries {
        write_varuint(&mut out, entry.client);
        write_varuint(&mut out, entry.clock);
        write_varstring(&mut out, entry.state);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn states_survive_the_wire(clients in proptest::collection::vec((0..1_u64 << 53, 0..1_u64 << 32, ".*"), 0..20)) {
            let entries: Vec<_> =
                clients.iter().map(|(client, clock, state)| Entry { client: *client, clock: *clock, state }).collect();
            let bytes = encode(entries.iter().copied());
            prop_assert_eq!(decode(&bytes, 100), Ok(entries));
        }

        #[test]
        fn any_bytes_are_an_answer_and_not_a_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes, 16);
        }
    }

    #[test]
    fn a_claimed_count_allocates_nothing() {
        let mut bytes = Vec::new();
        write_varuint(&mut bytes, u64::from(u32::MAX));
        assert_eq!(decode(&bytes, usize::MAX), Err(DecodeError::UnexpectedEnd));
    }
}
