//! What GlassBox needs to find in its Postgres: a role without privileges, its database, and pgvector.

use sqlx::{Connection, PgConnection};

use super::cluster::Cluster;
use super::error::PostgresError;

pub(super) const SUPERUSER: &str = "postgres";
pub(super) const SUPERUSER_DATABASE: &str = "postgres";
/// The server's role: row-level security binds it.
pub(super) const ROLE: &str = "glassbox";
pub(super) const DATABASE: &str = "glassbox";

/// Creates what is missing.
pub(super) async fn provision(cluster: &Cluster) -> Result<(), PostgresError> {
    let mut server = PgConnection::connect(&cluster.url(SUPERUSER, SUPERUSER_DATABASE)).await?;
    let role: Option<i32> =
        sqlx::query_scalar("SELECT 1 FROM pg_roles WHERE rolname = $1").bind(ROLE).fetch_optional(&mut server).await?;
    if role.is_none() {
        let create = "CREATE ROLE glassbox LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE";
        sqlx::query(create).execute(&mut server).await?;
    }
    let database: Option<i32> = sqlx::query_scalar("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(DATABASE)
        .fetch_optional(&mut server)
        .await?;
    if database.is_none() {
        sqlx::query("CREATE DATABASE glassbox OWNER glassbox").execute(&mut server).await?;
    }
    server.close().await?;

    let mut database = PgConnection::connect(&cluster.url(SUPERUSER, DATABASE)).await?;
    sqlx::query("CREATE EXTENSION IF NOT EXISTS vector").execute(&mut database).await?;
    Ok(database.close().await?)
}
