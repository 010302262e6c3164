//! The workers: those that drive runs of agents, and those that read files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use agent_runner::files::{Extractor, FileReader};
use agent_runner::{AgentRunner, Indexer, Probe, World};
use anyhow::Context;
use api::Api;
use platform::agent_queue::{AgentQueue, AgentQueueError, Announcer};
use platform::config::{Config, Role};

/// The queue that the configuration names, if it does. One that refuses is a mistake of the configuration; one that is not
/// there now may come back.
pub(crate) async fn open_queue(config: &Config) -> anyhow::Result<Option<AgentQueue>> {
    let Some(named) = &config.agents.queue else { return Ok(None) };
    let queue = AgentQueue::new(named).await;
    match queue.look().await {
        Ok(found) if found.has_dead_letters => {}
        Ok(_) => {
            tracing::warn!("the queue of agents has no dead-letter queue: what nobody can handle comes back for ever");
        }
        Err(error @ AgentQueueError::Refused(_)) => return Err(error).context("agents.queue cannot be used"),
        Err(error) => tracing::warn!(%error, "runs of agents are found without their queue, later"),
    }
    Ok(Some(queue))
}

/// Tells the queue of runs.
pub(crate) fn announcer(config: &Config, api: &Api, queue: &AgentQueue) -> Announcer {
    Announcer::new(&api.db, queue, config.agents.runs_per_organization, &api.metrics)
}

/// Gets ready to drive runs, which join documents where the configuration says, or at this very instance.
pub(crate) fn runner(
    config: &Config,
    api: &Api,
    queue: Option<AgentQueue>,
    address: SocketAddr,
) -> anyhow::Result<AgentRunner> {
    let here = || config.server.roles.has(Role::Sync).then(|| format!("ws://{}", reachable(address)));
    let server_url = config.agents.server_url.clone().or_else(here).context(
        "an instance with the role agent and without the role sync needs agents.server_url: where runs join documents",
    )?;
    let world = World {
        db: api.db.clone(),
        blobs: api.blobs.clone(),
        clock: Arc::clone(&api.clock),
        random: api.random.clone(),
        authenticator: api.authenticator.clone(),
        access_news: api.access_news.clone(),
        queue,
        lifecycle: api.lifecycle.clone(),
        metrics: api.metrics.clone(),
    };
    let runner = AgentRunner::new(world, &config.agents, config.server.mode, server_url, Probe::default());
    runner.context("models cannot be called")
}

/// Keeps what can be found up to date.
pub(crate) fn indexer(api: &Api) -> Indexer {
    Indexer::new(&api.db, &api.embedder, &api.random, &api.metrics)
}

/// Gets ready to read files, each in a process of this same program.
pub(crate) fn file_reader(api: &Api) -> anyhow::Result<FileReader> {
    let program = std::env::current_exe().context("this program is not found, which is started to read files")?;
    let extractor = Extractor::of_program(program);
    Ok(FileReader::new(&api.db, &api.blobs, extractor, &api.random, &api.limits, &api.metrics))
}

/// How this process reaches what listens there.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
