//! A database of its own for every test.
//!
//! The server is that of `GLASSBOX_TEST_DATABASE_URL` (a superuser's), or else one that is started for the test process
//! from the Postgres in `GLASSBOX_POSTGRES_INSTALL_DIR`. A test's database is a copy of a migrated template, is used by
//! the same unprivileged sort of role as in production, and is dropped with its [`TestDatabase`].

#![allow(clippy::missing_panics_doc, reason = "a helper that fails fails its test")]

mod blobs;
mod redis;
mod server;
mod sqs;

use std::collections::BTreeSet;

use reqwest::Url;
use schema::ids::{DocumentName, NodeId, OrgId, ProjectId, RunId, UserId};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use uuid::Uuid;

pub use self::blobs::{BlobFolder, PUBLIC_URL, TestBucket};
pub use self::redis::RedisServer;
pub use self::sqs::TestQueue;
use crate::access::{OrgRole, ProjectRole};
use crate::auth::{Principal, PrincipalKind, PrincipalRef};
use crate::config::{DatabaseConfig, Mode};
use crate::db::audit::Actor;
use crate::db::documents::DocumentRef;
use crate::db::projects::{NewProject, Settings};
use crate::db::users::{Identity, User};
use crate::db::{Db, DbError, documents, members, organizations, projects, users};
use crate::executions::ExecuteOptions;

/// What a test's handle on its database may use of the server.
const CONNECTIONS_PER_TEST: u32 = 8;
const CONNECT_TIMEOUT_SECONDS: u64 = 30;

/// A fresh database, dropped at the end of the test.
#[derive(Debug)]
pub struct TestDatabase {
    /// The handle that the tested code gets.
    pub db: Db,
    name: String,
    server: Url,
}

impl TestDatabase {
    /// Makes a database.
    pub async fn new() -> Self {
        let server = server::url();
        let template = server::template(&server).await;
        let name = format!("glassbox_test_{}", Uuid::new_v4().simple());
        server::create_from(&server, &template, &name).await;
        let url = server::role_url(&server, &name);
        let db = connect(url.as_str()).await;
        server::note_database();
        Self { db, name, server }
    }

    /// The URL of the database for the server's role.
    #[must_use]
    pub fn url(&self) -> String {
        server::role_url(&self.server, &self.name).into()
    }

    /// The URL of the database for the role that its tables belong to.
    #[must_use]
    pub fn owner_url(&self) -> String {
        server::owner_url(&self.server, &self.name).into()
    }

    /// The URL of the database for a superuser, whom row-level security does not bind.
    #[must_use]
    pub fn superuser_url(&self) -> String {
        server::database_url(&self.server, &self.name).into()
    }

    async fn superuser(&self) -> PgConnection {
        PgConnection::connect(&self.superuser_url()).await.expect("a superuser can connect")
    }

    /// Runs SQL as a superuser: damage that no function of the server could do.
    pub async fn sabotage(&self, sql: &str) {
        let mut connection = self.superuser().await;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await.expect("the statement succeeds");
    }

    /// What a query says that answers with yes or no, as a superuser.
    pub async fn is_so(&self, sql: &str) -> bool {
        let mut connection = self.superuser().await;
        let answer = sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await;
        answer.expect("the query answers")
    }

    /// Whether these bytes are anywhere in what is stored of a document's content.
    pub async fn stores(&self, document: &DocumentRef, bytes: &[u8]) -> bool {
        let mut connection = self.superuser().await;
        let stored = sqlx::query_scalar(
            "SELECT EXISTS (SELECT FROM document_updates WHERE document_id = $1 AND position($2::bytea IN update) > 0)
                 OR EXISTS (SELECT FROM document_snapshots WHERE document_id = $1 AND position($2::bytea IN state) > 0)",
        );
        stored.bind(document.id).bind(bytes).fetch_one(&mut connection).await.expect("the tables can be read")
    }

    /// How the database would carry out a statement, whatever its parameters, if it could help it without reading tables
    /// whole, be it for a join: as the server's role, in an organization.
    pub async fn generic_plan(&self, statement: &str) -> String {
        self.plan_without(&["seqscan", "hashjoin", "mergejoin"], statement).await
    }

    /// As [`Self::generic_plan`], if it could help it without sorting, too.
    pub async fn unsorted_plan(&self, statement: &str) -> String {
        self.plan_without(&["seqscan", "sort", "incremental_sort"], statement).await
    }

