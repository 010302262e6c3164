//! A server with a database, an organization, a project and a node; and workers that a test can stop dead.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use agent_runner::{AgentRunner, Moment, Probe};
use api::{Api, EventStreams};
use axum::Router;
use axum::body::{Body, to_bytes};
use documents::Documents;
use http::{Method, Request, StatusCode};
use hyper_util::service::TowerToHyperService;
use platform::access::AccessNews;
use platform::agent_queue::AgentQueue;
use platform::auth::{Authenticator, UserDirectory};
use platform::blob::BlobKey;
use platform::bus::{Bus, InstanceId};
use platform::clock::{Clock, SystemClock};
use platform::config::{AgentsConfig, Config, Mode, Secret, ServerModelConfig};
use platform::db::documents::DocumentRef;
use platform::db::files::{self, RunScope};
use platform::embedding::Embedder;
use platform::erasure::Erasure;
use platform::events::EventFeed;
use platform::ingress::{HttpServer, TrustedProxies};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::outbound::Networks;
use platform::random::Random;
use platform::rate_limiter::{InProcessLimiter, RateLimiter};
use platform::testing::{BlobFolder, TestDatabase};
use schema::canvas;
use schema::ids::ProjectId;
use schema::node::{self, NodeView};
use serde_json::{Value, json};
use sync_server::SyncServer;
use tokio::runtime::Runtime;
use tower::ServiceExt;
use uuid::Uuid;

/// How long a test waits for what has to happen.
const PATIENCE: Duration = Duration::from_mins(1);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const EXPIRE_LEASES: &str =
    "UPDATE agent_executions SET leased_until = now() - interval '1 minute' WHERE leased_until IS NOT NULL";

pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) address: SocketAddr,
    router: Router,
    token: String,
    pub(crate) user: String,
    pub(crate) org: String,
    pub(crate) project: String,
    pub(crate) node: String,
    pub(crate) database: TestDatabase,
    _folder: BlobFolder,
    /// What wakes its workers; `None`: the database.
    pub(crate) queue: Option<AgentQueue>,
}

/// How a worker is set up.
pub(crate) struct Setup {
    pub(crate) config: AgentsConfig,
    /// Where it joins documents.
    pub(crate) server: SocketAddr,
    pub(crate) probe: Probe,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A worker in a runtime of its own: when that is dropped, it is gone as a killed process is, with all its sockets.
pub(crate) struct Worker {
    runtime: Option<Runtime>,
    lifecycle: Lifecycle,
    pub(crate) metrics: Metrics,
}

impl Worker {
    /// Kills it.
    pub(crate) fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// Asks it to hand over what it drives, and to end.
    pub(crate) async fn leave(self) {
        self.lifecycle.shutdown(Duration::from_secs(10)).await;
        self.kill();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        let database = TestDatabase::new().await;
        let folder = BlobFolder::new();
        let (api, router, address) = serve(&database, &folder).await;
        let mut world = Self {
            api,
            address,
            router,
            token: String::new(),
            user: String::new(),
            org: String::new(),
            project: String::new(),
            node: String::new(),
            database,
            _folder: folder,
            queue: None,
        };
        let signed_in = world.post("/auth/dev-token", json!({"email": "ada@example.com", "name": "Ada"})).await;
        world.token = text(&signed_in["token"]);
        world.user = text(&signed_in["user"]["id"]);
        world.org = text(&world.post("/orgs", json!({"name": "Org"})).await["id"]);
        world.project =
            text(&world.post(&format!("/orgs/{}/projects", world.org), json!({"name": "Project"})).await["id"]);
        world.node = world.new_node("The task").await;
        world
    }

    pub(crate) async fn new_node(&self, title: &str) -> String {
        let node = json!({"title": title, "body": "Write about the sea."});
        text(&self.post(&format!("/projects/{}/nodes", self.project), node).await["id"])
    }

    /// A worker for whose models the provider at `url` answers; without one, the demo model.
    pub(crate) fn worker(&self, url: Option<&str>, probe: Probe) -> Worker {
        self.worker_of(Setup { probe, ..self.setup(url) })
    }

    /// How such a worker is set up.
    pub(crate) fn setup(&self, url: Option<&str>) -> Setup {
        let model = url.map(|url| ServerModelConfig {
            name: "scripted".to_owned(),
            base_url: url.to_owned(),
            model: "scripted".to_owned(),
            api_key: Some(Secret::new("sk-test".to_owned())),
            price_in: Some(1_000_000),
            price_out: None,
            context_tokens: 100_000,
            output_tokens: 2_000,
        });
        let config = AgentsConfig { networks: Networks::All, tool_seconds: 2, model, ..Config::default().agents };
        Setup { config, server: self.address, probe: Probe::default(), clock: Arc::new(SystemClock::new()) }
    }

