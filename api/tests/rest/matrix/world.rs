//! An organization with something of everything in it.

use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use http::StatusCode;
use platform::access::{OrgRole, ProjectRole};
use platform::auth::Principal;
use platform::blob::BlobKey;
use platform::db::audit::Actor;
use platform::db::documents;
use platform::db::executions::{self, NewExecution, Wish};
use platform::db::{DbError, members};
use platform::executions::{ExecuteOptions, IfBusy};
use platform::testing::TestDatabase;
use schema::ids::{DocumentName, OrgId, ProjectId, RunId, UserId};
use schema::node::{self, NewProposal, NodePatch, ProposedChange};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Who;
use crate::server::{Client, Server};

/// What is written wherever something can be written.
pub(super) const SECRET: &str = "the-secret-of-the-world";

/// Everybody who calls. They are the same in all worlds.
pub(super) struct People {
    pub(super) owner: Client,
    pub(super) stranger: Client,
    nobody: Client,
    admin: Client,
    member: Client,
    /// Members to whom the project gives less, and more.
    narrowed: Client,
    lifted: Client,
    guest: Client,
    viewer: Client,
    editor: Client,
    steward: Client,
    /// Somebody to whom things are done.
    patient: Client,
}

impl People {
    pub(super) async fn sign_in(server: &Server) -> Self {
        Self {
            owner: server.sign_in("owner").await,
            stranger: server.sign_in("stranger").await,
            nobody: server.program(""),
            admin: server.sign_in("admin").await,
            member: server.sign_in("member").await,
            narrowed: server.sign_in("narrowed").await,
            lifted: server.sign_in("lifted").await,
            guest: server.sign_in("guest").await,
            viewer: server.sign_in("viewer").await,
            editor: server.sign_in("editor").await,
            steward: server.sign_in("steward").await,
            patient: server.sign_in("patient").await,
        }
    }
}

/// Organizations besides the one that is looked at, and keys that open that no more.
pub(super) struct Others {
    /// A stranger's.
    pub(super) stranger: World,
    /// Of the same owner.
    pub(super) another: World,
    pub(super) revoked: String,
    pub(super) expired: String,
}

/// An organization, and the ids of what is in it by the names that addresses give them.
pub(super) struct World {
    ids: Vec<(&'static str, String)>,
    keys: [String; 2],
    pub(super) slug: String,
}

impl World {
    pub(super) async fn new(server: &Server, owner: &Client, people: &People) -> Self {
        let slug = format!("world-{}", Uuid::new_v4().simple());
        let org = owner.post("/orgs", json!({"name": SECRET, "slug": slug})).await.created_id();
        let of_org = format!("/orgs/{org}");
        let project = owner.post(&format!("{of_org}/projects"), json!({"name": SECRET})).await.created_id();
        let of_project = format!("/projects/{project}");
        add_members(server, people, org.parse().unwrap(), project.parse().unwrap()).await;
        let node =
            owner.post(&format!("{of_project}/nodes"), json!({"title": SECRET, "body": SECRET})).await.created_id();
        let of_node = format!("/nodes/{node}");
        let other = owner.post(&format!("{of_project}/nodes"), json!({"title": SECRET})).await.created_id();
        let item = json!({"type": "text", "text": SECRET});
        let third = owner.post(&format!("{of_project}/nodes"), json!({"title": SECRET})).await.created_id();
        let input = owner.post(&format!("{of_node}/inputs"), item.clone()).await.created_id();
        let output = owner.post(&format!("{of_node}/outputs"), item).await.created_id();
        let edge = json!({"sourceNodeId": node, "targetNodeId": other});
        let edge = owner.post(&format!("{of_project}/dependencies"), edge).await.created_id();
        let trashed = owner.post(&format!("{of_org}/projects"), json!({"name": SECRET})).await.created_id();
        add_members(server, people, org.parse().unwrap(), trashed.parse().unwrap()).await;
        owner.delete(&format!("/projects/{trashed}")).await.expect(StatusCode::NO_CONTENT);
        let document = owner.post(&format!("{of_project}/documents"), json!({"title": SECRET})).await;
        let document = document.expect(StatusCode::CREATED)["name"].as_str().unwrap().to_owned();
        let trashed_document = owner.post(&format!("{of_project}/documents"), json!({"title": SECRET})).await;
        let trashed_document = trashed_document.expect(StatusCode::CREATED)["name"].as_str().unwrap().to_owned();
        owner.delete(&format!("/documents/{trashed_document}")).await.expect(StatusCode::NO_CONTENT);
        let nodes_name = format!("node:{node}");
        let version = format!("/documents/{nodes_name}/history/versions");
        let version = owner.post(&version, json!({"name": SECRET})).await.created_id();
        let webhook = json!({"url": "https://example.com/hook", "description": SECRET});
        let webhook = owner.post(&format!("{of_org}/webhooks"), webhook).await.created_id();
        let ping = owner.post(&format!("{of_org}/webhooks/{webhook}/ping"), json!({})).await;
        let delivery = ping.expect(StatusCode::ACCEPTED)["id"].as_str().unwrap().to_owned();
        let template = json!({"name": SECRET, "structure": {"nodes": [{"key": "a", "title": SECRET}]}});
        let template = owner.post(&format!("{of_org}/templates"), template).await.created_id();
        let invitation = json!({"email": format!("{slug}@example.com"), "role": "guest"});
        let invitation = owner.post(&format!("{of_org}/invitations"), invitation).await.created_id();
        let model = json!({
            "name": SECRET, "baseUrl": "https://example.com/v1", "model": "m", "contextTokens": 1000, "outputTokens": 100,
        });
        let model = owner.post(&format!("{of_org}/models"), model).await.created_id();
        let proposal = add_proposal(server, owner, &node).await;
        let file = add_file(server, owner, &org, &project).await;
        let execution = add_run(server, owner, &org, &project, &node).await;
        let mut keys = Vec::new();
        for scope in ["api:read", "api:write"] {
            let key = json!({"name": SECRET, "scopes": [scope]});
            keys.push(owner.post(&format!("{of_org}/api-keys"), key).await.expect(StatusCode::CREATED));
        }
        let key_id = keys[0]["id"].as_str().unwrap().to_owned();
        let ids = vec![
            ("orgId", org),
            ("projectId", project),
            ("nodeId", node),
            ("thirdNodeId", third),
            ("trashedProjectId", trashed),
            ("inputId", input),
            ("outputId", output),
            ("dependencyId", edge),
            ("name", document),
            ("trashedName", trashed_document),
            ("nodesName", nodes_name),
            ("versionId", version),
            ("templateId", template),
            ("modelId", model),
            ("fileId", file),
            ("executionId", execution),
            ("proposalId", proposal),
            ("webhookId", webhook),
            ("deliveryId", delivery),
            ("notificationId", Uuid::nil().to_string()),
            ("version", "1".to_owned()),
            ("invitationId", invitation),
            ("keyId", key_id),
            ("userId", people.patient.id().to_owned()),
        ];
        let secret = |key: &Value| key["key"].as_str().unwrap().to_owned();
        Self { ids, keys: [secret(&keys[0]), secret(&keys[1])], slug }
    }

