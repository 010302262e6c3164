//! What can be found, by whom, and how it follows what nodes and files say.

mod bounds;

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::access::{OrgRole, ProjectRole};
use platform::db::audit::Actor;
use platform::db::nodes::{AuthorType, NodeProjection, ProjectedNode};
use platform::db::projects;
use platform::db::search::{self, About, Filter, Found, Kind, NewEntry, SearchCursor, Viewer};
use platform::embedding::Embedder;
use platform::search::passages::with_title;
use platform::testing::TestDatabase;
use schema::ids::{FileId, OrgId, ProjectId, UserId};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::nodes::{Canvas, canvas, node, port};

/// Waiting for nobody: what is claimed for so long is due again.
const NO_TIME: Duration = Duration::ZERO;

impl Canvas {
    /// Does what the indexer does, until nothing waits.
    async fn index(&self) -> usize {
        let mut indexed = 0;
        loop {
            let mut tx = self.test.db.org(self.org).await.unwrap();
            let count = search::index_nodes(&mut tx, 100).await.unwrap();
            tx.commit().await.unwrap();
            if count == 0 {
                return indexed;
            }
            indexed += count;
        }
    }

    /// Computes all embeddings with the built-in embedder.
    async fn embed(&self) -> u64 {
        self.test.sabotage("UPDATE search_passages SET due_at = now()").await;
        let waiting = search::claim(&self.test.db, 1_000, NO_TIME).await.unwrap();
        let texts: Vec<String> = waiting.iter().map(|it| with_title(&it.title, &it.text)).collect();
        let embeddings = Embedder::Lexical.embed(&texts).await.unwrap();
        let embedded: Vec<_> = waiting.into_iter().zip(embeddings).collect();
        search::write(&self.test.db, Embedder::Lexical.name(), &embedded).await.unwrap()
    }

    async fn put(&self, about: About, title: &str, text: &str) {
        put(&self.test, self.org, NewEntry { about, project: Some(self.project), title, text }).await;
    }

    async fn found(&self, query: &str) -> Vec<String> {
        titles(&find(&self.test, self.org, self.owner, query, &Filter::default()).await)
    }

    async fn nearest(&self, query: &str, filter: &Filter) -> Vec<(String, String, f64)> {
        nearest(&self.test, self.org, self.owner, query, filter).await
    }
}

async fn put(test: &TestDatabase, org: OrgId, entry: NewEntry<'_>) {
    let mut tx = test.db.org(org).await.unwrap();
    search::put(&mut tx, &entry).await.unwrap();
    tx.commit().await.unwrap();
}

async fn find(test: &TestDatabase, org: OrgId, user: UserId, query: &str, filter: &Filter) -> Vec<Found> {
    search::find(&test.db, org, Viewer::Person(user), query, filter, None, 50).await.unwrap().items
}

async fn nearest(
    test: &TestDatabase,
    org: OrgId,
    user: UserId,
    query: &str,
    filter: &Filter,
) -> Vec<(String, String, f64)> {
    let asked = Embedder::Lexical.embed(&[query.to_owned()]).await.unwrap().remove(0);
    let name = Embedder::Lexical.name();
    let found = search::nearest(&test.db, org, user, (name, &asked), filter, 20).await.unwrap();
    found.into_iter().map(|it| (it.hit.title, it.passage, it.similarity)).collect()
}

fn titles(found: &[Found]) -> Vec<String> {
    found.iter().map(|it| it.hit.title.clone()).collect()
}

/// A file as an upload leaves it, of a project or of the whole organization.
async fn file(test: &TestDatabase, org: OrgId, project: Option<ProjectId>, name: &str) -> About {
    let id = Uuid::new_v4();
    let project = project.map_or("NULL".to_owned(), |project| format!("'{project}'"));
    test.sabotage(&format!(
        "INSERT INTO files (id, org_id, project_id, storage_key, filename, content_type, state)
         VALUES ('{id}', '{org}', {project}, '{id}', '{name}', 'text/plain', 'complete')"
    ))
    .await;
    About::File(FileId::new(id))
}

