//! Using tools. What a tool does to a document is noted before it is done, with ids that follow from the journal: who
//! resumes the run does what is left of it, and nothing twice.

use chrono::TimeDelta;
use platform::db::organizations::ToolPolicy;
use platform::db::runs::Subrun;
use platform::executions::{DEPTH_MAX, Mode, Question, Subnodes};
use schema::Patch;
use schema::canvas::{self, AuthorType, CanvasNode, CanvasPatch, NewNode, NodeChanges};
use schema::ids::{DocumentName, NodeId, RunId};
use schema::node::{self, Item, ItemContent, NewItem, NewProposal, NodePatch, NodeView, ProposedChange, Side};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Along, Run, Stop};
use crate::entry::{Entry, Outcome};
use crate::model::ToolCall;
use crate::prompt;
use crate::tools::{self, RESULT_BYTES_MAX, ToolError};
use crate::workspace::WorkspaceError;

/// What is answered to a request for leave.
const LEAVE: [&str; 2] = ["Approve", "Reject"];
/// Nodes that one run may make.
const NODES_MADE_MAX: usize = 50;
/// How far below its parent, and from the next, a new node is put, in canvas units.
const NODE_STEP: (f64, f64) = (280.0, 160.0);
/// New nodes in a row, and rows that are looked at for a free place.
const NODES_PER_ROW: u32 = 4;
const ROWS_TRIED: u32 = 20;

/// What is to be done with a use of a tool.
type Used = Result<Value, Refused>;

/// Why it is not, or not now.
enum Refused {
    /// The model is told.
    Error(ToolError),
    Stop(Stop),
    /// A person is asked first.
    Waits,
}

impl From<ToolError> for Refused {
    fn from(error: ToolError) -> Self {
        Self::Error(error)
    }
}

impl From<Stop> for Refused {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<WorkspaceError> for Refused {
    fn from(error: WorkspaceError) -> Self {
        Self::Stop(error.into())
    }
}

#[derive(Deserialize)]
struct CreateSubnode {
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
struct AddOutput {
    r#type: String,
    content: Value,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    schema: Option<Value>,
}

#[derive(Deserialize)]
struct RequestHumanInput {
    question: String,
    #[serde(default)]
    options: Vec<String>,
    #[serde(default)]
    context: Option<String>,
    #[serde(default)]
    timeout_minutes: Option<i64>,
    #[serde(default)]
    default: Option<String>,
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

impl Run<'_> {
    /// Uses a tool. Returns whether there is more to do now.
    pub(super) async fn use_tool(&mut self, call: &ToolCall) -> Result<bool, Stop> {
        let since = Instant::now();
        let used = match self.leave_for(call).await {
            Ok(arguments) => self.carry_out(call, arguments).await,
            Err(refused) => Err(refused),
        };
        let (outcome, subrun) = match used {
            Ok(mut result) => {
                let subrun = self.subrun_for(call, &mut result);
                (Outcome::Done(bounded(result)), subrun)
            }
            Err(Refused::Error(error)) => {
                (Outcome::Failed { code: error.code.to_owned(), message: error.message }, None)
            }
            Err(Refused::Stop(stop)) => return Err(stop),
            Err(Refused::Waits) => return Ok(false),
        };
        let duration_ms = i64::try_from(since.elapsed().as_millis()).unwrap_or(i64::MAX);
        let delivered = self.workspace.delivered(self.state.seq);
        let entry = Entry::ToolEnded { call_id: call.id.clone(), outcome, duration_ms, delivered };
        self.append(entry, Along { subrun, ..Along::default() }).await?;
        Ok(true)
    }

    /// The arguments, if they are as they should be and nobody has to be asked (any more).
    async fn leave_for(&mut self, call: &ToolCall) -> Result<Value, Refused> {
        let Some(pinned) = &self.state.pinned else {
            return Err(super::failed_stop("NO_TOOLS", "nothing is pinned").into());
        };
        let arguments = tools::check(&pinned.tools, &call.name, &call.arguments)?;
        let policy = pinned.policies.of(&call.name);
        if self.state.tool.is_some() || policy == ToolPolicy::Allow {
            return Ok(arguments);
        }
        match (policy, self.state.answer.as_deref()) {
            (ToolPolicy::Approve, Some(answer)) if answer == LEAVE[0] => Ok(arguments),
            (ToolPolicy::Approve, Some(answer)) => {
                Err(ToolError::new("NOT_APPROVED", format!("a person has not approved this: {answer}")).into())
            }
            (ToolPolicy::Approve, None) => {
                let shown = prompt::cut(&arguments.to_string(), 2_000);
                self.ask(Question {
                    id: self.next_id("question"),
                    question: format!("May the agent use {}?", call.name),
                    options: LEAVE.map(str::to_owned).to_vec(),
                    context: Some(shown),
                    approval: true,
                    asked_at: self.services.clock.now(),
                    expires_at: None,
                    default: None,
                })
                .await?;
                Err(Refused::Waits)
            }
            (ToolPolicy::Allow | ToolPolicy::Deny, _) => {
                Err(ToolError::new("NOT_ALLOWED", "this tool may not be used here").into())
            }
        }
    }

