//! `/nodes/{nodeId}/inputs` and `/nodes/{nodeId}/outputs`.

pub(super) mod add;
pub(super) mod get;
pub(super) mod list;
pub(super) mod order;
pub(super) mod remove;
pub(super) mod update;

use std::fmt;

use axum::Json;
use axum::response::{IntoResponse, Response};
use documents::EditFailed;
use documents::replica::Patch;
use http::{HeaderMap, StatusCode};
use platform::access::Access;
use platform::db::versions::{self, NodeChange, VersionOf};
use schema::ids::NodeId;
use schema::node::{self, Item, NodePatch, NodeView, Side};
use uuid::Uuid;

use super::item::ItemBody;
use super::update::expected_place;
use crate::Api;
use crate::authenticate::Caller;
use crate::content::LiveNode;
use crate::etag::{etag_header, if_match};
use crate::fields::Fields;
use crate::problem::{Code, Problem};

/// A version of a node.
type Reference = (NodeId, i64);

/// The list of a node that a caller wants to change.
#[derive(Clone, Copy)]
struct List {
    node: NodeId,
    side: Side,
}

impl fmt::Display for List {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {}", self.name(), self.node)
    }
}

impl List {
    /// What is in the list.
    fn items(&self, node: NodeView) -> Vec<Item> {
        match self.side {
            Side::Inputs => node.inputs,
            Side::Outputs => node.outputs,
        }
    }

    /// Reads the node.
    async fn read(&self, api: &Api, caller: &Caller) -> Result<LiveNode, Problem> {
        let documents = api.node_documents(caller, self.node, Access::Read).await?;
        api.live_node(self.node, &documents).await
    }

    const fn name(&self) -> &'static str {
        match self.side {
            Side::Inputs => "inputs",
            Side::Outputs => "outputs",
        }
    }

    /// Edits the node's own document, if it is as `If-Match` expects it, and reads the node as it is then.
    async fn edit(
        &self,
        api: &Api,
        caller: &Caller,
        headers: &HeaderMap,
        patch: NodePatch,
    ) -> Result<LiveNode, Problem> {
        self.edit_by(api, caller, headers, Box::new(move |txn| node::apply(&patch, txn))).await
    }

    /// The same by an edit that looks at what is there.
    async fn edit_by(
        &self,
        api: &Api,
        caller: &Caller,
        headers: &HeaderMap,
        patch: Patch,
    ) -> Result<LiveNode, Problem> {
        let condition = if_match(headers)?;
        let documents = api.node_documents(caller, self.node, Access::Write).await?;
        let present = api.live_node(self.node, &documents).await?.tag;
        let expected = expected_place(condition.as_ref(), &present)?.map(|tag| tag.node.place());
        let edited = api.edit(&documents.node, &caller.principal, expected, patch).await;
        if edited.is_ok() {
            let summary = format!("Changed {}", self.name());
            api.keep_version(caller, &documents.node, NodeChange::Updated, &summary).await;
        }
        let node = api.live_node(self.node, &documents).await?;
        match edited {
            Err(EditFailed::Moved { .. }) => Err(Problem::precondition_failed(&node.tag)),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(node),
        }
    }

    /// Refuses a reference to a version that the node does not have, or of a node that is none of the caller's.
    async fn check_reference(&self, api: &Api, caller: &Caller, (source, version): Reference) -> Result<(), Problem> {
        let org = api.node_document(caller, self.node, Access::Write).await?.document.org;
        let is_seen = match api.node_document(caller, source, Access::Read).await {
            Ok(found) => found.document.org == org,
            Err(problem) if problem.code() == Code::NotFound => false,
            Err(problem) => return Err(problem),
        };
        let exists = match i32::try_from(version) {
            Ok(version) if is_seen => versions::exists(&api.db, org, VersionOf { node: source, version }).await?,
            _ => false,
        };
        let mut fields = Fields::default();
        if !exists {
            fields.refuse("sourceVersion", "must be a version that the node has which is referred to");
        }
        fields.finish()
    }

    /// An item of the list, with the node's `ETag`.
    fn answer(&self, status: StatusCode, node: LiveNode, id: Uuid) -> Result<Response, Problem> {
        let etag = etag_header(&node.tag);
        let item = self.items(node.content).into_iter().find(|item| item.id == id);
        let item = item.ok_or_else(|| Problem::not_found("item"))?;
        Ok((status, [etag], Json(ItemBody::from(item))).into_response())
    }
}
