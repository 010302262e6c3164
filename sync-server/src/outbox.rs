//! What waits to be written to one socket.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Message;
use bytes::Bytes;
use documents::delivery::{EndReason, Taken};
use tokio::sync::Notify;

/// Names a channel of a socket; never used twice on the same socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ChannelKey(pub(crate) u64);

/// How important a frame is when the outbox is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Priority {
    /// It is always taken; how many there can be is bounded by what the client asked for.
    Must,
    /// Withheld when the outbox is full: a live update.
    Update,
    /// Withheld when the outbox is half full: presence.
    Presence,
}

/// The frames that wait for one socket, and what else its task has to know.
///
/// Rooms put frames in from their own tasks; the socket's task takes all that waits at once, so that frames that came
/// together leave in one write.
#[derive(Debug)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    ready: Notify,
    bytes_limit: usize,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Message>,
    bytes: usize,
    /// Channels from which something was withheld.
    withheld: Vec<ChannelKey>,
    /// Channels that their rooms have ended.
    ended: Vec<(ChannelKey, EndReason)>,
}

/// What the socket's task takes out.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pub(crate) frames: VecDeque<Message>,
    pub(crate) bytes: usize,
    pub(crate) ended: Vec<(ChannelKey, EndReason)>,
}

impl Outbox {
    /// An empty outbox that takes about `bytes_limit` bytes before it withholds.
    pub(crate) fn new(bytes_limit: usize) -> Self {
        Self { queue: Mutex::default(), ready: Notify::new(), bytes_limit }
    }

    /// Puts a binary frame in, unless the outbox is too full for its priority.
    pub(crate) fn push(&self, channel: ChannelKey, priority: Priority, frame: Bytes) -> Taken {
        let allowed = match priority {
            Priority::Must => usize::MAX,
            Priority::Update => self.bytes_limit,
            Priority::Presence => self.bytes_limit / 2,
        };
        {
            let mut queue = self.queue();
            // A frame larger than the limit passes when nothing else waits.
            if !queue.frames.is_empty() && queue.bytes + frame.len() > allowed {
                if !queue.withheld.contains(&channel) {
                    queue.withheld.push(channel);
                }
                return Taken::Withheld;
            }
            queue.bytes += frame.len();
            queue.frames.push_back(Message::Binary(frame));
        }
        self.ready.notify_one();
        Taken::Yes
    }

    /// Puts a text frame in.
    pub(crate) fn push_text(&self, text: String) {
        {
            let mut queue = self.queue();
            queue.bytes += text.len();
            queue.frames.push_back(Message::Text(text.into()));
        }
        self.ready.notify_one();
    }

    /// Reports that a channel's room has ended it.
    pub(crate) fn end(&self, channel: ChannelKey, reason: EndReason) {
        self.queue().ended.push((channel, reason));
        self.ready.notify_one();
    }

    /// Waits until there may be something to take.
    pub(crate) async fn ready(&self) {
        self.ready.notified().await;
    }

    /// Takes everything that waits.
    pub(crate) fn take(&self) -> Waiting {
        let mut queue = self.queue();
        Waiting {
            frames: std::mem::take(&mut queue.frames),
            bytes: std::mem::take(&mut queue.bytes),
            ended: std::mem::take(&mut queue.ended),
        }
    }

    /// The channels from which something was withheld, if the outbox is empty now.
    pub(crate) fn drained(&self) -> Vec<ChannelKey> {
        let mut queue = self.queue();
        if queue.frames.is_empty() { std::mem::take(&mut queue.withheld) } else { Vec::new() }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing that runs under the lock can leave the queue half changed.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANNEL: ChannelKey = ChannelKey(1);

    fn frame(bytes: usize) -> Bytes {
        Bytes::from(vec![0; bytes])
    }

    #[test]
    fn presence_is_withheld_first_then_updates_and_what_must_pass_never() {
        let outbox = Outbox::new(100);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(60)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Presence, frame(1)), Taken::Withheld);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(40)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(1)), Taken::Withheld);
        assert_eq!(outbox.push(CHANNEL, Priority::Must, frame(1000)), Taken::Yes);
        assert!(outbox.drained().is_empty(), "not empty yet");
        assert_eq!(outbox.take().frames.len(), 3);
        assert_eq!(outbox.drained(), [CHANNEL], "reported once, however much was withheld");
        assert!(outbox.drained().is_empty());
    }

    #[test]
    fn one_frame_larger_than_the_limit_passes_alone() {
        let outbox = Outbox::new(10);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(50)), Taken::Yes);
        assert_eq!(outbox.push(CHANNEL, Priority::Update, frame(1)), Taken::Withheld);
    }
}
