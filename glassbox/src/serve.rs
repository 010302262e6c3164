//! Putting the parts together, running them, and ending them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::{Api, EventStreams};
use axum::Router;
use documents::Documents;
use hyper_util::service::TowerToHyperService;
use platform::access::AccessNews;
use platform::auth::{Authenticator, UserDirectory, token_secret};
use platform::bus::{Bus, InstanceId, RedisBus, World};
use platform::clock::{Clock, SystemClock};
use platform::config::{Config, Role, Roles};
use platform::embedding::Embedder;
use platform::erasure::Erasure;
use platform::events::{EventFeed, Keeper};
use platform::files::FileKeeper;
use platform::ingress::HttpServer;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::rate_limiter::{InProcessLimiter, RateLimiter, RedisLimiter};
use platform::webhooks::Deliverer;
use sync_server::SyncServer;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::storage::{Sharing, Storage};
use crate::{agents, files, listener, studio};

/// Asks for the demo organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demo;

/// Runs the server until it is told to stop.
pub(crate) async fn serve(config: Config, demo: Option<Demo>) -> anyhow::Result<()> {
    // Before anybody can know that this process is there: whoever tells it to stop is heard.
    let mut stop = StopSignals::install()?;
    // Before anything is started: a port that is taken is the commonest mistake.
    let listener = listener::bind(config.server.listen)?;
    let storage = tokio::select! {
        storage = Storage::open(&config, Sharing::Alone) => storage?,
        () = stop.received() => {
            tracing::info!("told to stop while starting");
            return Ok(());
        }
    };
    let served = run(&config, demo, &storage, listener, &mut stop).await;
    storage.close().await;
    served
}

/// Brings the tables up to date.
pub(crate) async fn migrate(config: Config) -> anyhow::Result<()> {
    let storage = Storage::open(&config, Sharing::Alone).await?;
    let migrated = storage.migrate(&config).await;
    storage.close().await;
    migrated
}

async fn run(
    config: &Config,
    demo: Option<Demo>,
    storage: &Storage,
    listener: TcpListener,
    stop: &mut StopSignals,
) -> anyhow::Result<()> {
    let lifecycle = Lifecycle::new();
    let running = tokio::select! {
        started = start(config, demo, storage, listener, &lifecycle) => started,
        () = stop.received() => Ok(Running::NotYet),
    };
    if let Ok(Running::Serving) = running {
        let failed = lifecycle.failed();
        tokio::select! {
            () = stop.received() => leave(config, &lifecycle, stop).await,
            () = failed.cancelled() => tracing::error!("a task has failed that everything depends on; stopping"),
        }
    }
    tracing::info!("stopping: clients are told, edits are saved");
    let report = lifecycle.shutdown(Duration::from_secs(config.server.shutdown_grace_seconds)).await;
    if report.is_clean() {
        tracing::info!("stopped");
    } else {
        tracing::warn!(?report, "stopped, and not everything had ended");
    }
    running?;
    anyhow::ensure!(!lifecycle.failed().is_cancelled(), "a task has failed that everything depends on (see the log)");
    Ok(())
}

/// How far the server got before it was told to stop.
enum Running {
    NotYet,
    Serving,
}

/// Gets everything ready, and tells where it is.
async fn start(
    config: &Config,
    demo: Option<Demo>,
    storage: &Storage,
    listener: TcpListener,
    lifecycle: &Lifecycle,
) -> anyhow::Result<Running> {
    storage.migrate(config).await?;
    storage.db.warm_up().await.context("the database could not be read")?;
    let address = listener.local_addr()?;
    let (api, sync, http) = compose(config, storage, address, lifecycle).await?;
    let path = match demo {
        Some(Demo) => {
            let demo = api::demo::seed_demo(&api).await.context("the demo could not be made")?;
            demo.map_or_else(|| "/".to_owned(), |demo| format!("/p/{}", demo.project))
        }
        None => "/".to_owned(),
    };
    let queue = if needs_queue(config.server.roles) { agents::open_queue(config).await? } else { None };
    if let Some(queue) = &queue {
        agents::announcer(config, &api, queue).start(lifecycle);
    }
    let agents =
        config.server.roles.has(Role::Agent).then(|| agents::runner(config, &api, queue, address)).transpose()?;
    let files = config.server.roles.has(Role::Agent).then(|| agents::file_reader(&api)).transpose()?;
    let files_at = api.blobs.foreign_origin().await;
    let indexer = config.server.roles.has(Role::Agent).then(|| agents::indexer(&api));
    listen(listener, http, routes(config.server.roles, api, sync, files_at.as_deref()), lifecycle);
    if let Some(agents) = agents {
        agents.start();
    }
    if let Some(indexer) = indexer {
        indexer.start(lifecycle);
    }
    if let Some(files) = files {
        files.start(lifecycle);
    }
    println!("GlassBox is at http://{address}{path}");
    tracing::info!(%address, roles = %config.server.roles, "serving");
    Ok(Running::Serving)
}