    async fn plan_without(&self, ways: &[&str], statement: &str) -> String {
        let mut connection = PgConnection::connect(&self.url()).await.expect("the server's role can connect");
        let org = Uuid::nil();
        let off = ways.iter().map(|way| format!("SET enable_{way} = off; ")).collect::<Vec<_>>().concat();
        let sql = format!("{off}SET app.current_org_id = '{org}'; EXPLAIN (GENERIC_PLAN, COSTS OFF) {statement}");
        let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut connection).await;
        let rows = rows.unwrap_or_else(|error| panic!("{error}: {statement}"));
        let lines: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
        lines.join("\n")
    }

    /// Locks a table: whoever reads or writes it waits until the lock is dropped.
    pub async fn lock(&self, table: &str) -> TableLock {
        let mut connection = self.superuser().await;
        let sql = AssertSqlSafe(format!("BEGIN; LOCK TABLE {table}"));
        sqlx::raw_sql(sql).execute(&mut connection).await.expect("the table can be locked");
        TableLock { _connection: connection }
    }

    /// Another handle with connections of its own, as another instance has.
    pub async fn another_instance(&self) -> Db {
        connect(&self.url()).await
    }

    /// Creates a person called `name`.
    pub async fn user(&self, name: &str) -> User {
        let identity = Identity {
            sub: format!("test|{name}"),
            email: format!("{name}@example.com"),
            name: Some(name.to_owned()),
            avatar_url: None,
        };
        let id = UserId::new(Uuid::new_v4());
        users::sign_in(&self.db, id, &identity).await.expect("a person can be created")
    }

    /// Founds an organization.
    pub async fn org(&self, owner: UserId) -> OrgId {
        let id = OrgId::new(Uuid::new_v4());
        let slug = id.to_string();
        organizations::create(&self.db, id, &Actor::SYSTEM, "Test", &slug, owner)
            .await
            .expect("an organization can be created");
        id
    }

    /// Makes a person a member of an organization.
    pub async fn org_member(&self, org: OrgId, user: UserId, role: OrgRole) {
        members::set_org_role(&self.db, org, &Actor::SYSTEM, user, role, |_| Ok::<_, DbError>(()))
            .await
            .expect("a member can be added");
    }

    /// Begins a project.
    pub async fn project(&self, org: OrgId) -> ProjectId {
        let id = ProjectId::new(Uuid::new_v4());
        let project = NewProject {
            id,
            name: "Test".to_owned(),
            description: String::new(),
            workflow_states: Vec::new(),
            settings: Settings::default(),
        };
        projects::create(&self.db, org, &Actor::SYSTEM, &project).await.expect("a project can be created");
        id
    }

    /// Gives a person a role in a project.
    pub async fn project_member(&self, org: OrgId, project: ProjectId, user: UserId, role: ProjectRole) {
        members::set_project_role(&self.db, org, project, &Actor::SYSTEM, user, role, |_| Ok::<_, DbError>(()))
            .await
            .expect("a member can be added");
    }

    /// Takes a person out of an organization.
    pub async fn remove_from_org(&self, org: OrgId, user: UserId) {
        let removed = members::remove_from_org(&self.db, org, &Actor::SYSTEM, user, |_| Ok::<_, DbError>(())).await;
        assert!(removed.expect("a member can be removed"), "{user} is a member");
    }

    /// Takes back the role that a project gave a person.
    pub async fn remove_from_project(&self, org: OrgId, project: ProjectId, user: UserId) {
        let removed = members::remove_from_project(&self.db, org, project, &Actor::SYSTEM, user).await;
        assert!(removed.expect("a member can be removed"), "{user} has a role in the project");
    }

    /// Creates an empty free document in a project of an organization of a person, all of them new.
    pub async fn document(&self) -> DocumentRef {
        let owner = self.user(&Uuid::new_v4().to_string()).await;
        let org = self.org(owner.id).await;
        let project = self.project(org).await;
        self.document_in(org, project).await
    }

    /// Creates an empty free document in a project.
    pub async fn document_in(&self, org: OrgId, project: ProjectId) -> DocumentRef {
        let id = Uuid::new_v4().into();
        documents::create_free(&self.db, org, &Actor::SYSTEM, project, id, None)
            .await
            .expect("a document can be created");
        DocumentRef::free(org, project, id)
    }

    /// Begins a run on a node for a person, and leases it for an hour: its lease is the first.
    pub async fn run(&self, org: OrgId, project: ProjectId, node: NodeId, user: UserId) -> RunId {
        let run = RunId::new(Uuid::new_v4());
        let options = serde_json::json!(ExecuteOptions::default());
        self.sabotage(&format!(
            "INSERT INTO agent_executions (id, org_id, project_id, node_id, requested_by, agent_name, options,
                 token_budget, lease_epoch, leased_by, leased_until)
             VALUES ('{run}', '{org}', '{project}', '{node}', '{user}', 'Agent', '{options}', 1000,
                 1, gen_random_uuid(), now() + interval '1 hour')"
        ))
        .await;
        run
    }

    /// Has another worker take a run.
    pub async fn take_lease(&self, run: RunId) {
        self.sabotage(&format!("UPDATE agent_executions SET lease_epoch = lease_epoch + 1 WHERE id = '{run}'")).await;
    }

    /// Creates a scratch document.
    pub async fn scratch(&self, name: &str) -> DocumentRef {
        match format!("scratch:{name}").parse() {
            Ok(DocumentName::Scratch(name)) => {
                let names = BTreeSet::from([name.clone()]);
                documents::ensure_scratch(&self.db, &names).await.expect("a scratch document can be created");
                DocumentRef::scratch(name)
            }
            _ => panic!("{name} is no name of a scratch document"),
        }
    }
}

/// Keeps a table locked.
#[derive(Debug)]
pub struct TableLock {
    /// Its end ends the transaction that holds the lock.
    _connection: PgConnection,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        server::drop_database(&self.server, &self.name);
    }
}

/// The principal that a person is.
#[must_use]
pub fn principal_of(user: &User) -> Principal {
    Principal::user(user.id, user.name.clone())
}

/// A principal of some person who is in no table.
#[must_use]
pub fn some_principal() -> PrincipalRef {
    PrincipalRef { kind: PrincipalKind::User, id: Uuid::new_v4() }
}

async fn connect(url: &str) -> Db {
    let config = DatabaseConfig {
        url: None,
        owner_url: None,
        max_connections: CONNECTIONS_PER_TEST,
        connect_timeout_seconds: CONNECT_TIMEOUT_SECONDS,
    };
    Db::connect(url, &config, Mode::Production).await.expect("the test's database can be connected to")
}
