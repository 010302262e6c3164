//! Tools for nodes: making them, reading them, setting their states.

use platform::db::runs::Subrun;
use platform::db::search::{self, About, Filter, Kind, Viewer};
use platform::db::versions;
use platform::executions::{DEPTH_MAX, ExecuteOptions, Subnodes};
use schema::Patch;
use schema::canvas::{self, AuthorType, CanvasNode, CanvasPatch, NewNode, NodeChanges};
use schema::ids::{DocumentName, NodeId, RunId};
use schema::node::{self, Item, ItemContent, NewItem, NodePatch, NodeView, Side};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;
use yrs::{ClientID, Transact, TransactionMut};

use super::{Refused, Used, read};
use crate::entry::Entry;
use crate::model::ToolCall;
use crate::prompt;
use crate::run::{Along, Run, Stop, with_patience};
use crate::tools::{RESULT_BYTES_MAX, ToolError};
use crate::workspace::WorkspaceError;

/// Nodes that one run may make.
const NODES_MADE_MAX: usize = 50;
/// How far below its parent, and from the next, a new node is put, in canvas units.
const NODE_STEP: (f64, f64) = (280.0, 160.0);
/// Nodes that are listed, and found, unless more or fewer are asked for.
const LISTED: usize = 50;
const FOUND: usize = 20;
/// New nodes in a row, and rows that are looked at for a free place.
const NODES_PER_ROW: u32 = 4;
const ROWS_TRIED: u32 = 20;

#[derive(Deserialize)]
pub(super) struct CreateSubnode {
    title: String,
    #[serde(default)]
    description: String,
    author_type: AuthorType,
    #[serde(default)]
    inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    r#type: String,
    #[serde(default)]
    label: Option<String>,
    content: Value,
}

#[derive(Deserialize)]
struct ListNodes {
    #[serde(default)]
    parent_id: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    limit: Option<usize>,
}

/// A node, as the model may read it.
#[derive(Deserialize)]
struct Accessed {
    title: String,
    status: String,
    body: String,
    inputs: Vec<Item>,
    outputs: Vec<Item>,
}

