//! A server on a port of its own, and the people who use it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use documents::Documents;
use hyper_util::service::TowerToHyperService;
use platform::access::{AccessNews, OrgRole, ProjectRole};
use platform::auth::{Authenticated, Authenticator, Principal, UserDirectory};
use platform::bus::{Bus, Hub, InstanceId};
use platform::clock::{Clock, SystemClock};
use platform::config::{Config, Mode, Secret};
use platform::db::documents::DocumentRef;
use platform::db::users::User;
use platform::events::EventFeed;
use platform::ingress::{HttpServer, TrustedProxies};
use platform::lifecycle::{Lifecycle, ShutdownReport};
use platform::limits::{LimitCounters, Limits};
use platform::metrics::Metrics;
use platform::random::Random;
use platform::rate_limiter::{InProcessLimiter, RateLimiter};
use platform::testing::{TestDatabase, principal_of};
use schema::ids::{OrgId, ProjectId, RunId};
use sync_server::SyncServer;
use tokio::net::TcpSocket;
use uuid::Uuid;

use crate::client::Client;
use crate::y_client::YClient;

/// Little, so that a client that does not read is noticed soon.
const SEND_BUFFER_BYTES: u32 = 32 * 1024;
const BACKLOG: u32 = 64;
const GRACE: Duration = Duration::from_secs(10);

/// The machine's clock, which a test can put forward, and whose time of day it can set.
pub(crate) struct ForwardClock {
    system: SystemClock,
    ahead_ms: AtomicI64,
    set_by_ms: AtomicI64,
}

impl ForwardClock {
    fn ahead_ms(&self) -> i64 {
        self.ahead_ms.load(Ordering::SeqCst)
    }

