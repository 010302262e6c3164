//! Row-level security, tested below the functions of the crate, as its role.

use std::collections::BTreeSet;
use std::task::Poll;

use chrono::Utc;
use platform::access::{OrgRole, ProjectRole};
use platform::db::idempotency::claim;
use platform::testing::{TestDatabase, some_principal};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::support::append_some;

/// The tables that belong to no organization.
const GLOBAL: [&str; 5] = ["users", "log_writers", "erased_documents", "abandoned_blobs", "_sqlx_migrations"];

async fn tenant_tables(connection: &mut PgConnection) -> Vec<String> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(connection)
        .await
        .unwrap();
    tables.into_iter().filter(|table| !GLOBAL.contains(&table.as_str())).collect()
}

/// How many rows of a table a transaction with these settings sees.
async fn rows(connection: &mut PgConnection, settings: &[(&str, &str)], table: &str) -> i64 {
    let mut tx = connection.begin().await.unwrap();
    for (name, value) in settings {
        sqlx::query("SELECT set_config($1, $2, true)").bind(name).bind(value).execute(&mut *tx).await.unwrap();
    }
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count).fetch_one(&mut *tx).await.unwrap()
}

#[tokio::test]
async fn every_tenant_table_forces_row_level_security_on_a_role_that_cannot_bypass_it() {
    let test = TestDatabase::new().await;
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let unforced: Vec<String> = sqlx::query_scalar(
        "SELECT relname::text FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
           AND NOT (relrowsecurity AND relforcerowsecurity)",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(unforced.iter().map(String::as_str).collect::<BTreeSet<_>>(), BTreeSet::from(GLOBAL));
    let bypasses: bool =
        sqlx::query_scalar("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert!(!bypasses);
}

#[tokio::test]
async fn without_a_context_nothing_is_visible_and_with_one_only_its_organization_is() {
    let test = TestDatabase::new().await;
    let (first, second) = (test.document().await, test.document().await);
    append_some(&test.db, &first, some_principal(), 3).await;
    append_some(&test.db, &second, some_principal(), 4).await;
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    for table in tenant_tables(&mut connection).await {
        assert_eq!(rows(&mut connection, &[], &table).await, 0, "{table}");
        // What an earlier transaction of the same connection set is gone, and empty is as good as nothing.
        let settings = ["app.current_org_id", "app.current_user_id", "app.current_org_ids", "app.current_user_ids"];
        let empty = settings.map(|setting| (setting, ""));
        assert_eq!(rows(&mut connection, &empty, &table).await, 0, "{table}");
    }
    let first_org = first.org.to_string();
    let in_first = [("app.current_org_id", first_org.as_str())];
    for (table, expected) in [("organizations", 1), ("projects", 1), ("documents", 2), ("document_updates", 3)] {
        assert_eq!(rows(&mut connection, &in_first, table).await, expected, "{table}");
    }
    let both = format!("{},{}", first.org, second.org);
    let of_log = [("app.current_org_ids", both.as_str())];
    assert_eq!(rows(&mut connection, &of_log, "document_updates").await, 7);
    assert_eq!(rows(&mut connection, &of_log, "projects").await, 0, "the log's context is for the log alone");
}

#[tokio::test]
async fn a_persons_idempotency_keys_are_nobody_elses() {
    let test = TestDatabase::new().await;
    let (ada, bob) = (test.user("ada").await.id, test.user("bob").await.id);
    claim(&test.db, ada, Uuid::from_u128(1), b"asked", Utc::now()).await.unwrap();
    let org = test.org(ada).await.to_string();
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let (ada, bob) = (ada.to_string(), bob.to_string());
    for (settings, expected) in [
        ([("app.current_user_id", ada.as_str())], 1),
        ([("app.current_user_id", bob.as_str())], 0),
        ([("app.current_user_ids", ada.as_str())], 0),
        ([("app.current_org_id", org.as_str())], 0),
        ([("app.maintenance", "on")], 0),
    ] {
        assert_eq!(rows(&mut connection, &settings, "idempotency_keys").await, expected, "{settings:?}");
    }
    let foreign = format!(
        "INSERT INTO idempotency_keys (id, user_id, digest, at) VALUES (gen_random_uuid(), '{ada}', sha256(''), now())"
    );
    let mut tx = connection.begin().await.unwrap();
    sqlx::query("SELECT set_config('app.current_user_id', $1, true)").bind(&bob).execute(&mut *tx).await.unwrap();
    assert!(sqlx::query(AssertSqlSafe(foreign)).execute(&mut *tx).await.is_err());
}

#[tokio::test]
async fn an_organizations_context_cannot_write_into_another() {
    let test = TestDatabase::new().await;
    let (first, second) = (test.document().await, test.document().await);
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let (own, foreign) = (first.org, second.org);
    let project = second.project.unwrap();
    let refused = [
        format!("INSERT INTO projects (id, org_id, name) VALUES (gen_random_uuid(), '{foreign}', 'x')"),
        format!("INSERT INTO org_members (org_id, user_id, role) SELECT '{foreign}', id, 'owner' FROM users LIMIT 1"),
        format!(
            "INSERT INTO documents (id, org_id, project_id, kind)
             VALUES (gen_random_uuid(), '{foreign}', '{project}', 'doc')"
        ),
        format!("UPDATE projects SET org_id = '{foreign}'"),
        format!("UPDATE documents SET org_id = '{foreign}'"),
        // A project of another organization, under the own name.
        format!(
            "INSERT INTO documents (id, org_id, project_id, kind) VALUES (gen_random_uuid(), '{own}', '{project}', 'doc')"
        ),
    ];
    for sql in refused {
        let mut tx = connection.begin().await.unwrap();
        let context = "SELECT set_config('app.current_org_id', $1, true)";
        sqlx::query(context).bind(own.to_string()).execute(&mut *tx).await.unwrap();
        let result = sqlx::query(AssertSqlSafe(sql.clone())).execute(&mut *tx).await;
        assert!(result.is_err(), "{sql}");
    }
    for sql in ["UPDATE documents SET title = 'x'", "DELETE FROM organizations", "DELETE FROM document_updates"] {
        let mut tx = connection.begin().await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 0, "{sql}, without a context");
    }
}

#[tokio::test]
async fn a_person_sees_what_they_are_a_member_of_and_writes_nothing() {
    let test = TestDatabase::new().await;
    let (owner, member, guest) = (test.user("owner").await, test.user("member").await, test.user("guest").await);
    let org = test.org(owner.id).await;
    let (open, closed) = (test.project(org).await, test.project(org).await);
    test.document().await;
    test.org_member(org, member.id, OrgRole::Member).await;
    test.project_member(org, open, guest.id, ProjectRole::Viewer).await;
    let closed_document = test.document_in(org, closed).await;
    append_some(&test.db, &closed_document, some_principal(), 2).await;

    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    for (user, projects, documents, project_members) in [(owner.id, 2, 3, 0), (member.id, 2, 3, 0), (guest.id, 1, 1, 1)]
    {
        let user = user.to_string();
        let context = [("app.current_user_id", user.as_str())];
        let expected = [
            ("organizations", 1),
            ("org_members", 1),
            ("projects", projects),
            ("documents", documents),
            ("project_members", project_members),
            ("document_updates", 0),
            ("nodes", 0),
        ];
        for (table, expected) in expected {
            assert_eq!(rows(&mut connection, &context, table).await, expected, "{table}");
        }
        for sql in ["UPDATE documents SET title = 'x'", "UPDATE org_members SET role = 'owner'", "DELETE FROM projects"]
        {
            let mut tx = connection.begin().await.unwrap();
            let set = "SELECT set_config('app.current_user_id', $1, true)";
            sqlx::query(set).bind(&user).execute(&mut *tx).await.unwrap();
            let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
            assert_eq!(done.rows_affected(), 0, "{sql}");
        }
    }
}

#[tokio::test]
async fn access_is_decided_with_the_memberships_of_those_who_ask_and_nothing_else() {
    let test = TestDatabase::new().await;
    let (owner, guest, other) = (test.user("owner").await, test.user("guest").await, test.user("other").await);
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    for user in [&guest, &other] {
        test.project_member(org, project, user.id, ProjectRole::Viewer).await;
    }
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let people = format!("{},{}", owner.id, guest.id);
    let context = [("app.current_user_ids", people.as_str())];
    for table in tenant_tables(&mut connection).await {
        let expected = match table.as_str() {
            "org_members" => 2,
            "project_members" => 1,
            _ => 0,
        };
        assert_eq!(rows(&mut connection, &context, &table).await, expected, "{table}");
    }
    for sql in ["UPDATE org_members SET role = 'owner'", "DELETE FROM project_members"] {
        let mut tx = connection.begin().await.unwrap();
        let set = "SELECT set_config('app.current_user_ids', $1, true)";
        sqlx::query(set).bind(&people).execute(&mut *tx).await.unwrap();
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&mut *tx).await.unwrap();
        assert_eq!(done.rows_affected(), 0, "{sql}");
    }
}

