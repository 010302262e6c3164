//! The server that tests make their databases on.

use std::env;
use std::fs;
use std::future;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use reqwest::Url;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::config::PostgresConfig;
use crate::db::migrate::{self, MIGRATIONS};
use crate::embedded_postgres::EmbeddedPostgres;

const URL_VARIABLE: &str = "GLASSBOX_TEST_DATABASE_URL";
const INSTALL_VARIABLE: &str = "GLASSBOX_POSTGRES_INSTALL_DIR";
const SERVER_CONNECTIONS: u32 = 400;
const DATA_DIR_PREFIX: &str = "glassbox-test-postgres-";

/// The role of test databases, unprivileged as in production. Not a secret: the server holds tests only.
const ROLE: &str = "glassbox_test";
const ROLE_PASSWORD: &str = "glassbox_test";
/// The role that their tables belong to.
const OWNER: &str = "glassbox_test_owner";

/// Held while the template is made, so that one of many test processes does.
const TEMPLATE_LOCK: i64 = 0x6c61_7373_626f;

static SERVER: LazyLock<Url> = LazyLock::new(|| {
    let url = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()).unwrap_or_else(start_embedded);
    Url::parse(&url).unwrap_or_else(|error| panic!("{URL_VARIABLE} is no URL: {error}"))
});

/// The URL of a superuser on the server.
pub(super) fn url() -> Url {
    SERVER.clone()
}

/// The superuser's URL of a database.
pub(super) fn database_url(server: &Url, database: &str) -> Url {
    let mut url = server.clone();
    url.set_path(database);
    url
}

/// The unprivileged role's URL of a database.
pub(super) fn role_url(server: &Url, database: &str) -> Url {
    let mut url = database_url(server, database);
    url.set_username(ROLE).expect("a URL with a host can have a user");
    url.set_password(Some(ROLE_PASSWORD)).expect("a URL with a host can have a password");
    url
}

/// The owner's URL of a database.
pub(super) fn owner_url(server: &Url, database: &str) -> Url {
    let mut url = role_url(server, database);
    url.set_username(OWNER).expect("a URL with a host can have a user");
    url
}

/// Starts a server that ends with this process, on a thread that keeps it.
fn start_embedded() -> String {
    let install_dir = env::var(INSTALL_VARIABLE)
        .unwrap_or_else(|_| panic!("set {URL_VARIABLE} to a superuser's URL, or {INSTALL_VARIABLE} to a Postgres"));
    remove_left_behind();
    let config = PostgresConfig {
        install_dir: Some(PathBuf::from(install_dir)),
        data_dir: env::temp_dir().join(format!("{DATA_DIR_PREFIX}{}", process::id())),
    };
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be built on any thread");
        runtime.block_on(async move {
            let (server, _) =
                EmbeddedPostgres::start(&config, SERVER_CONNECTIONS).await.expect("Postgres can be started");
            sender.send(server.superuser_url()).expect("the test waits for the URL");
            future::pending::<()>().await;
        });
    });
    receiver.recv().expect("Postgres can be started")
}

/// Removes the data of test processes that ended.
fn remove_left_behind() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.strip_prefix(DATA_DIR_PREFIX)) else { continue };
        let is_running = Path::new("/proc").join(pid).exists() || entry.path().join("cluster/postmaster.pid").exists();
        if !is_running {
            // Whoever may not remove it leaves it to whom it belongs.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// The name of a database with the migrations of this build. Made by whoever comes first.
pub(super) async fn template(server: &Url) -> String {
    let checksums: Vec<u8> = MIGRATIONS.iter().flat_map(|migration| migration.checksum.to_vec()).collect();
    let digest = Uuid::new_v5(&Uuid::nil(), &checksums).simple().to_string();
    let name = format!("glassbox_owned_template_{digest}");

    let mut connection = connect(server).await;
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut connection)
        .await
        .expect("it can be locked");
    let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(&name)
        .fetch_one(&mut connection)
        .await
        .expect("databases can be listed");
    if !is_there {
        make_template(server, &mut connection, &name).await;
    }
    // Ends the lock too.
    connection.close().await.expect("a connection can be closed");
    name
}

async fn make_template(server: &Url, connection: &mut PgConnection, name: &str) {
    let unfinished = format!("{name}_unfinished");
    for role in [ROLE, OWNER] {
        let is_there: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)")
            .bind(role)
            .fetch_one(&mut *connection)
            .await
            .expect("roles can be listed");
        if !is_there {
            let create = format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '{ROLE_PASSWORD}'");
            execute(connection, create).await;
        }
    }
    execute(connection, format!("DROP DATABASE IF EXISTS {unfinished} WITH (FORCE)")).await;
    execute(connection, format!("CREATE DATABASE {unfinished} OWNER {OWNER}")).await;
    let mut database = connect(&database_url(server, &unfinished)).await;
    execute(&mut database, "CREATE EXTENSION vector".to_owned()).await;
    database.close().await.expect("a connection can be closed");
    let mut database = connect(&owner_url(server, &unfinished)).await;
    migrate::migrate(&mut database, ROLE).await.expect("the migrations run on an empty database");
    database.close().await.expect("a connection can be closed");
    execute(connection, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
}

pub(super) async fn create_from(server: &Url, template: &str, name: &str) {
    let mut connection = connect(server).await;
    execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template} OWNER {OWNER}")).await;
    connection.close().await.expect("a connection can be closed");
}

/// The databases that are being dropped, and how many there are.
static DROPPING: Mutex<Vec<JoinHandle<Option<()>>>> = Mutex::new(Vec::new());
static DATABASES: AtomicUsize = AtomicUsize::new(0);

/// Says that there is one database more, which is dropped one day.
pub(super) fn note_database() {
    DATABASES.fetch_add(1, Ordering::Relaxed);
}

/// Drops a database, whoever is connected to it; a failure is of no consequence to the test that ended. It blocks with the
/// last database of the process, since a `Drop` can't wait, and not before: Postgres waits for everybody who is about to
/// connect, and they may be of this very thread.
pub(super) fn drop_database(server: &Url, name: &str) {
    let (server, name) = (server.clone(), name.to_owned());
    let dropping = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
        runtime.block_on(async {
            let mut connection = PgConnection::connect(server.as_str()).await.ok()?;
            let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
            sqlx::raw_sql(drop).execute(&mut connection).await.is_ok().then_some(())
        })
    });
    let mut all = DROPPING.lock().unwrap_or_else(PoisonError::into_inner);
    all.push(dropping);
    if DATABASES.fetch_sub(1, Ordering::Relaxed) == 1 {
        for dropping in all.drain(..) {
            let _ = dropping.join();
        }
    }
}

async fn connect(url: &Url) -> PgConnection {
    PgConnection::connect(url.as_str())
        .await
        .unwrap_or_else(|error| panic!("the test server can't be reached: {error}"))
}

async fn execute(connection: &mut PgConnection, sql: String) {
    sqlx::raw_sql(AssertSqlSafe(sql.clone()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
