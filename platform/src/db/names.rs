//! What to call those who acted.

use std::collections::HashMap;

use schema::ids::OrgId;
use uuid::Uuid;

use super::principal::{kind_from_number, kind_to_number};
use super::{Db, DbError};
use crate::auth::{PrincipalKind, PrincipalRef};

/// The names of people, and of an organization's runs of agents and API keys; those who are not found are left out.
pub async fn of_principals(
    db: &Db,
    org: OrgId,
    principals: &[PrincipalRef],
) -> Result<HashMap<PrincipalRef, String>, DbError> {
    let ids = |kind| -> Vec<Uuid> { principals.iter().filter(|who| who.kind == kind).map(|who| who.id).collect() };
    let mut tx = db.org(org).await?;
    let rows = sqlx::query!(
        r#"SELECT $2::smallint AS "kind!", id AS "id!", name AS "name!" FROM users WHERE id = ANY($3)
           UNION ALL SELECT $4::smallint, id, agent_name FROM agent_executions WHERE id = ANY($5) AND org_id = $1
           UNION ALL SELECT $6::smallint, id, name FROM api_keys WHERE id = ANY($7) AND org_id = $1"#,
        org.as_uuid(),
        kind_to_number(PrincipalKind::User),
        &ids(PrincipalKind::User),
        kind_to_number(PrincipalKind::Agent),
        &ids(PrincipalKind::Agent),
        kind_to_number(PrincipalKind::ApiKey),
        &ids(PrincipalKind::ApiKey)
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    let named = |kind, id, name| kind_from_number(kind).map(|kind| (PrincipalRef { kind, id }, name));
    Ok(rows.into_iter().filter_map(|row| named(row.kind, row.id, row.name)).collect())
}
