//! Who changed the values of a document: the updates between two places are applied once more, one after another, to see
//! what each of them did.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use platform::db::documents::DocumentRef;
use platform::db::history::{self, LoggedUpdate};
use platform::db::nodes::{Author, Unattributed};
use schema::canvas::{self, Root};
use schema::ids::{DocumentKind, NodeId, Seq};
use schema::repair::{Shape, Spot};
use serde_json::Value;

use super::entries::Actor;
use super::fields::{self, FieldChange};
use super::state::PastDocument;
use super::text::Authorship;
use super::{HistoryError, beside, without_texts};
use crate::services::Services;

/// Updates that are looked at, at most; of a longer way nobody is named.
const UPDATES_MAX: u64 = 20_000;
/// Updates that are read from the log at a time.
const PAGE_UPDATES: u64 = 1_000;

/// Names who changed values last between two places, where the log still says it. Free documents have no values whose
/// places are known.
pub(super) async fn name(
    services: &Services,
    document: &DocumentRef,
    kind: DocumentKind,
    (from, to): (Seq, Seq),
    fields: &mut [FieldChange],
) -> Result<(), HistoryError> {
    let Some(shape) = Shape::of(kind) else { return Ok(()) };
    if fields.is_empty() || to.get() - from.get() > UPDATES_MAX {
        return Ok(());
    }
    let past = PastDocument::load(services, document, from).await?;
    let mut replay = beside(move || Replay::new(kind, shape, past)).await?;
    let mut at = from;
    while at < to {
        let through = Seq::new((at.get() + PAGE_UPDATES).min(to.get()));
        let updates = history::updates(&services.db, document.org, document.id, at.next()..=through).await?;
        replay = beside(move || {
            updates.iter().try_for_each(|update| replay.apply(update))?;
            Ok(replay)
        })
        .await?;
        at = through;
    }
    for field in fields {
        field.by = replay.author_of(&field.path);
    }
    Ok(())
}

/// Who put nodes into the trash last, or took them out of it, where the log still says it.
pub(crate) async fn authors_of_trash(
    services: &Services,
    canvas: &DocumentRef,
    unattributed: &Unattributed,
) -> Result<HashMap<NodeId, Author>, HistoryError> {
    let Unattributed { after, through, nodes } = unattributed;
    let _turn = services.histories.acquire().await.map_err(|_| HistoryError::Aborted)?;
    let field = |node: &NodeId| FieldChange {
        path: vec!["nodes".to_owned(), node.to_string(), "deletedAt".to_owned()],
        before: None,
        after: None,
        by: None,
    };
    let mut fields: Vec<FieldChange> = nodes.iter().map(field).collect();
    name(services, canvas, DocumentKind::Project, (*after, *through), &mut fields).await?;
    let author = |by: &Authorship| Author { principal: by.actor.principal, run: by.actor.run };
    let named = nodes.iter().zip(&fields).filter_map(|(node, field)| Some((*node, author(field.by.as_ref()?))));
    Ok(named.collect())
}

/// A document on its way from one place to another.
struct Replay {
    kind: DocumentKind,
    document: PastDocument,
    values: Value,
    by_path: HashMap<Vec<String>, Authorship>,
}

impl Replay {
    fn new(kind: DocumentKind, shape: Shape, mut document: PastDocument) -> Result<Self, HistoryError> {
        let values = without_texts(document.read(|txn| schema::to_json(kind, txn))?);
        document.watch(shape);
        Ok(Self { kind, document, values, by_path: HashMap::new() })
    }

    fn apply(&mut self, logged: &LoggedUpdate) -> Result<(), HistoryError> {
        let Some(update) = &logged.update else { return Ok(()) };
        let touched = self.document.apply(update)?;
        let LoggedUpdate { principal, run, trace_event, provenance, received_at: at, seq, .. } = *logged;
        let actor = Actor { principal, run, trace_event, provenance };
        let by = Authorship { actor, from: at, until: at, first: seq, last: seq };
        let places: BTreeSet<Place> = touched.into_iter().filter_map(Place::of).collect();
        for place in places {
            let now = self.read(&place)?;
            let path = place.path();
            for change in fields::changes_at(path.clone(), value_at(&self.values, &path), now.as_ref()) {
                self.by_path.insert(change.path, by.clone());
            }
            put(&mut self.values, &path, now);
        }
        Ok(())
    }

    fn read(&mut self, place: &Place) -> Result<Option<Value>, HistoryError> {
        let kind = self.kind;
        let json = |view: Option<serde_json::Result<Value>>| view.and_then(Result::ok);
        Ok(self.document.read(|txn| match place {
            Place::All => Some(without_texts(schema::to_json(kind, txn))),
            Place::Project => json(Some(serde_json::to_value(canvas::read(txn).project))),
            Place::Node(id) => {
                json(id.parse().ok().and_then(|id| canvas::read_node(txn, id)).map(serde_json::to_value))
            }
            Place::Edge(id) => {
                json(id.parse().ok().and_then(|id| canvas::read_edge(txn, id)).map(serde_json::to_value))
            }
        })?)
    }

    /// Who changed it itself, or else, last, what it is in or what is in it.
    fn author_of(&self, path: &[String]) -> Option<Authorship> {
        let is_related = |other: &[String]| path.starts_with(other) || other.starts_with(path);
        let itself = self.by_path.get(path);
        let related = || self.by_path.iter().filter(|(other, _)| is_related(other)).map(|(_, by)| by);
        itself.or_else(|| related().max_by_key(|by| by.last)).cloned()
    }
}

/// What is read anew when an update has touched it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    All,
    Project,
    Node(Arc<str>),
    Edge(Arc<str>),
}

impl Place {
    fn of(spot: Spot) -> Option<Self> {
        match spot {
            Spot::Entry(Root::Project, _) => Some(Self::Project),
            Spot::Entry(Root::Nodes, id) => Some(Self::Node(id)),
            Spot::Entry(Root::Edges, id) => Some(Self::Edge(id)),
            Spot::List(_) | Spot::Item(..) => Some(Self::All),
            Spot::Body => None,
        }
    }

    fn path(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Project => vec!["project".to_owned()],
            Self::Node(id) => vec!["nodes".to_owned(), id.to_string()],
            Self::Edge(id) => vec!["edges".to_owned(), id.to_string()],
        }
    }
}

fn value_at<'a>(values: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(values, |value, key| value.get(key))
}

fn put(values: &mut Value, path: &[String], value: Option<Value>) {
    let Some((key, way)) = path.split_last() else {
        *values = value.unwrap_or_default();
        return;
    };
    let parent = way.iter().try_fold(values, |value, key| value.get_mut(key));
    let Some(parent) = parent.and_then(Value::as_object_mut) else { return };
    match value {
        Some(value) => drop(parent.insert(key.clone(), value)),
        None => drop(parent.remove(key)),
    }
}