    async fn ask(&mut self, question: Question) -> Result<(), Stop> {
        self.workspace.settle().await?;
        self.show("waiting for an answer", None);
        self.append(Entry::Asked(question), Along::default()).await
    }

    async fn carry_out(&mut self, call: &ToolCall, arguments: Value) -> Used {
        if self.leased.options.mode == Mode::Propose && ["create_subnode", "set_status"].contains(&call.name.as_str()) {
            let message = "this run offers its edits: use edit_body and add_output, and say the rest in your answer";
            return Err(ToolError::new("NOT_ALLOWED", message).into());
        }
        match call.name.as_str() {
            "create_subnode" => self.create_subnode(call, read(arguments)?).await,
            "request_human_input" => self.request_human_input(call, read(arguments)?).await,
            "add_output" => self.add_output(call, read(arguments)?).await,
            "access_node" => self.access_node(call, &arguments).await,
            "edit_body" => self.edit_body(call, &arguments).await,
            "search" | "list_nodes" => self.list_nodes(call, &arguments).await,
            "set_status" => self.set_status(call, &arguments).await,
            other => Err(ToolError::new("UNKNOWN_TOOL", format!("there is no tool {other:?}")).into()),
        }
    }

    /// Notes that a tool begins, with its first edit; nothing if it has begun before. Returns what it noted then.
    async fn begin_tool(&mut self, call: &ToolCall, effect: Value, along: Along) -> Result<Value, Stop> {
        if let Some(tool) = &self.state.tool {
            return Ok(tool.effects.first().cloned().unwrap_or_default());
        }
        let entry = Entry::ToolBegun { call_id: call.id.clone(), effect: effect.clone() };
        self.append(entry, along).await?;
        Ok(effect)
    }

    /// Edits a document as the first thing that a tool does.
    async fn begin_with_edit(
        &mut self,
        call: &ToolCall,
        document: &DocumentName,
        effect: Value,
        made: Vec<NodeId>,
        edit: impl FnOnce(&mut yrs::TransactionMut<'_>) -> Result<(), schema::PatchError>,
    ) -> Result<Value, Refused> {
        if self.state.tool.is_some() {
            return Ok(self.begin_tool(call, effect, Along::default()).await?);
        }
        self.workspace.catch_up()?;
        let (done, update) = self.workspace.edit(document, edit)?;
        done.map_err(|error| ToolError::new("NOT_POSSIBLE", error.to_string()))?;
        let edit = update.map(|update| (document.clone(), update));
        Ok(self.begin_tool(call, effect, Along { edit, made, ..Along::default() }).await?)
    }

    async fn create_subnode(&mut self, call: &ToolCall, new: CreateSubnode) -> Used {
        let parent = self.canvas_node(self.leased.node)?;
        let siblings = self.nodes()?.iter().filter(|(_, node)| node.parent_id == Some(self.leased.node)).count();
        if siblings >= NODES_MADE_MAX && self.state.tool.is_none() {
            let message = format!("a node that agents work on has at most {NODES_MADE_MAX} nodes inside");
            return Err(ToolError::new("TOO_MANY_NODES", message).into());
        }
        let items: Vec<NewItem> =
            new.inputs.iter().enumerate().map(|(place, input)| self.input(place, input)).collect::<Result<_, _>>()?;
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
            self.describe(id, &new.description, items).await?;
        }
        Ok(json!({"subnode_id": id}))
    }

