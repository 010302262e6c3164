//! How many streams are open, and whose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use http::header::RETRY_AFTER;
use platform::limits::Limit;
use uuid::Uuid;

use crate::Api;
use crate::problem::{Code, Problem};

/// When somebody who has too many streams open may try again.
const RETRY_AFTER_SECONDS: u64 = 10;

/// The streams that are open on this instance. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct EventStreams(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    count: usize,
    of_principals: HashMap<Uuid, usize>,
}

/// A stream that is open, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    streams: EventStreams,
    principal: Uuid,
}

impl EventStreams {
    /// How many are open.
    #[must_use]
    pub fn count(&self) -> usize {
        self.open().count
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // Nothing that runs under the lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a place for a stream of a principal.
pub(crate) fn take(api: &Api, principal: Uuid) -> Result<Place, Problem> {
    let (limits, streams) = (&api.limits, api.event_streams.clone());
    let mut open = streams.open();
    let of_principal = open.of_principals.get(&principal).copied().unwrap_or_default();
    if of_principal >= limits.event_streams_per_principal || open.count >= limits.event_streams {
        api.metrics.limits().count(Limit::EventStreams);
        let detail = if open.count >= limits.event_streams {
            "The server has as many streams open as it may."
        } else {
            "You have as many streams open as you may. Close one, or listen to a whole organization with one."
        };
        return Err(Problem::new(Code::TooManyRequests)
            .detail(detail)
            .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS)));
    }
    open.count += 1;
    *open.of_principals.entry(principal).or_default() += 1;
    drop(open);
    Ok(Place { streams, principal })
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open();
        open.count -= 1;
        if let Some(count) = open.of_principals.get_mut(&self.principal) {
            *count -= 1;
            if *count == 0 {
                open.of_principals.remove(&self.principal);
            }
        }
    }
}
