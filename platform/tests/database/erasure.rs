//! That nothing stays of what was deleted for good, and that nothing kept of it elsewhere comes back.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use platform::access::{OrgRole, ProjectRole, Scope};
use platform::auth::PrincipalRef;
use platform::db::api_keys::{self, NewApiKey};
use platform::db::audit::Actor;
use platform::db::documents::DocumentRef;
use platform::db::invitations::{self, Offer};
use platform::db::log::{self, AppendOutcome, AppendRefusal};
use platform::db::{documents, erasure, organizations, projects};
use platform::erasure::Erasure;
use platform::lifecycle::Lifecycle;
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{Epoch, NodeId, OrgId, Seq, UserId};
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

/// What a project holds besides its document, beyond what is made of it elsewhere.
async fn add_something_of_everything(test: &TestDatabase, document: &DocumentRef) {
    let (id, org, project) = (document.id, document.org, document.project.unwrap());
    append_some(&test.db, document, some_principal(), 3).await;
    log::save_snapshot(&test.db, org, id, Epoch::FIRST, Seq::new(3), "state".into()).await.unwrap();
    let (key, person) = (format!("of-{id}"), Uuid::new_v4());
    let node = documents::ensure_node(&test.db, org, project, NodeId::new(Uuid::new_v4())).await.unwrap().unwrap();
    test.run(org, project, NodeId::new(node.id), UserId::new(person)).await;
    test.sabotage(&format!(
        "INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type)
         VALUES (gen_random_uuid(), '{org}', '{project}', '{key}', 'a', 'text/plain');
         INSERT INTO document_quarantine (document_id, org_id, update, principal_kind, principal_id, reason, received_at)
         VALUES ('{id}', '{org}', 'x', 1, '{person}', 'panic', now());
         INSERT INTO notifications (org_id, user_id, kind, title, project_id)
         SELECT org_id, user_id, 'mention', 'Title', '{project}' FROM org_members WHERE org_id = '{org}';
         INSERT INTO search_entries (org_id, project_id, file_id, title, text, digest)
         SELECT org_id, project_id, id, 'a', 'Words', 'x' FROM files WHERE storage_key = '{key}'"
    ))
    .await;
}

#[tokio::test]
async fn a_project_is_erased_out_of_the_trash_with_all_that_it_held_and_nothing_else() {
    let test = TestDatabase::new().await;
    let kept = test.document().await;
    let org = kept.org;
    add_something_of_everything(&test, &kept).await;
    let before = rows_of(&test, org).await;
    let project = test.project(org).await;
    let document = test.document_in(org, project).await;
    add_something_of_everything(&test, &document).await;
    let by = Actor::SYSTEM;
    assert!(!erasure::erase_project(&test.db, org, project, &by).await.unwrap(), "it is not in the trash");
    projects::delete(&test.db, org, project, &by).await.unwrap().unwrap();
    assert!(erasure::organizations(&test.db).await.unwrap().is_empty());
    assert!(!erasure::erase_some(&test.db, org).await.unwrap(), "what is in the trash stays there");

    assert!(erasure::erase_project(&test.db, org, project, &by).await.unwrap());
    assert!(!erasure::erase_project(&test.db, org, project, &by).await.unwrap(), "once");
    assert!(!projects::restore(&test.db, org, project, &by).await.unwrap(), "there is no way back");
    // What comes late is erased with the rest.
    documents::ensure_node(&test.db, org, project, NodeId::new(Uuid::new_v4())).await.unwrap().unwrap();
    assert_eq!(erasure::organizations(&test.db).await.unwrap(), [org]);
    while erasure::erase_some(&test.db, org).await.unwrap() {}
    assert!(erasure::organizations(&test.db).await.unwrap().is_empty());

    let told = |mut rows: BTreeMap<String, i64>| {
        rows.retain(|table, _| table != "audit_log" && table != "events");
        rows
    };
    assert_eq!(told(rows_of(&test, org).await), told(before));
    let (key, id) = (format!("of-{}", document.id), document.id);
    let marked = format!(
        "SELECT EXISTS (SELECT FROM abandoned_blobs WHERE storage_key = '{key}')
            AND EXISTS (SELECT FROM erased_documents WHERE id = '{id}' AND epoch = 1)
            AND EXISTS (SELECT FROM audit_log WHERE action = 'project.erased' AND resource_id = '{project}')
            AND EXISTS (SELECT FROM events WHERE project_id = '{project}')
            AND NOT EXISTS (SELECT FROM events WHERE project_id = '{project}' AND payload ? 'name')"
    );
    assert!(test.is_so(&marked).await);
    let loaded = log::load(&test.db, org, kept.id).await.unwrap().unwrap();
    assert_eq!(loaded.head, Seq::new(3), "the other project is as it was");
}

