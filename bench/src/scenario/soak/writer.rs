//! Somebody who types numbered words into one document over many connections.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{sleep, sleep_until};

use super::population::Shared;
use crate::client::{Attachment, Dialect, Event};
use crate::runs::runs;
use crate::typing::Replica;

/// A connection lasts for a time between these.
const STAYS: std::ops::Range<Duration> = Duration::from_secs(1)..Duration::from_secs(12);
/// Then somebody is away for a time between these. Sometimes nobody is here for long enough that the document leaves
/// memory.
const AWAY: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_secs(4);
/// Between two tries to connect.
const RETRY: std::ops::Range<Duration> = Duration::from_millis(50)..Duration::from_millis(300);
/// How late the timer may be without the server's fault.
const TIMER_ACCURACY: Duration = Duration::from_millis(2);
/// More is not typed while so many words are not confirmed.
const MAX_UNCONFIRMED: u64 = 2000;

/// When each edit of a document was sent, by client id and clock.
pub(super) type Sent = Rc<RefCell<HashMap<(u64, u64), Instant>>>;

/// A writer with a replica that outlives connections.
#[derive(Debug)]
pub(super) struct Writer {
    index: usize,
    document: String,
    replica: Replica,
    rng: StdRng,
    sent: Sent,
    typed: u64,
    confirmed: u64,
}

struct Session {
    attachment: Attachment,
    /// Frames that are not confirmed: number, words that exist once it is, and when its word was typed. An answer to
    /// step 1 may have nothing in it that would have to wait for anything.
    unconfirmed: VecDeque<(u64, u64, Option<Instant>)>,
    synced: bool,
}

/// Why a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The writer wanted it, and all that it had typed was confirmed.
    Done,
    /// The writer left without a word, or the connection broke.
    Gone,
}

impl Writer {
    pub(super) fn new(index: usize, document: String, client: u64, sent: Sent) -> Self {
        let rng = StdRng::seed_from_u64(client);
        Self { index, document, replica: Replica::new(client), rng, sent, typed: 0, confirmed: 0 }
    }

    /// Its number among the writers of its document, which its words begin with.
    pub(super) fn index(&self) -> usize {
        self.index
    }

    /// How many words were typed.
    pub(super) fn typed(&self) -> u64 {
        self.typed
    }

    /// Comes and goes until its time is over, then stays until every word is confirmed.
    pub(super) async fn live(mut self, shared: Rc<Shared>, until: Instant) -> Result<Self> {
        loop {
            let now = Instant::now();
            let leaves_at = if now < until { until.min(now + self.rng.random_range(STAYS)) } else { now };
            let is_last = leaves_at >= until || now >= until;
            let end = match self.connect(&shared).await {
                Ok(session) => self.stay(&shared, session, leaves_at, is_last).await?,
                Err(error) if is_refused_for_good(&error) => return Err(error),
                Err(_) => {
                    sleep(self.rng.random_range(RETRY)).await;
                    continue;
                }
            };
            if end == End::Done {
                return Ok(self);
            }
            if Instant::now() < until {
                sleep(self.rng.random_range(AWAY)).await;
            }
        }
    }

    async fn connect(&self, shared: &Shared) -> Result<Session> {
        let opening = Attachment::open(shared.address, Dialect::Ws, &self.document, Some(&shared.token));
        let mut attachment = opening.await?;
        attachment.send_step_1(&self.replica.state_vector())?;
        shared.count(|counts| counts.connections += 1);
        Ok(Session { attachment, unconfirmed: VecDeque::new(), synced: false })
    }

