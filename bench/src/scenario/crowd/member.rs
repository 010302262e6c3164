//! Somebody in the crowd, and what all of them hear.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep_until;
use web_protocol::awareness::{self, Entry};

use super::Plan;
use crate::client::{Attachment, Event};
use crate::latency::{Latency, Pace};
use crate::runs::{each_run, runs};
use crate::typing::Typist;

/// The Yjs client id of the first; the others follow.
pub(super) const FIRST_CLIENT: u64 = 1000;
/// Those who look at what presence they get: the first few, of all dialects. To read all would be the generator's limit.
const WITNESSES: usize = 12;

/// One client.
pub(super) struct Member {
    index: usize,
    attachment: Attachment,
    /// The edits of a writer, in order.
    typist: Option<Typist>,
    edits: Pace,
    edits_left: usize,
    cursor: Pace,
    cursors_left: usize,
    edited: usize,
    moved: usize,
    tally: Rc<RefCell<Tally>>,
}

impl Member {
    pub(super) fn new(
        index: usize,
        attachment: Attachment,
        plan: &Plan,
        start: Instant,
        tally: Rc<RefCell<Tally>>,
    ) -> Self {
        let client = FIRST_CLIENT + index as u64;
        let turn = |period: Duration, of: usize| period.mul_f64((index % of) as f64 / of as f64);
        let times = |period: Duration, offset: Duration| {
            // At least once, and not after the end.
            let times = plan.duration.saturating_sub(offset).as_nanos().div_ceil(period.as_nanos().max(1));
            usize::try_from(times).unwrap_or(usize::MAX).max(1)
        };
        let is_writer = index < plan.writers;
        let (edit_turn, cursor_turn) =
            (turn(plan.edit_period, plan.writers.max(1)), turn(plan.cursor_period, plan.members));
        Self {
            index,
            attachment,
            typist: is_writer.then(|| Typist::new(client, plan.seed)),
            edits: Pace::new(start + edit_turn, plan.edit_period),
            edits_left: if is_writer { times(plan.edit_period, edit_turn) } else { 0 },
            cursor: Pace::new(start + cursor_turn, plan.cursor_period),
            cursors_left: times(plan.cursor_period, cursor_turn),
            edited: 0,
            moved: 0,
            tally,
        }
    }

    /// Writes, moves its cursor and listens, until it is told to stop by being dropped.
    pub(super) async fn take_part(mut self) -> Result<()> {
        self.tally.borrow_mut().plans(self.edits_left as u64);
        let far = Instant::now() + Duration::from_hours(1);
        loop {
            let edit = if self.edited < self.edits_left { self.edits.due(self.edited) } else { far };
            let cursor = if self.moved < self.cursors_left { self.cursor.due(self.moved) } else { far };
            tokio::select! {
                ready = self.attachment.socket.ready() => {
                    ready?;
                    self.listen()?;
                }
                () = sleep_until(edit.min(cursor).into()) => {
                    if edit <= cursor { self.edit()? } else { self.move_cursor()? }
                }
            }
        }
    }

    fn edit(&mut self) -> Result<()> {
        let update = self.typist.as_mut().context("a viewer writes")?.next_update();
        let run = *runs(&update)?.first().context("a typist always inserts")?;
        let sent_at = self.edits.sent_at(self.edited, Instant::now());
        self.edited += 1;
        self.tally.borrow_mut().sends(self.index, run.clock, run.clock + run.len, sent_at);
        self.attachment.send_update(&update)?;
        Ok(())
    }

    fn move_cursor(&mut self) -> Result<()> {
        self.moved += 1;
        let client = FIRST_CLIENT + self.index as u64;
        let state = format!(
            r##"{{"user":{{"name":"Member {client}","color":"#30bced"}},"cursor":{{"anchor":{0},"head":{0}}}}}"##,
            self.moved * 7
        );
        let clock = self.moved as u64;
        self.tally.borrow_mut().says(self.index, clock);
        self.attachment.send_awareness(&awareness::encode([Entry { client, clock, state: &state }].into_iter()))?;
        Ok(())
    }

    fn listen(&mut self) -> Result<()> {
        let now = Instant::now();
        let mut tally = self.tally.borrow_mut();
        while let Some(event) = self.attachment.event()? {
            match event {
                Event::Update(update) | Event::Step2(update) => tally.hears(self.index, update, now)?,
                Event::Awareness(states) => tally.sees(self.index, states, now)?,
                Event::Ended(why) => bail!("the server closed a socket: {why}"),
                Event::Refused(why) => bail!("the server refused an edit: {why}"),
                _ => {}
            }
        }
        Ok(())
    }
}

/// How much presence somebody got.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PresenceHeard {
    pub(super) frames: u64,
    pub(super) seconds: f64,
    since: Option<Instant>,
}

