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

    /// The same operation asked for something else.
    fn other_body(&self, operation: &str) -> Value {
        let mut body = self.body(operation);
        let (field, value) = match operation {
            "createNode" | "createDocument" => ("title", json!("Another")),
            "createDependency" => ("targetNodeId", json!(self.project)),
            "addInput" | "addOutput" => ("label", json!("Another")),
            "applyTemplate" => ("position", json!({"x": 1, "y": 1})),
            "createWebhook" => ("url", json!("https://example.com/others")),
            "uploadFile" => ("filename", json!("another.txt")),
            "createInvitation" => ("email", json!("another@example.com")),
            _ => ("name", json!("Another")),
        };
        body[field] = value;
        body
    }

    /// What an operation cannot be asked for, where it goes into a document.
    fn invalid_body(&self, operation: &str) -> Option<Value> {
        let mut body = self.body(operation);
        let (field, value) = match operation {
            "createNode" => ("title", json!("")),
            "createDependency" => ("targetNodeId", json!(self.node)),
            "addInput" | "addOutput" => ("url", json!("https://example.com")),
            "applyTemplate" => ("parameters", json!({"unheardOf": "x"})),
            _ => return None,
        };
        body[field] = value;
        Some(body)
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
        // What is not even tried needs no other key.
        if let Some(invalid) = world.invalid_body(operation) {
            let refused = world.send(&path, &invalid, operation).await;
            assert!(refused.status.is_client_error(), "{operation}: {}", refused.status);
        }
        let first = world.send(&path, &body, operation).await;
        let first = identity(operation, &first.expect(StatusCode::CREATED));
        assert!(first.is_string(), "{operation}");
        let again = world.send(&path, &body, operation).await;
        if operation == "createApiKey" {
            again.expect_problem(StatusCode::CONFLICT, "CONFLICT");
        } else {
            assert_eq!(identity(operation, &again.expect(StatusCode::CREATED)), first, "{operation}");
        }
        if takes_a_key {
            let other = world.send(&path, &world.other_body(operation), operation).await;
            other.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
            assert!(call["responses"]["422"].to_string().contains("IDEMPOTENCY_KEY_REUSED"), "{operation}");
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

#[tokio::test]
async fn a_key_is_one_requests_one_persons_and_of_one_place() {
    let world = World::new().await;
    let path = format!("/orgs/{}/projects", world.org);
    // What is not even tried needs no other key.
    let nameless = world.send(&path, &json!({"name": ""}), "k").await;
    nameless.expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_FAILED");
    let (name, turned) = (r#"{"name": "One", "description": "1"}"#, r#"{"description":"1","name":"One"}"#);
    let send = async |client: &Client, body: &'static str| {
        client.send(client.json(Method::POST, &path).header("idempotency-key", "k"), body).await
    };
    let first = send(&world.ada, name).await.created_id();
    assert_eq!(send(&world.ada, turned).await.created_id(), first);
    send(&world.ada, r#"{"name": "Two"}"#)
        .await
        .expect_problem(StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED");
    let bob = world.server.sign_in("bob").await;
    let member = json!({"email": "bob@example.com", "role": "member"});
    world.ada.post(&format!("/orgs/{}/members", world.org), member).await.expect(StatusCode::CREATED);
    assert_ne!(send(&bob, r#"{"name": "Two"}"#).await.created_id(), first);
    let documents = format!("/projects/{first}/documents");
    world.send(&documents, &json!({"title": "Elsewhere"}), "k").await.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_webhook_is_tried_and_told_again_once_for_a_key() {
    let world = World::new().await;
    let webhooks = format!("/orgs/{}/webhooks", world.org);
    let [webhook, other] = ["https://example.com/a", "https://example.com/b"].map(|url| json!({"url": url}));
    let webhook = format!("{webhooks}/{}", world.ada.post(&webhooks, webhook).await.created_id());
    let other = format!("{webhooks}/{}", world.ada.post(&webhooks, other).await.created_id());
    let send = async |path: &str| {
        world.send(path, &json!({}), "k").await.expect(StatusCode::ACCEPTED)["id"].as_str().unwrap().to_owned()
    };
    let pinged = send(&format!("{webhook}/ping")).await;
    assert_eq!(send(&format!("{webhook}/ping")).await, pinged);
    assert_ne!(send(&format!("{other}/ping")).await, pinged);
    let redeliver = format!("{webhook}/deliveries/{pinged}/redeliver");
    let again = send(&redeliver).await;
    assert_ne!(again, pinged);
    assert_eq!(send(&redeliver).await, again);
    let log = world.ada.get(&format!("{webhook}/deliveries")).await.expect(StatusCode::OK);
    let pings = log["items"].as_array().unwrap().iter().filter(|it| it["type"] == "ping");
    let ids: Vec<&str> = pings.map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&again, &pinged]);
    // Without a key each is another one.
    let [one, two] = [world.ada.post(&redeliver, json!({})).await, world.ada.post(&redeliver, json!({})).await];
    assert_ne!(one.expect(StatusCode::ACCEPTED)["id"], two.expect(StatusCode::ACCEPTED)["id"]);
}
