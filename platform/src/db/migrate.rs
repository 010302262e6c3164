//! Bringing the tables up to date, and who may do what with them.
//!
//! The tables may belong to another role than the one that the server works as. Then no statement of the server can take
//! down what the database keeps from it: row-level security, and that the audit log is only ever added to.

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Db, DbError, connect_options};

/// The migrations of this build.
pub(crate) static MIGRATIONS: Migrator = sqlx::migrate!("../migrations");

/// Held while rights are granted: of two who do that at the same time, Postgres would refuse one.
const GRANTS_LOCK: i64 = 0x0067_7261_6e74;

impl Db {
    /// Brings the tables to this build's state. Several instances may do so at the same time; one does, the others wait.
    ///
    /// With the URL of another role, the tables become or are that role's, and the server's role gets what it needs of them.
    /// Without one, tables that belong to another role have to be in this build's state already.
    pub async fn migrate(&self, owner_url: Option<&str>) -> Result<(), DbError> {
        let server = self.pool.connect_options();
        let owner = owner_url.map(connect_options).transpose()?;
        // A connection of its own, since the pool's time limits are not made for migrations.
        let options = owner.as_ref().unwrap_or(&server).clone().options([
            ("statement_timeout", "0"),
            ("lock_timeout", "0"),
            ("idle_in_transaction_session_timeout", "0"),
        ]);
        let mut connection = PgConnection::connect_with(&options).await?;
        if owner.is_some() {
            migrate(&mut connection, server.get_username()).await?;
        } else if belongs_to_another(&mut connection).await? {
            check_state(&mut connection).await?;
        } else {
            run(&mut connection).await?;
        }
        connection.close().await?;
        Ok(())
    }
}

/// Migrates as the owner of the tables, and gives the server's role what it needs of them.
pub(crate) async fn migrate(owner: &mut PgConnection, role: &str) -> Result<(), DbError> {
    run(owner).await?;
    let grants: Option<String> = sqlx::query_scalar(
        "SELECT format($grants$
             GRANT USAGE ON SCHEMA public TO %1$I;
             GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %1$I;
             GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %1$I;
             REVOKE UPDATE, DELETE ON audit_log FROM %1$I;
             REVOKE INSERT, UPDATE, DELETE ON _sqlx_migrations FROM %1$I;
         $grants$, $1) WHERE $1 <> current_user",
    )
    .bind(role)
    .fetch_optional(&mut *owner)
    .await?;
    let Some(grants) = grants else { return Ok(()) };
    let mut tx = owner.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(GRANTS_LOCK).execute(&mut *tx).await?;
    // Safe: the role's name is quoted by the database.
    sqlx::raw_sql(AssertSqlSafe(grants)).execute(&mut *tx).await?;
    Ok(tx.commit().await?)
}

async fn run(owner: &mut PgConnection) -> Result<(), DbError> {
    MIGRATIONS.run(owner).await.map_err(|error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => DbError::from(error),
        other => DbError::Unsuitable(format!("the database cannot be migrated: {other}")),
    })
}

/// Whether the tables are, or have to be made, by another role.
async fn belongs_to_another(connection: &mut PgConnection) -> Result<bool, DbError> {
    let belongs = "SELECT coalesce(
        (SELECT pg_get_userbyid(relowner) <> current_user FROM pg_class WHERE oid = to_regclass('_sqlx_migrations')),
        NOT has_schema_privilege('public', 'CREATE'))";
    Ok(sqlx::query_scalar::<_, bool>(belongs).fetch_one(connection).await?)
}

/// Refuses tables on which a migration of this build has not been made.
async fn check_state(connection: &mut PgConnection) -> Result<(), DbError> {
    let is_made: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *connection).await?;
    let made: Vec<i64> = if is_made {
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(connection).await?
    } else {
        Vec::new()
    };
    if MIGRATIONS.iter().all(|migration| made.contains(&migration.version)) {
        return Ok(());
    }
    Err(DbError::Unsuitable(
        "the tables are not there, or older than this server, and are not its own to change: set database.owner_url and run \
         `glassbox migrate`"
            .to_owned(),
    ))
}