/// What all members share. The generator has one thread.
pub(super) struct Tally {
    /// For each writer, the clocks at which its edits begin and when each was sent.
    sent: Vec<BTreeMap<u64, Instant>>,
    clocks: Vec<u64>,
    /// For each member, the clock up to which it has heard each writer.
    heard: Vec<Vec<u64>>,
    planned: u64,
    edits: u64,
    pub(super) delivered: u64,
    pub(super) latency: Latency,
    /// For each member, the clock of what it said last.
    said: Vec<u64>,
    /// For each witness, the clock of what it saw last of each member.
    seen: Vec<Vec<u64>>,
    presence: Vec<PresenceHeard>,
    pub(super) presence_frames: u64,
    pub(super) presence_bytes: u64,
}

impl Tally {
    pub(super) fn new(writers: usize, members: usize) -> Self {
        Self {
            sent: vec![BTreeMap::new(); writers],
            clocks: vec![0; writers],
            heard: vec![vec![0; writers]; members],
            planned: 0,
            edits: 0,
            delivered: 0,
            latency: Latency::new(),
            said: vec![0; members],
            seen: vec![vec![0; members]; WITNESSES.min(members)],
            presence: vec![PresenceHeard::default(); members],
            presence_frames: 0,
            presence_bytes: 0,
        }
    }

    fn plans(&mut self, edits: u64) {
        self.planned += edits;
    }

    fn sends(&mut self, writer: usize, clock: u64, end: u64, at: Instant) {
        self.sent[writer].insert(clock, at);
        self.clocks[writer] = end;
        self.edits += 1;
    }

    fn says(&mut self, member: usize, clock: u64) {
        self.said[member] = clock;
    }

    /// How far a writer has written.
    pub(super) fn clock_of(&self, writer: usize) -> u32 {
        u32::try_from(self.clocks[writer]).unwrap_or(u32::MAX)
    }

    /// Deliveries of all that was written so far.
    pub(super) fn expected(&self) -> u64 {
        self.edits * (self.heard.len() as u64 - 1)
    }

    /// Whether all is written, and heard by everybody, and witnesses see everybody as they are.
    pub(super) fn is_settled(&self) -> bool {
        let is_seen = |(witness, seen): (usize, &Vec<u64>)| {
            seen.iter().zip(&self.said).enumerate().all(|(member, (seen, said))| member == witness || seen == said)
        };
        self.edits == self.planned && self.delivered == self.expected() && self.seen.iter().enumerate().all(is_seen)
    }

    /// Who got the most presence.
    pub(super) fn busiest_presence(&self) -> PresenceHeard {
        self.presence.iter().copied().max_by_key(|heard| heard.frames).unwrap_or_default()
    }

    fn hears(&mut self, member: usize, update: &[u8], now: Instant) -> Result<()> {
        let Self { sent, heard, latency, delivered, .. } = self;
        each_run(update, |run| {
            let writer = run.client.checked_sub(FIRST_CLIENT).and_then(|writer| usize::try_from(writer).ok());
            let Some(writer) = writer.filter(|writer| *writer < sent.len() && *writer != member) else { return };
            let heard = &mut heard[member][writer];
            let end = run.clock + run.len;
            if end > *heard {
                for sent_at in sent[writer].range(run.clock.max(*heard)..end).map(|(_, at)| at) {
                    latency.record(now.saturating_duration_since(*sent_at));
                    *delivered += 1;
                }
                *heard = end;
            }
        })?;
        Ok(())
    }

    fn sees(&mut self, member: usize, states: &[u8], now: Instant) -> Result<()> {
        self.presence_frames += 1;
        self.presence_bytes += states.len() as u64;
        let heard = &mut self.presence[member];
        heard.frames += 1;
        heard.seconds = (now - *heard.since.get_or_insert(now)).as_secs_f64();
        let Some(seen) = self.seen.get_mut(member) else { return Ok(()) };
        for entry in awareness::decode(states, usize::MAX)? {
            let other = entry.client.checked_sub(FIRST_CLIENT).and_then(|other| usize::try_from(other).ok());
            if let Some(clock) = other.and_then(|other| seen.get_mut(other)) {
                *clock = entry.clock.max(*clock);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_settled_when_everybody_has_heard_all_and_witnesses_see_all() {
        let mut tally = Tally::new(1, 3);
        let mut typist = Typist::new(FIRST_CLIENT, 1);
        let update = typist.next_update();
        let run = runs(&update).unwrap()[0];
        let now = Instant::now();
        tally.plans(1);
        tally.sends(0, run.clock, run.clock + run.len, now);
        tally.says(2, 1);
        for _ in 0..2 {
            tally.hears(0, &update, now).unwrap();
            tally.hears(1, &update, now).unwrap();
        }
        assert_eq!((tally.delivered, tally.expected()), (1, 2), "each once, and not to who wrote it");
        tally.hears(2, &update, now).unwrap();
        assert!(!tally.is_settled());
        let states = awareness::encode([Entry { client: FIRST_CLIENT + 2, clock: 1, state: "{}" }].into_iter());
        for witness in 0..3 {
            tally.sees(witness, &states, now).unwrap();
        }
        assert!(tally.is_settled());
        assert_eq!(tally.busiest_presence().frames, 1);
    }
}
