//! Every call that creates something creates it once, however often it is sent with the same `Idempotency-Key`. Which
//! calls there are, the description says.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{Answer, Client, Server};

/// What calls are about.
struct World {
    server: Server,
    ada: Client,
    org: String,
    project: String,
    node: String,
    other_node: String,
    template: String,
}

impl World {
    async fn new() -> Self {
        let server = Server::start().await;
        let (ada, org, project) = server.with_project("ada").await;
        server.sign_in("bob").await;
        let nodes = format!("/projects/{project}/nodes");
        let node = ada.post(&nodes, json!({"title": "One", "body": "Text"})).await.created_id();
        let other_node = ada.post(&nodes, json!({"title": "Other"})).await.created_id();
        let templates = format!("/orgs/{org}/templates");
        let template = ada.post(&templates, template()).await.created_id();
        Self { server, ada, org, project, node, other_node, template }
    }

    /// What an operation is sent.
    fn body(&self, operation: &str) -> Value {
        match operation {
            "createOrganization" | "createProject" | "createNamedVersion" => json!({"name": "Made once"}),
            "createNode" | "createDocument" => json!({"title": "Made once"}),
            "createDependency" => json!({"sourceNodeId": self.node, "targetNodeId": self.other_node}),
            "addInput" | "addOutput" => json!({"type": "text", "label": "Made once", "text": "Text"}),
            "createApiKey" => json!({"name": "Made once", "scopes": ["api:read"]}),
            "createTemplate" => template(),
            "createModel" => json!({"name": "Made once", "baseUrl": "https://models.example.com/v1", "model": "m",
                                    "contextTokens": 1000, "outputTokens": 100}),
            "applyTemplate" => json!({"projectId": self.project}),
            "createWebhook" => json!({"url": "https://example.com/hooks"}),
            "uploadFile" => json!({"filename": "made-once.txt"}),
            "createInvitation" => json!({"email": "new@example.com", "role": "member"}),
            "addOrganizationMember" => json!({"email": "bob@example.com", "role": "member"}),
            "addProjectMember" => json!({"email": "bob@example.com", "role": "viewer"}),
            other => panic!("{other} creates something: say here what it is sent"),
        }
    }

    fn path(&self, template: &str) -> String {
        let name = format!("node:{}", self.node);
        let parameters = [
            ("{orgId}", &self.org),
            ("{projectId}", &self.project),
            ("{nodeId}", &self.node),
            ("{templateId}", &self.template),
            ("{name}", &name),
        ];
        let filled = parameters.iter().fold(template.to_owned(), |path, (key, value)| path.replace(key, value));
        assert!(!filled.contains('{'), "{filled}: say here what this is");
        filled.strip_prefix("/api/v1").expect("all paths begin with it").to_owned()
    }

    async fn send(&self, path: &str, body: &Value, key: &str) -> Answer {
        let request = self.ada.json(Method::POST, path).header("idempotency-key", key);
        self.ada.send(request, body.to_string()).await
    }
}

fn template() -> Value {
    json!({"name": "Made once", "structure": {"nodes": [{"key": "question", "title": "Question"}]}})
}

/// What tells one thing that was made from another.
fn identity(operation: &str, made: &Value) -> Value {
    match operation {
        "applyTemplate" => made["nodes"][0]["id"].clone(),
        "addOrganizationMember" | "addProjectMember" => made["userId"].clone(),
        "uploadFile" => made["fileId"].clone(),
        _ => made["id"].clone(),
    }
}

#[tokio::test]
async fn what_is_sent_again_with_the_same_key_is_created_once() {
    let world = World::new().await;
    let document = world.server.get("/api/v1/openapi.json").await.json();
    let mut tried = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        let call = &item["post"];
        if call["responses"].get("201").is_none() {
            continue;
        }
        let operation = call["operationId"].as_str().unwrap();
        let takes_a_key = call["parameters"].as_array().unwrap().iter().any(|it| it["name"] == "Idempotency-Key");
        // Who belongs already is given the role once more, which changes nothing.
        let is_idempotent_anyway = matches!(operation, "addOrganizationMember" | "addProjectMember");
        assert!(takes_a_key || is_idempotent_anyway, "{operation}");
        let (path, body) = (world.path(path), world.body(operation));
        let first = world.send(&path, &body, operation).await;
        let first = identity(operation, &first.expect(StatusCode::CREATED));
        assert!(first.is_string(), "{operation}");
        let again = world.send(&path, &body, operation).await;
        if operation == "createApiKey" {
            again.expect_problem(StatusCode::CONFLICT, "CONFLICT");
        } else {
            assert_eq!(identity(operation, &again.expect(StatusCode::CREATED)), first, "{operation}");
        }
        tried += 1;
    }
    assert!(tried >= 14, "{tried}");
    for (path, count) in [
        (format!("/orgs/{}/projects", world.org), 2),
        (format!("/projects/{}/documents", world.project), 1),
        (format!("/nodes/{}/inputs", world.node), 1),
        (format!("/orgs/{}/templates", world.org), 2),
        (format!("/orgs/{}/webhooks", world.org), 1),
        (format!("/orgs/{}/api-keys", world.org), 1),
        (format!("/orgs/{}/files", world.org), 1),
        (format!("/orgs/{}/invitations", world.org), 1),
    ] {
        let listed = world.ada.get(&path).await.expect(StatusCode::OK);
        assert_eq!(listed["items"].as_array().unwrap().len(), count, "{path}");
    }
}
