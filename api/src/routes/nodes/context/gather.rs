//! Collecting what is said of a node: what the living documents hold, and of what is around it what lists know.

use std::collections::{BTreeSet, HashMap, HashSet};

use platform::db::search::{self, FileText, NodeText};
use platform::db::versions::{self, VersionOf};
use schema::canvas::{self, CanvasNode, CanvasView};
use schema::ids::{NodeId, OrgId};
use schema::node::Item;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Context, ContextFile, ContextItem, ContextNode, RelatedNode, SourceNode, cut};
use crate::Api;
use crate::authenticate::Caller;
use crate::content::NodeDocuments;
use crate::problem::Problem;

/// The most nodes of a sort: children, say.
const RELATED_MAX: usize = 50;
/// The longest chain of parents.
const PARENTS_MAX: usize = 50;
/// The most inputs, and the most outputs.
const ITEMS_MAX: usize = 200;
/// The most tags.
const TAGS_MAX: usize = 50;
/// Characters that are shown of what nodes around it say.
const EXCERPT_CHARS_MAX: usize = 400;

/// A node's title and state, of nodes around it.
struct Named {
    id: NodeId,
    title: String,
    status: String,
}

/// The nodes around one.
struct Around {
    parents: Vec<Named>,
    siblings: Vec<Named>,
    children: Vec<Named>,
    dependencies: Vec<Named>,
    dependents: Vec<Named>,
    /// Whether some were left out.
    is_cut: bool,
}

impl Around {
    fn all(&self) -> impl Iterator<Item = &Named> {
        [&self.parents, &self.siblings, &self.children, &self.dependencies, &self.dependents].into_iter().flatten()
    }
}

/// What is known of nodes and files beside the documents that were read.
struct Known {
    /// The nodes around it, of which beginnings are shown.
    around: HashMap<NodeId, NodeText>,
    /// The nodes that items refer to.
    sources: HashMap<NodeId, NodeText>,
    /// What these said at the versions that items refer to.
    versions: HashMap<VersionOf, String>,
    files: HashMap<Uuid, FileText>,
}

/// All that is said of a node, of which texts are cut later. What is read for its items is not much longer than `chars_max`
/// together.
pub(super) async fn context(
    api: &Api,
    caller: &Caller,
    id: NodeId,
    documents: &NodeDocuments,
    chars_max: usize,
) -> Result<Context, Problem> {
    let node = api.live_node(id, documents).await?;
    let (around, ..) = api.documents.read(&documents.canvas, move |txn| around(&canvas::read(txn), id)).await?;
    let (inputs, outputs) = (node.content.inputs, node.content.outputs);
    let items = || inputs.iter().take(ITEMS_MAX).chain(outputs.iter().take(ITEMS_MAX));
    let known = known(api, caller, documents.node.org, &around, items, chars_max).await?;
    let truncated = around.is_cut || inputs.len() > ITEMS_MAX || outputs.len() > ITEMS_MAX;
    let tell = |items: Vec<Item>| items.into_iter().take(ITEMS_MAX).map(|item| known.item(item)).collect();
    let tell_nodes = |nodes: Vec<Named>| nodes.into_iter().map(|node| known.related(node)).collect();
    Ok(Context {
        node: context_node(id, documents, node.on_canvas, node.content.body),
        inputs: tell(inputs),
        outputs: tell(outputs),
        parents: tell_nodes(around.parents),
        siblings: tell_nodes(around.siblings),
        children: tell_nodes(around.children),
        dependencies: tell_nodes(around.dependencies),
        dependents: tell_nodes(around.dependents),
        truncated,
    })
}

/// What lists know of the nodes around one, and of what its items name. Of the latter each gets the share that it could be
/// told of at most: one long file may be named by hundreds of items.
async fn known<'a, I: Iterator<Item = &'a Item>>(
    api: &Api,
    caller: &Caller,
    org: OrgId,
    around: &Around,
    items: impl Fn() -> I,
    chars_max: usize,
) -> Result<Known, Problem> {
    let (db, user) = (&api.db, caller.user);
    let distinct = |ids: HashSet<NodeId>| ids.into_iter().collect::<Vec<_>>();
    let neighbours = distinct(around.all().map(|it| it.id).collect());
    let sources = distinct(items().filter_map(|item| item.source_node_id).collect());
    let files: Vec<Uuid> = items().filter_map(|item| item.file_id).collect();
    let lengths = search::text_lengths(db, org, user, &sources, &files).await?;
    let referred: HashSet<VersionOf> =
        items().filter_map(version_of).filter(|it| lengths.contains_key(&it.node.as_uuid())).collect();
    let referred: Vec<VersionOf> = referred.into_iter().collect();
    let version_lengths = versions::body_lengths(db, org, &referred).await?;
    let length = |item: &Item| match (item.file_id, item.source_version) {
        (None, Some(_)) => version_lengths.get(&version_of(item)?).copied(),
        (file, _) => lengths.get(&file.or(item.source_node_id.map(Uuid::from))?).copied(),
    };
    let of_items = items().filter_map(length).collect();
    let share = cut::longest_share(of_items, chars_max).min(chars_max) + 1;
    let (around, _) = search::texts(db, org, user, &neighbours, &[], EXCERPT_CHARS_MAX + 1).await?;
    let (sources, files) = search::texts(db, org, user, &sources, &files, share).await?;
    let versions = versions::bodies(db, org, &referred, share).await?;
    let by_id = |nodes: Vec<NodeText>| nodes.into_iter().map(|node| (node.id, node)).collect();
    let files = files.into_iter().map(|file| (file.id, file)).collect();
    Ok(Known { around: by_id(around), sources: by_id(sources), versions, files })
}

