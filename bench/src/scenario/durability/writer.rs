//! Somebody who types numbered words and remembers which were confirmed.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{Attachment, Dialect, Event};
use crate::typing::Replica;

/// Between two words.
const PACE: Duration = Duration::from_millis(4);
/// Between two tries to open a document.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// More is not typed while so many words are not confirmed.
const MAX_UNCONFIRMED: u64 = 2000;

/// A writer with its replica, which outlives connections.
#[derive(Debug)]
pub(super) struct Writer {
    index: usize,
    document: String,
    replica: Replica,
    /// Words typed and confirmed, counted from the first.
    typed: u64,
    confirmed: Progress,
}

/// How far a writer has come, for those who watch it.
#[derive(Debug, Clone, Default)]
pub(super) struct Progress(Rc<Cell<u64>>);

impl Progress {
    /// How many words are confirmed, from the first on.
    pub(super) fn confirmed(&self) -> u64 {
        self.0.get()
    }
}

/// A connection of a writer.
struct Session {
    attachment: Attachment,
    /// Frames that are not confirmed, each with the number of words that exist once it is.
    unconfirmed: VecDeque<(u64, u64)>,
    synced: bool,
}

/// The word number `number` of a writer.
fn word(writer: usize, number: u64) -> String {
    format!("{writer}:{number} ")
}

/// Which word of which writer this is.
pub(super) fn parse_word(word: &str) -> Option<(usize, u64)> {
    let (writer, number) = word.split_once(':')?;
    Some((writer.parse().ok()?, number.parse().ok()?))
}

impl Writer {
    /// A writer with an empty replica.
    pub(super) fn new(index: usize, document: String, client: u64) -> Self {
        Self { index, document, replica: Replica::new(client), typed: 0, confirmed: Progress::default() }
    }

    pub(super) fn index(&self) -> usize {
        self.index
    }

    pub(super) fn document(&self) -> &str {
        &self.document
    }

    /// How many words were typed.
    pub(super) fn typed(&self) -> u64 {
        self.typed
    }

    /// How many of them, from the first on, are confirmed.
    pub(super) fn confirmed(&self) -> u64 {
        self.confirmed.confirmed()
    }

    /// Tells how far it has come while it runs.
    pub(super) fn progress(&self) -> Progress {
        self.confirmed.clone()
    }

    /// Types until the connection breaks.
    pub(super) async fn run(mut self, address: SocketAddr, token: String) -> Result<Self> {
        let mut session = loop {
            match self.connect(address, &token).await {
                Ok(session) => break session,
                // A server that is killed during the handshake is as good as one that is killed later.
                Err(error) if error.root_cause().is::<io::Error>() => return Ok(self),
                // It refused, for want of its database.
                Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
            }
        };
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let alive = tokio::select! {
                ready = session.attachment.socket.ready() => match ready {
                    Ok(()) => self.listen(&mut session)?,
                    Err(_) => false,
                },
                _ = pace.tick() => self.type_word(&mut session).is_ok(),
            };
            if !alive {
                return Ok(self);
            }
        }
    }

    /// Connects with the replica as it is and stays until every word is confirmed.
    pub(super) async fn save_all(mut self, address: SocketAddr, token: String) -> Result<Self> {
        let mut session = self.connect(address, &token).await?;
        while !session.synced || self.confirmed() < self.typed {
            session.attachment.socket.ready().await?;
            if !self.listen(&mut session)? {
                bail!("the server closed a writer's socket");
            }
        }
        Ok(self)
    }

    async fn connect(&self, address: SocketAddr, token: &str) -> Result<Session> {
        let mut attachment = Attachment::open(address, Dialect::Ws, &self.document, Some(token)).await?;
        attachment.send_step_1(&self.replica.state_vector())?;
        Ok(Session { attachment, unconfirmed: VecDeque::new(), synced: false })
    }

    fn type_word(&mut self, session: &mut Session) -> io::Result<()> {
        // Until the server has asked for what it lacks, an edit could overtake its predecessors.
        if !session.synced || self.typed - self.confirmed() >= MAX_UNCONFIRMED {
            return Ok(());
        }
        let update = self.replica.append(&word(self.index, self.typed));
        self.typed += 1;
        let frame = session.attachment.send_update(&update)?;
        session.unconfirmed.push_back((frame, self.typed));
        Ok(())
    }

    /// Handles all that has come. `false` when the server has ended the connection.
    fn listen(&mut self, session: &mut Session) -> Result<bool> {
        loop {
            let mut answer = None;
            match session.attachment.event() {
                Ok(None) => return Ok(true),
                Err(_) | Ok(Some(Event::Ended(_))) => return Ok(false),
                Ok(Some(Event::Step1(state_vector))) => answer = Some(self.replica.diff(state_vector)?),
                Ok(Some(Event::Step2(update) | Event::Update(update))) => self.replica.apply(update)?,
                Ok(Some(Event::Receipt(through))) => {
                    while let Some((_, words)) = session.unconfirmed.pop_front_if(|(frame, _)| *frame <= through) {
                        self.confirmed.0.set(self.confirmed().max(words));
                    }
                }
                Ok(Some(Event::Refused(why))) => bail!("the server refused a word: {why}"),
                Ok(Some(Event::Awareness(_) | Event::Piece(_) | Event::Pong | Event::Other)) => {}
            }
            if let Some(update) = answer {
                if session
                    .attachment
                    .send_step_2(&update)
                    .map(|frame| session.unconfirmed.push_back((frame, self.typed)))
                    .is_err()
                {
                    return Ok(false);
                }
                session.synced = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_were_written() {
        assert_eq!(parse_word(word(3, 17).trim()), Some((3, 17)));
        assert_eq!(parse_word("3"), None);
    }
}
