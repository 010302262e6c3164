//! That nothing stays of what was deleted for good, and that nothing kept of it elsewhere comes back.

use std::collections::BTreeMap;

use chrono::Utc;
use platform::access::{OrgRole, ProjectRole, Scope};
use platform::auth::PrincipalRef;
use platform::db::api_keys::{self, NewApiKey};
use platform::db::audit::Actor;
use platform::db::invitations::{self, Offer};
use platform::db::log::{self, AppendOutcome, AppendRefusal};
use platform::db::{documents, organizations};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, OrgId, Seq};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::support::{append, append_some, update};

/// How many rows of each table are of an organization, whoever may see them. Empty ones are left out.
async fn rows_of(test: &TestDatabase, org: OrgId) -> BTreeMap<String, i64> {
    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'org_id'
         UNION SELECT 'organizations'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let mut rows = BTreeMap::new();
    for table in tables {
        let column = if table == "organizations" { "id" } else { "org_id" };
        let count = format!("SELECT count(*) FROM {table} WHERE {column} = '{org}'");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(&mut connection).await.unwrap();
        if count > 0 {
            rows.insert(table, count);
        }
    }
    rows
}

async fn delete(test: &TestDatabase, org: OrgId) -> organizations::Deleted {
    let slug = org.to_string();
    assert_eq!(organizations::delete(&test.db, org, &Actor::SYSTEM, "another").await.unwrap(), None);
    organizations::delete(&test.db, org, &Actor::SYSTEM, &slug).await.unwrap().unwrap()
}

#[tokio::test]
async fn of_an_erased_organization_the_audit_log_stays_and_nothing_else() {
    let test = TestDatabase::new().await;
    let (owner, guest) = (test.user("owner").await, test.user("guest").await);
    let (org, other) = (test.org(owner.id).await, test.org(owner.id).await);
    let mut documents = Vec::new();
    for org in [org, other] {
        let project = test.project(org).await;
        test.project_member(org, project, guest.id, ProjectRole::Viewer).await;
        let document = test.document_in(org, project).await;
        append_some(&test.db, &document, some_principal(), 3).await;
        log::save_snapshot(&test.db, org, document.id, Epoch::FIRST, Seq::new(3), "state".into()).await.unwrap();
        let offer = Offer { role: OrgRole::Guest, project: Some((project, ProjectRole::Viewer)) };
        let expires = Utc::now() + chrono::TimeDelta::days(1);
        let by = Actor { user: Some(owner.id), ..Actor::SYSTEM };
        invitations::create(&test.db, org, &by, Uuid::new_v4(), "x@example.com", offer, expires).await.unwrap();
        let key = NewApiKey {
            id: Uuid::new_v4(),
            name: "Key".to_owned(),
            hash: rand_bytes(),
            hint: "sk-1".to_owned(),
            scopes: vec![Scope::Read],
            created_by: owner.id,
            expires_at: None,
        };
        api_keys::create(&test.db, org, &by, &key).await.unwrap();
        documents.push(document);
    }
    let before = rows_of(&test, other).await;
    assert!(before.len() > 8, "{before:?}");
    let deleted = delete(&test, org).await;
    assert_eq!((deleted.members.len(), deleted.documents.len()), (2, 2));
    let late = append(&test.db, &[update(&documents[0], some_principal(), "late")]).await.unwrap();
    assert_eq!(late, [AppendOutcome::Refused(AppendRefusal::DocumentGone)], "at once nothing more is taken");
    assert_eq!(organizations::to_be_erased(&test.db).await.unwrap(), [org]);
    while organizations::erase_some(&test.db, org).await.unwrap() {}
    assert_eq!(organizations::to_be_erased(&test.db).await.unwrap(), []);

    let left = rows_of(&test, org).await;
    assert_eq!(left.keys().collect::<Vec<_>>(), ["audit_log"]);
    assert_eq!(rows_of(&test, other).await, before, "others keep all that is theirs");
    assert!(!organizations::erase_some(&test.db, org).await.unwrap());
    assert!(!organizations::erase_some(&test.db, other).await.unwrap(), "what was not deleted is not erased");
    assert_eq!(rows_of(&test, other).await, before);
}

fn rand_bytes() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    bytes
}

#[tokio::test]
async fn a_large_log_is_erased_in_steps_which_any_instance_may_take() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let sql = format!(
        "INSERT INTO document_updates (document_id, seq, epoch, org_id, update, size_bytes, principal_kind, principal_id,
             provenance, client_ids, received_at)
         SELECT '{}', seq, 1, '{}', 'x', 1, 1, gen_random_uuid(), 'own', '{{}}', now() FROM generate_series(1, 45000) seq",
        document.id, document.org
    );
    test.sabotage(&sql).await;
    delete(&test, document.org).await;
    let another = test.another_instance().await;
    let mut steps = 1;
    while organizations::erase_some(if steps % 2 == 0 { &test.db } else { &another }, document.org).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 3, "{steps}");
    assert_eq!(rows_of(&test, document.org).await.keys().collect::<Vec<_>>(), ["audit_log"]);
}

#[tokio::test]
async fn a_document_that_is_made_anew_under_an_erased_id_begins_another_lineage() {
    let test = TestDatabase::new().await;
    let erased = test.document().await;
    append_some(&test.db, &erased, some_principal(), 2).await;
    delete(&test, erased.org).await;
    while organizations::erase_some(&test.db, erased.org).await.unwrap() {}

    let anew = test.document().await;
    let project = anew.project.unwrap();
    documents::create_free(&test.db, anew.org, &Actor::SYSTEM, project, erased.id.into(), None).await.unwrap();
    let (epoch, head) = log::head(&test.db, anew.org, erased.id).await.unwrap().unwrap();
    assert_eq!((epoch, head), (Epoch::new(2), Seq::ZERO));
    let again = platform::db::documents::DocumentRef::free(anew.org, project, erased.id.into());
    let merged_back = append(&test.db, &[update(&again, PrincipalRef::SYSTEM, "of a replica")]).await.unwrap();
    assert_eq!(merged_back, [AppendOutcome::Refused(AppendRefusal::EpochChanged)]);
    let (epoch, _) = log::head(&test.db, anew.org, anew.id).await.unwrap().unwrap();
    assert_eq!(epoch, Epoch::FIRST, "others begin with the first");
}
