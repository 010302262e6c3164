//! The database, and the cluster that it lives in if that is ours.

use anyhow::Context;
use platform::config::Config;
use platform::db::Db;
use platform::embedded_postgres::EmbeddedPostgres;

/// An open database.
pub(crate) struct Storage {
    pub(crate) db: Db,
    embedded: Option<EmbeddedPostgres>,
}

/// Who else may use the embedded Postgres at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Nobody: it is this process's own.
    Alone,
    /// The server that runs already, if there is one: its Postgres is used.
    WithServer,
}

impl Storage {
    pub(crate) async fn open(config: &Config, sharing: Sharing) -> anyhow::Result<Self> {
        let (url, embedded) = Self::find(config, sharing).await?;
        match Db::connect(&url, &config.database, config.server.mode).await {
            Ok(db) => Ok(Self { db, embedded }),
            Err(error) => {
                if let Some(embedded) = embedded {
                    embedded.stop().await?;
                }
                Err(error).context("the database cannot be used")
            }
        }
    }

    async fn find(config: &Config, sharing: Sharing) -> anyhow::Result<(String, Option<EmbeddedPostgres>)> {
        if let Some(url) = &config.database.url {
            return Ok((url.expose().to_owned(), None));
        }
        if sharing == Sharing::WithServer
            && let Some(url) = EmbeddedPostgres::url_of_running(&config.postgres)?
        {
            return Ok((url, None));
        }
        let (embedded, url) = EmbeddedPostgres::start(&config.postgres, config.database.max_connections).await?;
        Ok((url, Some(embedded)))
    }

    /// Brings the tables up to date.
    pub(crate) async fn migrate(&self, config: &Config) -> anyhow::Result<()> {
        let owner = match &self.embedded {
            Some(embedded) => Some(embedded.owner_url()),
            None => config.database.owner_url.as_ref().map(|url| url.expose().to_owned()),
        };
        self.db.migrate(owner.as_deref()).await.context("the database could not be migrated")
    }

    pub(crate) async fn close(self) {
        self.db.close().await;
        if let Some(embedded) = self.embedded
            && let Err(error) = embedded.stop().await
        {
            tracing::error!(%error, "the embedded Postgres did not stop cleanly");
        }
    }
}
