//! The indexer: what nodes say is found a moment later, and what it means as soon as a provider has said so.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use agent_runner::{Indexer, Probe};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::{Method, StatusCode};
use platform::config::{EmbeddingsConfig, Secret};
use platform::db::search;
use platform::embedding::{DIMENSIONS, Embedder, EmbeddingError};
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use serde_json::{Value, json};

use crate::provider::{Part, Provider, Reply, results};
use crate::world::{World, eventually, text};

/// What the provider does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Well,
    /// Answers with this status.
    Status(u16),
    /// Answers with vectors of another size.
    WrongSize,
    /// Answers with a vector less than was asked for.
    OneLess,
    /// Answers with what is no JSON.
    Nonsense,
    /// Refuses any request in which this word is.
    Squeamish(&'static str),
}

/// A provider of embeddings that is none: what it answers has nothing to do with what texts mean.
#[derive(Clone)]
struct FakeProvider {
    url: String,
    mood: Arc<Mutex<Mood>>,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl FakeProvider {
    async fn start(mood: Mood) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let provider = Self { url, mood: Arc::new(Mutex::new(mood)), requests: Arc::default() };
        let app = Router::new().route("/v1/embeddings", post(answer)).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        provider
    }

    fn embedder(&self) -> Embedder {
        let config = EmbeddingsConfig {
            base_url: self.url.clone(),
            model: "fake-embeddings".to_owned(),
            api_key: Some(Secret::new("sk-fake")),
        };
        Embedder::new(Some(&config)).unwrap()
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn requests(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn answer(State(provider): State<FakeProvider>, Json(request): Json<Value>) -> Response {
    provider.requests.lock().unwrap().push(request.clone());
    let mood = *provider.mood.lock().unwrap();
    let texts: Vec<&str> = request["input"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
    let refused = |status: u16| {
        let words = Json(json!({"error": {"message": "not with sk-fake"}}));
        (StatusCode::from_u16(status).unwrap(), words).into_response()
    };
    let (size, count) = match mood {
        Mood::Status(status) => return refused(status),
        Mood::Squeamish(word) if texts.iter().any(|text| text.contains(word)) => return refused(400),
        Mood::Nonsense => return "as you like it".into_response(),
        Mood::WrongSize => (768, texts.len()),
        Mood::OneLess => (DIMENSIONS, texts.len() - 1),
        Mood::Well | Mood::Squeamish(_) => (DIMENSIONS, texts.len()),
    };
    let vector = |text: &str| -> Vec<f32> {
        let first = text.bytes().map(f32::from).sum::<f32>();
        (0..size).map(|place| if place == 0 { first } else { 1.0 }).collect()
    };
    let data: Vec<Value> = (0..count).map(|at| json!({"index": at, "embedding": vector(texts[at])})).collect();
    Json(json!({"object": "list", "data": data})).into_response()
}

/// An indexer, which ends when it is told to.
struct Running {
    lifecycle: Lifecycle,
    metrics: Metrics,
}

impl Running {
    fn start(world: &World, embedder: &Embedder) -> Self {
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::new());
        Indexer::new(&world.api.db, embedder, &Random::from_os(), &metrics).start(&lifecycle);
        Self { lifecycle, metrics }
    }

    /// How many passages were tried in vain for this reason.
    fn failures(&self, reason: &str) -> u64 {
        let sample = format!("glassbox_search_embedding_failures_total{{reason=\"{reason}\"}} ");
        let metrics = self.metrics.encode();
        let value = metrics.lines().find_map(|line| line.strip_prefix(&sample));
        value.expect("each reason is told from the start").parse().unwrap()
    }

    async fn stop(self) {
        self.lifecycle.shutdown(Duration::from_secs(10)).await;
    }
}

async fn found(world: &World, query: &str) -> Vec<String> {
    let page = world.post(&format!("/orgs/{}/search", world.org), json!({"query": query})).await;
    page["items"].as_array().unwrap().iter().map(|item| text(&item["id"])).collect()
}

/// Waits until a query finds just this.
async fn until_found(world: &World, query: &str, expected: &[&str]) {
    let found = eventually(async || (found(world, query).await == expected).then_some(())).await;
    assert!(found.is_some(), "{query} does not come to find {expected:?}");
}

async fn until(world: &World, sql: &str) {
    let is_so = eventually(async || world.database.is_so(sql).await.then_some(())).await;
    assert!(is_so.is_some(), "{sql}");
}

/// Waits until all passages are embedded by this embedder.
async fn until_embedded(world: &World, embedder: &str) {
    let count = format!("count(*) FILTER (WHERE embedder = '{embedder}')");
    until(world, &format!("SELECT count(*) > 0 AND {count} = count(*) FROM search_passages")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_found_by_what_it_says_and_no_longer_by_what_it_said() {
    let world = World::start().await;
    let running = Running::start(&world, &Embedder::Lexical);
    until_found(&world, "sea", &[&world.node]).await;
    let path = format!("/nodes/{}", world.node);
    let (status, answer) = world.call(Method::PATCH, &path, Some(json!({"body": "Write about mountains."}))).await;
    assert!(status.is_success(), "{answer}");
    until_found(&world, "mountains", &[&world.node]).await;
    until_found(&world, "sea", &[]).await;
    let (status, answer) = world.call(Method::DELETE, &path, None).await;
    assert!(status.is_success(), "{answer}");
    until_found(&world, "mountains", &[]).await;
    until(&world, "SELECT count(*) = 0 FROM search_entries").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_indexer_leaves_undone_another_one_does() {
    let world = World::start().await;
    // Whoever writes an entry waits, and is killed meanwhile.
    until(&world, "SELECT count(*) > 0 FROM search_queue").await;
    let lock = world.database.lock("search_entries").await;
    let running = Running::start(&world, &Embedder::Lexical);
    let waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'search_entries'::regclass AND NOT granted
        AND mode = 'RowExclusiveLock')";
    until(&world, waits).await;
    running.stop().await;
    drop(lock);
    assert!(world.database.is_so("SELECT count(*) > 0 FROM search_queue").await);
    let running = Running::start(&world, &Embedder::Lexical);
    until_found(&world, "sea", &[&world.node]).await;
    until(&world, "SELECT count(*) = 0 FROM search_queue").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn passages_are_embedded_by_the_provider_and_anew_when_it_is_another_one() {
    let world = World::start().await;
    let running = Running::start(&world, &Embedder::Lexical);
    until_embedded(&world, "lexical-hash-1").await;
    running.stop().await;
    let provider = FakeProvider::start(Mood::Well).await;
    let running = Running::start(&world, &provider.embedder());
    until_embedded(&world, "openai:fake-embeddings").await;
    let asked = provider.requests.lock().unwrap()[0].clone();
    assert_eq!((&asked["model"], &asked["dimensions"]), (&json!("fake-embeddings"), &json!(DIMENSIONS)));
    assert!(asked["input"][0].as_str().unwrap().starts_with("The task"), "the title is told: {asked}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cannot_be_used_are_refused_and_asked_for_again() {
    let world = World::start().await;
    let provider = FakeProvider::start(Mood::Well).await;
    let embedder = provider.embedder();
    let texts = ["one".to_owned(), "two".to_owned()];
    for (mood, is_refusal, reason) in [
        (Mood::Status(500), true, "Refused"),
        (Mood::Status(401), true, "Unauthorized"),
        (Mood::Status(429), true, "RateLimited"),
        (Mood::WrongSize, false, "Unusable"),
        (Mood::OneLess, false, "Unusable"),
        (Mood::Nonsense, false, "Unusable"),
    ] {
        provider.set(mood);
        let error = embedder.embed(&texts).await.unwrap_err();
        assert_eq!(matches!(error, EmbeddingError::Refused { .. }), is_refusal, "{mood:?}: {error}");
        assert!(!error.to_string().contains("sk-fake"), "{error}");
        let before = provider.requests();
        let running = Running::start(&world, &embedder);
        let asked = eventually(async || (provider.requests() > before).then_some(())).await;
        assert!(asked.is_some(), "{mood:?}");
        until(&world, "SELECT count(*) > 0 AND count(*) FILTER (WHERE due_at > now()) = count(*) FROM search_passages")
            .await;
        let told = eventually(async || (running.failures(reason) > 0).then_some(())).await;
        assert!(told.is_some(), "{mood:?} is not told as {reason}");
        running.stop().await;
        world.database.sabotage("UPDATE search_passages SET due_at = now()").await;
    }
    provider.set(Mood::Well);
    let running = Running::start(&world, &embedder);
    until_embedded(&world, "openai:fake-embeddings").await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_is_refused_does_not_hold_up_the_others() {
    let world = World::start().await;
    let provider = FakeProvider::start(Mood::Squeamish("unspeakable")).await;
    let other = world.new_node("The unspeakable").await;
    let indexing = Running::start(&world, &Embedder::Lexical);
    until_found(&world, "unspeakable", &[&other]).await;
    until(&world, "SELECT count(*) >= 2 FROM search_passages").await;
    until_embedded(&world, "lexical-hash-1").await;
    indexing.stop().await;
    let running = Running::start(&world, &provider.embedder());
    let embedded = "SELECT count(*) FILTER (WHERE p.embedder = 'openai:fake-embeddings') = count(*) - 1
            AND bool_and((p.embedding IS NULL) = (e.title = 'The unspeakable'))
        FROM search_passages p JOIN search_entries e ON e.id = p.entry_id";
    until(&world, embedded).await;
    let waiting = search::waiting(&world.api.db).await.unwrap();
    assert_eq!(waiting.passages, 1);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_finds_what_nodes_of_its_project_say() {
    let world = World::start().await;
    let other = text(&world.post(&format!("/orgs/{}/projects", world.org), json!({"name": "Other"})).await["id"]);
    let path = format!("/projects/{}/nodes", world.project);
    let group = text(&world.post(&path, json!({"title": "Animals"})).await["id"]);
    let fish = json!({"title": "Fish", "body": "Herrings swim in *swarms*, they say.", "parentId": group});
    let fish = text(&world.post(&path, fish).await["id"]);
    let secret = json!({"title": "Secret", "body": "Swarms of herrings."});
    let secret = text(&world.post(&format!("/projects/{other}/nodes"), secret).await["id"]);
    let running = Running::start(&world, &Embedder::Lexical);
    until_found(&world, "they", &[&fish]).await;
    until_found(&world, "secret", &[&secret]).await;
    let provider = Provider::start(Arc::new(|request: &Value, _| {
        let search = |query: &str| Part::Tool("search", json!({"query": query}));
        Reply::Parts(match results(request) {
            0 => ["SWARMS herring", "swarms cod", "?!"].map(search).into(),
            _ => vec![Part::Text("found")],
        })
    }))
    .await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    let run = world.execute(json!({"plan": false})).await;
    world.until_status(&run, "complete").await;
    let trace = world.trace(&run).await;
    let calls = trace.iter().filter(|event| event["type"] == "tool_call");
    let found: Vec<&Value> = calls.map(|event| &event["data"]["result"]["nodes"]).collect();
    let fish = json!({"node_id": fish, "title": "Fish", "status": "draft", "parent_id": group,
        "excerpt": "Herrings swim in _swarms_, they say."});
    assert_eq!(found, [&json!([fish]), &json!([]), &json!([])]);
    running.stop().await;
}
