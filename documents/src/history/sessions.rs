//! Who worked on a document when: its updates, grouped into sessions of work.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use platform::auth::PrincipalRef;
use schema::ids::{RunId, Seq};
use schema::update::ClientRange;

use super::index::Index;

/// What parts one session of somebody's work from the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grouping {
    /// The longest pause within a session.
    pub gap: TimeDelta,
    /// The longest session.
    pub length: TimeDelta,
}

impl Default for Grouping {
    fn default() -> Self {
        Self { gap: TimeDelta::minutes(5), length: TimeDelta::hours(1) }
    }
}

/// Some time of somebody's work on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkSession {
    /// Who.
    pub principal: PrincipalRef,
    /// The agent's run that it is of.
    pub run: Option<RunId>,
    /// When the first update came in.
    pub started_at: DateTime<Utc>,
    /// When the last one did.
    pub ended_at: DateTime<Utc>,
    /// The first update.
    pub first: Seq,
    /// The last. Those between may be of others too.
    pub last: Seq,
    /// How many updates.
    pub updates: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How much was inserted: characters, and one for anything else (an element, a value).
    pub inserted: u64,
    /// How much was deleted, likewise.
    pub deleted: u64,
}

/// Sessions of work, the one that ended last first.
pub(super) fn sessions(index: &Index, grouping: Grouping) -> Vec<WorkSession> {
    let mut sessions: Vec<WorkSession> = Vec::new();
    let mut open: HashMap<(PrincipalRef, Option<RunId>), usize> = HashMap::new();
    for (seq, entry) in index.iter() {
        let actor = index.actor(entry);
        let at = entry.at();
        let who = (actor.principal, actor.run);
        let goes_on = open.get(&who).copied().filter(|number| {
            let session = &sessions[*number];
            at - session.ended_at <= grouping.gap && at - session.started_at <= grouping.length
        });
        let number = goes_on.unwrap_or_else(|| {
            sessions.push(WorkSession {
                principal: actor.principal,
                run: actor.run,
                started_at: at,
                ended_at: at,
                first: seq,
                last: seq,
                updates: 0,
                bytes: 0,
                inserted: 0,
                deleted: 0,
            });
            open.insert(who, sessions.len() - 1);
            sessions.len() - 1
        });
        let session = &mut sessions[number];
        // Clocks of instances differ: a later update may have come in earlier.
        session.ended_at = session.ended_at.max(at);
        session.last = seq;
        session.updates += 1;
        session.bytes += u64::from(entry.bytes);
        session.inserted += length(index.inserted(entry));
        session.deleted += length(index.deleted(entry));
    }
    sessions.sort_by_key(|session| std::cmp::Reverse(session.last));
    sessions
}

fn length(ranges: &[ClientRange]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}
