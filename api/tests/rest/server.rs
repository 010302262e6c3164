//! A server for a test, and clients of it.

use std::sync::Arc;
use std::time::Duration;

use api::{Api, EventStreams};
use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use documents::Documents;
use http::header::{AUTHORIZATION, CONTENT_TYPE, ETAG};
use http::{HeaderMap, Method, Request, StatusCode, request};
use platform::access::AccessNews;
use platform::auth::{Authenticator, UserDirectory};
use platform::bus::{Bus, InstanceId};
use platform::clock::{Clock, SystemClock};
use platform::config::{Config, Mode, Secret};
use platform::db::Db;
use platform::embedding::Embedder;
use platform::erasure::Erasure;
use platform::events::EventFeed;
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::rate_limiter::{InProcessLimiter, RateLimiter};
use platform::testing::{BlobFolder, TestDatabase};
use platform::webhooks::Networks;
use serde_json::{Value, json};
use tokio::time::timeout;
use tower::ServiceExt;

/// Longer answers would be a mistake.
const ANSWER_BYTES_MAX: usize = 10 << 20;
/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_ANYWAY_AFTER: Duration = Duration::from_millis(50);

pub(crate) struct Server {
    pub(crate) api: Api,
    router: Router,
    // Dropped last, when nobody uses them any more.
    database: Option<TestDatabase>,
    folder: Arc<BlobFolder>,
}

/// Somebody who signed in.
#[derive(Clone)]
pub(crate) struct Client {
    router: Router,
    db: Db,
    token: String,
    pub(crate) user: Value,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(Mode::Development).await
    }

    pub(crate) async fn start_in(mode: Mode) -> Self {
        let database = TestDatabase::new().await;
        let folder = Arc::new(BlobFolder::new());
        let api = compose(database.db.clone(), &folder, mode).await;
        Self { router: api::router(api.clone()), api, database: Some(database), folder }
    }

    /// The same server with other limits.
    pub(crate) fn with_limits(&self, limits: Limits) -> Self {
        let api = Api { limits, metrics: Metrics::new(), ..self.api.clone() };
        Self { router: api::router(api.clone()), api, database: None, folder: Arc::clone(&self.folder) }
    }

    /// The same server with another way to other instances.
    pub(crate) fn with_bus(&self, bus: Bus) -> Self {
        let api = Api { bus, metrics: Metrics::new(), ..self.api.clone() };
        Self { router: api::router(api.clone()), api, database: None, folder: Arc::clone(&self.folder) }
    }

    /// Another server on the same database, which must not outlive this one.
    pub(crate) async fn another_instance(&self) -> Self {
        let db = self.database.as_ref().expect("the first server holds the database").another_instance().await;
        let api = compose(db, &self.folder, self.api.mode).await;
        Self { router: api::router(api.clone()), api, database: None, folder: Arc::clone(&self.folder) }
    }

    /// The database, of a server that was started with one.
    pub(crate) fn database(&self) -> &TestDatabase {
        self.database.as_ref().expect("the server was started with a database")
    }

    /// Where its blobs are.
    pub(crate) fn blob_folder(&self) -> &BlobFolder {
        &self.folder
    }

    /// Signs in as `<name>@example.com`.
    pub(crate) async fn sign_in(&self, name: &str) -> Client {
        self.sign_in_with(&format!("{name}@example.com")).await
    }

    pub(crate) async fn sign_in_with(&self, email: &str) -> Client {
        let body = json!({"email": email});
        let answer = self.call(post("/api/v1/auth/dev-token", &body)).await.expect(StatusCode::OK);
        let token = answer["token"].as_str().unwrap().to_owned();
        Client { router: self.router.clone(), db: self.api.db.clone(), token, user: answer["user"].clone() }
    }

    /// A program with an API key.
    pub(crate) fn program(&self, key: &str) -> Client {
        Client { router: self.router.clone(), db: self.api.db.clone(), token: key.to_owned(), user: Value::Null }
    }

    /// Somebody with an organization and a project.
    pub(crate) async fn with_project(&self, name: &str) -> (Client, String, String) {
        let client = self.sign_in(name).await;
        let org = client.post("/orgs", json!({"name": format!("Org of {name}")})).await.expect(StatusCode::CREATED);
        let org = org["id"].as_str().unwrap().to_owned();
        let path = format!("/orgs/{org}/projects");
        let project = client.post(&path, json!({"name": "Project"})).await.expect(StatusCode::CREATED);
        let project = project["id"].as_str().unwrap().to_owned();
        (client, org, project)
    }

    pub(crate) async fn call(&self, request: Request<Body>) -> Answer {
        call(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Request::get(path).body(Body::empty()).unwrap()).await
    }
}