async fn count(test: &TestDatabase, what: &str) -> i64 {
    let mut connection = PgConnection::connect(&test.superuser_url()).await.unwrap();
    let count = AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
    sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
}

fn about(node: &ProjectedNode) -> About {
    About::Node(node.id)
}

#[tokio::test]
async fn nodes_are_found_by_what_they_say_now() {
    let project = Canvas::new().await;
    let (mut first, second) = (node("The launch"), node("Backups"));
    project.write(1, &canvas(&[&first, &second])).await;
    let mut output = port("Rockets and champagne");
    output.label = Some("Shopping".to_owned());
    output.url = Some("https://example.com/fireworks".to_owned());
    output.data = Some(json!({"guests": "forty"}));
    let content =
        NodeProjection { description: "A party in spring.".into(), outputs: vec![output], ..NodeProjection::default() };
    project.write_node(first.id, 0, &content).await;
    assert_eq!(project.index().await, 2);
    for query in ["launch", "party spring", "champagne rockets", "shopping", "fireworks", "forty guests"] {
        assert_eq!(project.found(query).await, ["The launch"], "{query}");
    }
    // Nothing has changed but its place.
    first.x = 99.0;
    project.write(2, &canvas(&[&first, &second])).await;
    assert_eq!(project.index().await, 0);
    project.write_node(first.id, 0, &NodeProjection { description: "A picnic.".into(), ..Default::default() }).await;
    assert_eq!(project.index().await, 1);
    assert_eq!(project.found("picnic").await, ["The launch"]);
    assert_eq!(project.found("party").await, [""; 0]);
    assert_eq!(project.found("champagne").await, [""; 0]);
}

#[tokio::test]
async fn what_is_in_the_trash_or_gone_is_not_found() {
    let project = Canvas::new().await;
    let (mut first, second) = (node("One launch"), node("Another launch"));
    project.write(1, &canvas(&[&first, &second])).await;
    project.index().await;
    assert_eq!(project.found("launch").await.len(), 2);
    first.deleted_at = Some(Utc::now());
    project.write(2, &canvas(&[&first, &second])).await;
    // At once, and not only when it is indexed.
    assert_eq!(project.found("launch").await, ["Another launch"]);
    project.index().await;
    assert_eq!(count(&project.test, "search_entries").await, 1);
    first.deleted_at = None;
    project.write(3, &canvas(&[&first])).await;
    project.index().await;
    assert_eq!(project.found("launch").await, ["One launch"]);
    projects::delete(&project.test.db, project.org, project.project, &Actor::SYSTEM).await.unwrap();
    assert_eq!(project.found("launch").await, [""; 0]);
    project.embed().await;
    assert_eq!(project.nearest("launch", &Filter::default()).await, []);
}

#[tokio::test]
async fn a_transaction_that_is_broken_off_loses_nothing() {
    let project = Canvas::new().await;
    let first = node("The launch");
    project.write(1, &canvas(&[&first])).await;
    let mut tx = project.test.db.org(project.org).await.unwrap();
    assert_eq!(search::index_nodes(&mut tx, 100).await.unwrap(), 1);
    // Nobody else takes it meanwhile, and nobody waits for it.
    let mut another = project.test.db.org(project.org).await.unwrap();
    assert_eq!(search::index_nodes(&mut another, 100).await.unwrap(), 0);
    drop(another);
    drop(tx);
    assert_eq!(project.found("launch").await, [""; 0]);
    assert_eq!(search::with_nodes_waiting(&project.test.db).await.unwrap(), [project.org]);
    assert_eq!(project.index().await, 1);
    assert_eq!(project.found("launch").await, ["The launch"]);
    assert_eq!(search::with_nodes_waiting(&project.test.db).await.unwrap(), []);
}

#[tokio::test]
async fn a_change_that_is_not_committed_yet_is_not_missed() {
    let project = Canvas::new().await;
    let first = node("Before");
    project.write(1, &canvas(&[&first])).await;
    // The node waits already when it is changed once more.
    let mut change = PgConnection::connect(&project.test.superuser_url()).await.unwrap();
    let sql = format!("BEGIN; UPDATE nodes SET title = 'After' WHERE id = '{}'", first.id);
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut change).await.unwrap();
    assert_eq!(project.index().await, 0, "it is left until the change is there to be read");
    sqlx::raw_sql("COMMIT").execute(&mut change).await.unwrap();
    assert_eq!(project.index().await, 1);
    assert_eq!(project.found("after").await, ["After"]);
}

