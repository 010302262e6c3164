//! `/nodes/{nodeId}/proposals`: changes that were offered rather than made.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use platform::access::Access;
use platform::db::audit::{self, Action, Entry, ResourceKind};
use platform::db::versions::NodeChange;
use schema::ids::{NodeId, RunId, UserId};
use schema::node::{self, NodePatch, Proposal, ProposalKind, ProposalStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::etag::etag_header;
use crate::extract::{Id, Ids, Query};
use crate::pagination::Page;
use crate::problem::{Problem, ProblemBody};

/// What a proposal would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProposalKind)]
pub(super) enum KindBody {
    /// Replace blocks of the body.
    Replace,
    /// Insert blocks into the body.
    Insert,
    /// Add an output.
    Output,
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProposalStatus)]
pub(super) enum StatusBody {
    /// Nobody has decided yet.
    Open,
    /// The change was made.
    Accepted,
    /// It was not.
    Rejected,
}

/// A change that was offered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Proposal)]
pub(super) struct ProposalBody {
    /// Its id.
    id: Uuid,
    /// What it would do.
    kind: KindBody,
    /// The run that offers it.
    #[schema(value_type = Option<Uuid>, required)]
    run_id: Option<RunId>,
    /// What it is called.
    #[schema(required)]
    label: Option<String>,
    /// The Markdown of the blocks that it would replace.
    #[schema(example = "Costs are unknown.")]
    before: String,
    /// What it would put there, as Markdown.
    #[schema(example = "It costs 20 euros a month.")]
    text: String,
    /// What became of it.
    status: StatusBody,
    /// Since when there is it.
    #[schema(required)]
    created_at: Option<DateTime<Utc>>,
    /// Who decided.
    #[schema(value_type = Option<Uuid>, required)]
    decided_by: Option<UserId>,
    /// When that was.
    #[schema(required)]
    decided_at: Option<DateTime<Utc>>,
}

impl From<ProposalStatus> for StatusBody {
    fn from(status: ProposalStatus) -> Self {
        match status {
            ProposalStatus::Open => Self::Open,
            ProposalStatus::Accepted => Self::Accepted,
            ProposalStatus::Rejected => Self::Rejected,
        }
    }
}

impl From<Proposal> for ProposalBody {
    fn from(it: Proposal) -> Self {
        let kind = match it.kind {
            ProposalKind::Replace => KindBody::Replace,
            ProposalKind::Insert => KindBody::Insert,
            ProposalKind::Output => KindBody::Output,
        };
        Self {
            id: it.id,
            kind,
            run_id: it.run_id,
            label: it.label,
            before: it.before,
            text: it.text,
            status: it.status.into(),
            created_at: it.created_at,
            decided_by: it.decided_by,
            decided_at: it.decided_at,
        }
    }
}

/// Which proposals.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::routes::nodes) struct Parameters {
    /// Only those of which this became.
    status: Option<StatusBody>,
}

/// List what is proposed for a node
///
/// As its document has it now, the oldest first. Of proposals that were decided, a node keeps the newest.
#[utoipa::path(get, path = "/nodes/{nodeId}/proposals", tag = "nodes", operation_id = "listProposals",
    params(("nodeId" = Uuid, Path, description = "The node's id."), Parameters),
    responses((status = OK, description = "All of them.", body = Page<ProposalBody>)))]
pub(in crate::routes::nodes) async fn list(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(node): Id<NodeId>,
    Query(parameters): Query<Parameters>,
) -> Result<Json<Page<ProposalBody>>, Problem> {
    let documents = api.node_documents(&caller, node, Access::Read).await?;
    let proposals = api.live_node(node, &documents).await?.content.proposals.into_iter().map(ProposalBody::from);
    let is_asked = |proposal: &ProposalBody| parameters.status.is_none_or(|status| status == proposal.status);
    Ok(Json(Page::whole(proposals.filter(is_asked))))
}

/// Accept a proposal
///
/// What it offers is done, as an edit of the caller that counts as the run's as well: history tells both, and undoing the
/// run takes it back. What it would replace must still be what it was.
#[utoipa::path(post, path = "/nodes/{nodeId}/proposals/{proposalId}/accept", tag = "nodes", operation_id = "acceptProposal",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("proposalId" = Uuid, Path, description = "The proposal's id."),
    ),
    responses(
        (status = OK, description = "It is done.", body = ProposalBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: it was decided already, or what it would replace has changed.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn accept(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, Uuid>,
) -> Result<Response, Problem> {
    let patch = NodePatch::AcceptProposal { id, by: caller.user, at: api.clock.now() };
    decide(&api, &caller, node, id, patch, "Accepted a proposal").await
}

/// Reject a proposal
///
/// Nothing is done but that it is noted.
#[utoipa::path(post, path = "/nodes/{nodeId}/proposals/{proposalId}/reject", tag = "nodes", operation_id = "rejectProposal",
    params(
        ("nodeId" = Uuid, Path, description = "The node's id."),
        ("proposalId" = Uuid, Path, description = "The proposal's id."),
    ),
    responses(
        (status = OK, description = "It is noted.", body = ProposalBody, headers(("ETag" = String, description = "Where both documents of the node stand."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller may only read.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: it was decided already.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(in crate::routes::nodes) async fn reject(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(node, id): Ids<NodeId, Uuid>,
) -> Result<Response, Problem> {
    let patch = NodePatch::RejectProposal { id, by: caller.user, at: api.clock.now() };
    decide(&api, &caller, node, id, patch, "Rejected a proposal").await
}

async fn decide(
    api: &Api,
    caller: &Caller,
    node: NodeId,
    id: Uuid,
    patch: NodePatch,
    summary: &str,
) -> Result<Response, Problem> {
    let documents = api.node_documents(caller, node, Access::Write).await?;
    let before =
        api.live_node(node, &documents).await?.content.proposals.into_iter().find(|proposal| proposal.id == id);
    let run = before.and_then(|proposal| proposal.run_id);
    let is_accepted = matches!(patch, NodePatch::AcceptProposal { .. });
    let action = if is_accepted { Action::ProposalAccepted } else { Action::ProposalRejected };
    let (document, principal) = (&documents.node, Arc::clone(&caller.principal));
    let patch: documents::replica::Patch = Box::new(move |txn| node::apply(&patch, txn));
    match run.filter(|_| is_accepted) {
        Some(run) => api.documents.accept(document, principal, run, patch).await?,
        None => api.documents.edit(document, principal, None, patch).await?,
    };
    let entry = caller.actor.did(action, ResourceKind::Node, node);
    let entry = entry.with(json!({"projectId": documents.project, "proposalId": id}));
    audit::note(&api.db, document.org, Entry { run: run.map(|run| run.as_uuid()), ..entry }).await?;
    api.keep_version(caller, &documents.node, NodeChange::Updated, summary).await;
    let node = api.live_node(node, &documents).await?;
    let etag = etag_header(&node.tag);
    let proposal = node.content.proposals.into_iter().find(|proposal| proposal.id == id);
    let proposal = proposal.ok_or_else(|| Problem::not_found("proposal"))?;
    Ok((StatusCode::OK, [etag], Json(ProposalBody::from(proposal))).into_response())
}
