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
use schema::ids::{FileId, NodeId};
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

/// What an item refers to.
#[derive(Debug, Default, PartialEq, Eq)]
struct References {
    file: Option<Uuid>,
    /// A node, and which version of it.
    node: Option<(NodeId, Option<i64>)>,
}

/// Nothing, if it is not there or not for the caller.
fn if_found<T>(found: Result<T, Problem>) -> Result<Option<T>, Problem> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(problem) if problem.code() == Code::NotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

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

    /// Refuses what refers to something that is not there, or not for the caller, or of another organization.
    async fn check_references(&self, api: &Api, caller: &Caller, references: References) -> Result<(), Problem> {
        if references == References::default() {
            return Ok(());
        }
        let org = api.node_document(caller, self.node, Access::Write).await?.document.org;
        let mut fields = Fields::default();
        if let Some(file) = references.file {
            let found = if_found(api.file(caller, FileId::new(file)).await)?;
            if found.is_none_or(|file| file.org != org) {
                fields.refuse("fileId", "must be a file of the organization");
            }
        }
        if let Some((source, version)) = references.node {
            let found = if_found(api.node_document(caller, source, Access::Read).await)?;
            let is_seen = found.is_some_and(|found| found.document.org == org);
            match version.map(i32::try_from) {
                None if is_seen => {}
                None => fields.refuse("sourceNodeId", "must be a node of the organization"),
                Some(Ok(version))
                    if is_seen && versions::exists(&api.db, org, VersionOf { node: source, version }).await? => {}
                Some(_) => fields.refuse("sourceVersion", "must be a version that the node has which is referred to"),
            }
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
