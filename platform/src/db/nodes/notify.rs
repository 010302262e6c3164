//! Whom a projection tells something.

use std::collections::BTreeSet;

use schema::ids::{NodeId, ProjectId, UserId};
use serde_json::Value;

use super::ProjectedNode;
use super::tell::Change;
use crate::auth::PrincipalRef;
use crate::db::notifications::{AboutNode, NotificationKind, notify};
use crate::db::{DbError, OrgTx};

/// Nodes of one projection of which people are told that they were assigned to them; who assigns more tells by words.
const NODES_TOLD_MAX: usize = 100;
/// People who are told of one node.
const PEOPLE_TOLD_MAX: usize = 50;

/// Tells people that nodes were assigned to them: the ids in a node's `metadata.assignees`.
pub(super) async fn assigned(
    tx: &mut OrgTx,
    project: ProjectId,
    changes: &[Change<'_>],
    actors: &[PrincipalRef],
) -> Result<(), DbError> {
    let newly = changes.iter().filter(|change| change.node.deleted_at.is_none()).filter_map(|change| {
        let before = change.before.as_ref().map(assignees).unwrap_or_default();
        let new: Vec<UserId> = assignees(change.node).difference(&before).take(PEOPLE_TOLD_MAX).copied().collect();
        (!new.is_empty()).then_some((change.node, new))
    });
    for (node, people) in newly.take(NODES_TOLD_MAX) {
        let about = AboutNode {
            kind: NotificationKind::NodeAssigned,
            project,
            node: node.id,
            node_title: &node.title,
            body: None,
            actors,
        };
        notify(tx, &people, &about).await?;
    }
    Ok(())
}

/// Tells people that they are mentioned in a node's body.
pub(super) async fn mentioned(
    tx: &mut OrgTx,
    project: ProjectId,
    node: NodeId,
    title: &str,
    people: &[UserId],
    actors: &[PrincipalRef],
) -> Result<(), DbError> {
    let people = &people[..people.len().min(PEOPLE_TOLD_MAX)];
    let kind = NotificationKind::Mention;
    let about = AboutNode { kind, project, node, node_title: title, body: None, actors };
    notify(tx, people, &about).await.map(drop)
}

/// The people in `metadata.assignees`. What is no id of a person there is nobody.
fn assignees(node: &ProjectedNode) -> BTreeSet<UserId> {
    let list = node.metadata.get("assignees").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}
