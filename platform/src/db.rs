//! The database: connections, tenancy, and one module per noun. All SQL of the server is below here.
//!
//! Every access runs in a transaction that says on whose behalf it is: [`Db::org`], [`Db::user`] or
//! `Db::maintenance`. Row-level security hides everything else, and everything when nothing is said.

pub(crate) mod access;
pub mod api_keys;
pub mod audit;
mod clean;
pub mod documents;
pub mod erasure;
mod error;
pub mod events;
pub mod executions;
pub mod files;
mod hints;
pub mod history;
pub mod idempotency;
pub mod invitations;
pub mod locks;
pub mod log;
pub mod members;
mod metrics;
pub(crate) mod migrate;
pub mod models;
pub mod names;
pub mod nodes;
pub mod notifications;
pub mod organizations;
mod page;
mod pgvector;
mod principal;
pub mod projects;
pub mod quarantine;
pub mod runs;
pub mod search;
#[cfg(feature = "testing")]
pub mod statements;
pub mod templates;
pub mod users;
pub mod versions;
pub mod webhooks;

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use futures_util::future::try_join_all;
use schema::ids::{OrgId, UserId};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, Postgres, Row, Transaction};
use tokio::sync::broadcast;
use tokio::time::Instant;
use uuid::Uuid;

use crate::config::{DatabaseConfig, Mode};
use crate::metrics::Metrics;
use events::{Commits, EventId, NewEvent};
use metrics::DbMetrics;

pub use error::DbError;
pub use hints::Hints;
pub use page::{
    Creation, Cursor, Direction, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, Page, PageRequest, ParseCursorError, Sort, SortKey,
};

const SERVER_VERSION_MIN: i32 = 160_000;
const STATEMENT_TIMEOUT_MS: u32 = 30_000;
const LOCK_TIMEOUT_MS: u32 = 10_000;
/// Lets go of the row locks of an instance that vanished in the middle of a transaction.
const IDLE_IN_TRANSACTION_TIMEOUT_MS: u32 = 10_000;
/// Connections that append to the log; more lanes than this wait for each other.
const LOG_CONNECTIONS: u32 = 4;
/// One of so many connections is for searches, and one at least: others need one for a moment, searches for longer.
const CONNECTIONS_PER_SEARCH: u32 = 4;
const SEARCH_TIMEOUT_MS: u32 = 10_000;
/// Connections that are opened before anybody asks for one.
const WARM_CONNECTIONS: u32 = 4;

/// The organization that holds the scratch documents of development mode. Created by the migrations.
pub const SCRATCH_ORG: OrgId = OrgId::new(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001));

/// A handle on the database. Cheap to clone; all clones share its connections.
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
    /// Connections for the log alone, so that nothing else that is slow keeps edits from being saved.
    log_pool: PgPool,
    /// Connections for searches alone. A search that is given up is not over before its connection comes back.
    search_pool: PgPool,
    metrics: DbMetrics,
    commits: Commits,
}

/// Whether a connection of the pool answers, and is in no transaction. sqlx gives back one that is when somebody stops
/// waiting for its `BEGIN`: whoever got it next would act in that transaction, and for its organization or person.
async fn is_fit(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // As a simple query this is a transaction of its own, which begins with its only statement.
    let row = sqlx::raw_sql("SELECT now() = statement_timestamp() AS is_alone").fetch_one(connection).await?;
    row.try_get("is_alone")
}

/// What begins a transaction in which a setting says what it sees.
fn beginning(begin: &str, setting: &str, value: &str) -> AssertSqlSafe<String> {
    debug_assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b',')));
    // Safe: `begin` and `setting` are literals of this file, `value` is made of uuids.
    AssertSqlSafe(format!("{begin}; SET LOCAL {setting} = '{value}'"))
}

