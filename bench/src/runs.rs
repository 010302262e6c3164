//! Which edits an update holds: the runs of clocks of its clients, read without building anything.

use std::ops::ControlFlow;

use web_protocol::lib0::{DecodeError, Reader};

/// Consecutive clocks of one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) client: u64,
    pub(crate) clock: u64,
    pub(crate) len: u64,
}

/// Tells each run of an update in Yjs's encoding, version 1, one for each client unless there are gaps; an error for
/// content that nobody types who only writes text.
pub(crate) fn each_run(update: &[u8], mut tell: impl FnMut(Run)) -> Result<(), DecodeError> {
    let mut reader = Reader::new(update);
    for _ in 0..reader.varuint()? {
        let (structs, client, clock) = (reader.varuint()?, reader.varuint()?, reader.varuint()?);
        let mut run = Run { client, clock, len: 0 };
        for _ in 0..structs {
            let at = update.len() - reader.remaining();
            let Some((info, rest)) = update[at..].split_first() else { return Err(DecodeError::UnexpectedEnd) };
            reader = Reader::new(rest);
            match struct_len(*info, &mut reader)? {
                ControlFlow::Continue(len) => run.len += len,
                // A gap: what follows is another run.
                ControlFlow::Break(len) => {
                    tell(run);
                    run = Run { client, clock: run.clock + run.len + len, len: 0 };
                }
            }
        }
        tell(run);
    }
    Ok(())
}

/// All of them.
pub(crate) fn runs(update: &[u8]) -> Result<Vec<Run>, DecodeError> {
    let mut runs = Vec::with_capacity(1);
    each_run(update, |run| runs.push(run))?;
    Ok(runs)
}

/// The length of a struct, or of a gap that it stands for.
fn struct_len(info: u8, reader: &mut Reader<'_>) -> Result<ControlFlow<u64, u64>, DecodeError> {
    const CONTENT: u8 = 0x1f;
    const HAS_LEFT: u8 = 0x80;
    const HAS_RIGHT: u8 = 0x40;
    const HAS_KEY: u8 = 0x20;
    match info & CONTENT {
        0 => return reader.varuint().map(ControlFlow::Continue),
        10 => return reader.varuint().map(ControlFlow::Break),
        _ => {}
    }
    for _ in 0..(info & (HAS_LEFT | HAS_RIGHT)).count_ones() {
        let (_client, _clock) = (reader.varuint()?, reader.varuint()?);
    }
    if info & (HAS_LEFT | HAS_RIGHT) == 0 {
        let parent_is_root = reader.varuint()? == 1;
        if parent_is_root {
            reader.varstring()?;
        } else {
            let (_client, _clock) = (reader.varuint()?, reader.varuint()?);
        }
        if info & HAS_KEY != 0 {
            reader.varstring()?;
        }
    }
    match info & CONTENT {
        1 => reader.varuint(),
        4 => reader.varstring().map(utf16_len),
        other => Err(DecodeError::UnknownType(u64::from(other))),
    }
    .map(ControlFlow::Continue)
}

fn utf16_len(text: &str) -> u64 {
    if text.is_ascii() { text.len() as u64 } else { text.encode_utf16().count() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::typing::{Replica, Typist};

    #[test]
    fn the_edits_of_several_are_found_in_what_was_merged() {
        let [mut a, mut b] = [7, 9].map(|client| Typist::new(client, 1));
        let reader = Replica::new(8);
        let mut before = Vec::new();
        for round in 0..50 {
            if round == 30 {
                before = reader.state_vector();
            }
            for typist in [&mut a, &mut b] {
                reader.apply(&typist.next_update()).unwrap();
            }
        }
        let clocks = [7, 9].map(|client| u64::from(reader.clock_of(client)));
        let mut all = runs(&reader.diff(&[0]).unwrap()).unwrap();
        all.sort_by_key(|run| run.client);
        assert_eq!(all, [Run { client: 7, clock: 0, len: clocks[0] }, Run { client: 9, clock: 0, len: clocks[1] }]);
        for run in runs(&reader.diff(&before).unwrap()).unwrap() {
            assert!(run.clock > 0, "{run:?} begins behind what was known");
            assert_eq!(run.clock + run.len, clocks[usize::from(run.client == 9)]);
        }
    }

    #[test]
    fn an_update_that_only_deletes_has_no_runs_and_a_broken_one_is_an_error() {
        assert_eq!(runs(&[0, 1, 7, 1, 0, 1]).unwrap(), []);
        assert!(runs(&[]).is_err());
        assert!(runs(&[1, 1, 7, 0]).is_err());
    }
}
