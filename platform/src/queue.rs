//! A bounded queue from many to one, as `tokio::sync::mpsc`, that holds nothing while nothing waits in it. There are
//! several for each open document, and most of them are empty most of the time: those of tokio hold 800 bytes each.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, Semaphore};

/// For a queue that never refuses for being full.
pub const UNBOUNDED: usize = Semaphore::MAX_PERMITS;

/// A queue in which up to `limit` items wait.
#[must_use]
pub fn queue<T>(limit: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        waiting: Mutex::new(Waiting { items: VecDeque::new(), is_closed: false }),
        arrived: Notify::new(),
        space: Semaphore::new(limit),
        senders: AtomicUsize::new(1),
    });
    (Sender(Arc::clone(&shared)), Receiver(shared))
}

#[derive(Debug)]
struct Shared<T> {
    waiting: Mutex<Waiting<T>>,
    /// Told when there is something again, and when there will be nothing more.
    arrived: Notify,
    /// For how many more there is room.
    space: Semaphore,
    senders: AtomicUsize,
}

#[derive(Debug)]
struct Waiting<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

impl<T> Shared<T> {
    fn waiting(&self) -> MutexGuard<'_, Waiting<T>> {
        // Nothing that runs under the lock can leave the queue half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in for which there is room.
    fn push(&self, item: T) -> Result<(), T> {
        let mut waiting = self.waiting();
        if waiting.is_closed {
            return Err(item);
        }
        waiting.items.push_back(item);
        // Whoever finds something there has told of it before.
        let is_first = waiting.items.len() == 1;
        drop(waiting);
        if is_first {
            self.arrived.notify_one();
        }
        Ok(())
    }
}

/// Puts items in.
#[derive(Debug)]
pub struct Sender<T>(Arc<Shared<T>>);

/// Why an item was not taken, and the item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused<T> {
    /// As many wait as may.
    Full(T),
    /// Nobody takes anything out any more.
    Closed(T),
}

impl<T> Sender<T> {
    /// Puts an item in, and waits while there is no room. Gives it back when the queue is closed.
    pub async fn send(&self, item: T) -> Result<(), T> {
        match self.0.space.acquire().await {
            Ok(permit) => permit.forget(),
            Err(_) => return Err(item),
        }
        self.0.push(item)
    }

    /// Puts an item in if there is room.
    pub fn try_send(&self, item: T) -> Result<(), Refused<T>> {
        match self.0.space.try_acquire() {
            Ok(permit) => permit.forget(),
            Err(tokio::sync::TryAcquireError::NoPermits) => return Err(Refused::Full(item)),
            Err(tokio::sync::TryAcquireError::Closed) => return Err(Refused::Closed(item)),
        }
        self.0.push(item).map_err(Refused::Closed)
    }

    /// Whether nobody takes anything out any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.0.waiting().is_closed
    }

    /// Whether both put into the same queue.
    #[must_use]
    pub fn is_same_queue(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.0.senders.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.0.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.arrived.notify_one();
        }
    }
}

/// Takes items out, in their order. Dropping it closes the queue.
#[derive(Debug)]
pub struct Receiver<T>(Arc<Shared<T>>);

impl<T> Receiver<T> {
    /// Waits for the next item. `None` when there is none left and none can come. Dropping the future loses nothing.
    pub async fn recv(&mut self) -> Option<T> {
        loop {
            // Before the look: whatever comes after it has told of itself.
            let has_senders = self.0.senders.load(Ordering::Acquire) > 0;
            if let Some(item) = self.try_recv() {
                return Some(item);
            }
            if !has_senders || self.0.waiting().is_closed {
                return None;
            }
            self.0.arrived.notified().await;
        }
    }

    /// The next item, if one waits.
    pub fn try_recv(&mut self) -> Option<T> {
        let mut waiting = self.0.waiting();
        let item = waiting.items.pop_front()?;
        if waiting.items.is_empty() {
            waiting.items = VecDeque::new();
        }
        let is_closed = waiting.is_closed;
        drop(waiting);
        if !is_closed {
            self.0.space.add_permits(1);
        }
        Some(item)
    }

    /// Takes nothing more in. What waits can still be taken out.
    pub fn close(&mut self) {
        self.0.waiting().is_closed = true;
        self.0.space.close();
        self.0.arrived.notify_one();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        self.close();
        // What waits may hold senders of this very queue.
        let items = std::mem::take(&mut self.0.waiting().items);
        drop(items);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn items_come_out_in_order_and_leave_nothing_behind() {
        let (sender, mut receiver) = queue(UNBOUNDED);
        for number in 0..100 {
            sender.try_send(number).unwrap();
        }
        for number in 0..100 {
            assert_eq!(receiver.recv().await, Some(number));
        }
        assert_eq!(receiver.try_recv(), None);
        assert_eq!(receiver.0.waiting().items.capacity(), 0);
    }

    #[tokio::test]
    async fn who_finds_it_full_waits_for_room() {
        let (sender, mut receiver) = queue(2);
        sender.send(1).await.unwrap();
        sender.try_send(2).unwrap();
        assert_eq!(sender.try_send(3), Err(Refused::Full(3)));
        let third = sender.send(3);
        tokio::pin!(third);
        assert!(timeout(Duration::from_millis(10), &mut third).await.is_err());
        assert_eq!(receiver.recv().await, Some(1));
        third.await.unwrap();
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(2), Some(3)));
    }

    #[tokio::test]
    async fn a_closed_queue_gives_back_what_is_sent_and_keeps_what_was() {
        let (sender, mut receiver) = queue(1);
        sender.try_send(1).unwrap();
        let waits = sender.send(2);
        tokio::pin!(waits);
        assert!(timeout(Duration::from_millis(10), &mut waits).await.is_err());
        receiver.close();
        assert_eq!(waits.await, Err(2));
        assert_eq!(sender.try_send(3), Err(Refused::Closed(3)));
        assert!(sender.is_closed());
        assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), None));
        let (sender, receiver) = queue(1);
        drop(receiver);
        assert_eq!(sender.send(1).await, Err(1));
    }

    #[tokio::test]
    async fn it_ends_when_the_last_sender_is_gone() {
        let (sender, mut receiver) = queue(1);
        let other = sender.clone();
        assert!(sender.is_same_queue(&other) && !sender.is_same_queue(&queue(1).0));
        other.try_send(1).unwrap();
        drop(sender);
        assert_eq!(receiver.recv().await, Some(1));
        let ending = tokio::spawn(async move { receiver.recv().await });
        tokio::task::yield_now().await;
        drop(other);
        assert_eq!(ending.await.unwrap(), None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nothing_is_lost_or_forgotten_between_threads() {
        const SENDERS: u32 = 8;
        const ITEMS: u32 = 5_000;
        let (sender, mut receiver) = queue(3);
        for number in 0..SENDERS {
            let sender = sender.clone();
            tokio::spawn(async move {
                for item in 0..ITEMS {
                    sender.send((number, item)).await.unwrap();
                }
            });
        }
        drop(sender);
        let mut next = [0; SENDERS as usize];
        while let Some((number, item)) = receiver.recv().await {
            assert_eq!(item, next[number as usize], "in the order of each");
            next[number as usize] += 1;
        }
        assert_eq!(next, [ITEMS; SENDERS as usize]);
    }
}