    /// Sets the time of day, as an administrator or a time server does. No time passes by that.
    pub(crate) fn set_by(&self, seconds: i64) {
        self.set_by_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn put_forward(&self, seconds: i64) {
        self.ahead_ms.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for ForwardClock {
    fn now(&self) -> DateTime<Utc> {
        self.system.now() + TimeDelta::milliseconds(self.ahead_ms() + self.set_by_ms.load(Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> u64 {
        self.system.monotonic_ms() + self.ahead_ms().unsigned_abs()
    }
}

/// A running server with one organization and one project.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) access_news: AccessNews,
    pub(crate) database: TestDatabase,
    pub(crate) authenticator: Authenticator,
    pub(crate) clock: Arc<ForwardClock>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) reached: LimitCounters,
    pub(crate) org: OrgId,
    pub(crate) project: ProjectId,
    pub(crate) address: SocketAddr,
}

/// Somebody with a role in the project.
pub(crate) struct Person {
    pub(crate) user: User,
    pub(crate) principal: Principal,
    pub(crate) token: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub(crate) async fn with(limits: Limits) -> Self {
        Self::in_mode(limits, Mode::Development).await
    }

    pub(crate) async fn in_mode(limits: Limits, mode: Mode) -> Self {
        Self::behind(limits, mode, TrustedProxies::default()).await
    }

    pub(crate) async fn behind(limits: Limits, mode: Mode, proxies: TrustedProxies) -> Self {
        let database = TestDatabase::new().await;
        let owner = database.user("Owner").await;
        let org = database.org(owner.id).await;
        let project = database.project(org).await;
        let clock = Arc::new(ForwardClock {
            system: SystemClock::new(),
            ahead_ms: AtomicI64::new(0),
            set_by_ms: AtomicI64::new(0),
        });
        let lifecycle = Lifecycle::new();
        let (db, metrics, random) = (database.db.clone(), Metrics::new(), Random::from_os());
        let as_clock = || Arc::clone(&clock) as Arc<dyn Clock>;
        let people = Arc::new(UserDirectory::new(db.clone(), as_clock(), random.clone()));
        let secret = Secret::new("the secret of a test, which is long enough");
        let auth = Config::default().auth;
        let authenticator = Authenticator::new(&auth, mode, &secret, as_clock(), &lifecycle, people).unwrap();
        let hub = Hub::default();
        let bus = Bus::InProcess { hub: hub.clone(), instance: InstanceId::new(Uuid::new_v4()) };
        let access_news = AccessNews::start(bus.clone(), &lifecycle);
        let events = EventFeed::start(&db, &bus, &lifecycle, &limits, &metrics);
        let documents =
            Documents::new(db.clone(), bus, as_clock(), random, lifecycle.clone(), limits.clone(), &metrics);
        let http = HttpServer::new(&limits, proxies, as_clock(), &lifecycle, &metrics);
        let server = SyncServer::new(
            documents,
            authenticator.clone(),
            &db,
            as_clock(),
            lifecycle.clone(),
            limits,
            mode,
            access_news.clone(),
            events,
            RateLimiter::InProcess(InProcessLimiter::new(as_clock())),
            &metrics,
        );
        let address = serve(http, server);
        let reached = metrics.limits();
        Self { hub, access_news, database, authenticator, clock, lifecycle, reached, org, project, address }
    }

    /// Adds somebody with a role in the project.
    pub(crate) async fn person(&self, name: &str, role: ProjectRole) -> Person {
        let person = self.stranger(name).await;
        self.database.org_member(self.org, person.user.id, OrgRole::Guest).await;
        self.database.project_member(self.org, self.project, person.user.id, role).await;
        person
    }

    /// Adds somebody who is in no organization.
    pub(crate) async fn stranger(&self, name: &str) -> Person {
        let user = self.database.user(name).await;
        let principal = principal_of(&user);
        let token = self.token_until(&principal, TimeDelta::hours(1));
        Person { user, principal, token }
    }

    /// A socket's token whose authority ends after `left`.
    pub(crate) fn token_until(&self, principal: &Principal, left: TimeDelta) -> String {
        let expires_at = self.clock.now() + left;
        let whom = Authenticated { principal: principal.clone(), expires_at, subject: "test".to_owned(), key: None };
        self.authenticator.issue_ws_token(&whom).token.expose().to_owned()
    }

    /// Creates a document in the project and returns its name too.
    pub(crate) async fn document(&self) -> (DocumentRef, String) {
        let document = self.database.document_in(self.org, self.project).await;
        let name = format!("doc:{}", document.id);
        (document, name)
    }

    /// Creates a node of the project by SQL, as the projection would, and returns its id.
    pub(crate) async fn node(&self) -> Uuid {
        let id = Uuid::new_v4();
        let sql = format!(
            "INSERT INTO documents (id, org_id, project_id, kind) VALUES ('{id}', '{}', '{}', 'node')",
            self.org, self.project
        );
        self.database.sabotage(&sql).await;
        id
    }

    /// A socket of a person that has been welcomed.
    pub(crate) async fn client(&self, person: &Person) -> Client {
        let mut client = Client::connect(self.address, Some(&person.token)).await;
        client.reply("welcome").await;
        client
    }

    /// A socket of the worker that drives a run of a person by this lease. It has been welcomed.
    pub(crate) async fn worker(&self, run: RunId, lease: i64, person: &Person) -> Client {
        let until = self.clock.now() + TimeDelta::hours(1);
        let token = self.authenticator.issue_run_token(run, lease, person.user.id, "Helper", until).token;
        let mut client = Client::connect(self.address, Some(token.expose())).await;
        assert_eq!(client.reply("welcome").await["payload"]["principal"]["kind"], "agent");
        client
    }

    /// A socket of a person that is in step with a document.
    pub(crate) async fn editor(&self, person: &Person, document: &str) -> Client {
        let mut client = self.client(person).await;
        client.open(document).await;
        client
    }

    /// A stock client of a person that is in step with a document.
    pub(crate) async fn stock_client(&self, person: &Person, document: &str) -> YClient {
        let mut client = YClient::connect(self.address, document, Some(&person.token)).await;
        client.handshake().await;
        client
    }

    pub(crate) async fn stop(&self) -> ShutdownReport {
        self.lifecycle.shutdown(GRACE).await
    }
}

fn serve(http: HttpServer, server: SyncServer) -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(SEND_BUFFER_BYTES).unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let listener = socket.listen(BACKLOG).unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(http.run(listener, TowerToHyperService::new(server.router())));
    address
}