    /// The id that addresses call this.
    pub(super) fn id(&self, name: &str) -> &str {
        let found = self.ids.iter().find(|(of_id, _)| *of_id == name);
        &found.unwrap_or_else(|| panic!("a world has no {name} yet; make one in matrix/world.rs")).1
    }

    /// An address with the ids of this world.
    pub(super) fn path(&self, template: &str) -> String {
        let mut path = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').expect("a name ends");
            path.push_str(before);
            path.push_str(self.id(name));
            rest = after;
        }
        path + rest
    }

    /// A key that its owner has revoked.
    pub(super) async fn revoked_key(&self, owner: &Client) -> String {
        let keys = self.path("/orgs/{orgId}/api-keys");
        let body = json!({"name": SECRET, "scopes": ["api:read", "api:write"]});
        let made = owner.post(&keys, body).await.expect(StatusCode::CREATED);
        owner.delete(&format!("{keys}/{}", made["id"].as_str().unwrap())).await.expect(StatusCode::NO_CONTENT);
        made["key"].as_str().unwrap().to_owned()
    }

    /// A key that has run out.
    pub(super) async fn expired_key(&self, owner: &Client, database: &TestDatabase) -> String {
        let tomorrow = Utc::now() + TimeDelta::days(1);
        let body = json!({"name": SECRET, "scopes": ["api:read", "api:write"], "expiresAt": tomorrow});
        let made = owner.post(&self.path("/orgs/{orgId}/api-keys"), body).await.expect(StatusCode::CREATED);
        let id = made["id"].as_str().unwrap();
        database
            .sabotage(&format!("UPDATE api_keys SET expires_at = now() - interval '1 day' WHERE id = '{id}'"))
            .await;
        made["key"].as_str().unwrap().to_owned()
    }