    pub(crate) fn worker_of(&self, setup: Setup) -> Worker {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (lifecycle, metrics) = (Lifecycle::new(), Metrics::new());
        // Connections of its own, which end with it.
        let db = tokio::task::block_in_place(|| runtime.block_on(self.database.another_instance()));
        let parts = agent_runner::World {
            db,
            blobs: self.api.blobs.clone(),
            clock: setup.clock,
            random: Random::from_os(),
            authenticator: self.api.authenticator.clone(),
            access_news: self.api.access_news.clone(),
            queue: self.queue.clone(),
            lifecycle: lifecycle.clone(),
            metrics: metrics.clone(),
        };
        let url = format!("ws://{}", setup.server);
        let runner = AgentRunner::new(parts, &setup.config, Mode::Development, url, setup.probe).unwrap();
        let entered = runtime.enter();
        runner.start();
        drop(entered);
        Worker { runtime: Some(runtime), lifecycle, metrics }
    }

    /// As if its worker had not been heard of for long.
    pub(crate) async fn expire_lease(&self, run: &str) {
        self.database.sabotage(&format!("{EXPIRE_LEASES} AND id = '{run}'")).await;
    }

    /// The same of all that are driven.
    pub(crate) async fn expire_leases(&self) {
        self.database.sabotage(EXPIRE_LEASES).await;
    }

    /// Sets up what agents of the organization may do.
    pub(crate) async fn set_policies(&self, policies: Value) {
        let settings = json!({"settings": {"agentPolicies": policies}});
        let (status, answer) = self.call(Method::PATCH, &format!("/orgs/{}", self.org), Some(settings)).await;
        assert!(status.is_success(), "{answer}");
    }

    /// The ids of the project's nodes as the canvas has them now.
    pub(crate) async fn on_canvas(&self) -> Vec<String> {
        let (project, org) = (self.project.parse::<ProjectId>().unwrap(), self.org.parse().unwrap());
        let canvas = DocumentRef::canvas(org, project);
        let (view, ..) = self.api.documents.read(&canvas, |txn| canvas::read(txn)).await.unwrap();
        view.live_nodes().map(|(id, _)| id.to_string()).collect()
    }

    /// What the node's document holds now, beyond what REST shows of it.
    pub(crate) async fn live(&self) -> NodeView {
        self.live_node(&self.node).await
    }

    pub(crate) async fn live_node(&self, node: &str) -> NodeView {
        self.read(node, |txn| node::read(txn)).await
    }

    /// Reads a node's document as it is now.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        node: &str,
        look: impl FnOnce(&yrs::Transaction<'_>) -> T + Send + 'static,
    ) -> T {
        let (org, project) = (self.org.parse().unwrap(), self.project.parse().unwrap());
        let document = DocumentRef::node(org, project, node.parse().unwrap());
        self.api.documents.read(&document, look).await.unwrap().0
    }

    /// Whether a worker holds the run.
    pub(crate) async fn is_leased(&self, run: &str) -> bool {
        let sql = format!("SELECT leased_by IS NOT NULL FROM agent_executions WHERE id = '{run}'");
        self.database.is_so(&sql).await
    }

    /// The files that runs made for the node. There are no others in the project.
    pub(crate) async fn files_made(&self) -> Vec<Value> {
        let outputs = self.node(&self.node).await["outputs"].as_array().unwrap().clone();
        let ids: Vec<Uuid> = outputs.iter().filter_map(|output| output["fileId"].as_str()?.parse().ok()).collect();
        let there = format!(
            "SELECT count(*) = {} FROM files WHERE project_id = '{}' AND execution_id IS NOT NULL",
            ids.len(),
            self.project
        );
        assert!(self.database.is_so(&there).await, "files and outputs are as many");
        let mut files = Vec::new();
        for file in files::told(&self.database.db, self.scope(), &ids, 0).await.unwrap() {
            let key = BlobKey::of_file(self.org.parse().unwrap(), file.id);
            let bytes = self.api.blobs.read(&key, 1_000).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            files.push(json!({"filename": file.filename, "contentType": file.content_type, "text": text}));
        }
        files
    }

    /// What runs on the node may see of files.
    pub(crate) fn scope(&self) -> RunScope {
        let (org, project, user) = (&self.org, &self.project, &self.user);
        RunScope { org: org.parse().unwrap(), project: project.parse().unwrap(), user: user.parse().unwrap() }
    }

    pub(crate) async fn execute(&self, options: Value) -> String {
        text(&self.post(&format!("/nodes/{}/execute", self.node), options).await["id"])
    }

    pub(crate) async fn socket_token(&self) -> String {
        text(&self.post("/auth/ws-token", json!({})).await["token"])
    }

    pub(crate) async fn execution(&self, run: &str) -> Value {
        self.get(&format!("/executions/{run}")).await
    }

