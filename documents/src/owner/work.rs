//! When somebody's work on a node has come to an end: then the node has a version more.

use chrono::TimeDelta;
use platform::auth::PrincipalRef;
use platform::db::documents::DocumentRef;
use platform::db::versions;
use schema::ids::{DocumentKind, NodeId};

use crate::services::Services;

/// Nobody wrote for so long: the work has come to an end,
pub(super) const PAUSE_MS: u64 = 5 * 60_000;
/// or for so long after everybody has left. A REST write keeps a version by itself before that.
pub(super) const PAUSE_OF_NOBODY_MS: u64 = 10_000;

/// Who wrote last in a node, if no version tells of it and nobody is at work any more: the server ended before.
pub(super) async fn unrecorded(services: &Services, document: &DocumentRef) -> Option<PrincipalRef> {
    if document.kind != DocumentKind::Node {
        return None;
    }
    let pause = TimeDelta::milliseconds(i64::try_from(PAUSE_OF_NOBODY_MS).unwrap_or(i64::MAX));
    let until = services.clock.now() - pause;
    let found = versions::unrecorded_work(&services.db, document.org, NodeId::new(document.id), until).await;
    found.unwrap_or_else(|error| {
        tracing::warn!(document = %document.id, %error, "it could not be read whether a version is missing");
        None
    })
}

/// The work on a node of which no version tells yet.
#[derive(Debug, Default)]
pub(super) struct Work(Option<Box<Last>>);

#[derive(Debug)]
struct Last {
    at_ms: u64,
    by: PrincipalRef,
}

impl Work {
    /// Somebody wrote.
    pub(super) fn note(&mut self, now: u64, by: PrincipalRef) {
        match &mut self.0 {
            Some(last) => **last = Last { at_ms: now, by },
            none => *none = Some(Box::new(Last { at_ms: now, by })),
        }
    }

    /// Whether there is work of which no version tells.
    pub(super) const fn is_under_way(&self) -> bool {
        self.0.is_some()
    }

    /// When it has come to an end, unless somebody writes before. `is_left`: nobody is here.
    pub(super) fn ends_at(&self, is_left: bool) -> Option<u64> {
        let pause_ms = if is_left { PAUSE_OF_NOBODY_MS } else { PAUSE_MS };
        self.0.as_ref().map(|last| last.at_ms + pause_ms)
    }

    /// Who wrote last, if the work has come to an end by now.
    pub(super) fn take_if_over(&mut self, now: u64, is_left: bool) -> Option<PrincipalRef> {
        self.ends_at(is_left).filter(|end| *end <= now)?;
        self.0.take().map(|last| last.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_ends_after_a_pause_and_sooner_when_everybody_has_left() {
        let mut work = Work::default();
        assert_eq!((work.take_if_over(u64::MAX, true), work.ends_at(true)), (None, None));
        work.note(1_000, PrincipalRef::SYSTEM);
        assert!(work.is_under_way());
        assert_eq!(work.take_if_over(1_000 + PAUSE_OF_NOBODY_MS, false), None);
        work.note(2_000, PrincipalRef::SYSTEM);
        assert_eq!(work.take_if_over(1_000 + PAUSE_OF_NOBODY_MS, true), None, "somebody wrote since");
        assert_eq!(work.take_if_over(2_000 + PAUSE_OF_NOBODY_MS, true), Some(PrincipalRef::SYSTEM));
        assert!(!work.is_under_way());
        work.note(1_000, PrincipalRef::SYSTEM);
        assert_eq!(work.take_if_over(1_000 + PAUSE_MS, false), Some(PrincipalRef::SYSTEM));
    }
}
