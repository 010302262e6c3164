//! A server in this process, and the documents and people of its clients.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use documents::Documents as LivingDocuments;
use hyper_util::service::TowerToHyperService;
use platform::access::{AccessNews, OrgRole, ProjectRole};
use platform::auth::{Authenticated, Authenticator, UserDirectory};
use platform::bus::{Bus, Hub, InstanceId};
use platform::clock::{Clock, SystemClock};
use platform::config::{Config, Mode, Secret};
use platform::events::EventFeed;
use platform::ingress::{HttpServer, TrustedProxies};
use platform::lifecycle::Lifecycle;
use platform::limits::Limits;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::rate_limiter::{InProcessLimiter, RateLimiter};
use platform::testing::{TestDatabase, principal_of};
use schema::ids::{OrgId, ProjectId};
use sync_server::SyncServer;
use tokio::net::TcpListener;
use uuid::Uuid;

/// Whose tokens there are: one who may write, one who may read, one who may neither, one without, and a broken one.
pub(super) const WRITER: usize = 0;
const PEOPLE: [(&str, Option<ProjectRole>); 3] =
    [("Ann", Some(ProjectRole::Member)), ("Bob", Some(ProjectRole::Viewer)), ("Eve", None)];

/// The server, for all inputs.
pub(super) struct World {
    pub(super) address: SocketAddr,
    tokens: Vec<String>,
    database: TestDatabase,
    org: OrgId,
    project: ProjectId,
    inputs: AtomicU64,
    _lifecycle: Lifecycle,
}

/// The documents of one input, by their names: of the project, without access control, and one that does not exist.
pub(super) struct Documents {
    pub(super) names: [String; 3],
}

impl World {
    pub(super) async fn start() -> Self {
        let database = TestDatabase::new().await;
        let owner = database.user("Owner").await;
        let org = database.org(owner.id).await;
        let project = database.project(org).await;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let (db, lifecycle, metrics) = (database.db.clone(), Lifecycle::new(), Metrics::new());
        let random = Random::from_os();
        let people = Arc::new(UserDirectory::new(db.clone(), Arc::clone(&clock), random.clone()));
        let secret = Secret::new("the secret of a test, which is long enough");
        let (auth, mode, limits) = (Config::default().auth, Mode::Development, limits());
        let authenticator =
            Authenticator::new(&auth, mode, &secret, Arc::clone(&clock), &lifecycle, people).expect("it can be made");
        let bus = Bus::InProcess { hub: Hub::default(), instance: InstanceId::new(Uuid::nil()) };
        let access_news = AccessNews::start(bus.clone(), &lifecycle);
        let events = EventFeed::start(&db, &bus, &lifecycle, &limits, &metrics);
        let living = LivingDocuments::new(
            db.clone(),
            bus,
            Arc::clone(&clock),
            random,
            lifecycle.clone(),
            limits.clone(),
            &metrics,
        );
        let http = HttpServer::new(&limits, TrustedProxies::default(), Arc::clone(&clock), &lifecycle, &metrics);
        let rate_limiter = RateLimiter::InProcess(InProcessLimiter::new(Arc::clone(&clock)));
        let server = SyncServer::new(
            living,
            authenticator.clone(),
            &db,
            Arc::clone(&clock),
            lifecycle.clone(),
            limits,
            mode,
            access_news,
            events,
            rate_limiter,
            &metrics,
        );
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(http.run(listener, TowerToHyperService::new(server.router())));
        let mut tokens = Vec::new();
        for (name, role) in PEOPLE {
            let user = database.user(name).await;
            if let Some(role) = role {
                database.org_member(org, user.id, OrgRole::Guest).await;
                database.project_member(org, project, user.id, role).await;
            }
            let expires_at = clock.now() + TimeDelta::days(1);
            let whom =
                Authenticated { principal: principal_of(&user), expires_at, subject: "test".to_owned(), key: None };
            tokens.push(authenticator.issue_ws_token(&whom).token.expose().to_owned());
        }
        let inputs = AtomicU64::new(0);
        Self { address, tokens, database, org, project, inputs, _lifecycle: lifecycle }
    }

    /// Somebody's token, if they have one.
    pub(super) fn token(&self, who: usize) -> Option<&str> {
        match self.tokens.get(who) {
            Some(token) => Some(token),
            None if who == self.tokens.len() => None,
            None => Some("no.such.token"),
        }
    }

    /// New ones, of which the first two exist.
    pub(super) async fn documents(&self) -> Documents {
        let input = self.inputs.fetch_add(1, Ordering::Relaxed);
        let document = self.database.document_in(self.org, self.project).await;
        let nothing = Uuid::from_u128(input.into());
        Documents { names: [format!("doc:{}", document.id), format!("scratch:{input}"), format!("doc:{nothing}")] }
    }
}

impl Documents {
    /// Puts names in the place of `$0` to `$2`, and tokens in that of `$a` to `$c`.
    pub(super) fn filled_in(&self, text: &str, world: &World) -> String {
        let mut filled = text.to_owned();
        for (placeholder, name) in ["$0", "$1", "$2"].into_iter().zip(&self.names) {
            filled = filled.replace(placeholder, name);
        }
        for (placeholder, token) in ["$a", "$b", "$c"].into_iter().zip(&world.tokens) {
            filled = filled.replace(placeholder, token);
        }
        filled
    }
}

/// Nobody waits long, and no input is slowed down for those before it.
fn limits() -> Limits {
    const MANY: u64 = 1 << 40;
    Limits {
        idle_room_seconds: 0,
        presence_tick_ms: 1,
        log_pause_ms: 0,
        upgrades_per_minute_per_address: MANY,
        upgrades_per_minute_per_principal: MANY,
        connections_per_address_per_second: MANY,
        connections_per_address_burst: MANY,
        update_bytes: 4096,
        document_bytes: 16 * 1024,
        unauthenticated_frames: 20,
        channels_per_socket: 2,
        ..Limits::default()
    }
}
