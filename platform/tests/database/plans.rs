//! Every statement finds the rows that it wants by an index.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use platform::db::statements;
use platform::testing::TestDatabase;
use serde_json::Value;

/// What is read whole on purpose, with what tells the statement: small tables, for operators.
const SWEPT: &[(&str, &str)] = &[("quarantine_days", "sum(left_out)"), ("webhooks", "active AND failures > 0")];

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

#[tokio::test]
async fn every_statement_uses_an_index() {
    let test = TestDatabase::new().await;
    let statements = statements();
    assert!(statements.len() > 150, "{}", statements.len());
    let mut wrong = BTreeSet::new();
    for statement in &statements {
        let plan = test.generic_plan(statement).await;
        for table in read_whole(&plan) {
            let is_meant = SWEPT.iter().any(|(swept, part)| *swept == table && statement.contains(part));
            if !is_meant {
                wrong.insert(format!("{table}: {statement}\n{plan}"));
            }
        }
    }
    let wrong: Vec<_> = wrong.into_iter().collect();
    assert!(wrong.is_empty(), "{} read a table whole:\n\n{}", wrong.len(), wrong.join("\n\n"));
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
