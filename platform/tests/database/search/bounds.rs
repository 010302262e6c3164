//! What searching and indexing may cost, whatever else there is in the organization and beside it.

use std::collections::HashSet;
use std::time::Duration;

use platform::access::{OrgRole, ProjectRole};
use platform::db::audit::Actor;
use platform::db::nodes::{NodeProjection, ProjectedNode};
use platform::db::projects;
use platform::db::search::{self, FITTING_MAX, Filter, Found, NewEntry, Viewer};
use platform::embedding::Embedder;
use schema::ids::ProjectId;
use tokio::time::timeout;

use super::{NO_TIME, about, count, file, find, put};
use crate::nodes::{Canvas, canvas, node};

/// Searches at the same time, at most: a quarter of a test's connections.
const SEARCHES_AT_ONCE: usize = 2;

/// Adds files that have the word launch, with this weight.
async fn add_files(of: &Canvas, project: Option<ProjectId>, count: i64, weight: f32) {
    let org = of.org;
    let project = project.map_or("NULL".to_owned(), |project| format!("'{project}'"));
    let sql = format!(
        "WITH new AS (
             INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type, state)
             SELECT gen_random_uuid(), '{org}', {project}, gen_random_uuid(), 'a.txt', 'text/plain', 'complete'
             FROM generate_series(1, {count}) RETURNING id, project_id),
         entries AS (
             INSERT INTO search_entries (org_id, project_id, file_id, title, text, digest)
             SELECT '{org}', project_id, id, 'A file', 'launch', '' FROM new RETURNING id)
         INSERT INTO search_words (org_id, word, entry_id, weight) SELECT '{org}', 'launch', id, {weight} FROM entries"
    );
    of.test.sabotage(&sql).await;
}

/// All that is found, page by page.
async fn pages(of: &Canvas, query: &str, filter: &Filter, limit: usize) -> Vec<Found> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let (db, org, owner) = (&of.test.db, of.org, of.owner);
        let page = search::find(db, org, Viewer::Person(owner), query, filter, after, limit).await.unwrap();
        all.extend(page.items);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

#[tokio::test]
async fn of_more_than_can_be_looked_at_pages_hold_each_of_the_best_once() {
    let project = Canvas::new().await;
    add_files(&project, None, FITTING_MAX + 20, 0.25).await;
    add_files(&project, Some(project.project), 30, 0.125).await;
    let all = pages(&project, "launch", &Filter::default(), 4_000).await;
    let different: HashSet<_> = all.iter().map(|it| it.hit.about).collect();
    assert_eq!((all.len(), different.len()), (10_000, 10_000));
    assert!(all.iter().all(|it| it.hit.project.is_none()), "they fit best");
    // What does not belong to the project takes no room from what does, nor what a guest does not see.
    let of_project = Filter { project: Some(project.project), ..Filter::default() };
    assert_eq!(pages(&project, "launch", &of_project, 50).await.len(), 30);
    let guest = project.test.user("guest").await.id;
    project.test.org_member(project.org, guest, OrgRole::Guest).await;
    assert_eq!(find(&project.test, project.org, guest, "launch", &Filter::default()).await.len(), 0);
    project.test.project_member(project.org, project.project, guest, ProjectRole::Viewer).await;
    assert_eq!(find(&project.test, project.org, guest, "launch", &Filter::default()).await.len(), 30);
}

#[tokio::test]
async fn searches_leave_connections_to_everybody_else() {
    let project = Canvas::new().await;
    let test = &project.test;
    let lock = test.lock("search_words").await;
    let waiting = "count(*) FROM pg_locks WHERE relation = 'search_words'::regclass AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    let search = || {
        let (db, org, owner) = (test.db.clone(), project.org, project.owner);
        tokio::spawn(async move {
            search::find(&db, org, Viewer::Person(owner), "launch", &Filter::default(), None, 10).await
        })
    };
    // A search that is given up goes on in the database until it is at its end.
    for _ in 0..8 {
        let given_up = search();
        while !test.is_so(&format!("SELECT 0 < {waiting}")).await {}
        given_up.abort();
    }
    let searches: Vec<_> = (0..8).map(|_| search()).collect();
    while !test.is_so(&format!("SELECT {SEARCHES_AT_ONCE} <= {waiting}")).await {}
    for _ in 0..20 {
        timeout(Duration::from_secs(5), test.db.ping()).await.expect("there are connections left").unwrap();
    }
    assert!(test.is_so(&format!("SELECT {SEARCHES_AT_ONCE} = {waiting}")).await);
    drop(lock);
    for search in searches {
        assert_eq!(search.await.unwrap().unwrap().items, []);
    }
}

#[tokio::test]
async fn an_organization_is_not_kept_waiting_by_what_waits_in_another() {
    let project = Canvas::new().await;
    let others = project.test.org(project.test.user("bob").await.id).await;
    project.write(1, &canvas(&[&node("The launch")])).await;
    let sql = format!(
        "INSERT INTO search_queue (node_id, org_id, since)
         SELECT gen_random_uuid(), '{others}', now() - interval '1 hour' FROM generate_series(1, 1001)"
    );
    project.test.sabotage(&sql).await;
    assert_eq!(search::with_nodes_waiting(&project.test.db).await.unwrap(), [others, project.org]);
}

