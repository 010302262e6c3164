//! What each endpoint takes.

use http::StatusCode;
use platform::access::{OrgAction, OwnAction, ProjectAction};
use serde_json::{Value, json};

use super::world::World;
use Takes::{InBoth, InOrg, InProject, Nothing, SignIn};

/// What it takes to call an endpoint.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// Nothing: it is open.
    Nothing,
    /// To have signed in, and to do this with what is one's own.
    SignIn(OwnAction),
    /// To belong to the organization, and to be allowed this there.
    InOrg(OrgAction),
    /// To see the project, and to be allowed this there.
    InProject(ProjectAction),
    /// To belong to the organization and see the project, and to be allowed this in each.
    InBoth(OrgAction, ProjectAction),
}

/// An endpoint.
pub(super) struct Row {
    /// Its method and its address, as in the description, without the common beginning.
    pub(super) endpoint: &'static str,
    /// What it takes.
    pub(super) takes: Takes,
    /// What comes of a call that may be made.
    pub(super) success: StatusCode,
    /// A body that is accepted; `null` for none.
    pub(super) body: fn(&World) -> Value,
}

const OK: StatusCode = StatusCode::OK;
const CREATED: StatusCode = StatusCode::CREATED;
const GONE: StatusCode = StatusCode::NO_CONTENT;
const CONFLICT: StatusCode = StatusCode::CONFLICT;

const VIEW: Takes = InProject(ProjectAction::View);
const EDIT: Takes = InProject(ProjectAction::Edit);
const RUN: Takes = InProject(ProjectAction::RunAgents);

const fn row(endpoint: &'static str, takes: Takes, success: StatusCode) -> Row {
    Row { endpoint, takes, success, body: |_| Value::Null }
}

impl Row {
    const fn with(self, body: fn(&World) -> Value) -> Self {
        Self { body, ..self }
    }

    /// The address, with names in braces for ids.
    pub(super) fn path(&self) -> &'static str {
        self.endpoint.split_once(' ').expect("a method and an address").1
    }

    /// Whether a call that succeeds leaves nothing for the next.
    pub(super) fn uses_up(&self) -> bool {
        self.endpoint.starts_with("DELETE ")
            || self.endpoint.ends_with("/restore")
            || self.endpoint.contains("/proposals/")
            || self.endpoint == "POST /nodes/{nodeId}/lock"
            || self.endpoint == "POST /projects/{projectId}/dependencies"
    }

    /// What is asked for after the `?`.
    pub(super) fn query(&self, world: &World) -> String {
        match self.endpoint {
            "DELETE /orgs/{orgId}" => format!("?confirm={}", world.slug),
            "DELETE /projects/{trashedProjectId}" | "DELETE /documents/{trashedName}" => "?permanently=true".to_owned(),
            "GET /documents/{nodesName}/history/diff" => "?from=0".to_owned(),
            _ => String::new(),
        }
    }
}