/// Runs become due by what people ask over REST, and by what runs do.
fn needs_queue(roles: Roles) -> bool {
    roles.has(Role::Api) || roles.has(Role::Agent)
}

/// What an instance with these roles serves.
fn routes(roles: Roles, api: Api, sync: SyncServer, files_at: Option<&str>) -> Router {
    let mut app = api::router_of(api, roles);
    if roles.has(Role::Sync) {
        app = app.merge(sync.router());
    }
    if roles.has(Role::Api) {
        app = app.merge(studio::router(files_at));
    }
    app
}

/// Says that no more requests should come here, and goes on serving until that has got around.
async fn leave(config: &Config, lifecycle: &Lifecycle, stop: &mut StopSignals) {
    lifecycle.leave();
    let seconds = config.server.leave_seconds;
    if seconds > 0 {
        tracing::info!(seconds, "told to stop: not ready any more, still serving");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
            () = stop.received() => tracing::info!("told to stop again: stopping now"),
        }
    }
}

/// The way to other instances: over Redis if there is one.
pub(crate) fn open_bus(config: &Config, world: &World<'_>) -> anyhow::Result<Bus> {
    let instance = InstanceId::new(world.random.uuid_v4());
    match &config.redis {
        Some(redis) => Ok(Bus::Redis(RedisBus::start(redis, instance, world).context("redis cannot be used")?)),
        None => Ok(Bus::in_process(instance)),
    }
}

/// Counts what clients do: with other instances if there is a Redis.
fn open_rate_limiter(config: &Config, clock: &Arc<dyn Clock>, world: &World<'_>) -> anyhow::Result<RateLimiter> {
    Ok(match &config.redis {
        Some(redis) => {
            let limiter = RedisLimiter::start(redis, Arc::clone(clock), world).context("redis cannot be used")?;
            RateLimiter::Redis(limiter)
        }
        None => RateLimiter::InProcess(InProcessLimiter::new(Arc::clone(clock))),
    })
}

async fn compose(
    config: &Config,
    storage: &Storage,
    address: SocketAddr,
    lifecycle: &Lifecycle,
) -> anyhow::Result<(Api, SyncServer, HttpServer)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random = Random::from_os();
    let metrics = Metrics::new();
    metrics.register_process(lifecycle);
    storage.db.register_metrics(&metrics);
    let (db, limits, mode) = (storage.db.clone(), config.limits.clone(), config.server.mode);
    let world = World { random: &random, lifecycle, metrics: &metrics };
    let bus = open_bus(config, &world)?;
    let rate_limiter = open_rate_limiter(config, &clock, &world)?;
    let access_news = AccessNews::start(bus.clone(), lifecycle);
    let events = EventFeed::start(&db, &bus, lifecycle, &limits, &metrics);
    Keeper::new(&db, &clock, &limits).start(&random, lifecycle);
    if config.server.roles.has(Role::Api) {
        let networks = config.webhooks.networks();
        let deliverer = Deliverer::new(&db, &clock, &random, &limits, mode, networks, &metrics);
        deliverer.context("messages to webhooks cannot be sent")?.start(lifecycle);
    }
    let proxies = config.server.trusted_proxies.clone();
    let http = HttpServer::new(&limits, proxies, Arc::clone(&clock), lifecycle, &metrics);
    let secret = token_secret(&config.auth, mode, &random)?;
    let blobs = files::open_store(config, address, &secret, &clock).await?;
    if config.server.roles.has(Role::Api) {
        FileKeeper::new(&db, &blobs, &clock, &config.files, &limits, &metrics).start(&random, lifecycle);
    }
    let people = Arc::new(UserDirectory::new(db.clone(), Arc::clone(&clock), random.clone()));
    let authenticator = Authenticator::new(&config.auth, mode, &secret, Arc::clone(&clock), lifecycle, people)?;
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
    let erasure = Erasure::start(&db, lifecycle);
    let api = Api {
        documents,
        db,
        bus,
        access_news,
        events,
        event_streams: EventStreams::default(),
        webhook_networks: config.webhooks.networks(),
        agents: config.agents.clone(),
        blobs,
        files: config.files.clone(),
        embedder: Embedder::new(config.embeddings.as_ref()).context("embeddings cannot be asked for")?,
        erasure,
        authenticator,
        rate_limiter,
        clock,
        random,
        limits,
        mode,
        metrics,
        lifecycle: lifecycle.clone(),
        cors_origins: config.server.cors_origins.clone(),
    };
    Ok((api, sync, http))
}

/// Accepts connections until the server drains.
fn listen(listener: TcpListener, http: HttpServer, app: Router, lifecycle: &Lifecycle) {
    let guard = lifecycle.connection("http");
    lifecycle.spawn("listener", async move {
        let _guard = guard;
        http.run(listener, TowerToHyperService::new(app)).await;
    });
}

/// The signals that ask the process to stop.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on they do not end the process by themselves.
    fn install() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one. One that came before is not lost.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