    pub(super) fn caller(&self, server: &Server, people: &People, others: &Others, who: Who) -> Client {
        let person = match who {
            Who::Nobody => &people.nobody,
            Who::Stranger => &people.stranger,
            Who::Of(OrgRole::Guest, None) => &people.guest,
            Who::Of(OrgRole::Guest, Some(ProjectRole::Viewer)) => &people.viewer,
            Who::Of(OrgRole::Guest, Some(ProjectRole::Member)) => &people.editor,
            Who::Of(OrgRole::Guest, Some(ProjectRole::Admin)) => &people.steward,
            Who::Of(OrgRole::Member, None | Some(ProjectRole::Member)) => &people.member,
            Who::Of(OrgRole::Member, Some(ProjectRole::Viewer)) => &people.narrowed,
            Who::Of(OrgRole::Member, Some(ProjectRole::Admin)) => &people.lifted,
            Who::Of(OrgRole::Admin, _) => &people.admin,
            Who::Of(OrgRole::Owner, _) => &people.owner,
            Who::Key(scope) => return server.program(&self.keys[usize::from(scope == platform::access::Scope::Write)]),
            Who::StrangersKey => return server.program(&others.stranger.keys[1]),
            Who::KeyOfAnother => return server.program(&others.another.keys[1]),
            Who::RevokedKey => return server.program(&others.revoked),
            Who::ExpiredKey => return server.program(&others.expired),
        };
        person.clone()
    }
}

async fn add_members(server: &Server, people: &People, org: OrgId, project: ProjectId) {
    let (db, by) = (&server.api.db, &Actor::SYSTEM);
    let of_org = [
        (&people.admin, OrgRole::Admin),
        (&people.member, OrgRole::Member),
        (&people.narrowed, OrgRole::Member),
        (&people.lifted, OrgRole::Member),
        (&people.guest, OrgRole::Guest),
        (&people.viewer, OrgRole::Guest),
        (&people.editor, OrgRole::Guest),
        (&people.steward, OrgRole::Guest),
        (&people.patient, OrgRole::Guest),
    ];
    let id = |person: &Client| person.id().parse::<UserId>().unwrap();
    for (person, role) in of_org {
        members::set_org_role::<DbError>(db, org, by, id(person), role, |_| Ok(())).await.unwrap();
    }
    let of_project = [
        (&people.narrowed, ProjectRole::Viewer),
        (&people.lifted, ProjectRole::Admin),
        (&people.viewer, ProjectRole::Viewer),
        (&people.editor, ProjectRole::Member),
        (&people.steward, ProjectRole::Admin),
        (&people.patient, ProjectRole::Viewer),
    ];
    for (person, role) in of_project {
        members::set_project_role::<DbError>(db, org, project, by, id(person), role, |_| Ok(())).await.unwrap();
    }
}

/// A file of a project.
async fn add_file(server: &Server, owner: &Client, org: &str, project: &str) -> String {
    let file = json!({"filename": SECRET, "projectId": project});
    let upload = owner.post(&format!("/orgs/{org}/files/upload"), file).await.expect(StatusCode::CREATED);
    let id = upload["fileId"].as_str().unwrap().to_owned();
    let key = BlobKey::of_file(org.parse().unwrap(), id.parse().unwrap());
    server.api.blobs.write(&key, "text/plain", SECRET.into()).await.unwrap();
    owner.post(&format!("/files/{id}/confirm"), json!({})).await.expect(StatusCode::OK);
    id
}

/// A run that is over. It was not begun by REST, where one may not begin so many.
async fn add_run(server: &Server, owner: &Client, org: &str, project: &str, node: &str) -> String {
    let (db, by, org) = (&server.api.db, &Actor::SYSTEM, org.parse().unwrap());
    let id = RunId::new(Uuid::new_v4());
    let new = NewExecution {
        id,
        project: project.parse().unwrap(),
        node: node.parse().unwrap(),
        user: owner.id().parse().unwrap(),
        agent_name: SECRET.to_owned(),
        options: ExecuteOptions { instructions: Some(SECRET.to_owned()), ..ExecuteOptions::default() },
        token_budget: 1_000,
        if_busy: IfBusy::Refuse,
    };
    executions::begin(db, org, by, &new).await.unwrap();
    executions::steer(db, org, by, id, Wish::Cancel).await.unwrap();
    id.to_string()
}

/// Something that is offered for a node. Only agents offer something.
async fn add_proposal(server: &Server, owner: &Client, node: &str) -> String {
    let (api, user) = (&server.api, owner.id().parse::<UserId>().unwrap());
    let document = documents::find(&api.db, user, &DocumentName::Node(node.parse().unwrap())).await.unwrap().unwrap();
    let id = Uuid::new_v4();
    let change = ProposedChange::Output { text: SECRET.to_owned() };
    let new = NewProposal { id, run: None, label: None, created_at: api.clock.now(), change };
    let patch = Box::new(move |txn: &mut yrs::TransactionMut<'_>| node::apply(&NodePatch::Propose(Box::new(new)), txn));
    api.documents.edit(&document, Arc::new(Principal::user(user, "Owner")), None, patch).await.unwrap();
    id.to_string()
}
