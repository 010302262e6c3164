//! How a project is set up. What it is called and is about is in its canvas.

use schema::ids::ProjectId;
use serde::{Deserialize, Serialize};

use crate::db::{DbError, OrgTx};

/// The settings of a project, as they are stored. What is not there has its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// What a lock on a node means.
    pub lock_mode: LockMode,
}

/// What a lock on a node means to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// They are shown who is at work, and may write nevertheless.
    #[default]
    Advisory,
    /// Their edits are refused.
    Enforced,
}

/// The settings of a project; the defaults when there is no such project.
pub async fn settings(tx: &mut OrgTx, project: ProjectId) -> Result<Settings, DbError> {
    let settings = sqlx::query_scalar!(
        "SELECT settings FROM projects WHERE id = $1 AND org_id = $2",
        project.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    settings.map_or_else(|| Ok(Settings::default()), read)
}

/// The settings of a project that is not in the trash, which nobody else changes until the transaction ends.
pub(super) async fn lock(tx: &mut OrgTx, project: ProjectId) -> Result<Option<Settings>, DbError> {
    let stored = sqlx::query_scalar!(
        "SELECT settings FROM projects WHERE id = $1 AND org_id = $2 AND deleted_at IS NULL FOR NO KEY UPDATE",
        project.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    stored.map(read).transpose()
}

pub(super) async fn write(tx: &mut OrgTx, project: ProjectId, settings: Settings) -> Result<(), DbError> {
    sqlx::query!("UPDATE projects SET settings = $2 WHERE id = $1", project.as_uuid(), stored(settings)?)
        .execute(&mut *tx.inner)
        .await?;
    Ok(())
}

pub(super) fn stored(settings: Settings) -> Result<serde_json::Value, DbError> {
    serde_json::to_value(settings).map_err(|error| DbError::Invalid(error.to_string()))
}

pub(super) fn read(stored: serde_json::Value) -> Result<Settings, DbError> {
    serde_json::from_value(stored).map_err(|error| DbError::Invalid(format!("settings of a project: {error}")))
}
