//! What GlassBox needs to find in its Postgres: two roles without privileges, one of which the database belongs to, and
//! pgvector.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::cluster::Cluster;
use super::error::PostgresError;

pub(super) const SUPERUSER: &str = "postgres";
pub(super) const SUPERUSER_DATABASE: &str = "postgres";
/// The server's role: row-level security binds it.
pub(super) const ROLE: &str = "glassbox";
/// The role that the tables belong to.
pub(super) const OWNER: &str = "glassbox_owner";
pub(super) const DATABASE: &str = "glassbox";

/// Creates what is missing.
pub(super) async fn provision(cluster: &Cluster) -> Result<(), PostgresError> {
    let mut server = PgConnection::connect(&cluster.url(SUPERUSER, SUPERUSER_DATABASE)).await?;
    for role in [ROLE, OWNER] {
        let found: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_roles WHERE rolname = $1")
            .bind(role)
            .fetch_optional(&mut server)
            .await?;
        if found.is_none() {
            // Safe: these are the two names above.
            let create = format!("CREATE ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE");
            sqlx::query(AssertSqlSafe(create)).execute(&mut server).await?;
        }
    }
    let database: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(DATABASE)
        .fetch_optional(&mut server)
        .await?;
    if database.is_none() {
        sqlx::query("CREATE DATABASE glassbox OWNER glassbox_owner").execute(&mut server).await?;
    }
    server.close().await?;

    let mut database = PgConnection::connect(&cluster.url(SUPERUSER, DATABASE)).await?;
    sqlx::query("CREATE EXTENSION IF NOT EXISTS vector").execute(&mut database).await?;
    // What an earlier version made belongs to the server's role.
    sqlx::query("REASSIGN OWNED BY glassbox TO glassbox_owner").execute(&mut database).await?;
    Ok(database.close().await?)
}
