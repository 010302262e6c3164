//! Who is what in the organizations and projects of documents.

use std::collections::BTreeSet;

use schema::ids::{DocumentName, ProjectId, UserId};
use uuid::Uuid;

use super::documents::DocumentRef;
use super::{Db, DbError, projects};
use crate::access::{Access, ProjectRole, Scope};

/// Who asks for access.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asker {
    /// The person whose rights hold.
    pub(crate) user: UserId,
    /// The API key by which somebody acts for the person.
    pub(crate) key: Option<Uuid>,
    /// The run that acts for the person, and which lease of it its worker holds.
    pub(crate) run: Option<(Uuid, i64)>,
}

/// What somebody is to a document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights {
    pub(crate) document: DocumentRef,
    pub(crate) role: ProjectRole,
    /// What the key may be used for, if it is by one, and in force.
    pub(crate) scope: Option<Scope>,
    /// The most that the run may do, if it is one, it is one of this project, and its worker holds the lease.
    pub(crate) reach: Option<Access>,
}

/// The documents of these names, and the roles that these people have in their projects, in the order of the questions.
/// `None` where there is no such document, or no role. Scratch documents are nobody's, so they are not found here.
pub(crate) async fn rights(db: &Db, questions: &[(Asker, &DocumentName)]) -> Result<Vec<Option<Rights>>, DbError> {
    let users: Vec<Uuid> = questions.iter().map(|(asker, _)| asker.user.as_uuid()).collect();
    let keys: Vec<Option<Uuid>> = questions.iter().map(|(asker, _)| asker.key).collect();
    let runs: Vec<Option<Uuid>> = questions.iter().map(|(asker, _)| asker.run.map(|(run, _)| run)).collect();
    let leases: Vec<Option<i64>> = questions.iter().map(|(asker, _)| asker.run.map(|(_, lease)| lease)).collect();
    let ids: Vec<Uuid> = questions.iter().map(|(_, document)| document.document_id()).collect();
    let kinds: Vec<String> = questions.iter().map(|(_, document)| document.kind().as_str().to_owned()).collect();
    let people: BTreeSet<Uuid> = users.iter().copied().collect();
    let mut tx = db.memberships(&people).await?;
    let rows = sqlx::query!(
        r#"SELECT q.place AS "place!", d.id, d.org_id, d.project_id, m.role AS org_role, pm.role AS "project_role?",
                  k.scopes AS "scopes?",
                  CASE WHEN e.id IS NOT NULL
                      THEN d.kind = 'project' OR d.id = e.node_id OR n.node_id IS NOT NULL END AS "is_of_run?"
           FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::bigint[])
               WITH ORDINALITY AS q (user_id, document_id, kind, key_id, run_id, lease, place)
           JOIN documents d ON d.id = q.document_id AND d.kind = q.kind AND d.kind <> 'scratch' AND d.deleted_at IS NULL
           JOIN org_members m ON m.org_id = d.org_id AND m.user_id = q.user_id
           LEFT JOIN project_members pm ON pm.project_id = d.project_id AND pm.user_id = q.user_id
           LEFT JOIN api_keys k ON k.id = q.key_id AND k.org_id = d.org_id AND k.created_by = q.user_id
               AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
           LEFT JOIN agent_executions e ON e.id = q.run_id AND e.org_id = d.org_id AND e.project_id = d.project_id
               AND e.requested_by = q.user_id AND e.lease_epoch = q.lease AND e.leased_until > now()
           LEFT JOIN agent_execution_nodes n ON n.execution_id = e.id AND n.node_id = d.id"#,
        &users,
        &ids,
        &kinds,
        &keys as &[Option<Uuid>],
        &runs as &[Option<Uuid>],
        &leases as &[Option<i64>]
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut rights = vec![None; questions.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).expect("the database numbers from 1");
        let document = DocumentRef {
            id: row.id,
            kind: questions[place].1.kind(),
            org: row.org_id.into(),
            project: row.project_id.map(ProjectId::new),
        };
        let scope = row.scopes.iter().flatten().filter_map(|name| Scope::from_name(name)).max();
        let reach = row.is_of_run.map(|is_of_run| if is_of_run { Access::Write } else { Access::Read });
        let role = projects::role_of(&row.org_role, row.project_role.as_deref())?;
        rights[place] = role.map(|role| Rights { document, role, scope, reach });
    }
    Ok(rights)
}