#[tokio::test]
async fn what_was_told_of_a_large_project_is_erased_in_steps() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let (org, project, by) = (document.org, document.project.unwrap(), Actor::SYSTEM);
    let other = test.project(org).await;
    let told = |project| {
        format!(
            "INSERT INTO event_heads (org_id, last_id) VALUES ('{org}', 0) ON CONFLICT DO NOTHING;
             INSERT INTO events (org_id, id, kind, project_id, actors, payload, at)
             SELECT '{org}', (SELECT coalesce(max(id), 0) + 1000000 FROM events WHERE org_id = '{org}') + number,
                 'node_moved', '{project}', '[]', '{{\"title\": \"Words\"}}', now()
             FROM generate_series(1, 11000) number;
             INSERT INTO webhook_deliveries (org_id, webhook_id, kind, payload, created_at)
             SELECT org_id, id, 'node_moved', '{{\"projectId\": \"{project}\", \"payload\": {{\"title\": \"Words\"}}}}',
                 now() - number / 3 * interval '1 second'
             FROM webhooks, generate_series(1, 6000) number WHERE org_id = '{org}';"
        )
    };
    let webhook = format!(
        "INSERT INTO webhooks (id, org_id, url, secret) VALUES (gen_random_uuid(), '{org}', 'https://example.com', 'x');"
    );
    let notifications = format!(
        "INSERT INTO notifications (org_id, user_id, kind, title, project_id)
         SELECT org_id, user_id, 'mention', 'Words', '{project}'
         FROM org_members, generate_series(1, 11000) WHERE org_id = '{org}'"
    );
    test.sabotage(&[webhook, told(project), told(other), notifications].concat()).await;
    projects::delete(&test.db, org, project, &by).await.unwrap().unwrap();
    assert!(erasure::erase_project(&test.db, org, project, &by).await.unwrap());
    let another = test.another_instance().await;
    let mut steps = 1;
    while erasure::erase_some(if steps % 2 == 0 { &test.db } else { &another }, org).await.unwrap() {
        steps += 1;
    }
    assert!(steps > 10, "{steps}: three for notifications, events and deliveries each, and those of the documents");
    let left = format!(
        "SELECT NOT EXISTS (SELECT FROM projects WHERE id = '{project}')
            AND NOT EXISTS (SELECT FROM notifications)
            AND (SELECT bool_and((payload::text LIKE '%Words%') = (project_id = '{other}'))
                 FROM events WHERE kind = 'node_moved')
            AND (SELECT count(*) = 12000 AND bool_and((payload::text LIKE '%Words%') = (payload ->> 'projectId' = '{other}'))
                 FROM webhook_deliveries WHERE kind = 'node_moved')"
    );
    assert!(test.is_so(&left).await);
}

#[tokio::test]
async fn what_cannot_be_erased_of_one_organization_keeps_no_others() {
    let test = TestDatabase::new().await;
    let (stuck, document) = (test.document().await, test.document().await);
    delete(&test, stuck.org).await;
    test.sabotage(&format!(
        "CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'it stays'; END $$;
         CREATE TRIGGER stay BEFORE DELETE ON documents FOR EACH ROW WHEN (OLD.org_id = '{}') EXECUTE FUNCTION stay()",
        stuck.org
    ))
    .await;
    let (org, project, by) = (document.org, document.project.unwrap(), Actor::SYSTEM);
    projects::delete(&test.db, org, project, &by).await.unwrap().unwrap();
    assert!(erasure::erase_project(&test.db, org, project, &by).await.unwrap());
    let _erasure = Erasure::start(&test.db, &Lifecycle::new());
    let is_erased = async {
        while !erasure::organizations(&test.db).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_erased).await.expect("it waits for what cannot be erased");
    assert_eq!(organizations::to_be_erased(&test.db).await.unwrap(), [stuck.org]);
}

#[tokio::test]
async fn a_free_document_is_erased_out_of_the_trash() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    let (org, project, by) = (document.org, document.project.unwrap(), Actor::SYSTEM);
    append_some(&test.db, &document, some_principal(), 2).await;
    let id = document.id.into();
    assert!(!erasure::erase_free_document(&test.db, org, id, &by).await.unwrap(), "it is not in the trash");
    documents::delete_free(&test.db, org, &by, id).await.unwrap();
    assert!(erasure::erase_free_document(&test.db, org, id, &by).await.unwrap());
    assert_eq!(documents::restore_free(&test.db, org, &by, id).await.unwrap(), None, "there is no way back");
    projects::delete(&test.db, org, project, &by).await.unwrap().unwrap();
    assert!(projects::restore(&test.db, org, project, &by).await.unwrap());
    while erasure::erase_some(&test.db, org).await.unwrap() {}
    let left = rows_of(&test, org).await;
    assert_eq!((left.get("document_updates"), left["documents"], left["projects"]), (None, 1, 1), "the canvas stays");
    documents::create_free(&test.db, org, &by, project, id, None).await.unwrap();
    let (epoch, head) = log::head(&test.db, org, document.id).await.unwrap().unwrap();
    assert_eq!((epoch, head), (Epoch::new(2), Seq::ZERO), "replicas are never merged into what is made anew");
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
