//! Putting the parts together, running them, and ending them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use api::Api;
use axum::Router;
use axum::serve::ListenerExt;
use documents::Documents;
use platform::access::AccessNews;
use platform::auth::{Authenticator, UserDirectory, token_secret};
use platform::bus::{Bus, InstanceId, RedisBus, World};
use platform::clock::{Clock, SystemClock};
use platform::config::Config;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use sync_server::SyncServer;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::storage::{Sharing, Storage};
use crate::{listener, studio};

/// Asks for the demo organization.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demo;

/// Runs the server until it is told to stop.
pub(crate) async fn serve(config: Config, demo: Option<Demo>) -> anyhow::Result<()> {
    // Before anything is started: a port that is taken is the commonest mistake.
    let listener = listener::bind(config.server.listen)?;
    let storage = Storage::open(&config, Sharing::Alone).await?;
    let served = run(&config, demo, &storage, listener).await;
    storage.close().await;
    served
}

/// Brings the tables up to date.
pub(crate) async fn migrate(config: Config) -> anyhow::Result<()> {
    let storage = Storage::open(&config, Sharing::Alone).await?;
    let migrated = storage.db.migrate().await.context("the database could not be migrated");
    storage.close().await;
    migrated
}

async fn run(config: &Config, demo: Option<Demo>, storage: &Storage, listener: TcpListener) -> anyhow::Result<()> {
    storage.db.migrate().await.context("the database could not be migrated")?;
    storage.db.warm_up().await.context("the database could not be read")?;
    let lifecycle = Lifecycle::new();
    let (api, sync) = compose(config, storage, &lifecycle)?;
    let address = listener.local_addr()?;
    if demo.is_some() {
        let demo = api::demo::seed_demo(&api).await.context("the demo could not be made")?;
        announce(address, Some(&format!("/p/{}", demo.project)));
    } else {
        announce(address, None);
    }
    let app = Router::new().merge(api::router(api)).merge(sync.router()).merge(studio::router());
    let ended = listen(listener, app, &lifecycle).await;
    tracing::info!("stopping: clients are told, edits are saved");
    let report = lifecycle.shutdown(Duration::from_secs(config.server.shutdown_grace_seconds)).await;
    if report.is_clean() {
        tracing::info!("stopped");
    } else {
        tracing::warn!(?report, "stopped, and not everything had ended");
    }
    ended
}

/// The way to other instances: over Redis if there is one.
pub(crate) fn open_bus(config: &Config, world: &World<'_>) -> anyhow::Result<Bus> {
    let instance = InstanceId::new(world.random.uuid_v4());
    match &config.redis {
        Some(redis) => Ok(Bus::Redis(RedisBus::start(redis, instance, world).context("redis cannot be used")?)),
        None => Ok(Bus::in_process(instance)),
    }
}

fn compose(config: &Config, storage: &Storage, lifecycle: &Lifecycle) -> anyhow::Result<(Api, SyncServer)> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let random = Random::from_os();
    let metrics = Metrics::new();
    let (db, limits, mode) = (storage.db.clone(), config.limits.clone(), config.server.mode);
    let bus = open_bus(config, &World { random: &random, lifecycle, metrics: &metrics })?;
    let access_news = AccessNews::start(bus.clone(), lifecycle);
    let secret = token_secret(&config.auth, mode, &random)?;
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
        db.clone(),
        Arc::clone(&clock),
        lifecycle.clone(),
        limits.clone(),
        mode,
        access_news.clone(),
        &metrics,
    );
    let api = Api {
        documents,
        db,
        bus,
        access_news,
        authenticator,
        clock,
        random,
        limits,
        mode,
        metrics,
        lifecycle: lifecycle.clone(),
        cors_origins: config.server.cors_origins.clone(),
    };
    Ok((api, sync))
}

/// Accepts connections until the process is asked to stop.
async fn listen(listener: TcpListener, app: Router, lifecycle: &Lifecycle) -> anyhow::Result<()> {
    let draining = lifecycle.draining();
    // Small frames must leave at once.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move { draining.cancelled().await });
    let guard = lifecycle.connection("http");
    lifecycle.spawn("listener", async move {
        let _guard = guard;
        if let Err(error) = serving.await {
            tracing::error!(%error, "the listener failed");
        }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn announce(address: SocketAddr, path: Option<&str>) {
    let path = path.unwrap_or("/");
    println!("GlassBox is at http://{address}{path}");
    tracing::info!(%address, "serving");
}
