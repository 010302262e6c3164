//! What the updates of a log did, without their content: who, when, which content came, and which went.
//!
//! A segment is stored as a byte that names the format, and the rest deflated: the actors, the Yjs client ids, and for
//! each update its actor, time, size, and ranges. All numbers are variable-length, most of them differences from the
//! one before, so that a keystroke takes up a few bytes.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::history::{LoggedUpdate, Segment};
use platform::db::log::Provenance;
use schema::ids::{RunId, Seq};
use schema::update::{ClientRange, UpdateLimits};
use thiserror::Error;
use uuid::Uuid;

/// The format that is written.
const FORMAT: u8 = 1;
/// No segment unpacks to more.
const UNPACKED_BYTES_MAX: u64 = 256 << 20;

const HAS_RUN: u8 = 1;
const HAS_TRACE_EVENT: u8 = 2;
const IS_CARRIED: u8 = 4;

/// Who made an update, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Actor {
    /// Who sent it.
    pub principal: PrincipalRef,
    /// The agent's run that it is of.
    pub run: Option<RunId>,
    /// The step of the run.
    pub trace_event: Option<Uuid>,
    /// Whether the sender wrote the content, or brought it back for somebody else.
    pub provenance: Provenance,
}

/// What one update did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its author's place in [`Entries::actors`].
    pub(crate) actor: u32,
    /// When it came in, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The update's length.
    pub(crate) bytes: u32,
    inserted: Range<usize>,
    deleted: Range<usize>,
}

/// What the updates of a log did, from `first` on without a gap.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entries {
    first: Seq,
    actors: Vec<Actor>,
    numbers: HashMap<Actor, u32>,
    all: Vec<Entry>,
    ranges: Vec<ClientRange>,
}