impl Db {
    /// Connects, and refuses databases on which the server's guarantees would not hold: older than Postgres 16,
    /// without pgvector 0.8, or (in production) a role that row-level security does not bind.
    pub async fn connect(url: &str, config: &DatabaseConfig, mode: Mode) -> Result<Self, DbError> {
        let timeout = Duration::from_secs(config.connect_timeout_seconds);
        let options = connect_options(url)?.options([
            ("statement_timeout", STATEMENT_TIMEOUT_MS.to_string()),
            ("lock_timeout", LOCK_TIMEOUT_MS.to_string()),
            ("idle_in_transaction_session_timeout", IDLE_IN_TRANSACTION_TIMEOUT_MS.to_string()),
        ]);
        let searches = (config.max_connections / CONNECTIONS_PER_SEARCH).max(1);
        let others = config.max_connections.saturating_sub(searches).max(1);
        let pool_of = |connections| {
            PgPoolOptions::new().max_connections(connections).acquire_timeout(timeout).test_before_acquire(false)
        };
        let fit_pool_of =
            |connections| pool_of(connections).before_acquire(|connection, _| Box::pin(is_fit(connection)));
        let pool = fit_pool_of(others).connect_with(options.clone()).await?;
        let search_pool = fit_pool_of(searches).connect_lazy_with(options.clone().options([
            ("statement_timeout", SEARCH_TIMEOUT_MS.to_string()),
            // How much work it is depends on what is looked for: no plan is right for all of it.
            ("plan_cache_mode", "force_custom_plan".to_owned()),
        ]));
        // An append on a broken connection is tried again anyway.
        let log_pool = pool_of(LOG_CONNECTIONS).connect_lazy_with(options);
        let db = Self { pool, log_pool, search_pool, metrics: DbMetrics::default(), commits: Commits::default() };
        db.check_server(mode).await?;
        Ok(db)
    }

    /// Opens some connections and reads with each what opening a document reads, so that the first clients after a
    /// start do not wait for it.
    pub async fn warm_up(&self) -> Result<(), DbError> {
        let nothing = (0..WARM_CONNECTIONS).map(|_| log::load(self, SCRATCH_ORG, Uuid::nil()));
        try_join_all(nothing).await.map(drop)
    }

    /// Answers when the database does.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query("SELECT 1").execute(&self.pool).await?;
        Ok(())
    }

    /// Tells of the connections, and how long transactions wait for one.
    pub fn register_metrics(&self, metrics: &Metrics) {
        self.metrics.register(metrics, &self.pool, &self.log_pool, &self.search_pool);
    }

    /// Closes all connections, after those in use were given back.
    pub async fn close(&self) {
        self.log_pool.close().await;
        self.search_pool.close().await;
        self.pool.close().await;
    }

    /// Begins a transaction that sees and writes one organization, and nothing else.
    pub async fn org(&self, org: OrgId) -> Result<OrgTx, DbError> {
        let inner = self.begin("BEGIN", "app.current_org_id", &org.to_string()).await?;
        Ok(OrgTx { inner, org, events: Vec::new(), commits: self.commits.clone() })
    }

    /// Begins a read-only transaction on one unchanging view of one organization.
    pub(crate) async fn org_snapshot(&self, org: OrgId) -> Result<OrgTx, DbError> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        let inner = self.begin(BEGIN, "app.current_org_id", &org.to_string()).await?;
        Ok(OrgTx { inner, org, events: Vec::new(), commits: self.commits.clone() })
    }

    /// Waits for a connection for searches and begins a read-only transaction that sees one organization.
    pub(crate) async fn search(&self, org: OrgId) -> Result<OrgTx, DbError> {
        let begin = beginning("BEGIN READ ONLY", "app.current_org_id", &org.to_string());
        let inner = self.search_pool.begin_with(begin).await?;
        Ok(OrgTx { inner, org, events: Vec::new(), commits: self.commits.clone() })
    }

    /// Begins a transaction that sees the organizations, projects and documents of which a person is a member, and
    /// can write none of them.
    pub async fn user(&self, user: UserId) -> Result<UserTx, DbError> {
        Ok(UserTx { inner: self.begin("BEGIN READ ONLY", "app.current_user_id", &user.to_string()).await?, user })
    }

    /// Begins a transaction that sees the same, and can write what is known of the person's idempotency keys.
    pub(crate) async fn idempotency_keys(&self, user: UserId) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN", "app.current_user_id", &user.to_string()).await
    }

    /// Begins a read-only transaction that sees which documents there are, and what these people are members of.
    pub(crate) async fn memberships(
        &self,
        users: impl IntoIterator<Item = &Uuid>,
    ) -> Result<Transaction<'static, Postgres>, DbError> {
        const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL app.maintenance = 'on'";
        let users: Vec<String> = users.into_iter().map(Uuid::to_string).collect();
        self.begin(BEGIN, "app.current_user_ids", &users.join(",")).await
    }

    /// Begins a transaction that sees the rows of `documents` of all organizations (what they are and where their logs
    /// stand, never what they hold), for sweeps. It can write nothing.
    pub(crate) async fn maintenance(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN READ ONLY", "app.maintenance", "on").await
    }

    /// Begins a read-only transaction that sees the API key with this hash, and nothing else.
    pub(crate) async fn holder_of(&self, hash: &[u8; 32]) -> Result<Transaction<'static, Postgres>, DbError> {
        let mut digits = String::with_capacity(64);
        for byte in hash {
            // Writing to a text cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        self.begin("BEGIN READ ONLY", "app.api_key_hash", &digits).await
    }

    /// Begins a read-only transaction that sees nothing, until it is said which address was invited.
    pub(crate) async fn invited(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN READ ONLY", "app.invited_email", "").await
    }

    /// Begins a transaction of an operator: it sees and changes the quarantine of all organizations, and sees which
    /// documents there are, as [`Self::maintenance`] does.
    pub(crate) async fn operator(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN; SET LOCAL app.maintenance = 'on'", "app.operator", "on").await
    }

    /// Hears of the events that are committed through this handle and its clones.
    #[must_use]
    pub fn listen_to_commits(&self) -> broadcast::Receiver<(OrgId, EventId)> {
        self.commits.listen()
    }

    /// Tells whoever works on rows when to look for more, at least `every` so often.
    #[must_use]
    pub fn hints(&self, every: Duration) -> Hints {
        Hints::new(self.commits.listen(), every)
    }

    /// Begins a transaction of who delivers to webhooks: it sees and changes those of all organizations, and their
    /// deliveries.
    pub(crate) async fn deliveries(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN", "app.deliveries", "on").await
    }

    /// Begins a transaction of a worker that looks for runs of agents: it sees and leases those of all organizations.
    pub(crate) async fn workers(&self) -> Result<Transaction<'static, Postgres>, DbError> {
        self.begin("BEGIN", "app.jobs", "on").await
    }

    pub(crate) const fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(crate) const fn log_pool(&self) -> &PgPool {
        &self.log_pool
    }

    /// Begins a transaction and says in the same round trip on whose behalf it is.
    async fn begin(&self, begin: &str, setting: &str, value: &str) -> Result<Transaction<'static, Postgres>, DbError> {
        let asked = Instant::now();
        let transaction = self.pool.begin_with(beginning(begin, setting, value)).await;
        self.metrics.begun(asked.elapsed(), &transaction);
        Ok(transaction?)
    }

    async fn check_server(&self, mode: Mode) -> Result<(), DbError> {
        let server = sqlx::query!(
            r#"SELECT current_setting('server_version_num')::int AS "version!", current_user::text AS "role!",
                      rolsuper OR rolbypassrls AS "bypasses_rls!",
                      (SELECT coalesce(installed_version, default_version) FROM pg_available_extensions
                       WHERE name = 'vector') AS vector_version
               FROM pg_roles WHERE rolname = current_user"#
        )
        .fetch_one(&self.pool)
        .await?;
        if server.version < SERVER_VERSION_MIN {
            return Err(DbError::Unsuitable(format!(
                "GlassBox needs Postgres 16 or later, this server is {}.{}",
                server.version / 10_000,
                server.version % 10_000
            )));
        }
        pgvector::check(server.vector_version.as_deref())?;
        if server.bypasses_rls {
            let message = format!(
                "the role {} is a superuser or has BYPASSRLS, so row-level security would not keep organizations apart; \
                 use a role with NOSUPERUSER NOBYPASSRLS that owns the database",
                server.role
            );
            match mode {
                Mode::Production => return Err(DbError::Unsuitable(message)),
                Mode::Development => tracing::warn!("{message}"),
            }
        }
        Ok(())
    }
}