    /// Writes into the document of a node that was just made.
    async fn describe(&mut self, id: NodeId, description: &str, items: Vec<NewItem>) -> Result<(), Refused> {
        // What the server checks of this document follows from the canvas, which it has to have first.
        self.workspace.settle().await?;
        let document = DocumentName::Node(id);
        self.workspace.open(&document).await?;
        let (done, update) = self.workspace.edit(&document, |txn| {
            node::set_body(txn, description)?;
            items.into_iter().try_for_each(|item| node::apply(&NodePatch::AddItem { side: Side::Inputs, item }, txn))
        })?;
        done.map_err(|error| ToolError::new("NOT_POSSIBLE", error.to_string()))?;
        let edit = update.map(|update| (document, update));
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

    fn item(&self, of: &str, label: Option<String>, content: ItemContent) -> NewItem {
        let provenance = json!({"kind": "agent", "runId": self.leased.run});
        let (metadata, provenance) = (Map::new(), provenance.as_object().cloned());
        NewItem { id: self.next_id(of), label, metadata, provenance, content }
    }

    /// Begins a run on a node that was made for an agent, if that was asked for.
    fn subrun_for(&self, call: &ToolCall, result: &mut Value) -> Option<Subrun> {
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
        let options = platform::executions::ExecuteOptions { instructions: None, ..options.clone() };
        // What the run above has left is for all below it.
        let token_budget = self.leased.token_budget.saturating_sub(self.state.tokens) / 2;
        Some(Subrun { id, node, options, token_budget })
    }

    async fn request_human_input(&mut self, call: &ToolCall, asked: RequestHumanInput) -> Used {
        let is_new = self.state.tool.is_none();
        self.begin_tool(call, json!({}), Along::default()).await?;
        if let (false, Some(answer)) = (is_new, &self.state.answer) {
            return Ok(json!({"response": answer}));
        }
        let now = self.services.clock.now();
        let RequestHumanInput { question, options, context, timeout_minutes, default } = asked;
        let expires_at = timeout_minutes.map(|minutes| now + TimeDelta::minutes(minutes));
        let id = self.next_id("question");
        self.ask(Question { id, question, options, context, approval: false, asked_at: now, expires_at, default })
            .await?;
        Err(Refused::Waits)
    }

    async fn add_output(&mut self, call: &ToolCall, output: AddOutput) -> Used {
        if let Some(schema) = &output.schema {
            tools::conforms(schema, &output.content).map_err(ToolError::invalid)?;
        }
        let content = match output.r#type.as_str() {
            "text" => {
                let text = output.content.as_str().ok_or_else(|| ToolError::invalid("content must be Markdown"))?;
                ItemContent::Text { text: text.to_owned() }
            }
            "file" => ItemContent::File { file_id: self.file_of_inputs(&output.content)? },
            _ => ItemContent::Data { data: output.content },
        };
        let (id, document) = (self.next_id("item"), self.node.clone());
        let effect = json!({"outputId": id});
        let patch = match content {
            ItemContent::Text { text } if self.leased.options.mode == Mode::Propose => {
                let (run, created_at) = (Some(self.leased.run), self.services.clock.now());
                let change = ProposedChange::Output { text };
                NodePatch::Propose(Box::new(NewProposal { id, run, label: output.label, created_at, change }))
            }
            content => NodePatch::AddItem { side: Side::Outputs, item: self.item("item", output.label, content) },
        };
        let noted = self.begin_with_edit(call, &document, effect, Vec::new(), |txn| node::apply(&patch, txn)).await?;
        Ok(json!({"output_id": noted["outputId"]}))
    }

    /// An agent passes files on; it cannot make any.
    fn file_of_inputs(&self, content: &Value) -> Result<Uuid, Refused> {
        let asked = content.get("fileId").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let view: NodeView = self.workspace.read(&self.node, |txn| node::read(txn))?;
        let is_there = |file: &Uuid| view.inputs.iter().any(|input| input.file_id == Some(*file));
        let found = asked.filter(is_there);
        found.ok_or_else(|| {
            ToolError::invalid("content must be {\"fileId\": …} of a file among the node's inputs").into()
        })
    }

    async fn access_node(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        self.begin_tool(call, json!({}), Along::default()).await?;
        let asked = arguments["node_id"].as_str().unwrap_or_default();
        let id: NodeId = asked.parse().map_err(|_| no_such_node(asked))?;
        let (_, node) = self.nodes()?.into_iter().find(|(node, _)| *node == id).ok_or_else(|| no_such_node(asked))?;
        let view = self.view_of(id).await?;
        let kind = arguments["access_type"].as_str().unwrap_or("both");
        let mut told =
            json!({"title": node.title, "status": node.status, "body": prompt::cut(&view.body, RESULT_BYTES_MAX / 2)});
        if kind != "outputs" {
            told["inputs"] = items(&view.inputs);
        }
        if kind != "inputs" {
            told["outputs"] = items(&view.outputs);
        }
        Ok(told)
    }

