//! The task that sends.
//!
//! While one write is under way, whatever arrives waits for the next one: the busier, the more messages share a write.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ::redis::RedisResult;
use ::redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::super::envelope::{self, Content};
use super::super::metrics::Dropped;
use super::{Address, BEAT, Backoff, Queued, Shared};

/// Messages that share a write, at most.
const BATCH_MESSAGES: usize = 512;
/// How long what waits at the end of the process may take to be sent.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

struct Publisher {
    shared: Arc<Shared>,
    address: Address,
    queue: mpsc::Receiver<Queued>,
    /// Kept between writes for its allocation.
    batch: Vec<Queued>,
}

/// Connects again and again, and sends what is queued, until `shutdown`.
pub(super) async fn run(
    shared: Arc<Shared>,
    address: Address,
    queue: mpsc::Receiver<Queued>,
    mut backoff: Backoff,
    shutdown: CancellationToken,
) {
    let mut publisher = Publisher { shared, address, queue, batch: Vec::with_capacity(BATCH_MESSAGES) };
    let mut told = false;
    loop {
        let connection = tokio::select! {
            connection = publisher.address.connect() => connection,
            () = shutdown.cancelled() => return,
        };
        let failed = match connection {
            Ok(connection) => {
                backoff.reset();
                if std::mem::take(&mut told) {
                    tracing::info!(address = %publisher.address, "messages to other instances are sent again");
                }
                publisher.send_all(connection, &shutdown).await
            }
            Err(error) => Err(error),
        };
        let Err(error) = failed else { return };
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(address = %publisher.address, %error,
                "Redis cannot be reached to send; edits reach other instances through the database, and later");
        }
        tokio::select! {
            () = sleep(backoff.next()) => publisher.shared.metrics.reconnects.inc(),
            () = shutdown.cancelled() => return,
        };
    }
}

impl Publisher {
    /// Sends until `shutdown` (and then what is left), or until the connection fails.
    async fn send_all(
        &mut self,
        mut connection: MultiplexedConnection,
        shutdown: &CancellationToken,
    ) -> RedisResult<()> {
        self.report_losses(&mut connection).await?;
        self.shared.set_publishing(true);
        let sent = self.send_while_connected(&mut connection, shutdown).await;
        self.shared.set_publishing(false);
        if sent.is_err() {
            self.drop_queue();
        }
        sent
    }

    async fn send_while_connected(
        &mut self,
        connection: &mut MultiplexedConnection,
        shutdown: &CancellationToken,
    ) -> RedisResult<()> {
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => {
                    // Who is late to go is late to read: what cannot be sent is lost.
                    let _ = timeout(FLUSH_TIMEOUT, self.flush(connection)).await;
                    return Ok(());
                }
                _ = beat.tick() => {
                    self.report_losses(connection).await?;
                    ::redis::cmd("PING").exec_async(connection).await?;
                }
                _ = self.queue.recv_many(&mut self.batch, BATCH_MESSAGES) => self.send_batch(connection).await?,
            }
        }
    }

    async fn flush(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        self.queue.close();
        while self.queue.recv_many(&mut self.batch, BATCH_MESSAGES).await > 0 {
            self.send_batch(connection).await?;
        }
        Ok(())
    }

    async fn send_batch(&mut self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let shared = &self.shared;
        let mut commands = ::redis::pipe();
        let (mut bytes, messages) = (0, self.batch.len());
        for queued in self.batch.drain(..) {
            bytes += queued.bytes();
            let envelope = envelope::encode(shared.instance, &Content::Message(queued.message));
            commands.cmd("PUBLISH").arg(shared.channels.name(queued.topic)).arg(envelope).ignore();
        }
        let sent = commands.exec_async(connection).await;
        shared.queue_bytes.fetch_add(bytes, Ordering::AcqRel);
        match sent {
            Ok(()) => drop(shared.metrics.published.inc_by(messages as u64)),
            Err(_) => shared.drop_messages(Dropped::Failed, messages),
        }
        sent
    }

    /// Tells the other instances that they missed something, if they did.
    async fn report_losses(&self, connection: &mut MultiplexedConnection) -> RedisResult<()> {
        let shared = &self.shared;
        if !shared.lost.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let envelope = envelope::encode(shared.instance, &Content::Lost);
        let told = ::redis::cmd("PUBLISH").arg(shared.channels.control()).arg(envelope).exec_async(connection).await;
        if told.is_err() {
            shared.lost.store(true, Ordering::Release);
        }
        told
    }

    /// What waits when the connection breaks would be old news when the next one comes about.
    fn drop_queue(&mut self) {
        let (mut bytes, mut messages) = (0, 0);
        while let Ok(queued) = self.queue.try_recv() {
            bytes += queued.bytes();
            messages += 1;
        }
        if messages > 0 {
            self.shared.queue_bytes.fetch_add(bytes, Ordering::AcqRel);
            self.shared.drop_messages(Dropped::Disconnected, messages);
        }
    }
}
