//! The worker that drives runs of agents.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use agent_runner::{AgentRunner, Probe, World};
use anyhow::Context;
use api::Api;
use platform::config::{Config, Role};

/// Gets ready to drive runs, which join documents where the configuration says, or at this very instance.
pub(crate) fn runner(config: &Config, api: &Api, address: SocketAddr) -> anyhow::Result<AgentRunner> {
    let here = || config.server.roles.has(Role::Sync).then(|| format!("ws://{}", reachable(address)));
    let server_url = config.agents.server_url.clone().or_else(here).context(
        "an instance with the role agent and without the role sync needs agents.server_url: where runs join documents",
    )?;
    let world = World {
        db: api.db.clone(),
        clock: Arc::clone(&api.clock),
        random: api.random.clone(),
        authenticator: api.authenticator.clone(),
        access_news: api.access_news.clone(),
        lifecycle: api.lifecycle.clone(),
    };
    let runner = AgentRunner::new(world, &config.agents, config.server.mode, server_url, Probe::default());
    runner.context("models cannot be called")
}

/// How this process reaches what listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
