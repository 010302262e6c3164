//! Every statement finds the rows that it wants by an index.

mod functions;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use platform::db::statements;
use platform::testing::TestDatabase;
use serde_json::Value;

/// What is read whole on purpose, with what tells the statement: small tables, for operators.
const SWEPT: &[(&str, &str)] = &[("quarantine_days", "sum(left_out)"), ("webhooks", "active AND failures > 0")];

/// Indexes of what is under way or waits, which is little: they may be gone through whole.
const OF_FEW: &[&str] = &[
    "agent_executions_open",
    "documents_erasing",
    "files_due",
    "files_unconfirmed",
    "organizations_deleted",
    "projects_erasing",
    "search_passages_turns",
    "webhook_deliveries_due",
];

/// Indexes that are read from their beginning until there is enough, with what tells the statement.
const UNTIL_ENOUGH: &[(&str, &str)] = &[
    ("abandoned_blobs_by_age", "LIMIT $1) oldest"),
    ("document_quarantine_received", "FROM document_quarantine q"),
    ("search_queue_turns", "FROM search_queue ORDER BY org_id, since LIMIT 1"),
];

/// With a single organization, to look at all of them would be as good as to look for one.
const ORGANIZATIONS: &str = "
    INSERT INTO organizations (id, name, slug)
    SELECT gen_random_uuid(), 'Name', 'slug-' || number FROM generate_series(1, 1000) AS number;
    ANALYZE organizations";

/// The lists that are short enough to be sorted when they are read.
const SORTED: &[&str] = &[
    "organizations ",
    "members of an organization by email",
    "members of an organization by name",
    "members of a project by email",
    "members of a project by name",
    "named versions of a document by createdAt",
    "named versions of a document by name",
];

/// The statements that are written out, as they were described to be compiled.
fn statements() -> Vec<String> {
    let described = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.sqlx");
    let mut statements: Vec<String> = fs::read_dir(described)
        .unwrap()
        .map(|entry| {
            let file: Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
            file["query"].as_str().unwrap().to_owned()
        })
        .collect();
    statements.sort_unstable();
    statements
}

/// The tables that a plan reads whole.
fn read_whole(plan: &str) -> impl Iterator<Item = &str> {
    plan.lines().filter_map(|line| {
        let (_, rest) = line.split_once("Seq Scan on ")?;
        rest.split_whitespace().next()
    })
}

/// The indexes that a plan goes along without a condition that says where.
fn gone_through(plan: &str) -> impl Iterator<Item = &str> {
    let lines: Vec<&str> = plan.lines().collect();
    let places = 0..lines.len();
    places.filter_map(move |place| {
        let line = lines[place];
        let is_of_index = line.contains("Index Scan ") || line.contains("Index Only Scan ");
        let by = if line.contains("Bitmap Index Scan ") { " on " } else { " using " };
        let (_, rest) = line.split_once(by).filter(|_| is_of_index)?;
        // It is the first that is said of a scan.
        let has_condition = lines.get(place + 1).is_some_and(|next| next.trim_start().starts_with("Index Cond:"));
        rest.split_whitespace().next().filter(|_| !has_condition)
    })
}

/// What a statement reads whole that it should not.
fn faults(statement: &str, plan: &str) -> Vec<String> {
    let is_meant =
        |list: &[(&str, &str)], name: &str| list.iter().any(|(meant, part)| *meant == name && statement.contains(part));
    let tables = read_whole(plan).filter(|table| !is_meant(SWEPT, table));
    let indexes = gone_through(plan).filter(|index| !OF_FEW.contains(index) && !is_meant(UNTIL_ENOUGH, index));
    tables.chain(indexes).map(|name| format!("{name}: {statement}\n{plan}")).collect()
}

#[tokio::test]
async fn every_statement_uses_an_index() {
    let test = TestDatabase::new().await;
    test.sabotage(ORGANIZATIONS).await;
    let statements = statements();
    assert!(statements.len() > 150, "{}", statements.len());
    let mut wrong = BTreeSet::new();
    for statement in &statements {
        wrong.extend(faults(statement, &test.generic_plan(statement).await));
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{} read a table or an index whole:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn every_statement_in_a_function_uses_an_index() {
    let test = TestDatabase::new().await;
    test.sabotage(ORGANIZATIONS).await;
    let statements = functions::statements(&test).await;
    for known in
        ["UPDATE documents SET head_seq", "INSERT INTO events ", "FROM erased_documents", "FROM project_members"]
    {
        assert!(statements.iter().any(|statement| statement.contains(known)), "{known}: {statements:#?}");
    }
    let mut wrong = Vec::new();
    for statement in &statements {
        wrong.extend(faults(statement, &test.generic_plan(statement).await));
    }
    assert!(wrong.is_empty(), "{} read a table or an index whole:\n\n{}", wrong.len(), wrong.join("\n\n"));
}

#[tokio::test]
async fn a_statement_that_reads_a_table_or_an_index_whole_is_found() {
    let test = TestDatabase::new().await;
    for statement in [
        "SELECT title FROM nodes ORDER BY id",
        "SELECT title FROM nodes WHERE title = $1",
        "SELECT since FROM abandoned_blobs ORDER BY since",
    ] {
        let plan = test.generic_plan(statement).await;
        assert_ne!(faults(statement, &plan), [""; 0], "{plan}");
    }
    let by_id = "SELECT title FROM nodes WHERE id = $1";
    assert_eq!(faults(by_id, &test.generic_plan(by_id).await), [""; 0]);
}

/// The statement in which this part is.
fn statement_with(part: &str) -> String {
    let found = statements().into_iter().find(|statement| statement.contains(part));
    found.unwrap_or_else(|| panic!("no statement has {part}"))
}

#[tokio::test]
async fn searches_go_along_their_indexes_in_spite_of_row_level_security() {
    let test = TestDatabase::new().await;
    let by_words = test.generic_plan(&statement_with("FROM search_words\n")).await;
    let of_range = "Index Cond: ((org_id = $1) AND (word >= (asked.word)::text) AND (word < (asked.range_end)::text))";
    assert!(by_words.contains(of_range), "{by_words}");
    let by_meaning = test.unsorted_plan(&statement_with("FROM search_passages p JOIN search_entries e")).await;
    assert!(by_meaning.contains("Index Scan using search_passages_embedding"), "{by_meaning}");
}

#[tokio::test]
async fn every_list_has_its_order_of_an_index() {
    let test = TestDatabase::new().await;
    for (list, statement) in statements::of_lists() {
        let plan = test.unsorted_plan(&statement).await;
        assert_eq!(read_whole(&plan).next(), None, "{list}: {statement}\n{plan}");
        let may_sort = SORTED.iter().any(|sorted| list.starts_with(sorted));
        assert!(may_sort || !plan.contains("Sort"), "{list}: {statement}\n{plan}");
    }
}
