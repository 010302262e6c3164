use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use platform::access::{OrgRole, ProjectRole};
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::audit::{self, Action, Actor, AuditSort, Filter, Recorded, ResourceKind};
use platform::db::{DbError, PageRequest, members};
use platform::testing::{TestDatabase, principal_of};
use schema::ids::OrgId;
use serde_json::json;
use sqlx::error::DatabaseError;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

#[expect(clippy::unnecessary_wraps, reason = "the shape that is asked for")]
fn agreed<T>(_: T) -> Result<(), DbError> {
    Ok(())
}

async fn entries(test: &TestDatabase, org: OrgId, filter: Filter) -> Vec<Recorded> {
    audit::list(&test.db, org, &filter, PageRequest::sorted(AuditSort::NEWEST_FIRST, None, None)).await.unwrap().items
}

fn actions(entries: &[Recorded]) -> Vec<&str> {
    entries.iter().map(|entry| entry.action.as_str()).collect()
}

#[tokio::test]
async fn what_is_done_to_an_organization_is_recorded_with_who_did_it_and_from_where() {
    let test = TestDatabase::new().await;
    let (owner, ann) = (test.user("owner").await, test.user("ann").await);
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let by = Actor {
        ip: Some("203.0.113.7".parse().unwrap()),
        user_agent: Some(Arc::from("x".repeat(2000).as_str())),
        ..Actor::new(&principal_of(&owner))
    };
    members::set_org_role(&test.db, org, &by, ann.id, OrgRole::Member, agreed).await.unwrap();
    members::set_org_role(&test.db, org, &by, ann.id, OrgRole::Member, agreed).await.unwrap();
    members::set_org_role(&test.db, org, &by, ann.id, OrgRole::Admin, agreed).await.unwrap();
    members::set_project_role(&test.db, org, project, &by, ann.id, ProjectRole::Viewer, agreed).await.unwrap();
    members::remove_from_project(&test.db, org, project, &by, ann.id).await.unwrap();
    members::remove_from_org(&test.db, org, &Actor::new(&principal_of(&ann)), ann.id, agreed).await.unwrap();

    let found = entries(&test, org, Filter::default()).await;
    let expected = [
        "organization.member_left",
        "project.member_removed",
        "project.member_added",
        "organization.member_role_changed",
        "organization.member_added",
        "project.created",
        "organization.created",
    ];
    assert_eq!(actions(&found), expected, "the newest first, and nothing for what changed nothing");
    let changed = &found[3];
    assert_eq!(changed.principal, principal_of(&owner).reference());
    assert_eq!((changed.user, changed.user_name.as_deref()), (Some(owner.id), Some("owner")));
    assert_eq!((changed.resource_type.as_str(), changed.resource_id), ("user", Some(ann.id.as_uuid())));
    assert_eq!(changed.details, json!({"role": "admin", "before": "member"}));
    assert_eq!(changed.ip.as_deref(), Some("203.0.113.7"));
    assert_eq!(changed.user_agent.as_ref().map(String::len), Some(512), "what clients say of themselves is bounded");
    assert_eq!((&found[6].principal, &found[6].ip), (&PrincipalRef::SYSTEM, &None));
}

#[tokio::test]
async fn what_is_undone_was_not_done() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let result = members::remove_from_org(&test.db, org, &Actor::SYSTEM, owner.id, agreed).await;
    assert!(result.is_err(), "the last owner stays");
    assert_eq!(actions(&entries(&test, org, Filter::default()).await), ["organization.created"]);
}