/// What is stored is not what this build writes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("what the updates did cannot be read: {0}")]
pub struct Unreadable(&'static str);

impl Entries {
    /// Nothing yet; the first update that is added is at `first`.
    pub(crate) fn new(first: Seq) -> Self {
        Self { first, ..Self::default() }
    }

    /// The place of the last update; before the first, if there is none.
    pub(crate) fn last(&self) -> Seq {
        Seq::new(self.first.get() + self.all.len() as u64 - 1)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn actor(&self, entry: &Entry) -> &Actor {
        &self.actors[entry.actor as usize]
    }

    /// All updates, with their places.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Seq, &Entry)> {
        self.all.iter().enumerate().map(|(index, entry)| (Seq::new(self.first.get() + index as u64), entry))
    }

    /// The update at a place.
    pub(crate) fn get(&self, seq: Seq) -> Option<&Entry> {
        self.all.get(usize::try_from(seq.get().checked_sub(self.first.get())?).ok()?)
    }

    /// What an update inserted.
    pub(crate) fn inserted(&self, entry: &Entry) -> &[ClientRange] {
        &self.ranges[entry.inserted.clone()]
    }

    /// What an update deleted.
    pub(crate) fn deleted(&self, entry: &Entry) -> &[ClientRange] {
        &self.ranges[entry.deleted.clone()]
    }

    /// Notes what an update of the log did. Of one whose content was let go of, or that fits into no document, that is
    /// not known.
    pub(crate) fn note(&mut self, logged: &LoggedUpdate) {
        let limits = UpdateLimits {
            bytes_max: usize::MAX,
            elements_max: usize::MAX,
            clients_max: usize::MAX,
            ..Default::default()
        };
        let summary = logged.update.as_ref().and_then(|update| schema::update::inspect(update, &limits).ok());
        let (inserted, deleted) = summary.as_ref().map_or((&[][..], &[][..]), |it| (it.insertions(), it.deletions()));
        let actor = Actor {
            principal: logged.principal,
            run: logged.run,
            trace_event: logged.trace_event,
            provenance: logged.provenance,
        };
        self.push(actor, logged.received_at.timestamp_millis(), logged.bytes, inserted, deleted);
    }

    fn push(&mut self, actor: Actor, at_ms: i64, bytes: u32, inserted: &[ClientRange], deleted: &[ClientRange]) {
        let actor = self.number_of(actor);
        let start = self.ranges.len();
        self.ranges.extend_from_slice(inserted);
        let middle = self.ranges.len();
        self.ranges.extend_from_slice(deleted);
        let entry = Entry { actor, at_ms, bytes, inserted: start..middle, deleted: middle..self.ranges.len() };
        self.all.push(entry);
    }

    fn number_of(&mut self, actor: Actor) -> u32 {
        let next = u32::try_from(self.actors.len()).expect("a log has fewer authors than 2^32");
        let number = *self.numbers.entry(actor).or_insert(next);
        if number == next {
            self.actors.push(actor);
        }
        number
    }

    /// The same with other ranges: what `keep` makes of those that updates inserted, and of those that they deleted.
    pub(crate) fn refined(
        self,
        mut inserted: impl FnMut(ClientRange, &mut Vec<ClientRange>),
        mut deleted: impl FnMut(ClientRange, &mut Vec<ClientRange>),
    ) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len());
        let mut all = self.all;
        for entry in &mut all {
            let start = ranges.len();
            self.ranges[entry.inserted.clone()].iter().for_each(|range| inserted(*range, &mut ranges));
            let middle = ranges.len();
            self.ranges[entry.deleted.clone()].iter().for_each(|range| deleted(*range, &mut ranges));
            (entry.inserted, entry.deleted) = (start..middle, middle..ranges.len());
        }
        Self { all, ranges, ..self }
    }

    /// Takes up the updates that a segment tells of. It must follow what is here.
    pub(crate) fn read(&mut self, segment: &Segment) -> Result<(), Unreadable> {
        let (format, packed) = segment.entries.split_first().ok_or(Unreadable("it is empty"))?;
        if *format != FORMAT {
            return Err(Unreadable("it is of an unknown format"));
        }
        let mut bytes = Vec::new();
        let mut unpacked = DeflateDecoder::new(packed).take(UNPACKED_BYTES_MAX);
        unpacked.read_to_end(&mut bytes).map_err(|_| Unreadable("it cannot be unpacked"))?;
        let before = self.len();
        decode(&mut Reader(&bytes), self)?;
        let expected = segment.last.get().checked_sub(segment.first.get()).map(|count| count + 1);
        if expected != Some((self.len() - before) as u64) || self.last() != segment.last {
            return Err(Unreadable("it is of other updates than it says"));
        }
        Ok(())
    }

    /// All of it as a segment. There must be something.
    pub(crate) fn to_segment(&self) -> Segment {
        let mut encoder = DeflateEncoder::new(vec![FORMAT], Compression::new(5));
        let packed = encoder.write_all(&self.encode()).and_then(|()| encoder.finish());
        let entries = Bytes::from(packed.expect("a vector takes every byte"));
        Segment { first: self.first, last: self.last(), entries }
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.all.len() * 12);
        put(&mut out, self.actors.len() as u64);
        for actor in &self.actors {
            put_actor(&mut out, actor);
        }
        let mut clients: Vec<u64> = self.ranges.iter().map(|range| range.client).collect();
        clients.sort_unstable();
        clients.dedup();
        put(&mut out, clients.len() as u64);
        for client in &clients {
            put(&mut out, *client);
        }
        put(&mut out, self.all.len() as u64);
        let mut clocks = Clocks::new(clients.len());
        let mut last_ms = 0;
        for entry in &self.all {
            put(&mut out, u64::from(entry.actor));
            put(&mut out, zigzag(entry.at_ms - last_ms));
            last_ms = entry.at_ms;
            put(&mut out, u64::from(entry.bytes));
            for (ranges, clocks) in
                [(self.inserted(entry), &mut clocks.inserted), (self.deleted(entry), &mut clocks.deleted)]
            {
                put(&mut out, ranges.len() as u64);
                for range in ranges {
                    let client = clients.binary_search(&range.client).expect("all clients were collected");
                    put(&mut out, client as u64);
                    put(&mut out, zigzag(range.start.cast_signed() - clocks[client].cast_signed()));
                    put(&mut out, range.end - range.start);
                    clocks[client] = range.end;
                }
            }
        }
        out
    }
}