impl Client {
    /// The person's id.
    pub(crate) fn id(&self) -> &str {
        self.user["id"].as_str().expect("a person has an id")
    }

    /// The same person as a client of another server.
    pub(crate) fn on(&self, server: &Server) -> Self {
        Self { router: server.router.clone(), db: server.api.db.clone(), ..self.clone() }
    }

    /// Looks, whenever something was committed, until there is what is looked for.
    pub(crate) async fn eventually<T>(&self, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        let mut commits = self.db.listen_to_commits();
        let looking = async {
            loop {
                if let Some(found) = look().await {
                    return found;
                }
                // Not all that changes is an event.
                let _ = timeout(LOOK_ANYWAY_AFTER, commits.recv()).await;
            }
        };
        timeout(PATIENCE, looking).await.expect("it comes to be so")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.json(Method::POST, path), body.to_string()).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(self.json(Method::PATCH, path), body.to_string()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path), Body::empty()).await
    }

    /// A request with the client's token, to be completed and sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> request::Builder {
        Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
    }

    pub(crate) fn json(&self, method: Method, path: &str) -> request::Builder {
        self.request(method, path).header(CONTENT_TYPE, "application/json")
    }

    /// Begins to read an answer that goes on.
    pub(crate) async fn open(&self, request: request::Builder) -> http::Response<Body> {
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    pub(crate) async fn send(&self, request: request::Builder, body: impl Into<Body>) -> Answer {
        call(&self.router, request.body(body.into()).unwrap()).await
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body, if the status is the expected one.
    #[track_caller]
    pub(crate) fn expect(&self, status: StatusCode) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// The problem, if it is the expected one.
    #[track_caller]
    pub(crate) fn expect_problem(&self, status: StatusCode, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(self.headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["requestId"], self.headers["x-request-id"].to_str().unwrap());
        for member in ["type", "title", "detail"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }

    /// The member `id` of what was created.
    #[track_caller]
    pub(crate) fn created_id(&self) -> String {
        self.expect(StatusCode::CREATED)["id"].as_str().expect("what is created has an id").to_owned()
    }

    pub(crate) fn etag(&self) -> &str {
        self.headers[ETAG].to_str().unwrap()
    }
}

/// The world around the interface, as the program composes it.
async fn compose(db: Db, folder: &BlobFolder, mode: Mode) -> Api {
    let config = Config::default();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (random, lifecycle, metrics) = (Random::from_os(), Lifecycle::new(), Metrics::new());
    let limits = config.limits.clone();
    let people = Arc::new(UserDirectory::new(db.clone(), Arc::clone(&clock), random.clone()));
    let secret = Secret::new("a secret of tests that is long enough");
    let authenticator = Authenticator::new(&config.auth, mode, &secret, Arc::clone(&clock), &lifecycle, people)
        .expect("nothing is needed for it");
    let bus = Bus::in_process(InstanceId::new(random.uuid_v4()));
    let documents = Documents::new(
        db.clone(),
        bus.clone(),
        Arc::clone(&clock),
        random.clone(),
        lifecycle.clone(),
        limits.clone(),
        &metrics,
    );
    let cors_origins = vec!["https://app.example".to_owned()];
    let access_news = AccessNews::start(bus.clone(), &lifecycle);
    let events = EventFeed::start(&db, &bus, &lifecycle, &limits, &metrics);
    let erasure = Erasure::start(&db, &lifecycle);
    let blobs = folder.open(&clock).await;
    Api {
        documents,
        db,
        bus,
        access_news,
        events,
        event_streams: EventStreams::default(),
        webhook_networks: Networks::Public,
        agents: config.agents,
        blobs,
        files: folder.config.clone(),
        embedder: Embedder::Lexical,
        erasure,
        authenticator,
        rate_limiter: RateLimiter::InProcess(InProcessLimiter::new(Arc::clone(&clock))),
        clock,
        random,
        limits,
        mode,
        metrics,
        lifecycle,
        cors_origins,
    }
}

pub(crate) fn post(path: &str, body: &Value) -> Request<Body> {
    Request::post(path).header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string())).unwrap()
}

async fn call(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap();
    Answer { status: parts.status, headers: parts.headers, body }
}