#[tokio::test]
async fn maintenance_sees_documents_and_nothing_that_they_hold() {
    let test = TestDatabase::new().await;
    let document = test.document().await;
    append_some(&test.db, &document, some_principal(), 2).await;
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let context = [("app.maintenance", "on")];
    for table in tenant_tables(&mut connection).await {
        // How far the streams of events reach says nothing of what happened.
        let expected = match table.as_str() {
            "documents" => 2,
            "event_heads" => 1,
            _ => 0,
        };
        assert_eq!(rows(&mut connection, &context, &table).await, expected, "{table}");
    }
    let mut tx = connection.begin().await.unwrap();
    sqlx::query("SELECT set_config('app.maintenance', 'on', true)").execute(&mut *tx).await.unwrap();
    let done = sqlx::query("UPDATE documents SET title = 'x'").execute(&mut *tx).await.unwrap();
    assert_eq!(done.rows_affected(), 0);
}

#[tokio::test]
async fn who_stops_waiting_for_a_transaction_leaves_none_behind() {
    let database = TestDatabase::new().await;
    let owner = database.user("Owner").await;
    let org = database.org(owner.id).await;
    let project = database.project(org).await;
    for patience in 0..200 {
        let mut beginning = Box::pin(database.db.user(owner.id));
        for _ in 0..patience {
            if std::future::poll_fn(|context| Poll::Ready(beginning.as_mut().poll(context).is_ready())).await {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(beginning);
        // Nothing could be written in a transaction of the one who gave up.
        database.document_in(org, project).await;
    }
}

#[tokio::test]
async fn every_table_that_names_an_organization_has_a_policy_for_it_and_shows_nothing_of_others() {
    let test = TestDatabase::new().await;
    let mut connection = PgConnection::connect(&test.url()).await.unwrap();
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped
         WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert!(tables.len() >= 15, "{tables:?}");
    let unguarded: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         WHERE c.relname = ANY ($1) AND c.relnamespace = 'public'::regnamespace
           AND NOT (c.relrowsecurity AND c.relforcerowsecurity
                    AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid
                                AND pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid) LIKE '%current_org_id()%'))",
    )
    .bind(&tables)
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(unguarded, [""; 0]);
    // Rows of two organizations in every table, whatever else the tables ask for.
    let (first, second) = (test.document().await, test.document().await);
    for document in [&first, &second] {
        append_some(&test.db, document, some_principal(), 1).await;
        test.sabotage(&fill_all(&tables, document.org)).await;
    }
    let (first, nobodys) = (first.org.to_string(), uuid::Uuid::nil().to_string());
    for table in &tables {
        let all = rows(&mut connection, &[("app.current_org_id", &first)], table).await;
        assert!(all > 0, "{table} was not filled");
        let of_others = format!("{table} WHERE org_id <> '{first}'");
        assert_eq!(rows(&mut connection, &[("app.current_org_id", &first)], &of_others).await, 0, "{table}");
        assert_eq!(rows(&mut connection, &[("app.current_org_id", &nobodys)], table).await, 0, "{table}");
        assert_eq!(rows(&mut connection, &[], table).await, 0, "{table}");
    }
}