    /// The project's runs.
    pub(crate) async fn executions(&self) -> Vec<Value> {
        let path = format!("/projects/{}/executions?limit=100", self.project);
        self.get(&path).await["items"].as_array().unwrap().clone()
    }

    /// Waits until the run is as it is to be.
    pub(crate) async fn until(&self, run: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let found = eventually(async || Some(self.execution(run).await).filter(|execution| is_so(execution))).await;
        let Some(execution) = found else { panic!("the run is still {:#}", self.execution(run).await) };
        execution
    }

    pub(crate) async fn until_status(&self, run: &str, status: &str) -> Value {
        self.until(run, |execution| execution["status"] == status).await
    }

    pub(crate) async fn trace(&self, run: &str) -> Vec<Value> {
        self.get(&format!("/executions/{run}/trace?limit=100")).await["items"].as_array().unwrap().clone()
    }

    /// The project's nodes, once there are so many in lists.
    pub(crate) async fn listed(&self, count: usize) -> Vec<Value> {
        let nodes = async || {
            let page = self.get(&format!("/projects/{}/nodes?limit=100", self.project)).await;
            page["items"].as_array().filter(|nodes| nodes.len() >= count).cloned()
        };
        eventually(nodes).await.expect("lists follow the canvas")
    }

    pub(crate) async fn node(&self, node: &str) -> Value {
        self.get(&format!("/nodes/{node}")).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.call(Method::GET, path, None).await.1
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await;
        assert!(status.is_success(), "{path}: {status} {answer}");
        answer
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let body = body.map(|body| Body::from(body.to_string())).unwrap_or_default();
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), 16 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

/// Looks until there is what is looked for; `None` when that takes too long. What workers commit is announced to nobody here:
/// they have connections of their own, as other processes do.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.ok()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// Lets all moments pass but the one of this number, at which everything stops; says when.
pub(crate) fn stop_at(number: usize) -> (Probe, Arc<tokio::sync::Notify>) {
    let (seen, reached) = (Arc::new(std::sync::atomic::AtomicUsize::new(0)), Arc::new(tokio::sync::Notify::new()));
    let notify = Arc::clone(&reached);
    let probe = Probe::new(Arc::new(move |_: Moment| {
        let at = seen.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let notify = Arc::clone(&notify);
        Box::pin(async move {
            if at == number {
                notify.notify_one();
                std::future::pending::<()>().await;
            }
        })
    }));
    (probe, reached)
}

async fn serve(database: &TestDatabase, folder: &BlobFolder) -> (Api, Router, SocketAddr) {
    let config = Config::default();
    let mode = Mode::Development;
    let limits = Limits { executions_per_minute_per_person: 100_000, ..config.limits.clone() };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (random, lifecycle, metrics) = (Random::from_os(), Lifecycle::new(), Metrics::new());
    let db = database.db.clone();
    let people = Arc::new(UserDirectory::new(db.clone(), Arc::clone(&clock), random.clone()));
    let secret = Secret::new("a secret of tests that is long enough");
    let authenticator =
        Authenticator::new(&config.auth, mode, &secret, Arc::clone(&clock), &lifecycle, people).unwrap();
    let bus = Bus::in_process(InstanceId::new(random.uuid_v4()));
    let access_news = AccessNews::start(bus.clone(), &lifecycle);
    let events = EventFeed::start(&db, &bus, &lifecycle, &limits, &metrics);
    let rate_limiter = RateLimiter::InProcess(InProcessLimiter::new(Arc::clone(&clock)));
    let documents = Documents::new(
        db.clone(),
        bus.clone(),
        Arc::clone(&clock),
        random.clone(),
        lifecycle.clone(),
        limits.clone(),
        &metrics,
    );
    let sync = SyncServer::new(
        documents.clone(),
        authenticator.clone(),
        &db,
        Arc::clone(&clock),
        lifecycle.clone(),
        limits.clone(),
        mode,
        access_news.clone(),
        events.clone(),
        rate_limiter.clone(),
        &metrics,
    );
    let api = Api {
        documents,
        erasure: Erasure::start(&db, &lifecycle),
        db,
        bus,
        access_news,
        events,
        event_streams: EventStreams::default(),
        webhook_networks: Networks::Public,
        agents: AgentsConfig { networks: Networks::All, ..config.agents.clone() },
        blobs: folder.open(&clock).await,
        files: folder.config.clone(),
        embedder: Embedder::Lexical,
        authenticator,
        rate_limiter,
        clock: Arc::clone(&clock),
        random,
        limits: limits.clone(),
        mode,
        metrics: metrics.clone(),
        lifecycle: lifecycle.clone(),
        cors_origins: Vec::new(),
    };
    let router = api::router(api.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let http = HttpServer::new(&limits, TrustedProxies::default(), clock, &lifecycle, &metrics);
    let app = router.clone().merge(sync.router());
    tokio::spawn(async move { http.run(listener, TowerToHyperService::new(app)).await });
    (api, router, address)
}