/// The version that an item refers to, if it is one that there can be.
fn version_of(item: &Item) -> Option<VersionOf> {
    Some(VersionOf { node: item.source_node_id?, version: i32::try_from(item.source_version?).ok()? })
}

fn around(canvas: &CanvasView, id: NodeId) -> Around {
    let mut is_cut = false;
    let parent = canvas.nodes.get(&id).and_then(|node| node.parent_id);
    let with_node = |id: NodeId| live(canvas, id).map(|node| (id, node));
    let edges = || canvas.edges.values();
    let sources: BTreeSet<NodeId> = edges().filter(|it| it.target_node_id == id).map(|it| it.source_node_id).collect();
    let targets: BTreeSet<NodeId> = edges().filter(|it| it.source_node_id == id).map(|it| it.target_node_id).collect();
    let siblings = canvas.live_nodes().filter(|(other, it)| it.parent_id == parent && *other != id);
    let children = canvas.live_nodes().filter(|(_, it)| it.parent_id == Some(id));
    Around {
        parents: parents(canvas, id, parent, &mut is_cut),
        siblings: first(siblings, &mut is_cut),
        children: first(children, &mut is_cut),
        dependencies: first(sources.into_iter().filter_map(with_node), &mut is_cut),
        dependents: first(targets.into_iter().filter_map(with_node), &mut is_cut),
        is_cut,
    }
}

/// The nodes that one is inside, the outermost first.
fn parents(canvas: &CanvasView, id: NodeId, mut parent: Option<NodeId>, is_cut: &mut bool) -> Vec<Named> {
    let mut parents = Vec::new();
    // Edits at the same time may have put nodes into each other.
    let mut passed = HashSet::from([id]);
    while let Some((id, node)) = parent.and_then(|id| Some((id, live(canvas, id)?)))
        && passed.insert(id)
    {
        if parents.len() >= PARENTS_MAX {
            *is_cut = true;
            break;
        }
        parents.push(named(id, node));
        parent = node.parent_id;
    }
    parents.reverse();
    parents
}

fn live(canvas: &CanvasView, id: NodeId) -> Option<&CanvasNode> {
    canvas.nodes.get(&id).filter(|node| node.deleted_at.is_none())
}

/// As many as may be in an answer.
fn first<'a>(mut nodes: impl Iterator<Item = (NodeId, &'a CanvasNode)>, is_cut: &mut bool) -> Vec<Named> {
    let first = nodes.by_ref().take(RELATED_MAX).map(|(id, node)| named(id, node)).collect();
    *is_cut |= nodes.next().is_some();
    first
}

fn named(id: NodeId, node: &CanvasNode) -> Named {
    Named { id, title: node.title.clone(), status: node.status.clone() }
}

fn context_node(id: NodeId, documents: &NodeDocuments, node: CanvasNode, body: String) -> ContextNode {
    ContextNode {
        id,
        project_id: documents.project,
        title: node.title,
        status: node.status,
        author_type: node.author_type.into(),
        tags: tags(&node.metadata),
        priority: text_of(&node.metadata, "priority"),
        due_date: text_of(&node.metadata, "dueDate"),
        body,
    }
}

/// People write anything into metadata: only texts count.
fn tags(metadata: &Map<String, Value>) -> Vec<String> {
    let tags = metadata.get("tags").and_then(Value::as_array).into_iter().flatten();
    tags.filter_map(|tag| tag.as_str().map(str::to_owned)).take(TAGS_MAX).collect()
}

fn text_of(metadata: &Map<String, Value>, key: &str) -> Option<String> {
    metadata.get(key).and_then(Value::as_str).map(str::to_owned)
}

impl Known {
    fn related(&self, node: Named) -> RelatedNode {
        let text = self.around.get(&node.id).map_or("", |known| known.text.as_str());
        let mut excerpt: String = text.chars().take(EXCERPT_CHARS_MAX).collect();
        if excerpt.len() < text.len() {
            excerpt.push('…');
        }
        RelatedNode { id: node.id, title: node.title, status: node.status, excerpt }
    }

    fn item(&self, item: Item) -> ContextItem {
        let file = item.file_id.and_then(|file| self.files.get(&file));
        let source = item.source_node_id.and_then(|node| self.sources.get(&node));
        // What the node says now is not what is referred to, where that is a version.
        let referred = || match item.source_version {
            Some(_) => self.versions.get(&version_of(&item)?).cloned(),
            None => source.map(|node| node.text.clone()),
        };
        let data = || item.data.as_ref().map(|data| format!("{data:#}"));
        let text =
            item.text.clone().or_else(data).or_else(|| file.and_then(|file| file.text.clone())).or_else(referred);
        ContextItem {
            id: item.id,
            r#type: item.kind,
            label: item.label,
            text,
            url: item.url,
            file: file.map(|file| ContextFile {
                id: file.id,
                filename: file.filename.clone(),
                content_type: file.content_type.clone(),
            }),
            source_node: source.map(|node| SourceNode {
                id: node.id,
                title: node.title.clone(),
                status: node.status.clone(),
                version: item.source_version,
            }),
        }
    }
}