impl Run<'_> {
    pub(super) async fn create_subnode(&mut self, call: &ToolCall, new: CreateSubnode) -> Used {
        let parent = self.canvas_node(self.leased.node)?;
        let siblings = self.nodes()?.iter().filter(|(_, node)| node.parent_id == Some(self.leased.node)).count();
        if siblings >= NODES_MADE_MAX && self.state.tool.is_none() {
            let message = format!("a node that agents work on has at most {NODES_MADE_MAX} nodes inside");
            return Err(ToolError::new("TOO_MANY_NODES", message).into());
        }
        let items: Vec<NewItem> =
            new.inputs.iter().enumerate().map(|(place, input)| self.input(place, input)).collect::<Result<_, _>>()?;
        // A node that cannot be described is not made.
        write(&mut schema::new_doc(ClientID::new(1)).transact_mut(), &new.description, &items)?;
        let id = NodeId::new(self.next_id("node"));
        let (x, y) = free_place(&parent, self.nodes()?.iter().map(|(_, node)| node));
        let node = NewNode {
            title: new.title,
            parent_id: Some(self.leased.node),
            author_type: new.author_type,
            author_user_id: Some(self.leased.user),
            supervisor_user_id: (new.author_type == AuthorType::Agent).then_some(self.leased.user),
            x,
            y,
            ..NewNode::default()
        };
        let (now, canvas) = (self.services.clock.now(), self.canvas.clone());
        let patch = CanvasPatch::CreateNode { id, node: Box::new(node) };
        let noted = self
            .begin_with_edit(call, &canvas, json!({"nodeId": id}), vec![id], |txn| canvas::apply(&patch, txn, now))
            .await?;
        let id: NodeId = noted["nodeId"].as_str().and_then(|id| id.parse().ok()).unwrap_or(id);
        let is_written = self.state.tool.as_ref().is_some_and(|tool| tool.effects.len() > 1);
        let says_something = !new.description.trim().is_empty() || !items.is_empty();
        if says_something && !is_written {
            self.describe(id, &new.description, &items).await?;
        }
        Ok(json!({"subnode_id": id}))
    }

    /// Writes into the document of a node that was just made.
    async fn describe(&mut self, id: NodeId, description: &str, items: &[NewItem]) -> Result<(), Refused> {
        // What the server checks of this document follows from the canvas, which it has to have first.
        self.settle().await?;
        let document = DocumentName::Node(id);
        self.workspace.open(&document).await?;
        let update = self.workspace.try_edit(&document, |txn| write(txn, description, items))?;
        let edit = update?.map(|update| (document, update));
        let entry = Entry::ToolWent { effect: json!({"described": id}) };
        self.append(entry, Along { edit, ..Along::default() }).await?;
        Ok(())
    }

    fn input(&self, place: usize, input: &Input) -> Result<NewItem, ToolError> {
        let text =
            || input.content.as_str().map(str::to_owned).ok_or_else(|| ToolError::invalid("content must be a text"));
        let content = match input.r#type.as_str() {
            "text" => ItemContent::Text { text: text()? },
            "external_link" => ItemContent::Link { url: text()? },
            "node_reference" => {
                let node = text()?.parse().map_err(|_| ToolError::invalid("content must be a node's id"))?;
                ItemContent::NodeReference { source_node_id: node, source_version: None }
            }
            _ => ItemContent::Data { data: input.content.clone() },
        };
        Ok(self.item(&format!("input-{place}"), input.label.clone(), content))
    }

    /// Begins a run on a node that was made for an agent, if that was asked for.
    pub(super) fn subrun_for(&self, call: &ToolCall, result: &mut Value) -> Option<Subrun> {
        let options = &self.leased.options;
        if call.name != "create_subnode" || options.subnodes != Subnodes::Run {
            return None;
        }
        let arguments: Value = serde_json::from_str(&call.arguments).ok()?;
        if arguments["author_type"] != "agent" {
            return None;
        }
        if self.leased.depth + 1 >= DEPTH_MAX {
            result["run"] = json!({"error": format!("runs stand at most {DEPTH_MAX} deep: nobody runs it by itself")});
            return None;
        }
        let node: NodeId = result["subnode_id"].as_str()?.parse().ok()?;
        let id = RunId::new(self.next_id("run"));
        result["run"] = json!({"execution_id": id});
        let options = ExecuteOptions { instructions: None, ..options.clone() };
        // Of what the run above has left; it has less from now on.
        let token_budget = self.state.left_of(self.leased.token_budget) / 2;
        Some(Subrun { id, node, options, token_budget })
    }

    pub(super) async fn access_node(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        self.begin_tool(call, json!({}), Along::default()).await?;
        let asked = arguments["node_id"].as_str().unwrap_or_default();
        let id: NodeId = asked.parse().map_err(|_| no_such_node(asked))?;
        let (_, node) = self.nodes()?.into_iter().find(|(node, _)| *node == id).ok_or_else(|| no_such_node(asked))?;
        // Opened for a version, too: the run may read no more of the past than of the present.
        let NodeView { body, inputs, outputs, .. } = self.view_of(id).await?;
        let now = Accessed { title: node.title, status: node.status, body, inputs, outputs };
        let Accessed { title, status, body, inputs, outputs } = match arguments["version"].as_i64() {
            Some(version) => self.past_of(id, version).await?,
            None => now,
        };
        let files = self.files_of(inputs.iter().chain(&outputs)).await?;
        let kind = arguments["access_type"].as_str().unwrap_or("both");
        let mut told = json!({"title": title, "status": status, "body": prompt::cut(&body, RESULT_BYTES_MAX / 2)});
        if kind != "outputs" {
            told["inputs"] = json!(prompt::items(&inputs, &files));
        }
        if kind != "inputs" {
            told["outputs"] = json!(prompt::items(&outputs, &files));
        }
        Ok(told)
    }

    /// What a node was at a version of it.
    async fn past_of(&self, id: NodeId, version: i64) -> Result<Accessed, Refused> {
        let number = i32::try_from(version).unwrap_or(i32::MAX);
        let (db, org) = (&self.services.db, self.leased.org);
        let found = with_patience(|| versions::find(db, org, id, number)).await.map_err(Stop::from)?;
        let found = found
            .ok_or_else(|| ToolError::new("VERSION_NOT_FOUND", format!("the node {id} has no version {version}")))?;
        let snapshot = found.snapshot.and_then(|snapshot| serde_json::from_value(snapshot).ok());
        let not_kept = || ToolError::new("VERSION_NOT_KEPT", "what the node was at that version is not kept");
        Ok(snapshot.ok_or_else(not_kept)?)
    }

    async fn view_of(&mut self, id: NodeId) -> Result<NodeView, Refused> {
        let document = DocumentName::Node(id);
        let is_open = self.workspace.epoch(&document).is_some();
        // What only reads may be given up. What a tool writes is noted before: if that were given up, it would be made all the
        // same, and a model that was told otherwise would do it twice.
        match timeout(self.services.tool_time, self.workspace.open(&document)).await {
            Ok(Ok(())) => {}
            // Its own words: the run may read no more than whoever it acts for.
            Ok(Err(WorkspaceError::NoAccess { .. })) => return Err(no_such_node(&id.to_string()).into()),
            Ok(Err(error)) => return Err(error.into()),
            Err(_) => {
                self.workspace.close(&document);
                return Err(ToolError::new("TIMED_OUT", "the node took too long to open: try it later").into());
            }
        }
        let view = self.workspace.read(&document, |txn| node::read(txn))?;
        if !is_open {
            self.workspace.close(&document);
        }
        Ok(view)
    }

    /// What was written a moment ago may not be found yet.
    pub(super) async fn search(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        self.begin_tool(call, json!({}), Along::default()).await?;
        let words = arguments["query"].as_str().unwrap_or_default();
        let filter = Filter { kinds: vec![Kind::Node], ..Filter::default() };
        let max = arguments["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(FOUND);
        let (db, leased) = (&self.services.db, &self.leased);
        let search =
            with_patience(|| search::find(db, leased.org, Viewer::Run(leased.project), words, &filter, None, max));
        let found = timeout(self.services.tool_time, search).await.map_err(|_| {
            ToolError::new("TIMED_OUT", "the search took too long: look for fewer or rarer words, or list the nodes")
        })?;
        let mut nodes = Vec::new();
        for found in found.map_err(Stop::from)?.items {
            let About::Node(id) = found.hit.about else { continue };
            let node = self.workspace.read(&self.canvas, |txn| canvas::read_node(txn, id))?;
            // It may have been deleted since.
            let Some(node) = node.filter(|node| node.deleted_at.is_none()) else { continue };
            nodes.push(json!({"node_id": id, "title": node.title, "status": node.status, "parent_id": node.parent_id,
                "excerpt": found.excerpt}));
        }
        Ok(json!({"nodes": nodes}))
    }

    pub(super) async fn list_nodes(&mut self, call: &ToolCall, arguments: Value) -> Used {
        self.begin_tool(call, json!({}), Along::default()).await?;
        let ListNodes { parent_id, status, limit } = read(arguments)?;
        let nodes = self.nodes()?.into_iter().filter(|(_, node)| {
            status.as_ref().is_none_or(|status| node.status == *status)
                && parent_id.as_ref().is_none_or(|id| node.parent_id.is_some_and(|parent| parent.to_string() == *id))
        });
        let listed: Vec<Value> = nodes
            .take(limit.unwrap_or(LISTED))
            .map(|(id, node)| json!({"node_id": id, "title": node.title, "status": node.status, "parent_id": node.parent_id}))
            .collect();
        Ok(json!({"nodes": listed}))
    }

    pub(super) async fn set_status(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        let node = match arguments["node_id"].as_str() {
            Some(id) => id.parse().map_err(|_| no_such_node(id))?,
            None => self.leased.node,
        };
        let is_own = node == self.leased.node || self.canvas_node(node)?.parent_id == Some(self.leased.node);
        if !is_own {
            let message = "an agent sets the state of its own node, and of nodes inside it";
            return Err(ToolError::new("NOT_ALLOWED", message).into());
        }
        let status = arguments["status"].as_str().unwrap_or_default().to_owned();
        let changes = Box::new(NodeChanges { status: Patch::Set(status), ..NodeChanges::default() });
        let (patch, now, canvas) =
            (CanvasPatch::UpdateNode { id: node, changes }, self.services.clock.now(), self.canvas.clone());
        self.begin_with_edit(call, &canvas, json!({}), Vec::new(), |txn| canvas::apply(&patch, txn, now)).await?;
        Ok(json!({"ok": true}))
    }

    /// What is on the canvas and not in the trash.
    fn nodes(&self) -> Result<Vec<(NodeId, CanvasNode)>, Refused> {
        let view = self.workspace.read(&self.canvas, |txn| canvas::read(txn))?;
        Ok(view.live_nodes().map(|(id, node)| (id, node.clone())).collect())
    }

    fn canvas_node(&self, id: NodeId) -> Result<CanvasNode, Refused> {
        let node = self.workspace.read(&self.canvas, |txn| canvas::read_node(txn, id))?;
        node.filter(|node| node.deleted_at.is_none()).ok_or_else(|| no_such_node(&id.to_string()).into())
    }
}

