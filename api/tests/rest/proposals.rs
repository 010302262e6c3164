//! Changes that were offered rather than made.

use std::sync::Arc;

use http::StatusCode;
use platform::auth::Principal;
use platform::db::documents;
use schema::ids::{DocumentName, NodeId, RunId};
use schema::node::{self, BodyEdit, NewProposal, NodePatch, ProposedChange};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::server::{Client, Server};

struct Scene {
    server: Server,
    ada: Client,
    node: String,
    node_id: NodeId,
    run: RunId,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let (ada, _, project) = server.with_project("ada").await;
        let node = json!({"title": "N", "body": "one\n\ntwo"});
        let node = ada.post(&format!("/projects/{project}/nodes"), node).await.created_id();
        let node_id = node.parse().unwrap();
        Self { server, ada, node: format!("/nodes/{node}"), node_id, run: RunId::new(Uuid::new_v4()) }
    }

    /// Offers a change in the name of a run.
    async fn propose(&self, id: Uuid, change: ProposedChange) {
        let user = self.ada.id().parse().unwrap();
        let name = DocumentName::Node(self.node_id);
        let document = documents::find(&self.server.api.db, user, &name).await.unwrap().unwrap();
        let agent = Arc::new(Principal::run(self.run, 1, user, "Agent"));
        let new = NewProposal {
            id,
            run: Some(self.run),
            label: Some("A change".to_owned()),
            created_at: self.server.api.clock.now(),
            change,
        };
        let patch =
            Box::new(move |txn: &mut yrs::TransactionMut<'_>| node::apply(&NodePatch::Propose(Box::new(new)), txn));
        self.server.api.documents.edit(&document, agent, None, patch).await.unwrap();
    }

    async fn list(&self, query: &str) -> Vec<Value> {
        let list = self.ada.get(&format!("{}/proposals{query}", self.node)).await.expect(StatusCode::OK);
        list["items"].as_array().unwrap().clone()
    }

    async fn body(&self) -> String {
        self.ada.get(&self.node).await.expect(StatusCode::OK)["body"].as_str().unwrap().trim().to_owned()
    }
}

#[tokio::test]
async fn proposals_are_listed_and_accepted_or_rejected_once() {
    let scene = Scene::new().await;
    let (first, second) = (Uuid::new_v4(), Uuid::new_v4());
    let edit = BodyEdit { place: None, before: "two".to_owned(), after: "2".to_owned() };
    scene.propose(first, ProposedChange::Body(edit)).await;
    scene.propose(second, ProposedChange::Output { text: "A report.".to_owned() }).await;
    let listed = scene.list("").await;
    assert_eq!(listed.len(), 2);
    let expected = json!({
        "id": first, "kind": "replace", "runId": scene.run, "label": "A change", "before": "two", "text": "2",
        "status": "open", "createdAt": listed[0]["createdAt"], "decidedBy": null, "decidedAt": null,
    });
    assert_eq!(listed[0], expected);
    assert_eq!(scene.body().await, "one\n\ntwo");

    let decide =
        async |id: Uuid, what: &str| scene.ada.post(&format!("{}/proposals/{id}/{what}", scene.node), json!({})).await;
    let accepted = decide(first, "accept").await.expect(StatusCode::OK);
    assert_eq!((&accepted["status"], &accepted["decidedBy"]), (&json!("accepted"), &json!(scene.ada.id())));
    assert_eq!(scene.body().await, "one\n\n2");
    assert_eq!(decide(second, "reject").await.expect(StatusCode::OK)["status"], "rejected");
    let outputs = scene.ada.get(&format!("{}/outputs", scene.node)).await.expect(StatusCode::OK);
    assert_eq!(outputs["items"], json!([]));
    for (id, what) in [(first, "accept"), (first, "reject"), (second, "accept")] {
        decide(id, what).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    }
    decide(Uuid::new_v4(), "accept").await.expect_problem(StatusCode::NOT_FOUND, "NOT_FOUND");
    let org = scene.ada.get("/orgs").await.expect(StatusCode::OK)["items"][0]["id"].as_str().unwrap().to_owned();
    let log = scene.ada.get(&format!("/orgs/{org}/audit-log?resourceId={}", scene.node_id)).await;
    let log = log.expect(StatusCode::OK)["items"].as_array().unwrap().clone();
    let told: Vec<_> = log.iter().map(|it| (&it["action"], &it["details"]["proposalId"], &it["runId"])).collect();
    let [accepted, rejected] = ["node.proposal_accepted", "node.proposal_rejected"].map(|action| json!(action));
    let run = json!(scene.run);
    assert_eq!(told, [(&rejected, &json!(second), &run), (&accepted, &json!(first), &run)]);
    assert!(scene.list("?status=open").await.is_empty());
    assert_eq!(scene.list("?status=rejected").await.len(), 1);
}

#[tokio::test]
async fn what_has_changed_since_it_was_offered_is_not_replaced() {
    let scene = Scene::new().await;
    let id = Uuid::new_v4();
    let edit = BodyEdit { place: None, before: "two".to_owned(), after: "2".to_owned() };
    scene.propose(id, ProposedChange::Body(edit)).await;
    scene.ada.patch(&scene.node, json!({"body": "one\n\nthree"})).await.expect(StatusCode::OK);
    let accept = format!("{}/proposals/{id}/accept", scene.node);
    scene.ada.post(&accept, json!({})).await.expect_problem(StatusCode::CONFLICT, "CONFLICT");
    assert_eq!(scene.body().await, "one\n\nthree");
    assert_eq!(scene.list("?status=open").await.len(), 1);
}