#[tokio::test]
async fn a_node_that_cannot_be_indexed_waits_behind_the_others() {
    let project = Canvas::new().await;
    let (first, second) = (node("first"), node("second"));
    project.write(1, &canvas(&[&first, &second])).await;
    let oldest =
        |node: &ProjectedNode| format!("SELECT node_id = '{}' FROM search_queue ORDER BY since LIMIT 1", node.id);
    let sql = format!("UPDATE search_queue SET since = now() - interval '1 hour' WHERE node_id = '{}'", first.id);
    project.test.sabotage(&sql).await;
    search::set_back(&project.test.db, project.org).await.unwrap();
    assert!(project.test.is_so(&oldest(&second)).await);
    assert_eq!(project.index().await, 2);
}

#[tokio::test]
async fn titles_come_first_and_then_what_says_it_most() {
    let project = Canvas::new().await;
    let nodes: Vec<ProjectedNode> = ["Launch", "Launches of 2026", "Often", "Once", "Never"].map(node).into();
    project.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    let often = NodeProjection { description: "launch, launch and launch".into(), ..NodeProjection::default() };
    project.write_node(nodes[2].id, 0, &often).await;
    let once = NodeProjection { description: "We launch".into(), ..NodeProjection::default() };
    project.write_node(nodes[3].id, 0, &once).await;
    project.index().await;
    assert_eq!(project.found("LAUNCH").await, ["Launch", "Launches of 2026", "Often", "Once"]);
    let found = find(&project.test, project.org, project.owner, "launch", &Filter::default()).await;
    assert!(found.iter().all(|it| it.score > 0.0 && it.score <= 1.0), "{found:?}");
    assert_eq!(project.found("launch we").await, ["Once"]);
    assert_eq!(project.found("lau").await.len(), 4);
    assert_eq!(project.found("aunch").await, [""; 0]);
}

#[tokio::test]
async fn pages_go_on_where_they_ended_even_among_equals() {
    let project = Canvas::new().await;
    let nodes: Vec<ProjectedNode> = (0..7).map(|_| node("The same launch")).collect();
    project.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    project.index().await;
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let db = &project.test.db;
        let page = search::find(db, project.org, Viewer::Person(project.owner), "launch", &Filter::default(), after, 2)
            .await
            .unwrap();
        seen.extend(page.items.into_iter().map(|it| it.hit.about));
        let Some(next) = page.next else { break };
        after = Some(next.to_string().parse::<SearchCursor>().unwrap());
    }
    let all: std::collections::HashSet<About> = nodes.iter().map(about).collect();
    assert_eq!((seen.len(), seen.into_iter().collect::<std::collections::HashSet<_>>()), (7, all));
}

#[tokio::test]
async fn any_language_and_any_characters_can_be_looked_for() {
    let project = Canvas::new().await;
    let nodes: Vec<ProjectedNode> =
        ["東京都の天気", "Ærø & café", "It's 'quoted' | !here: *x*", "ทุกคนสวัสดีครับ"].map(node).into();
    project.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    project.index().await;
    for (query, index) in [
        ("天気", 0),
        ("京", 0),
        ("天気 東京", 0),
        ("ærø", 1),
        ("CAFE\u{301}", 1),
        ("it's", 2),
        ("'quoted' & x", 2),
        ("สวัสดี", 3),
    ] {
        assert_eq!(project.found(query).await, [nodes[index].title.as_str()], "{query}");
    }
    for harmless in [
        "&",
        "|",
        "!",
        ":*",
        "'",
        "''; DROP TABLE nodes; --",
        "\\",
        "\"",
        "( )",
        "%",
        "_",
        "<->",
        "a & ! b",
        "\u{10ffff}",
        "…",
    ] {
        assert_eq!(project.found(harmless).await, [""; 0], "{harmless}");
    }
}