#[tokio::test]
async fn entries_are_found_by_actor_action_resource_and_time() {
    let test = TestDatabase::new().await;
    let (owner, ann, bob) = (test.user("owner").await, test.user("ann").await, test.user("bob").await);
    let (org, other) = (test.org(owner.id).await, test.org(owner.id).await);
    let begin = Utc::now();
    let key = PrincipalRef { kind: PrincipalKind::ApiKey, id: Uuid::new_v4() };
    let in_person = Actor::new(&principal_of(&owner));
    let by_key = Actor { principal: key, ..in_person.clone() };
    members::set_org_role(&test.db, org, &in_person, ann.id, OrgRole::Member, agreed).await.unwrap();
    members::set_org_role(&test.db, org, &by_key, bob.id, OrgRole::Member, agreed).await.unwrap();
    members::set_org_role(&test.db, other, &in_person, bob.id, OrgRole::Member, agreed).await.unwrap();

    let count = async |filter| entries(&test, org, filter).await.len();
    let all = Filter::default();
    assert_eq!(count(all).await, 3);
    let of_owner = PrincipalRef { kind: PrincipalKind::User, id: owner.id.as_uuid() };
    assert_eq!(count(Filter { actor: Some(of_owner), ..all }).await, 2, "with what is done on the person's behalf");
    assert_eq!(count(Filter { actor: Some(key), ..all }).await, 1);
    assert_eq!(count(Filter { action: Some(Action::MemberAdded), ..all }).await, 2);
    assert_eq!(count(Filter { action: Some(Action::MemberRemoved), ..all }).await, 0);
    assert_eq!(count(Filter { resource_kind: Some(ResourceKind::User), ..all }).await, 2);
    assert_eq!(count(Filter { resource: Some(bob.id.as_uuid()), ..all }).await, 1);
    assert_eq!(count(Filter { since: Some(begin), ..all }).await, 2);
    assert_eq!(count(Filter { until: Some(begin), ..all }).await, 1);
    assert_eq!(count(Filter { since: Some(begin + TimeDelta::hours(1)), ..all }).await, 0);

    let first =
        audit::list(&test.db, org, &all, PageRequest::sorted(AuditSort::NEWEST_FIRST, None, Some(2))).await.unwrap();
    let rest = audit::list(&test.db, org, &all, PageRequest::sorted(AuditSort::NEWEST_FIRST, first.next, Some(2)))
        .await
        .unwrap();
    assert_eq!((first.items.len(), rest.items.len(), rest.next), (2, 1, None));
    assert_eq!(rest.items[0].action, "organization.created");
}

#[tokio::test]
async fn nobody_changes_or_deletes_an_entry() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    for url in [test.url(), test.superuser_url()] {
        let mut connection = PgConnection::connect(&url).await.unwrap();
        for sql in [
            "UPDATE audit_log SET action = 'x'",
            "UPDATE audit_log SET action = 'x' WHERE false",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "INSERT INTO audit_log SELECT * FROM audit_log ON CONFLICT (id) DO UPDATE SET action = 'x'",
        ] {
            let mut tx = connection.begin().await.unwrap();
            let context = "SELECT set_config('app.current_org_id', $1, true)";
            sqlx::query(context).bind(org.to_string()).execute(&mut *tx).await.unwrap();
            let refused = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap_err();
            let code = refused.as_database_error().and_then(DatabaseError::code).unwrap();
            assert_eq!(code, "42501", "{sql}: {refused}");
        }
    }
    assert_eq!(entries(&test, org, Filter::default()).await.len(), 1);
}

#[tokio::test]
async fn the_servers_role_takes_down_no_wall() {
    let test = TestDatabase::new().await;
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    for sql in [
        "ALTER TABLE audit_log DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_log_is_append_only ON audit_log",
        "CREATE OR REPLACE FUNCTION refuse_change_of_audit_log() RETURNS trigger LANGUAGE sql AS 'SELECT 1'",
        "DROP TABLE audit_log",
        "DROP POLICY add_in_organization ON audit_log",
        "ALTER TABLE nodes NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE nodes DISABLE ROW LEVEL SECURITY",
        "CREATE TABLE mine (id uuid)",
        "SET ROLE glassbox_test_owner",
        "UPDATE _sqlx_migrations SET checksum = ''",
    ] {
        let refused = sqlx::query(sql).execute(&mut connection).await.unwrap_err();
        let code = refused.as_database_error().and_then(DatabaseError::code).unwrap();
        assert_eq!(code, "42501", "{sql}: {refused}");
    }
}

#[tokio::test]
async fn an_organization_neither_reads_nor_adds_to_anothers() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let (org, other) = (test.org(owner.id).await, test.org(owner.id).await);
    assert_eq!(entries(&test, org, Filter::default()).await.len(), 1);
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let mut tx = connection.begin().await.unwrap();
    let context = "SELECT set_config('app.current_org_id', $1, true)";
    sqlx::query(context).bind(org.to_string()).execute(&mut *tx).await.unwrap();
    let insert = format!(
        "INSERT INTO audit_log (org_id, principal_kind, principal_id, action, resource_type)
         VALUES ('{other}', 1, gen_random_uuid(), 'organization.updated', 'organization')"
    );
    assert!(sqlx::query(AssertSqlSafe(insert)).execute(&mut *tx).await.is_err());
}
