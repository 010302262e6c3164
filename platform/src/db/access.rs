//! Who is what in the organizations and projects of documents.

use std::collections::BTreeSet;

use schema::ids::{DocumentName, ProjectId, UserId};
use uuid::Uuid;

use super::documents::DocumentRef;
use super::{Db, DbError, projects};
use crate::access::ProjectRole;

/// The documents of these names, and the roles that these people have in their projects, in the order of the questions.
/// `None` where there is no such document, or no role. Scratch documents are nobody's, so they are not found here.
pub(crate) async fn roles(
    db: &Db,
    questions: &[(UserId, &DocumentName)],
) -> Result<Vec<Option<(DocumentRef, ProjectRole)>>, DbError> {
    let users: Vec<Uuid> = questions.iter().map(|(user, _)| user.as_uuid()).collect();
    let ids: Vec<Uuid> = questions.iter().map(|(_, document)| document.document_id()).collect();
    let kinds: Vec<String> = questions.iter().map(|(_, document)| document.kind().as_str().to_owned()).collect();
    let people: BTreeSet<Uuid> = users.iter().copied().collect();
    let mut tx = db.memberships(&people).await?;
    let rows = sqlx::query!(
        r#"SELECT q.place AS "place!", d.id, d.org_id, d.project_id, m.role AS org_role, pm.role AS "project_role?"
           FROM unnest($1::uuid[], $2::uuid[], $3::text[]) WITH ORDINALITY AS q (user_id, document_id, kind, place)
           JOIN documents d ON d.id = q.document_id AND d.kind = q.kind AND d.kind <> 'scratch' AND d.deleted_at IS NULL
           JOIN org_members m ON m.org_id = d.org_id AND m.user_id = q.user_id
           LEFT JOIN project_members pm ON pm.project_id = d.project_id AND pm.user_id = q.user_id"#,
        &users,
        &ids,
        &kinds
    )
    .fetch_all(&mut *tx)
    .await?;
    let mut roles = vec![None; questions.len()];
    for row in rows {
        let place = usize::try_from(row.place - 1).expect("the database numbers from 1");
        let document = DocumentRef {
            id: row.id,
            kind: questions[place].1.kind(),
            org: row.org_id.into(),
            project: row.project_id.map(ProjectId::new),
        };
        roles[place] = projects::role_of(&row.org_role, row.project_role.as_deref())?.map(|role| (document, role));
    }
    Ok(roles)
}