#[tokio::test]
async fn filters_leave_out_what_they_say() {
    let project = Canvas::new().await;
    let mut nodes: Vec<ProjectedNode> = ["Launch a", "Launch b", "Launch c"].map(node).into();
    nodes[0].status = "done".to_owned();
    let author = UserId::new(Uuid::new_v4());
    nodes[0].author = Some(author);
    nodes[1].author_type = AuthorType::Agent;
    nodes[2].metadata = json!({"tags": ["urgent"]});
    project.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    project.index().await;
    let of_all = file(&project.test, project.org, None, "launch.txt").await;
    put(&project.test, project.org, NewEntry { about: of_all, project: None, title: "Launch file", text: "" }).await;
    let found = async |filter: Filter| {
        let mut titles = titles(&find(&project.test, project.org, project.owner, "launch", &filter).await);
        titles.sort_unstable();
        titles
    };
    let all = Filter::default;
    assert_eq!(found(all()).await.len(), 4);
    assert_eq!(found(Filter { kinds: vec![Kind::File], ..all() }).await, ["Launch file"]);
    assert_eq!(found(Filter { kinds: vec![Kind::Node], ..all() }).await.len(), 3);
    assert_eq!(found(Filter { statuses: vec!["done".into()], ..all() }).await, ["Launch a"]);
    assert_eq!(found(Filter { author_type: Some(AuthorType::Agent), ..all() }).await, ["Launch b"]);
    assert_eq!(found(Filter { authors: vec![author, project.owner], ..all() }).await, ["Launch a"]);
    assert_eq!(found(Filter { tags: vec!["urgent".into(), "x".into()], ..all() }).await, ["Launch c"]);
    assert_eq!(found(Filter { project: Some(project.project), ..all() }).await.len(), 3);
    assert_eq!(found(Filter { project: Some(ProjectId::new(Uuid::new_v4())), ..all() }).await.len(), 0);
    let hour = chrono::TimeDelta::hours(1);
    assert_eq!(found(Filter { updated_since: Some(Utc::now() - hour), ..all() }).await.len(), 4);
    assert_eq!(found(Filter { updated_since: Some(Utc::now() + hour), ..all() }).await.len(), 0);
    assert_eq!(found(Filter { updated_since: Some(DateTime::<Utc>::MIN_UTC), ..all() }).await.len(), 4);
    project.embed().await;
    let near = async |filter: Filter| project.nearest("launch", &filter).await.len();
    assert_eq!(near(all()).await, 4);
    assert_eq!(near(Filter { kinds: vec![Kind::File], ..all() }).await, 1);
    assert_eq!(near(Filter { statuses: vec!["done".into()], ..all() }).await, 1);
    assert_eq!(near(Filter { authors: vec![author], ..all() }).await, 1);
    assert_eq!(near(Filter { tags: vec!["urgent".into()], ..all() }).await, 1);
    assert_eq!(near(Filter { project: Some(project.project), ..all() }).await, 3);
}

