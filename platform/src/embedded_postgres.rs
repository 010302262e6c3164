//! Postgres, run by GlassBox itself: what a development server stores its documents in when no database is configured.
//!
//! The server is reached over a unix socket in a folder that only its user can enter, and nowhere else. It ends when
//! this process ends, however that happens: see `watchdog`.

mod account;
mod cluster;
mod command;
mod error;
mod lock;
mod provision;
mod watchdog;

pub use error::PostgresError;

use crate::config::PostgresConfig;
use account::Account;
use cluster::Cluster;
use command::Programs;
use watchdog::Watchdog;

/// A running embedded Postgres. It stops when this is dropped; [`Self::stop`] waits for that.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    cluster: Cluster,
    watchdog: Watchdog,
}

impl EmbeddedPostgres {
    /// Starts the Postgres in `config.install_dir` on the data in `config.data_dir`, which is made when it is missing,
    /// and sees to it that the roles `glassbox` and `glassbox_owner`, the latter's database `glassbox` and the extension `vector` are there. A server that an
    /// earlier process left behind is stopped first. `connections` is how many clients may connect.
    ///
    /// Returns the server, and the URL at which the unprivileged role `glassbox` reaches the database `glassbox`.
    ///
    /// # Errors
    /// Each names what to do about it.
    pub async fn start(config: &PostgresConfig, connections: u32) -> Result<(Self, String), PostgresError> {
        let account = Account::for_postgres()?;
        let programs = Programs::find(config.install_dir.as_deref(), account)?;
        let cluster = Cluster::prepare(&config.data_dir, &programs)?;
        let lock = lock::acquire(&cluster.lock_file(), &config.data_dir).await?;
        cluster.create_if_missing(&programs).await?;
        cluster.recover(&programs).await?;
        cluster.write_settings(&programs, connections)?;
        let watchdog = Watchdog::start(&programs, &cluster, lock)?;
        cluster.start_server(&programs).await?;
        let running = Self { cluster, watchdog };
        provision::provision(&running.cluster).await?;
        let url = running.cluster.url(provision::ROLE, provision::DATABASE);
        Ok((running, url))
    }

    /// The URL at which the role `glassbox` reaches the database of an embedded Postgres that another process runs on
    /// these data. `None` when nobody does.
    ///
    /// # Errors
    /// As of [`Self::start`].
    pub fn url_of_running(config: &PostgresConfig) -> Result<Option<String>, PostgresError> {
        if !config.data_dir.exists() {
            return Ok(None);
        }
        let programs = Programs::find(config.install_dir.as_deref(), Account::for_postgres()?)?;
        let cluster = Cluster::prepare(&config.data_dir, &programs)?;
        let is_running = lock::is_held(&cluster.lock_file())?;
        Ok(is_running.then(|| cluster.url(provision::ROLE, provision::DATABASE)))
    }

    /// The URL at which the role that the tables belong to reaches the database `glassbox`.
    #[must_use]
    pub fn owner_url(&self) -> String {
        self.cluster.url(provision::OWNER, provision::DATABASE)
    }

    /// The URL at which the superuser reaches the database `postgres`. For tests, which make databases of their own.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        self.cluster.url(provision::SUPERUSER, provision::SUPERUSER_DATABASE)
    }

    /// Stops the server (a fast shutdown: clients are disconnected, everything that was committed is kept) and waits
    /// until it has ended.
    ///
    /// # Errors
    /// When it did not end in time. The next start deals with that.
    pub async fn stop(self) -> Result<(), PostgresError> {
        self.watchdog.stop().await
    }
}

#[cfg(test)]
mod tests;
