//! Where the bytes of files are kept.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use platform::blob::{BlobError, BlobStore};
use platform::clock::Clock;
use platform::config::{Config, Mode, Role, Secret};

use crate::agents::reachable;

/// The store that the configuration names. One that refuses is a mistake of the configuration; one that is not there now may
/// come back. Addresses in a folder lead to this instance, which listens at `address`.
pub(crate) async fn open_store(
    config: &Config,
    address: SocketAddr,
    secret: &Secret,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<BlobStore> {
    let blobs = BlobStore::open(&config.files, &public_url(config, address), secret, clock).await;
    let blobs = blobs.context("files cannot be kept")?;
    let roles = config.server.roles;
    if roles.has(Role::Api) || roles.has(Role::Agent) {
        match blobs.look().await {
            Ok(()) => {}
            Err(error @ BlobError::Unavailable(_)) => tracing::warn!(%error, "files cannot be reached now"),
            Err(error) => return Err(error).context("files.bucket or files.dir cannot be used"),
        }
    }
    Ok(blobs)
}

/// Where clients reach this server. In development mode that is often at a port that was just free, of which nobody has
/// told the configuration.
fn public_url(config: &Config, address: SocketAddr) -> String {
    let is_default = config.server.public_url == Config::default().server.public_url;
    if config.server.mode == Mode::Development && is_default {
        format!("http://{}", reachable(address))
    } else {
        config.server.public_url.clone()
    }
}