impl Entry {
    /// When the update came in.
    pub(crate) fn at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.at_ms).unwrap_or_default()
    }
}

/// Where the last range of every client ended.
struct Clocks {
    inserted: Vec<u64>,
    deleted: Vec<u64>,
}

impl Clocks {
    fn new(clients: usize) -> Self {
        Self { inserted: vec![0; clients], deleted: vec![0; clients] }
    }
}

fn decode(reader: &mut Reader<'_>, entries: &mut Entries) -> Result<(), Unreadable> {
    let actors: Vec<Actor> = (0..reader.number()?).map(|_| reader.actor()).collect::<Result<_, _>>()?;
    let clients: Vec<u64> = (0..reader.number()?).map(|_| reader.number()).collect::<Result<_, _>>()?;
    let mut clocks = Clocks::new(clients.len());
    let mut at_ms = 0_i64;
    let (mut inserted, mut deleted) = (Vec::new(), Vec::new());
    for _ in 0..reader.number()? {
        let actor = usize::try_from(reader.number()?).ok().and_then(|number| actors.get(number));
        let actor = *actor.ok_or(Unreadable("an update is nobody's"))?;
        at_ms = at_ms.wrapping_add(reader.signed()?);
        let bytes = u32::try_from(reader.number()?).map_err(|_| Unreadable("an update is too long"))?;
        reader.ranges(&clients, &mut clocks.inserted, &mut inserted)?;
        reader.ranges(&clients, &mut clocks.deleted, &mut deleted)?;
        entries.push(actor, at_ms, bytes, &inserted, &deleted);
    }
    if reader.0.is_empty() { Ok(()) } else { Err(Unreadable("something follows it")) }
}

fn put_actor(out: &mut Vec<u8>, actor: &Actor) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    let flags = flag(actor.run.is_some(), HAS_RUN)
        | flag(actor.trace_event.is_some(), HAS_TRACE_EVENT)
        | flag(actor.provenance == Provenance::Carried, IS_CARRIED);
    out.push(actor.principal.kind.number());
    out.push(flags);
    out.extend_from_slice(actor.principal.id.as_bytes());
    out.extend(actor.run.iter().flat_map(|run| *run.as_uuid().as_bytes()));
    out.extend(actor.trace_event.iter().flat_map(|event| *event.as_bytes()));
}

fn put(out: &mut Vec<u8>, mut number: u64) {
    loop {
        let seven_bits = number.to_le_bytes()[0] & 0x7f;
        number >>= 7;
        if number == 0 {
            return out.push(seven_bits);
        }
        out.push(seven_bits | 0x80);
    }
}

const fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, Unreadable> {
        let (byte, rest) = self.0.split_first().ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(*byte)
    }

    fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unreadable("a number is too long"))
    }

    fn signed(&mut self) -> Result<i64, Unreadable> {
        let number = self.number()?;
        Ok((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    fn uuid(&mut self) -> Result<Uuid, Unreadable> {
        let (bytes, rest) = self.0.split_first_chunk::<16>().ok_or(Unreadable("it ends too early"))?;
        self.0 = rest;
        Ok(Uuid::from_bytes(*bytes))
    }

    fn actor(&mut self) -> Result<Actor, Unreadable> {
        let kind = PrincipalKind::of_number(self.byte()?).ok_or(Unreadable("somebody is of no known kind"))?;
        let flags = self.byte()?;
        let principal = PrincipalRef { kind, id: self.uuid()? };
        let run = if flags & HAS_RUN != 0 { Some(RunId::new(self.uuid()?)) } else { None };
        let trace_event = if flags & HAS_TRACE_EVENT != 0 { Some(self.uuid()?) } else { None };
        let provenance = if flags & IS_CARRIED != 0 { Provenance::Carried } else { Provenance::Own };
        Ok(Actor { principal, run, trace_event, provenance })
    }

    fn ranges(&mut self, clients: &[u64], clocks: &mut [u64], ranges: &mut Vec<ClientRange>) -> Result<(), Unreadable> {
        ranges.clear();
        for _ in 0..self.number()? {
            let number = usize::try_from(self.number()?).unwrap_or(usize::MAX);
            let client = *clients.get(number).ok_or(Unreadable("content is nobody's"))?;
            let start = clocks[number].cast_signed().wrapping_add(self.signed()?).cast_unsigned();
            let end = start.checked_add(self.number()?).ok_or(Unreadable("content is too long"))?;
            clocks[number] = end;
            ranges.push(ClientRange { client, start, end });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use platform::random::Random;

    use super::*;

    fn actor(number: u128, run: Option<u128>) -> Actor {
        Actor {
            principal: PrincipalRef { kind: PrincipalKind::User, id: Uuid::from_u128(number) },
            run: run.map(|run| RunId::new(Uuid::from_u128(run))),
            trace_event: run.map(|run| Uuid::from_u128(run + 1)),
            provenance: if run.is_some() { Provenance::Carried } else { Provenance::Own },
        }
    }

    fn some_entries(seed: u64, first: u64, count: u64) -> Entries {
        let random = Random::from_seed(seed);
        let mut entries = Entries::new(Seq::new(first));
        let range = || {
            let start = random.below(1 << 20);
            ClientRange { client: 1 + random.below(3) * 0x1f_ffff_ffff, start, end: start + random.below(1000) }
        };
        for _ in 0..count {
            let who = actor(random.below(3).into(), (random.below(2) == 0).then_some(9));
            let at_ms = random.below(1 << 40).cast_signed();
            let inserted: Vec<_> = (0..random.below(3)).map(|_| range()).collect();
            let deleted: Vec<_> = (0..random.below(3)).map(|_| range()).collect();
            entries.push(who, at_ms, 17, &inserted, &deleted);
        }
        entries
    }

    type Told = (Seq, Actor, i64, Vec<ClientRange>, Vec<ClientRange>);

    fn told(entries: &Entries) -> Vec<Told> {
        let tell = |(seq, entry): (Seq, &Entry)| {
            let (inserted, deleted) = (entries.inserted(entry).to_vec(), entries.deleted(entry).to_vec());
            (seq, *entries.actor(entry), entry.at_ms, inserted, deleted)
        };
        entries.iter().map(tell).collect()
    }

    #[test]
    fn segments_are_read_as_they_were_written_one_after_the_other() {
        for seed in 0..50 {
            let (one, other) = (some_entries(seed, 1, 40), some_entries(seed + 1, 41, 7));
            let mut read = Entries::new(Seq::new(1));
            read.read(&one.to_segment()).unwrap();
            assert_eq!(told(&read), told(&one));
            read.read(&other.to_segment()).unwrap();
            assert_eq!(told(&read)[40..], told(&other));
            assert_eq!((read.last(), read.get(Seq::new(48))), (Seq::new(47), None));
        }
    }

    #[test]
    fn a_segment_that_is_damaged_is_refused_and_harms_nobody() {
        let segment = some_entries(1, 1, 40).to_segment();
        let plain = some_entries(1, 1, 40).encode();
        for at in 0..plain.len() {
            let mut damaged = plain.clone();
            damaged[at] ^= 0x55;
            drop(decode(&mut Reader(&damaged), &mut Entries::new(Seq::new(1))));
            assert!(decode(&mut Reader(&plain[..at]), &mut Entries::new(Seq::new(1))).is_err());
        }
        let refused = |segment: Segment| Entries::new(Seq::new(1)).read(&segment).is_err();
        assert!(refused(Segment { last: Seq::new(41), ..segment.clone() }), "of fewer updates than it says");
        assert!(refused(Segment { entries: Bytes::new(), ..segment.clone() }));
        assert!(refused(Segment { entries: Bytes::from_static(&[9, 9]), ..segment }));
    }
}
