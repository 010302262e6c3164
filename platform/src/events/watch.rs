//! What makes readers look: commits of this process, which are passed on to the other instances, and from time to time
//! how far the streams reach.

use std::time::Duration;

use schema::ids::OrgId;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use super::EventFeed;
use crate::bus::{BusMessage, BusState, Topic};
use crate::db::events::{self, EventId};
use crate::limits::Limits;

/// Organizations in one query, at most.
const QUERY_ORGANIZATIONS: usize = 5_000;

/// The time between two looks: short while no bus tells what other instances commit.
pub(super) struct Pauses {
    without_bus: Duration,
    with_bus: Duration,
}

impl Pauses {
    pub(super) fn of(limits: &Limits) -> Self {
        Self {
            without_bus: Duration::from_millis(limits.head_check_ms),
            with_bus: Duration::from_millis(limits.head_check_with_redis_ms),
        }
    }
}

/// Gives hints until the process ends.
pub(super) async fn run(feed: EventFeed, mut commits: Receiver<(OrgId, EventId)>, pauses: Pauses) {
    let shutdown = feed.0.lifecycle.shutdown_token();
    let bus = feed.0.bus.clone();
    let mut state = bus.state();
    let mut last_look = Instant::now();
    loop {
        let is_told = bus.is_between_processes() && *state.borrow_and_update() == BusState::Up;
        let pause = if is_told { pauses.with_bus } else { pauses.without_bus };
        tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            committed = commits.recv() => match committed {
                Ok((org, through)) => {
                    feed.hint(org, through);
                    bus.publish(Topic::Events(org), &BusMessage::EventsThrough(through));
                }
                Err(RecvError::Lagged(_)) => feed.hint_all(),
                Err(RecvError::Closed) => return,
            },
            () = sleep_until(last_look + pause) => {
                last_look = Instant::now();
                look(&feed).await;
            }
            // The pause is another one now.
            Ok(()) = state.changed() => {}
        }
    }
}

async fn look(feed: &EventFeed) {
    for orgs in feed.listened_to().chunks(QUERY_ORGANIZATIONS) {
        match events::heads(&feed.0.db, orgs).await {
            Ok(heads) => heads.into_iter().for_each(|(org, last)| feed.hint(org, last)),
            Err(error) => return tracing::warn!(%error, "the ends of the event streams could not be read"),
        }
    }
}