fn connect_options(url: &str) -> Result<PgConnectOptions, DbError> {
    // The error's text may repeat parts of the url, and the url holds a password.
    let options = PgConnectOptions::from_str(url).map_err(|_| {
        DbError::Unsuitable(
            "the database url cannot be read; it looks like postgres://user:password@host:5432/name".into(),
        )
    })?;
    Ok(options.application_name("glassbox"))
}

/// A transaction within one organization. What is not committed is undone when it is dropped.
#[derive(Debug)]
pub struct OrgTx {
    pub(crate) inner: Transaction<'static, Postgres>,
    org: OrgId,
    /// What is written when it commits. Not before: from then on, others of the organization wait for the commit.
    events: Vec<NewEvent>,
    commits: Commits,
}

impl OrgTx {
    /// The organization.
    #[must_use]
    pub const fn org(&self) -> OrgId {
        self.org
    }

    /// Makes what was done durable, and tells those in this process who listen to events that there are some.
    pub async fn commit(mut self) -> Result<(), DbError> {
        if self.events.is_empty() {
            return Ok(self.inner.commit().await?);
        }
        let last = events::write(&mut self.inner, self.org, &self.events).await?;
        self.inner.commit().await?;
        self.commits.announce(self.org, last);
        Ok(())
    }
}

/// A transaction that sees what one person may see.
#[derive(Debug)]
pub struct UserTx {
    pub(crate) inner: Transaction<'static, Postgres>,
    user: UserId,
}

impl UserTx {
    /// The person.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }
}