    async fn view_of(&mut self, id: NodeId) -> Result<NodeView, Refused> {
        let document = DocumentName::Node(id);
        let is_open = self.workspace.epoch(&document).is_some();
        match self.workspace.open(&document).await {
            Ok(()) => {}
            // Its own words: the run may read no more than whoever it acts for.
            Err(WorkspaceError::NoAccess { .. }) => return Err(no_such_node(&id.to_string()).into()),
            Err(error) => return Err(error.into()),
        }
        let view = self.workspace.read(&document, |txn| node::read(txn))?;
        if !is_open {
            self.workspace.close(&document);
        }
        Ok(view)
    }

    async fn edit_body(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        let markdown = arguments["markdown"].as_str().unwrap_or_default().to_owned();
        let document = self.node.clone();
        if self.leased.options.mode == Mode::Propose {
            return self.propose_body(call, &markdown).await;
        }
        self.begin_with_edit(call, &document, json!({}), Vec::new(), |txn| node::set_body(txn, &markdown)).await?;
        Ok(json!({"ok": true}))
    }

    /// Offers what would make the body read so, a proposal for each place.
    async fn propose_body(&mut self, call: &ToolCall, markdown: &str) -> Used {
        let edits = self.workspace.read(&self.node, |txn| node::edits_of_body(markdown, txn))?;
        let ids: Vec<Uuid> = (0..edits.len()).map(|place| self.next_id(&format!("proposal-{place}"))).collect();
        let (run, created_at, document) = (Some(self.leased.run), self.services.clock.now(), self.node.clone());
        let proposals: Vec<NodePatch> = edits
            .into_iter()
            .zip(&ids)
            .map(|(edit, id)| {
                let change = ProposedChange::Body(edit);
                NodePatch::Propose(Box::new(NewProposal { id: *id, run, label: None, created_at, change }))
            })
            .collect();
        let offer = |txn: &mut yrs::TransactionMut<'_>| proposals.iter().try_for_each(|patch| node::apply(patch, txn));
        let noted = self.begin_with_edit(call, &document, json!({"proposals": ids}), Vec::new(), offer).await?;
        Ok(json!({"proposed": noted["proposals"]}))
    }

    async fn list_nodes(&mut self, call: &ToolCall, arguments: &Value) -> Used {
        const LISTED: usize = 50;
        self.begin_tool(call, json!({}), Along::default()).await?;
        let words: Vec<String> = arguments["query"]
            .as_str()
            .unwrap_or_default()
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let ListNodes { parent_id, status, limit } =
            read(arguments.clone()).unwrap_or(ListNodes { parent_id: None, status: None, limit: None });
        let nodes = self.nodes()?.into_iter().filter(|(_, node)| {
            let title = node.title.to_lowercase();
            words.iter().all(|word| title.contains(word))
                && status.as_ref().is_none_or(|status| node.status == *status)
                && parent_id.as_ref().is_none_or(|id| node.parent_id.is_some_and(|parent| parent.to_string() == *id))
        });
        let listed: Vec<Value> = nodes
            .take(limit.unwrap_or(LISTED))
            .map(|(id, node)| json!({"node_id": id, "title": node.title, "status": node.status, "parent_id": node.parent_id}))
            .collect();
        Ok(json!({"nodes": listed}))
    }

    async fn set_status(&mut self, call: &ToolCall, arguments: &Value) -> Used {
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

fn read<T: serde::de::DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments).map_err(|error| ToolError::invalid(error.to_string()))
}

fn no_such_node(id: &str) -> ToolError {
    ToolError::new(
        "NODE_NOT_FOUND",
        format!("there is no node {:?} in this project that may be read", prompt::cut(id, 100)),
    )
}

fn items(items: &[Item]) -> Value {
    json!(prompt::items(items))
}

fn bounded(result: Value) -> Value {
    let text = result.to_string();
    if text.len() <= RESULT_BYTES_MAX { result } else { json!({"cut": prompt::cut(&text, RESULT_BYTES_MAX)}) }
}