    /// Types until it is time to leave: as it comes, or on the last occasion once all is confirmed.
    async fn stay(&mut self, shared: &Shared, mut session: Session, leaves_at: Instant, is_last: bool) -> Result<End> {
        let _connected = shared.connected();
        let mut due = Instant::now() + self.pause(shared);
        loop {
            let now = Instant::now();
            let is_over = now >= leaves_at || shared.is_ending();
            if is_over && (is_last || shared.is_ending()) {
                if session.synced && self.confirmed == self.typed {
                    return Ok(End::Done);
                }
                due = now + Duration::from_secs(1);
            } else if is_over {
                if self.rng.random() {
                    session.attachment.socket.reset_on_drop()?;
                    shared.count(|counts| counts.resets += 1);
                }
                return Ok(End::Gone);
            }
            let alive = tokio::select! {
                ready = session.attachment.socket.ready() => match ready {
                    Ok(()) => self.listen(shared, &mut session)?,
                    Err(_) => false,
                },
                () = sleep_until(due.min(leaves_at.max(now + TIMER_ACCURACY)).into()) => {
                    let now = Instant::now();
                    if now < due {
                        true
                    } else {
                        let from = if now - due > TIMER_ACCURACY { due } else { now };
                        due = due.max(now.checked_sub(TIMER_ACCURACY * 50).unwrap_or(now)) + self.pause(shared);
                        is_over || self.type_word(shared, &mut session, from).is_ok()
                    }
                }
            };
            if !alive {
                return Ok(End::Gone);
            }
        }
    }

    fn pause(&mut self, shared: &Shared) -> Duration {
        shared.pause_of_writer().mul_f64(self.rng.random_range(0.5..1.5))
    }

    fn type_word(&mut self, shared: &Shared, session: &mut Session, from: Instant) -> io::Result<()> {
        if !session.synced || self.typed - self.confirmed >= MAX_UNCONFIRMED {
            return Ok(());
        }
        let update = self.replica.append(&format!("{}:{} ", self.index, self.typed));
        self.typed += 1;
        shared.count(|counts| counts.typed += 1);
        if let Some(edit) = first_edit(&update) {
            self.sent.borrow_mut().insert(edit, from);
        }
        let frame = session.attachment.send_update(&update)?;
        session.unconfirmed.push_back((frame, self.typed, Some(from)));
        Ok(())
    }

    /// Handles all that has come. `false` when the server has ended the connection.
    fn listen(&mut self, shared: &Shared, session: &mut Session) -> Result<bool> {
        loop {
            let mut answer = None;
            match session.attachment.event() {
                Ok(None) => return Ok(true),
                Err(_) | Ok(Some(Event::Ended(_))) => return Ok(false),
                Ok(Some(Event::Step1(state_vector))) => answer = Some(self.replica.diff(state_vector)?),
                Ok(Some(Event::Step2(update))) => self.replica.apply(update)?,
                Ok(Some(Event::Update(update))) => {
                    if let Some(from) = first_edit(update).and_then(|edit| self.sent.borrow().get(&edit).copied()) {
                        shared.delivered(from.elapsed());
                    }
                    self.replica.apply(update)?;
                }
                Ok(Some(Event::Receipt(through))) => {
                    while let Some((_, words, from)) = session.unconfirmed.pop_front_if(|(it, ..)| *it <= through) {
                        let after = from.map(|from| from.elapsed());
                        shared.confirmed(after, words.saturating_sub(self.confirmed));
                        self.confirmed = self.confirmed.max(words);
                    }
                }
                Ok(Some(Event::Refused(why))) => bail!("the server refused a word: {why}"),
                Ok(Some(Event::Awareness(_) | Event::Piece(_) | Event::Pong | Event::Other)) => {}
            }
            if let Some(update) = answer {
                let Ok(frame) = session.attachment.send_step_2(&update) else { return Ok(false) };
                session.unconfirmed.push_back((frame, self.typed, None));
                session.synced = true;
            }
        }
    }
}

/// The client id and the clock of the first edit in an update of words.
fn first_edit(update: &[u8]) -> Option<(u64, u64)> {
    runs(update).ok()?.first().map(|run| (run.client, run.clock))
}

/// Whether trying again would be of no use.
fn is_refused_for_good(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains(r#""retry":false"#)
}