#[tokio::test]
async fn nobody_finds_what_they_may_not_see() {
    let project = Canvas::new().await;
    let test = &project.test;
    let secret = node("The secret launch");
    project.write(1, &canvas(&[&secret])).await;
    project.index().await;
    let of_project = file(test, project.org, Some(project.project), "a.txt").await;
    project.put(of_project, "A launch in a file", "").await;
    let of_all = file(test, project.org, None, "b.txt").await;
    put(test, project.org, NewEntry { about: of_all, project: None, title: "A launch for all", text: "" }).await;
    project.embed().await;
    let (member, guest, viewer, stranger) = (
        test.user("member").await.id,
        test.user("guest").await.id,
        test.user("viewer").await.id,
        test.user("cy").await.id,
    );
    test.org_member(project.org, member, OrgRole::Member).await;
    test.org_member(project.org, guest, OrgRole::Guest).await;
    test.org_member(project.org, viewer, OrgRole::Guest).await;
    test.project_member(project.org, project.project, viewer, ProjectRole::Viewer).await;
    let others = test.org(stranger).await;
    for (who, org, expected) in [
        (project.owner, project.org, 3),
        (member, project.org, 3),
        (viewer, project.org, 2),
        (guest, project.org, 0),
        (stranger, project.org, 0),
        (stranger, others, 0),
        // A member of both finds nothing of one in the other.
        (project.owner, others, 0),
    ] {
        assert_eq!(find(test, org, who, "launch", &Filter::default()).await.len(), expected);
        assert_eq!(nearest(test, org, who, "launch", &Filter::default()).await.len(), expected);
    }
    let files = [of_project, of_all].map(|it| if let About::File(id) = it { id.as_uuid() } else { Uuid::nil() });
    for (who, org, expected) in [
        (member, project.org, (1, 2)),
        (viewer, project.org, (1, 1)),
        (guest, project.org, (0, 0)),
        (stranger, others, (0, 0)),
    ] {
        let (nodes, files) = search::texts(&test.db, org, who, &[secret.id], &files, 100).await.unwrap();
        assert_eq!((nodes.len(), files.len()), expected);
    }
    // Another organization can neither remove nor replace an entry.
    let mut tx = test.db.org(others).await.unwrap();
    search::remove(&mut tx, about(&secret)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(project.found("secret").await, ["The secret launch"]);
}

#[tokio::test]
async fn an_entry_is_written_anew_only_if_it_says_something_else() {
    let project = Canvas::new().await;
    let it = node("x");
    project.write(1, &canvas(&[&it])).await;
    project.index().await;
    let paragraph = |word: &str| format!("{word} ").repeat(200).trim().to_owned();
    let text = [paragraph("one"), paragraph("two"), paragraph("six")].join("\n\n");
    project.put(about(&it), "Title", &text).await;
    assert_eq!(count(&project.test, "search_passages").await, 3);
    assert_eq!(project.embed().await, 3);
    let embedded = "search_passages WHERE embedding IS NOT NULL AND embedder = 'lexical-hash-1'";
    assert_eq!(count(&project.test, embedded).await, 3);
    project.put(about(&it), "Title", &text).await;
    assert_eq!(count(&project.test, embedded).await, 3, "the same is nothing to do");
    let text = [paragraph("one"), paragraph("ten"), paragraph("six")].join("\n\n");
    project.put(about(&it), "Title", &text).await;
    assert_eq!(count(&project.test, embedded).await, 2, "only what has changed is computed again");
    assert_eq!(project.found("ten").await, ["Title"]);
    assert_eq!(project.found("two").await, [""; 0]);
    project.put(about(&it), "Another title", &paragraph("one")).await;
    assert_eq!((count(&project.test, embedded).await, count(&project.test, "search_passages").await), (0, 1));
    project.put(about(&it), "Only a title\0", "").await;
    assert_eq!(count(&project.test, "search_passages WHERE text = ''").await, 1);
    let mut tx = project.test.db.org(project.org).await.unwrap();
    search::remove(&mut tx, about(&it)).await.unwrap();
    tx.commit().await.unwrap();
    for table in ["search_entries", "search_words", "search_passages"] {
        assert_eq!(count(&project.test, table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn embeddings_are_written_only_where_they_still_fit() {
    let project = Canvas::new().await;
    let (it, other) = (node("x"), node("y"));
    project.write(1, &canvas(&[&it, &other])).await;
    project.index().await;
    project.embed().await;
    project.put(about(&it), "Title", "One").await;
    project.put(about(&other), "Other", "Two").await;
    project.test.sabotage("UPDATE search_passages SET due_at = now()").await;
    let claimed = search::claim(&project.test.db, 10, Duration::from_hours(1)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    assert_eq!(search::claim(&project.test.db, 10, NO_TIME).await.unwrap(), [], "they are somebody's");
    project.put(about(&it), "Title", "Three").await;
    let embeddings = Embedder::Lexical.embed(&["a".to_owned(), "b".to_owned()]).await.unwrap();
    let embedded: Vec<_> = claimed.into_iter().zip(embeddings).collect();
    assert_eq!(search::write(&project.test.db, "some", &embedded).await.unwrap(), 1);
    project.put(about(&other), "Another", "Two").await;
    assert_eq!(search::write(&project.test.db, "some", &embedded).await.unwrap(), 0);
    assert_eq!(search::waiting(&project.test.db).await.unwrap().passages, 2);
}

#[tokio::test]
async fn what_fails_waits_and_other_embedders_are_forgotten() {
    let project = Canvas::new().await;
    project.write(1, &canvas(&[&node("x"), &node("y")])).await;
    project.index().await;
    let claimed = search::claim(&project.test.db, 10, NO_TIME).await.unwrap();
    assert_eq!(claimed.iter().map(|it| it.attempts).collect::<Vec<_>>(), [1, 1]);
    let failed = [(claimed[0].clone(), Some(Duration::from_hours(1))), (claimed[1].clone(), None)];
    search::postpone(&project.test.db, &failed).await.unwrap();
    assert_eq!(search::claim(&project.test.db, 10, NO_TIME).await.unwrap(), []);
    assert_eq!(search::waiting(&project.test.db).await.unwrap().passages, 1, "the other one is given up");
    assert_eq!(project.embed().await, 2);
    assert_eq!(search::forget_other_embedders(&project.test.db, "lexical-hash-1").await.unwrap(), 0);
    assert_eq!(search::forget_other_embedders(&project.test.db, "openai:m").await.unwrap(), 2);
    assert_eq!(project.nearest("x", &Filter::default()).await, []);
    assert_eq!(search::claim(&project.test.db, 10, NO_TIME).await.unwrap().len(), 2);
}

#[tokio::test]
async fn the_nearest_passage_of_each_entry_is_found() {
    let project = Canvas::new().await;
    let (plan, backups) = (node("Plan"), node("Backups"));
    project.write(1, &canvas(&[&plan, &backups])).await;
    project.index().await;
    let about_money = "The budget is small, and money is short. ".repeat(25);
    let about_party = "We launch with a party: music, rockets and champagne. ".repeat(20);
    project.put(about(&plan), "Plan", &format!("{about_money}\n\n{about_party}")).await;
    project.put(about(&backups), "Backups", "Servers are patched on Tuesdays.").await;
    assert!(project.embed().await >= 3);
    let found = project.nearest("a launch party with champagne", &Filter::default()).await;
    assert_eq!(found.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["Plan", "Backups"]);
    assert!(found[0].1.starts_with("We launch") && found[0].2 > 0.3, "{found:?}");
    assert!(found.iter().all(|it| (0.0..=1.0).contains(&it.2)) && found[0].2 > found[1].2 + 0.1, "{found:?}");
}

#[tokio::test]
async fn what_waits_is_overdue_from_when_somebody_could_have_done_it() {
    let project = Canvas::new().await;
    let overdue = async || {
        let backlog = search::waiting(&project.test.db).await.unwrap();
        (backlog.nodes_overdue.as_secs(), backlog.passages_overdue.as_secs())
    };
    assert_eq!(overdue().await, (0, 0), "there is nothing");
    project.write(1, &canvas(&[&node("x")])).await;
    project.test.sabotage("UPDATE search_queue SET since = now() - interval '10 minutes'").await;
    let (nodes, passages) = overdue().await;
    assert!((600..700).contains(&nodes) && passages == 0, "{nodes} {passages}");
    project.index().await;
    project.test.sabotage("UPDATE search_passages SET due_at = now() - interval '20 minutes'").await;
    let (nodes, passages) = overdue().await;
    assert!((1_200..1_300).contains(&passages) && nodes == 0, "{nodes} {passages}");
    let claimed = search::claim(&project.test.db, 10, Duration::from_hours(1)).await.unwrap();
    assert_eq!((claimed.len(), overdue().await), (1, (0, 0)), "somebody embeds it");
}

/// The trigger of the queue, as the server's own role meets it.
#[tokio::test]
async fn a_node_is_noted_once_however_often_it_changes() {
    let project = Canvas::new().await;
    let mut it = node("x");
    for seq in 1..=3 {
        it.title = format!("x{seq}");
        project.write(seq, &canvas(&[&it])).await;
    }
    assert_eq!(count(&project.test, "search_queue").await, 1);
    assert_eq!(search::waiting(&project.test.db).await.unwrap().nodes, 1);
    assert_eq!(project.index().await, 1);
    assert_eq!(project.found("x3").await, ["x3"]);
}