/// All endpoints.
pub(super) const ROWS: &[Row] = &[
    row("GET /openapi.json", Nothing, OK),
    row("GET /docs", Nothing, OK),
    row("GET /docs.css", Nothing, OK),
    row("POST /auth/dev-token", Nothing, OK).with(|_| json!({"email": "patient@example.com"})),
    row("POST /auth/ws-token", SignIn(OwnAction::View), OK),
    row("GET /users/me", SignIn(OwnAction::View), OK),
    row("PATCH /users/me", SignIn(OwnAction::Configure), OK).with(|_| json!({"settings": {"theme": "dark"}})),
    row("GET /users/me/notifications", SignIn(OwnAction::ReadNotifications), OK),
    row("GET /users/me/notifications/unread-count", SignIn(OwnAction::ReadNotifications), OK),
    row("POST /users/me/notifications/read-all", SignIn(OwnAction::MarkRead), OK),
    row("GET /users/me/events", SignIn(OwnAction::ReadNotifications), OK),
    // Nobody was notified of anything.
    row("PATCH /users/me/notifications/{notificationId}", SignIn(OwnAction::MarkRead), StatusCode::NOT_FOUND)
        .with(|_| json!({"read": true})),
    // Organizations.
    row("GET /orgs", SignIn(OwnAction::View), OK),
    row("POST /orgs", SignIn(OwnAction::FoundOrganization), CREATED).with(|_| json!({"name": "Another"})),
    row("GET /orgs/{orgId}", InOrg(OrgAction::View), OK),
    row("PATCH /orgs/{orgId}", InOrg(OrgAction::Configure), OK).with(|_| json!({"name": "Renamed"})),
    row("DELETE /orgs/{orgId}", InOrg(OrgAction::Delete), GONE),
    row("GET /orgs/{orgId}/audit-log", InOrg(OrgAction::ReadAuditLog), OK),
    row("GET /orgs/{orgId}/members", InOrg(OrgAction::View), OK),
    row("POST /orgs/{orgId}/members", InOrg(OrgAction::ManageMembers), CREATED)
        .with(|_| json!({"email": "patient@example.com", "role": "member"})),
    row("GET /orgs/{orgId}/members/{userId}", InOrg(OrgAction::View), OK),
    row("PATCH /orgs/{orgId}/members/{userId}", InOrg(OrgAction::ManageMembers), OK)
        .with(|_| json!({"role": "member"})),
    row("DELETE /orgs/{orgId}/members/{userId}", InOrg(OrgAction::ManageMembers), GONE),
    row("GET /orgs/{orgId}/invitations", InOrg(OrgAction::ManageMembers), OK),
    row("POST /orgs/{orgId}/invitations", InOrg(OrgAction::ManageMembers), CREATED)
        .with(|_| json!({"email": "nobody-yet@example.com", "role": "guest"})),
    row("DELETE /orgs/{orgId}/invitations/{invitationId}", InOrg(OrgAction::ManageMembers), GONE),
    row("GET /orgs/{orgId}/api-keys", InOrg(OrgAction::ManageApiKeys), OK),
    row("POST /orgs/{orgId}/api-keys", InOrg(OrgAction::ManageApiKeys), CREATED)
        .with(|_| json!({"name": "Another", "scopes": ["api:read"]})),
    row("GET /orgs/{orgId}/api-keys/{keyId}", InOrg(OrgAction::ManageApiKeys), OK),
    row("DELETE /orgs/{orgId}/api-keys/{keyId}", InOrg(OrgAction::ManageApiKeys), GONE),
    row("GET /orgs/{orgId}/projects", InOrg(OrgAction::View), OK),
    row("POST /orgs/{orgId}/projects", InOrg(OrgAction::CreateProject), CREATED).with(|_| json!({"name": "Another"})),
    // Files: this one is of the project, and its owner's.
    row("GET /orgs/{orgId}/files", InOrg(OrgAction::View), OK),
    row("POST /orgs/{orgId}/files/upload", InOrg(OrgAction::UploadFiles), CREATED)
        .with(|_| json!({"filename": "another.txt"})),
    row("GET /files/{fileId}", VIEW, OK),
    row("PATCH /files/{fileId}", InProject(ProjectAction::ManageFiles), OK)
        .with(|_| json!({"filename": "changed.txt"})),
    row("DELETE /files/{fileId}", InProject(ProjectAction::ManageFiles), GONE),
    row("POST /files/{fileId}/confirm", InProject(ProjectAction::ManageFiles), OK),
    // Nobody has read its text.
    row("GET /files/{fileId}/text", VIEW, StatusCode::NOT_FOUND),
    row("GET /orgs/{orgId}/events", InOrg(OrgAction::ReadEvents), OK),
    row("POST /orgs/{orgId}/search", InOrg(OrgAction::View), OK).with(|_| json!({"query": "the secret"})),
    row("POST /orgs/{orgId}/search/semantic", InOrg(OrgAction::View), OK).with(|_| json!({"query": "the secret"})),
    row("GET /orgs/{orgId}/webhooks", InOrg(OrgAction::ManageWebhooks), OK),
    row("POST /orgs/{orgId}/webhooks", InOrg(OrgAction::ManageWebhooks), CREATED)
        .with(|_| json!({"url": "https://example.com/another", "active": false})),
    row("GET /orgs/{orgId}/webhooks/{webhookId}", InOrg(OrgAction::ManageWebhooks), OK),
    row("PATCH /orgs/{orgId}/webhooks/{webhookId}", InOrg(OrgAction::ManageWebhooks), OK)
        .with(|_| json!({"description": "Changed"})),
    row("DELETE /orgs/{orgId}/webhooks/{webhookId}", InOrg(OrgAction::ManageWebhooks), GONE),
    row("POST /orgs/{orgId}/webhooks/{webhookId}/ping", InOrg(OrgAction::ManageWebhooks), StatusCode::ACCEPTED),
    row("POST /orgs/{orgId}/webhooks/{webhookId}/rotate-secret", InOrg(OrgAction::ManageWebhooks), OK),
    row("GET /orgs/{orgId}/webhooks/{webhookId}/deliveries", InOrg(OrgAction::ManageWebhooks), OK),
    row("GET /orgs/{orgId}/webhooks/{webhookId}/deliveries/{deliveryId}", InOrg(OrgAction::ManageWebhooks), OK),
    row(
        "POST /orgs/{orgId}/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver",
        InOrg(OrgAction::ManageWebhooks),
        StatusCode::ACCEPTED,
    ),
    // Projects.
    row("GET /projects/{projectId}/events", VIEW, OK),
    row("GET /nodes/{nodeId}/events", VIEW, OK),
    row("GET /projects/{projectId}", VIEW, OK),
    row("PATCH /projects/{projectId}", EDIT, OK).with(|_| json!({"description": "Changed"})),
    row("DELETE /projects/{projectId}", InProject(ProjectAction::Delete), GONE),
    row("DELETE /projects/{trashedProjectId}", InProject(ProjectAction::Erase), GONE),
    row("POST /projects/{trashedProjectId}/restore", InProject(ProjectAction::Delete), OK),
    row("GET /projects/{projectId}/members", VIEW, OK),
    row("POST /projects/{projectId}/members", InProject(ProjectAction::ManageMembers), CREATED)
        .with(|_| json!({"email": "patient@example.com", "role": "member"})),
    row("GET /projects/{projectId}/members/{userId}", VIEW, OK),
    row("PATCH /projects/{projectId}/members/{userId}", InProject(ProjectAction::ManageMembers), OK)
        .with(|_| json!({"role": "admin"})),
    row("DELETE /projects/{projectId}/members/{userId}", InProject(ProjectAction::ManageMembers), GONE),
    row("GET /projects/{projectId}/dependencies", VIEW, OK),
    row("POST /projects/{projectId}/dependencies", EDIT, CREATED)
        .with(|world| json!({"sourceNodeId": world.id("nodeId"), "targetNodeId": world.id("thirdNodeId")})),
    row("DELETE /projects/{projectId}/dependencies/{dependencyId}", EDIT, GONE),
    row("GET /projects/{projectId}/documents", VIEW, OK),
    row("POST /projects/{projectId}/documents", EDIT, CREATED).with(|_| json!({"title": "Another"})),
    // Nodes.
    row("GET /projects/{projectId}/nodes", VIEW, OK),
    row("POST /projects/{projectId}/nodes", EDIT, CREATED).with(|_| json!({"title": "Another"})),
    row("GET /nodes/{nodeId}", VIEW, OK),
    row("PATCH /nodes/{nodeId}", EDIT, OK).with(|_| json!({"title": "Changed"})),
    row("DELETE /nodes/{nodeId}", EDIT, GONE),
    row("POST /nodes/{nodeId}/restore", EDIT, OK),
    row("GET /nodes/{nodeId}/children", VIEW, OK),
    row("GET /nodes/{nodeId}/dependencies", VIEW, OK),
    row("GET /nodes/{nodeId}/context", VIEW, OK),
    row("GET /nodes/{nodeId}/inputs", VIEW, OK),
    row("POST /nodes/{nodeId}/inputs", EDIT, CREATED).with(|_| json!({"type": "text", "text": "Another"})),
    row("POST /nodes/{nodeId}/inputs/order", EDIT, OK).with(|world| json!({"ids": [world.id("inputId")]})),
    row("GET /nodes/{nodeId}/inputs/{inputId}", VIEW, OK),
    row("PATCH /nodes/{nodeId}/inputs/{inputId}", EDIT, OK).with(|_| json!({"label": "Changed"})),
    row("DELETE /nodes/{nodeId}/inputs/{inputId}", EDIT, GONE),
    row("GET /nodes/{nodeId}/outputs", VIEW, OK),
    row("POST /nodes/{nodeId}/outputs", EDIT, CREATED).with(|_| json!({"type": "text", "text": "Another"})),
    row("POST /nodes/{nodeId}/outputs/order", EDIT, OK).with(|world| json!({"ids": [world.id("outputId")]})),
    row("GET /nodes/{nodeId}/outputs/{outputId}", VIEW, OK),
    row("PATCH /nodes/{nodeId}/outputs/{outputId}", EDIT, OK).with(|_| json!({"label": "Changed"})),
    row("DELETE /nodes/{nodeId}/outputs/{outputId}", EDIT, GONE),
    row("POST /nodes/{nodeId}/lock", EDIT, OK),
    row("GET /nodes/{nodeId}/lock", VIEW, OK),
    row("DELETE /nodes/{nodeId}/lock", EDIT, GONE),
    row("GET /projects/{projectId}/locks", VIEW, OK),
    // Templates.
    row("GET /templates", SignIn(OwnAction::View), OK),
    row("GET /orgs/{orgId}/templates", InOrg(OrgAction::UseTemplates), OK),
    row("POST /orgs/{orgId}/templates", InOrg(OrgAction::MakeTemplates), CREATED)
        .with(|_| json!({"name": "Another", "structure": {"nodes": [{"key": "a", "title": "A"}]}})),
    row("GET /templates/{templateId}", InOrg(OrgAction::UseTemplates), OK),
    // The owner's own; others have to be allowed to manage them.
    row("PATCH /templates/{templateId}", InOrg(OrgAction::ManageTemplates), OK).with(|_| json!({"name": "Changed"})),
    row("DELETE /templates/{templateId}", InOrg(OrgAction::ManageTemplates), GONE),
    row("POST /templates/{templateId}/apply", InBoth(OrgAction::UseTemplates, ProjectAction::Edit), CREATED)
        .with(|world| json!({"projectId": world.id("projectId")})),
    // Documents.
    row("GET /documents/{name}", VIEW, OK),
    row("PATCH /documents/{name}", EDIT, OK).with(|_| json!({"title": "Changed"})),
    row("DELETE /documents/{name}", EDIT, GONE),
    row("DELETE /documents/{trashedName}", InProject(ProjectAction::Erase), GONE),
    row("POST /documents/{trashedName}/restore", EDIT, OK),
    row("GET /documents/{name}/snapshot", VIEW, OK),
    // History.
    row("GET /documents/{nodesName}/history", VIEW, OK),
    row("GET /documents/{nodesName}/history/sessions", VIEW, OK),
    row("GET /documents/{nodesName}/history/state", VIEW, OK),
    row("GET /documents/{nodesName}/history/diff", VIEW, OK),
    row("GET /documents/{nodesName}/history/blame", VIEW, OK),
    row("GET /documents/{nodesName}/history/attributions", VIEW, OK),
    row("POST /documents/{nodesName}/history/restore", EDIT, OK).with(|_| json!({"seq": 1})),
    row("POST /documents/{nodesName}/history/undo", EDIT, OK).with(|_| json!({"fromSeq": 1, "throughSeq": 1})),
    row("POST /documents/{nodesName}/history/prune", InProject(ProjectAction::PruneHistory), OK)
        .with(|_| json!({"fromSeq": 1, "throughSeq": 1})),
    row("GET /documents/{nodesName}/history/versions", VIEW, OK),
    row("POST /documents/{nodesName}/history/versions", EDIT, CREATED).with(|_| json!({"name": "Another"})),
    row("PATCH /documents/{nodesName}/history/versions/{versionId}", EDIT, GONE).with(|_| json!({"name": "Changed"})),
    row("DELETE /documents/{nodesName}/history/versions/{versionId}", EDIT, GONE),
    // Agents. The run is over; what may be done with others is tried with executions.
    row("GET /orgs/{orgId}/models", InOrg(OrgAction::View), OK),
    row("POST /orgs/{orgId}/models", InOrg(OrgAction::Configure), CREATED).with(|_| {
        json!({
            "name": uuid::Uuid::new_v4(), "baseUrl": "https://example.com/v1", "model": "m", "contextTokens": 1000,
            "outputTokens": 100,
        })
    }),
    row("GET /orgs/{orgId}/models/{modelId}", InOrg(OrgAction::View), OK),
    row("PATCH /orgs/{orgId}/models/{modelId}", InOrg(OrgAction::Configure), OK).with(|_| json!({"model": "n"})),
    row("DELETE /orgs/{orgId}/models/{modelId}", InOrg(OrgAction::Configure), GONE),
    row("GET /nodes/{nodeId}/execution", VIEW, OK),
    row("GET /nodes/{nodeId}/executions", VIEW, OK),
    row("GET /projects/{projectId}/executions", VIEW, OK),
    row("GET /executions/{executionId}", VIEW, OK),
    row("GET /executions/{executionId}/trace", VIEW, OK),
    row("GET /executions/{executionId}/trace/stream", VIEW, OK),
    row("POST /nodes/{nodeId}/execution/pause", RUN, CONFLICT),
    row("POST /nodes/{nodeId}/execution/resume", RUN, CONFLICT),
    row("POST /nodes/{nodeId}/execution/cancel", RUN, CONFLICT),
    row("POST /executions/{executionId}/pause", RUN, CONFLICT),
    row("POST /executions/{executionId}/resume", RUN, CONFLICT),
    row("POST /executions/{executionId}/cancel", RUN, CONFLICT),
    row("POST /executions/{executionId}/retry", RUN, CONFLICT),
    row("POST /executions/{executionId}/input", RUN, CONFLICT)
        .with(|_| json!({"questionId": uuid::Uuid::nil(), "response": "Yes"})),
    row("POST /executions/{executionId}/undo", EDIT, OK),
    row("GET /nodes/{nodeId}/proposals", VIEW, OK),
    row("POST /nodes/{nodeId}/proposals/{proposalId}/accept", EDIT, OK),
    row("POST /nodes/{nodeId}/proposals/{proposalId}/reject", EDIT, OK),
    row("POST /nodes/{nodeId}/execute", RUN, StatusCode::ACCEPTED).with(|_| json!({"ifBusy": "enqueue"})),
    row("GET /nodes/{nodeId}/versions", VIEW, OK),
    row("GET /nodes/{nodeId}/versions/{version}", VIEW, OK),
    row("POST /nodes/{nodeId}/rollback/{version}", EDIT, OK),
];
