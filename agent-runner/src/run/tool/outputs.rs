//! Tools for what comes of a node: its outputs, and its body.

use platform::executions::Mode;
use schema::node::{self, ItemContent, NewItem, NewProposal, NodePatch, ProposedChange, Side};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Used;
use crate::model::ToolCall;
use crate::run::Run;
use crate::tools::{self, ToolError};

#[derive(Deserialize)]
pub(super) struct AddOutput {
    r#type: String,
    content: Value,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    schema: Option<Value>,
}

impl Run<'_> {
    pub(super) fn item(&self, of: &str, label: Option<String>, content: ItemContent) -> NewItem {
        let provenance = json!({"kind": "agent", "runId": self.leased.run});
        let (metadata, provenance) = (Map::new(), provenance.as_object().cloned());
        NewItem { id: self.next_id(of), label, metadata, provenance, content }
    }

    pub(super) async fn add_output(&mut self, call: &ToolCall, output: AddOutput) -> Used {
        if let Some(schema) = output.schema.clone() {
            tools::conforms_to_models(schema, output.content.clone()).await.map_err(ToolError::invalid)?;
        }
        let content = match output.r#type.as_str() {
            "text" => {
                let text = output.content.as_str().ok_or_else(|| ToolError::invalid("content must be Markdown"))?;
                ItemContent::Text { text: text.to_owned() }
            }
            "file" if self.leased.options.mode == Mode::Propose => return Err(no_files().into()),
            "file" => ItemContent::File { file_id: self.output_file(call, &output.content).await? },
            _ => ItemContent::Data { data: output.content },
        };
        let (id, document) = (self.next_id("item"), self.node.clone());
        let effect = json!({"outputId": id});
        let patch = if self.leased.options.mode == Mode::Propose {
            let (run, created_at) = (Some(self.leased.run), self.services.clock.now());
            let change = ProposedChange::Output { text: offered(content)? };
            NodePatch::Propose(Box::new(NewProposal { id, run, label: output.label, created_at, change }))
        } else {
            let mut item = self.item("item", output.label, content);
            item.metadata.extend(output.schema.map(|schema| ("schema".to_owned(), schema)));
            NodePatch::AddItem { side: Side::Outputs, item }
        };
        let noted = self.begin_with_edit(call, &document, effect, Vec::new(), |txn| node::apply(&patch, txn)).await?;
        Ok(json!({"output_id": noted["outputId"]}))
    }

    pub(super) async fn edit_body(&mut self, call: &ToolCall, arguments: &Value) -> Used {
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
}

/// What is offered is read by a person before it is there: a text, or data as it is written down.
fn offered(content: ItemContent) -> Result<String, ToolError> {
    match content {
        ItemContent::Text { text } => Ok(text),
        ItemContent::Data { data } => Ok(format!("```json\n{data:#}\n```")),
        _ => Err(no_files()),
    }
}

fn no_files() -> ToolError {
    ToolError::new("NOT_ALLOWED", "this run offers its edits: files cannot be offered")
}
