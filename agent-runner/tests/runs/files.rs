//! Files: what agents are told of them, those that they pass on, and those that they make.

use std::sync::Arc;

use platform::db::files::{self, Says};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::provider::{Part, Provider, Reply, results};
use crate::world::World;

/// A run of a model that passes on what has these contents, one after the other. Returns what became of each.
async fn passes_on(world: &World, options: Value, contents: Vec<Value>) -> Vec<Value> {
    let script = move |request: &Value, _: usize| {
        if results(request) > 0 {
            return Reply::Parts(vec![Part::Text("Done.")]);
        }
        let file =
            |content: &Value| Part::Tool("add_output", json!({"type": "file", "label": "Map", "content": content}));
        Reply::Parts(contents.iter().map(file).collect())
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(options).await;
    world.until_status(&run, "complete").await;
    let trace = world.trace(&run).await;
    trace.into_iter().filter(|event| event["type"] == "tool_call").map(|event| event["data"].clone()).collect()
}

async fn with_a_file() -> (World, Uuid) {
    let world = World::start().await;
    let file = recorded(&world, &world.org, Some(&world.project), "state = 'complete'").await;
    world.post(&format!("/nodes/{}/inputs", world.node), json!({"type": "file", "fileId": file})).await;
    (world, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_among_the_inputs_is_passed_on_and_no_other() {
    let (world, file) = with_a_file().await;
    // One that stands at another node of the project is none of this one's.
    let elsewhere = recorded(&world, &world.org, Some(&world.project), "state = 'complete'").await;
    let node = world.new_node("Another").await;
    world.post(&format!("/nodes/{node}/inputs"), json!({"type": "file", "fileId": elsewhere})).await;
    let bad =
        [json!({"fileId": elsewhere}), json!({"fileId": "../../etc/passwd"}), json!(file), json!({}), json!(null)];
    let contents = [vec![json!({"fileId": file})], bad.to_vec()].concat();
    let used = passes_on(&world, json!({"plan": false}), contents).await;
    let outputs = world.node(&world.node).await["outputs"].as_array().unwrap().clone();
    let files: Vec<&Value> = outputs.iter().filter(|output| output["type"] == "file").collect();
    assert_eq!(files.len(), 1, "{outputs:#?}");
    assert_eq!((&files[0]["fileId"], &files[0]["label"]), (&json!(file), &json!("Map")));
    assert_eq!(files[0]["provenance"]["kind"], "agent");
    assert_eq!(used[0]["result"]["output_id"], files[0]["id"]);
    assert_eq!(used.len(), 1 + bad.len());
    assert!(used[1..].iter().all(|used| used["error"]["code"] == "INVALID_ARGUMENTS"), "{used:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cannot_be_offered() {
    let (world, file) = with_a_file().await;
    let options = json!({"plan": false, "mode": "propose"});
    let used = passes_on(&world, options, vec![json!({"fileId": file})]).await;
    assert_eq!(used[0]["error"]["code"], "NOT_ALLOWED", "{used:#?}");
    assert_eq!(world.live().await.proposals.len(), 1, "what the model said");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_a_run_makes_is_an_output_and_waits_to_be_read() {
    let (world, _) = with_a_file().await;
    let content = json!({"filename": " waves.md ", "text": "# Waves\n\nHigh ones."});
    let other = json!({"filename": "waves.csv", "contentType": "text/csv", "text": "a;b"});
    let bad = [
        json!({"filename": "../waves.md", "text": "x"}),
        json!({"filename": "", "text": "x"}),
        json!({"filename": "a.pdf", "contentType": "application/pdf", "text": "x"}),
        json!({"filename": "a.md", "text": 3}),
        json!({"filename": "a.md", "text": "x", "projectId": "another"}),
    ];
    let contents = [vec![content, other], bad.to_vec()].concat();
    let used = passes_on(&world, json!({"plan": false}), contents).await;
    assert!(used[2..].iter().all(|used| used["error"]["code"] == "INVALID_ARGUMENTS"), "{used:#?}");
    assert_eq!(used.len(), 2 + bad.len());
    let made = json!([
        {"filename": "waves.csv", "contentType": "text/csv", "text": "a;b"},
        {"filename": "waves.md", "contentType": "text/markdown", "text": "# Waves\n\nHigh ones."},
    ]);
    let mut files = world.files_made().await;
    files.sort_by_key(|file| file["filename"].to_string());
    assert_eq!(json!(files), made);
    let as_it_is_to_be = format!(
        "SELECT bool_and(state = 'pending' AND uploaded_by = '{}' AND confirmed_at IS NOT NULL) FROM files
         WHERE execution_id IS NOT NULL",
        world.user
    );
    assert!(world.database.is_so(&as_it_is_to_be).await);
    let told =
        "SELECT (SELECT count(*) = 2 FROM events WHERE kind = 'file_uploaded' AND payload->>'sizeBytes' IN ('3', '19'))
        AND (SELECT count(*) = 2 FROM audit_log WHERE action = 'file.uploaded' AND user_id IS NOT NULL)";
    assert!(world.database.is_so(told).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_cannot_be_made_to_be_offered() {
    let world = World::start().await;
    let options = json!({"plan": false, "mode": "propose"});
    let used = passes_on(&world, options, vec![json!({"filename": "a.md", "text": "x"})]).await;
    assert_eq!(used[0]["error"]["code"], "NOT_ALLOWED", "{used:#?}");
    assert!(world.files_made().await.is_empty());
}

/// A file on record, as it is after it was uploaded and read.
async fn recorded(world: &World, org: &str, project: Option<&str>, columns: &str) -> Uuid {
    let id = Uuid::new_v4();
    let project = project.map_or("NULL".to_owned(), |project| format!("'{project}'"));
    let sql = format!(
        "INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type, size_bytes) VALUES
             ('{id}', '{org}', {project}, 'uploads/{org}/{id}', 'sea.pdf', 'application/pdf', 1234);
         UPDATE files SET {columns} WHERE id = '{id}'"
    );
    world.database.sabotage(&sql).await;
    id
}

/// Makes files inputs of the node.
async fn add_inputs(world: &World, files: &[Uuid]) {
    for file in files {
        world.post(&format!("/nodes/{}/inputs", world.node), json!({"type": "file", "fileId": file})).await;
    }
}

/// What the model is told of the node.
async fn brief(world: &World) -> String {
    let provider = Provider::start(Arc::new(|_: &Value, _| Reply::Parts(vec![Part::Text("Done.")]))).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
    provider.requests()[0]["messages"][1]["content"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_what_its_files_say() {
    let world = World::start().await;
    let (org, project) = (world.org.as_str(), Some(world.project.as_str()));
    let long = "state = 'complete', extracted_text = repeat('wave ', 20000)";
    let inputs = [
        recorded(&world, org, project, "state = 'complete', extracted_text = 'The sea is cold.'").await,
        recorded(&world, org, None, "state = 'complete', extracted_text = 'For all of us.'").await,
        recorded(&world, org, project, long).await,
        recorded(&world, org, project, "state = 'processing'").await,
        recorded(&world, org, project, "state = 'complete'").await,
        recorded(&world, org, project, "state = 'failed', processing_error = 'it is broken'").await,
    ];
    add_inputs(&world, &inputs).await;
    let brief = brief(&world).await;
    for words in [
        "\"sea.pdf\" (application/pdf, 1234 bytes)",
        "The sea is cold.",
        "For all of us.",
        "(cut here: 100000 characters in all)",
        "still being read",
        "no text",
        "could not be read: it is broken",
    ] {
        assert!(brief.contains(words), "{words}: {brief}");
    }
    assert!(brief.len() < 30_000, "{}", brief.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_told_of_no_files_of_others() {
    let world = World::start().await;
    let other_org = world.post("/orgs", json!({"name": "Others"})).await["id"].as_str().unwrap().to_owned();
    let projects = format!("/orgs/{}/projects", world.org);
    let other_project = world.post(&projects, json!({"name": "Secret"})).await["id"].as_str().unwrap().to_owned();
    let says = "state = 'complete', extracted_text = 'a secret'";
    let own = async |columns| recorded(&world, &world.org, Some(&world.project), columns).await;
    let inputs = [own(says).await, own(says).await, own(says).await, own("extracted_text = 'a secret'").await];
    add_inputs(&world, &inputs).await;
    // Whoever writes into the document may name any file.
    let [moved, secret, deleted, _] = inputs;
    let become_of_others = format!(
        "UPDATE files SET org_id = '{other_org}', project_id = NULL WHERE id = '{moved}';
         UPDATE files SET project_id = '{other_project}' WHERE id = '{secret}';
         DELETE FROM files WHERE id = '{deleted}'"
    );
    world.database.sabotage(&become_of_others).await;
    let brief = brief(&world).await;
    assert!(!brief.contains("a secret"), "{brief}");
    for file in inputs {
        assert!(brief.contains(&format!("The file {file} is gone.")), "{brief}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guests_run_is_told_of_files_of_the_project_alone() {
    let world = World::start().await;
    let says = "state = 'complete', extracted_text = 'words'";
    let of_project = recorded(&world, &world.org, Some(&world.project), says).await;
    let of_all = recorded(&world, &world.org, None, says).await;
    let told = async || {
        let told = files::told(&world.database.db, world.scope(), &[of_project, of_all], 3).await.unwrap();
        let mut ids: Vec<Uuid> = told.iter().map(|file| file.id.as_uuid()).collect();
        ids.sort();
        let beginning = Says::Text { beginning: "wor".to_owned(), chars: 5, truncated: false };
        assert!(told.iter().all(|file| file.says == beginning));
        ids
    };
    let mut all = vec![of_project, of_all];
    all.sort();
    assert_eq!(told().await, all);
    world.database.sabotage(&format!("UPDATE org_members SET role = 'guest' WHERE user_id = '{}'", world.user)).await;
    assert_eq!(told().await, [of_project]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_of_another_node_says_is_read_with_it() {
    let world = World::start().await;
    let file = recorded(&world, &world.org, Some(&world.project), "state = 'complete', extracted_text = 'Deep.'").await;
    let node = world.new_node("Another").await;
    world.post(&format!("/nodes/{node}/inputs"), json!({"type": "file", "fileId": file})).await;
    let asked = node.clone();
    let script = move |request: &Value, _: usize| {
        if results(request) > 0 {
            return Reply::Parts(vec![Part::Text("Done.")]);
        }
        Reply::Parts(vec![Part::Tool("access_node", json!({"node_id": asked}))])
    };
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
    let trace = world.trace(&run).await;
    let read = trace.iter().find(|event| event["type"] == "tool_call").unwrap();
    assert!(read["data"]["result"]["inputs"].as_str().unwrap().contains("Deep."), "{read:#}");
}