/// Writes into the document of a new node what it is about.
fn write(txn: &mut TransactionMut<'_>, description: &str, items: &[NewItem]) -> Result<(), ToolError> {
    let add = |item: &NewItem| NodePatch::AddItem { side: Side::Inputs, item: item.clone() };
    node::set_body(txn, description)
        .and_then(|()| items.iter().try_for_each(|item| node::apply(&add(item), txn)))
        .map_err(|error| ToolError::new("NOT_POSSIBLE", error.to_string()))
}

/// A place below a node, where no other one is: to the right of those that are there, or else further down.
fn free_place<'a>(parent: &CanvasNode, others: impl Iterator<Item = &'a CanvasNode>) -> (f64, f64) {
    let taken: Vec<(f64, f64)> = others.map(|node| (node.x, node.y)).collect();
    let (step_x, step_y) = NODE_STEP;
    let places =
        (1..=ROWS_TRIED).flat_map(|row| (0..NODES_PER_ROW).map(move |column| (f64::from(column), f64::from(row))));
    let places = places.map(|(column, row)| (parent.x + column * step_x, parent.y + row * step_y));
    let is_free = |place: &(f64, f64)| {
        !taken.iter().any(|(x, y)| (x - place.0).abs() < step_x * 0.9 && (y - place.1).abs() < step_y * 0.9)
    };
    places.clone().find(is_free).unwrap_or((parent.x, parent.y + step_y))
}

fn no_such_node(id: &str) -> ToolError {
    ToolError::new(
        "NODE_NOT_FOUND",
        format!("there is no node {:?} in this project that may be read", prompt::cut(id, 100)),
    )
}
