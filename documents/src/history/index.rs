//! The index of a document's history: what its updates did, from the first to the last. It follows the log: what is
//! not noted yet is noted when somebody asks, and before the log lets go of anything.

use std::collections::HashMap;

use platform::db::documents::DocumentRef;
use platform::db::history::{self, Extent};
use schema::ids::Seq;
use schema::update::ClientRange;

use super::HistoryError;
use super::covered::Covered;
use super::entries::{Actor, Entries, Entry};
use crate::services::Services;

/// Updates of a segment. Part of the stored format: segments begin at its multiples.
const SEGMENT_UPDATES: u64 = 8_192;
/// Updates that are read from the log at a time.
const READ_UPDATES: u64 = 2_048;

/// What the updates of a document did, each to content that none before had brought or taken.
#[derive(Debug)]
pub(crate) struct Index {
    /// Where the log stood.
    pub(crate) extent: Extent,
    entries: Entries,
}

impl Index {
    /// Reads the index of a document, with what was not noted yet.
    pub(crate) async fn load(services: &Services, document: &DocumentRef) -> Result<Self, HistoryError> {
        let extent = extend(services, document).await?;
        let segments = history::segments(&services.db, document.org, document.id).await?;
        let read = move || {
            let mut entries = Entries::new(Seq::new(1));
            segments.iter().try_for_each(|segment| entries.read(segment))?;
            let (mut inserted, mut deleted) = (Covered::default(), Covered::default());
            let entries = entries.refined(|range, new| inserted.add(range, new), |range, new| deleted.add(range, new));
            Ok::<_, HistoryError>(entries)
        };
        let entries = tokio::task::spawn_blocking(read).await.map_err(|_| HistoryError::Aborted)??;
        Ok(Self { extent, entries })
    }

    /// All updates, with their places.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Seq, &Entry)> {
        self.entries.iter()
    }

    /// The update at a place.
    pub(crate) fn get(&self, seq: Seq) -> Option<&Entry> {
        self.entries.get(seq)
    }

    pub(crate) fn actor(&self, entry: &Entry) -> &Actor {
        self.entries.actor(entry)
    }

    /// What an update brought.
    pub(crate) fn inserted(&self, entry: &Entry) -> &[ClientRange] {
        self.entries.inserted(entry)
    }

    /// What an update took away.
    pub(crate) fn deleted(&self, entry: &Entry) -> &[ClientRange] {
        self.entries.deleted(entry)
    }

    /// Which update brought which content.
    pub(crate) fn insertions(&self) -> Attributions {
        Attributions::new(self.iter().map(|(seq, entry)| (seq, self.inserted(entry))))
    }

    /// Which update took which content away.
    pub(crate) fn deletions(&self) -> Attributions {
        Attributions::new(self.iter().map(|(seq, entry)| (seq, self.deleted(entry))))
    }
}

/// Notes what was appended to the log since it was noted last. Returns where the log stands.
pub(crate) async fn extend(services: &Services, document: &DocumentRef) -> Result<Extent, HistoryError> {
    let (db, org, id) = (&services.db, document.org, document.id);
    let extent = history::extent(db, org, id).await?.ok_or(HistoryError::Gone)?;
    let last = history::last_segment(db, org, id).await?;
    let noted = last.as_ref().map_or(Seq::ZERO, |segment| segment.last);
    if noted >= extent.head {
        return Ok(extent);
    }
    let mut entries = match last {
        Some(segment) if !segment.last.get().is_multiple_of(SEGMENT_UPDATES) => {
            let mut entries = Entries::new(segment.first);
            entries.read(&segment)?;
            entries
        }
        _ => Entries::new(noted.next()),
    };
    let mut at = noted;
    while at < extent.head {
        let segment_end = (at.get() / SEGMENT_UPDATES + 1) * SEGMENT_UPDATES;
        let through = Seq::new((at.get() + READ_UPDATES).min(segment_end).min(extent.head.get()));
        let updates = history::updates(db, org, id, at.next()..=through).await?;
        if updates.last().map(|update| update.seq) != Some(through) {
            return Err(HistoryError::Gone);
        }
        let note = move || {
            for update in &updates {
                entries.note(update);
            }
            entries
        };
        entries = tokio::task::spawn_blocking(note).await.map_err(|_| HistoryError::Aborted)?;
        at = through;
        if at.get() == segment_end || at == extent.head {
            history::save_segment(db, org, id, &entries.to_segment()).await?;
            entries = Entries::new(at.next());
        }
    }
    Ok(extent)
}

/// By client id, ranges of clocks in their order, with the update that each is of.
#[derive(Debug, Default)]
pub(crate) struct Attributions {
    clients: HashMap<u64, Vec<(u64, u64, Seq)>>,
}

impl Attributions {
    fn new<'a>(updates: impl Iterator<Item = (Seq, &'a [ClientRange])>) -> Self {
        let mut clients: HashMap<u64, Vec<(u64, u64, Seq)>> = HashMap::new();
        for (seq, ranges) in updates {
            for range in ranges {
                clients.entry(range.client).or_default().push((range.start, range.end, seq));
            }
        }
        for ranges in clients.values_mut() {
            ranges.sort_unstable();
        }
        Self { clients }
    }

    /// The parts of a range, each with its update; `None` where it is not known.
    pub(crate) fn of(&self, range: ClientRange) -> Vec<(u64, u64, Option<Seq>)> {
        let ranges = self.clients.get(&range.client).map_or(&[][..], Vec::as_slice);
        let first = ranges.partition_point(|(_, end, _)| *end <= range.start);
        let mut parts = Vec::new();
        let mut at = range.start;
        for (start, end, seq) in ranges[first..].iter().take_while(|(start, ..)| *start < range.end) {
            if at < *start {
                parts.push((at, *start, None));
            }
            let part_end = (*end).min(range.end);
            parts.push((at.max(*start), part_end, Some(*seq)));
            at = part_end;
        }
        if at < range.end {
            parts.push((at, range.end, None));
        }
        parts
    }

    /// The update that one clock is of.
    pub(crate) fn at(&self, client: u64, clock: u64) -> Option<Seq> {
        self.of(ClientRange { client, start: clock, end: clock + 1 }).first().and_then(|(_, _, seq)| *seq)
    }
}