/// A row of an organization in each of these tables that has none: made-up values, past all constraints but those of types.
fn fill_all(tables: &[String], org: schema::ids::OrgId) -> String {
    let list: Vec<String> = tables.iter().map(|table| format!("'{table}'")).collect();
    format!(
        "SET session_replication_role = replica;
         DO $$
         DECLARE
             tenant_table text;
             names text;
             made_up text;
             guard record;
         BEGIN
             FOREACH tenant_table IN ARRAY ARRAY[{}] LOOP
                 FOR guard IN SELECT conname FROM pg_constraint
                     WHERE conrelid = tenant_table::regclass AND contype = 'c' LOOP
                     EXECUTE format('ALTER TABLE %I DROP CONSTRAINT %I', tenant_table, guard.conname);
                 END LOOP;
                 SELECT string_agg(quote_ident(attname), ', '),
                        string_agg(CASE WHEN attname = 'org_id' THEN quote_literal('{org}') || '::uuid'
                            WHEN typname = 'uuid' THEN 'gen_random_uuid()'
                            WHEN typcategory = 'A' THEN '''{{}}''::' || format_type(atttypid, atttypmod)
                            WHEN typcategory = 'N' THEN 'trunc(random() * 1e4)::' || format_type(atttypid, atttypmod)
                            WHEN typcategory = 'D' THEN 'now()'
                            WHEN typcategory = 'B' THEN 'false'
                            WHEN typname IN ('json', 'jsonb') THEN '''{{}}'''
                            WHEN typname = 'bytea' THEN 'decode(md5(random()::text), ''hex'')'
                            ELSE quote_literal(left(md5(random()::text), 8)) END, ', ')
                     INTO names, made_up
                     FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
                     WHERE attrelid = tenant_table::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
                       AND attidentity = '' AND (attnotnull AND NOT atthasdef OR attname = 'org_id');
                 EXECUTE format('INSERT INTO %I (%s) VALUES (%s) ON CONFLICT DO NOTHING', tenant_table, names, made_up);
             END LOOP;
         END $$;",
        list.join(", ")
    )
}