#[tokio::test]
async fn passages_of_all_organizations_are_embedded_in_turn() {
    let project = Canvas::new().await;
    let nodes: Vec<ProjectedNode> = ["One", "Two", "Three"].map(node).into();
    project.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    project.index().await;
    let others = project.test.org(project.test.user("bob").await.id).await;
    let of_others = file(&project.test, others, None, "b.txt").await;
    put(&project.test, others, NewEntry { about: of_others, project: None, title: "Theirs", text: "" }).await;
    let sql = "UPDATE search_passages SET due_at = now() - interval '1 hour' WHERE org_id";
    project.test.sabotage(&format!("{sql} = '{}'", project.org)).await;
    let titles = |claimed: Vec<search::Waiting>| claimed.into_iter().map(|it| it.title).collect::<HashSet<_>>();
    let first = titles(search::claim(&project.test.db, 2, Duration::from_hours(1)).await.unwrap());
    assert!(first.len() == 2 && first.contains("Theirs"), "{first:?}");
    // Who is alone gets all of them.
    assert_eq!(titles(search::claim(&project.test.db, 2, NO_TIME).await.unwrap()).len(), 2);
}

#[tokio::test]
async fn words_that_stay_are_not_touched() {
    let project = Canvas::new().await;
    let it = node("x");
    project.write(1, &canvas(&[&it])).await;
    project.index().await;
    project.put(about(&it), "Title", "one two two three").await;
    project.put(about(&it), "Title", "one two two two four").await;
    // Who locks a row leaves a mark on it, even if nothing is written then.
    let stayed = "search_words WHERE word IN ('one', 'title')";
    assert_eq!(count(&project.test, stayed).await, 2);
    assert_eq!(count(&project.test, &format!("{stayed} AND xmax::text = '0'")).await, 2);
    assert_eq!(count(&project.test, "search_words WHERE word = 'two' AND abs(weight - 0.2) < 0.001").await, 1);
    assert_eq!(project.found("four two").await, ["Title"]);
    assert_eq!(project.found("three").await, [""; 0]);
}

#[tokio::test]
async fn a_long_text_waits_for_more_changes() {
    let project = Canvas::new().await;
    let it = node("The launch");
    project.write(1, &canvas(&[&it])).await;
    assert_eq!(project.index().await, 1);
    let long = NodeProjection { description: "rockets ".repeat(50_000), ..NodeProjection::default() };
    project.write_node(it.id, 0, &long).await;
    assert_eq!(search::with_nodes_waiting(&project.test.db).await.unwrap(), []);
    assert_eq!(project.index().await, 0);
    assert!(project.test.is_so("SELECT since < now() + interval '10 seconds' FROM search_queue").await);
    project.test.sabotage("UPDATE search_queue SET since = now()").await;
    assert_eq!(project.index().await, 1);
    assert_eq!(project.found("rockets").await, ["The launch"]);
}

#[tokio::test]
async fn among_many_passages_the_index_leads_to_the_nearest() {
    let project = Canvas::new().await;
    let (plan, backups) = (node("Plan"), node("Backups"));
    project.write(1, &canvas(&[&plan, &backups])).await;
    project.index().await;
    project.put(about(&plan), "Plan", "We launch with a party and rockets.").await;
    project.put(about(&backups), "Backups", "Servers are patched on Tuesdays.").await;
    assert_eq!(project.embed().await, 2);
    let asked = Embedder::Lexical.embed(&["a party for the launch".to_owned()]).await.unwrap().remove(0);
    let nearest = async |limit: usize| {
        let (db, org, asked) = (&project.test.db, project.org, (Embedder::Lexical.name(), &asked));
        let found = search::nearest(db, org, project.owner, asked, &Filter::default(), limit).await.unwrap();
        found.into_iter().map(|it| it.hit.title).collect::<Vec<_>>()
    };
    // More than are all compared at once, and then more than are compared at all.
    for (from, to) in [(1, 2_100), (2_101, 10_100)] {
        let sql = format!(
            "INSERT INTO search_passages (entry_id, ordinal, org_id, text, due_at)
             SELECT id, ordinal, org_id, 'waits', 'infinity' FROM search_entries, generate_series({from}, {to}) ordinal
             WHERE title = 'Backups'"
        );
        project.test.sabotage(&sql).await;
        assert_eq!(nearest(20).await, ["Plan", "Backups"], "{to}");
        assert_eq!(nearest(1).await, ["Plan"], "{to}");
    }
}

#[tokio::test]
async fn a_text_of_many_passages_takes_no_room_from_others() {
    let project = Canvas::new().await;
    let (plan, backups) = (node("Plan"), node("Backups"));
    project.write(1, &canvas(&[&plan, &backups])).await;
    project.index().await;
    assert_eq!(project.embed().await, 2);
    let sql = "INSERT INTO search_passages (entry_id, ordinal, org_id, text, embedder, embedding)
        SELECT p.entry_id, p.ordinal + more, p.org_id, p.text, p.embedder, p.embedding
        FROM search_passages p JOIN search_entries e ON e.id = p.entry_id, generate_series(1, 300) more
        WHERE e.title = 'Plan'";
    project.test.sabotage(sql).await;
    let found = project.nearest("plan", &Filter::default()).await;
    let titles: Vec<&str> = found.iter().map(|(title, ..)| title.as_str()).collect();
    assert_eq!(titles, ["Plan", "Backups"]);
}

#[tokio::test]
async fn a_project_in_the_trash_takes_no_room_from_others() {
    let project = Canvas::new().await;
    let thrown_away = project.test.project(project.org).await;
    add_files(&project, Some(thrown_away), FITTING_MAX + 20, 0.5).await;
    add_files(&project, None, 30, 0.25).await;
    projects::delete(&project.test.db, project.org, thrown_away, &Actor::SYSTEM).await.unwrap();
    assert_eq!(pages(&project, "launch", &Filter::default(), 50).await.len(), 30);
}
