//! The task that keeps the subscriptions and hands out what comes in.
//!
//! One request to change the subscriptions is under way at a time; changes that come up meanwhile go into the next.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;

use ::redis::aio::{PubSub, PubSubSink};
use ::redis::{Msg, RedisError, RedisResult};
use futures_util::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use super::super::envelope::{self, Content, Unreadable};
use super::super::metrics::Ignored;
use super::{Address, BEAT, Backoff, REPLY_TIMEOUT, Shared, Topic};

/// Channels in one request, at most.
const REQUEST_CHANNELS: usize = 1_000;

/// Connects again and again, and listens, until `shutdown`.
pub(super) async fn run(shared: Arc<Shared>, address: Address, mut backoff: Backoff, shutdown: CancellationToken) {
    let mut told = false;
    loop {
        let error = tokio::select! {
            () = shutdown.cancelled() => return,
            error = connect_and_listen(&shared, &address, &mut backoff, &mut told) => error,
        };
        shared.changes.stop();
        shared.set_listening(false);
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(%address, %error,
                "Redis cannot be reached to listen; edits of other instances come through the database, and later");
        }
        tokio::select! {
            () = sleep(backoff.next()) => shared.metrics.reconnects.inc(),
            () = shutdown.cancelled() => return,
        };
    }
}

async fn connect_and_listen(shared: &Shared, address: &Address, backoff: &mut Backoff, told: &mut bool) -> RedisError {
    let connection = match address.connect_to_listen().await {
        Ok(connection) => connection,
        Err(error) => return error,
    };
    let started = || {
        backoff.reset();
        if std::mem::take(told) {
            tracing::info!(%address, "messages of other instances are heard again");
        }
        shared.set_listening(true);
    };
    match listen(shared, connection, started).await {
        Ok(()) => RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionAborted)),
        Err(error) => error,
    }
}

/// Listens until the connection ends. `started` is called once everything that is wanted is subscribed to.
async fn listen(shared: &Shared, connection: PubSub, started: impl FnOnce()) -> RedisResult<()> {
    let (sink, mut messages) = connection.split();
    shared.changes.start();
    let mut subscriptions = Subscriptions::all_of(shared);
    let mut request = Some(begin(subscribe_to_control(sink.clone(), shared.channels.control().to_owned())));
    let mut started = Some(started);
    let mut last_heard = Instant::now();
    let mut beat = interval(BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if request.is_none() {
            request = subscriptions.next_request(shared, &sink);
        }
        if request.is_none()
            && let Some(started) = started.take()
        {
            started();
        }
        tokio::select! {
            biased;
            done = answer(&mut request) => {
                last_heard = Instant::now();
                request = None;
                for topic in done? {
                    subscriptions.confirm(shared, topic);
                }
            }
            changed = shared.changes.next() => subscriptions.unsettled.extend(changed),
            _ = beat.tick() => {
                if last_heard.elapsed() > REPLY_TIMEOUT {
                    return Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into());
                }
                request.get_or_insert_with(|| begin(ping(sink.clone())));
            }
            message = messages.next() => match message {
                Some(message) => {
                    last_heard = Instant::now();
                    take(shared, &message);
                }
                None => return Ok(()),
            },
        }
    }
}

/// A request under way. It answers with the topics that are subscribed to now.
type Request = Pin<Box<dyn Future<Output = RedisResult<Vec<Topic>>> + Send>>;

fn begin(request: impl Future<Output = RedisResult<Vec<Topic>>> + Send + 'static) -> Request {
    Box::pin(request)
}

async fn answer(request: &mut Option<Request>) -> RedisResult<Vec<Topic>> {
    match request {
        Some(request) => request.await,
        None => std::future::pending().await,
    }
}

async fn subscribe_to_control(mut sink: PubSubSink, channel: String) -> RedisResult<Vec<Topic>> {
    sink.subscribe(channel).await?;
    Ok(Vec::new())
}

async fn ping(mut sink: PubSubSink) -> RedisResult<Vec<Topic>> {
    sink.ping::<::redis::Value>().await?;
    Ok(Vec::new())
}

/// What this connection is subscribed to, and what may have to change.
struct Subscriptions {
    confirmed: HashSet<Topic>,
    /// Topics whose subscribers came or went since they were last looked at.
    unsettled: HashSet<Topic>,
}

impl Subscriptions {
    fn all_of(shared: &Shared) -> Self {
        Self { confirmed: HashSet::new(), unsettled: shared.subscribers.all().into_iter().collect() }
    }

    /// The next change to ask for, if something has to change.
    fn next_request(&mut self, shared: &Shared, sink: &PubSubSink) -> Option<Request> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        while wanted.len() + unwanted.len() < REQUEST_CHANNELS {
            let Some(topic) = self.unsettled.iter().next().copied() else { break };
            self.unsettled.remove(&topic);
            match (shared.subscribers.contains(topic), self.confirmed.contains(&topic)) {
                (true, false) => wanted.push(topic),
                // One of several left, or one more came, who does not know yet that the subscription is there.
                (true, true) => drop(shared.metrics.gaps.inc_by(shared.subscribers.report_gap_to_newcomers(topic))),
                (false, true) => {
                    self.confirmed.remove(&topic);
                    unwanted.push(shared.channels.name(topic));
                }
                (false, false) => {}
            }
        }
        if wanted.is_empty() && unwanted.is_empty() {
            return None;
        }
        let names: Vec<String> = wanted.iter().map(|topic| shared.channels.name(*topic)).collect();
        let mut sink = sink.clone();
        Some(begin(async move {
            if !unwanted.is_empty() {
                sink.unsubscribe(unwanted).await?;
            }
            if !names.is_empty() {
                sink.subscribe(names).await?;
            }
            Ok(wanted)
        }))
    }

    /// From now on everything on the topic is heard; what was said before may have been missed.
    fn confirm(&mut self, shared: &Shared, topic: Topic) {
        self.confirmed.insert(topic);
        shared.metrics.gaps.inc_by(shared.subscribers.report_gap(topic));
    }
}

/// Hands a message to those who listen.
fn take(shared: &Shared, message: &Msg) {
    let (from, content) = match envelope::decode(message.get_payload_bytes()) {
        Ok(read) => read,
        Err(Unreadable::Unknown) => return shared.metrics.ignored(Ignored::Unknown),
        Err(Unreadable::Malformed) => return shared.metrics.ignored(Ignored::Malformed),
    };
    if from == shared.instance {
        return;
    }
    shared.metrics.received.inc();
    match (content, shared.channels.topic(message.get_channel_name())) {
        (Content::Lost, None) => drop(shared.metrics.gaps.inc_by(shared.subscribers.report_gap_everywhere())),
        (Content::Message(message), Some(topic)) => shared.subscribers.deliver(from, topic, &message),
        _ => shared.metrics.ignored(Ignored::Malformed),
    }
}
