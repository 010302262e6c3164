//! Lists of nodes: what filters let through, in which order, and what they cost.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use platform::db::nodes::{self, AuthorType, NodeFilter, NodeSort, ParentFilter, Trash};
use platform::db::{Db, PageRequest, Sort, SortKey};
use platform::testing::TestDatabase;
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use uuid::Uuid;

/// So many nodes, of which those with a number that is divisible by something differ from others.
struct Nodes {
    test: TestDatabase,
    org: OrgId,
    project: ProjectId,
    ada: UserId,
}

impl Nodes {
    async fn new(count: u32) -> Self {
        let nodes = Self::just_written(count).await;
        nodes.test.sabotage("ANALYZE").await;
        nodes
    }

    /// Of which the database has no statistics yet.
    async fn just_written(count: u32) -> Self {
        let test = TestDatabase::new().await;
        let ada = test.user("ada").await.id;
        let org = test.org(ada).await;
        let project = test.project(org).await;
        let other = test.project(org).await;
        for project in [project, other] {
            test.sabotage(&insertion(org, project, ada, count)).await;
            test.sabotage(&versions_of(project)).await;
        }
        Self { test, org, project, ada }
    }

    fn db(&self) -> &Db {
        &self.test.db
    }

    /// The numbers of the nodes that a filter lets through.
    async fn numbers(&self, filter: NodeFilter) -> BTreeSet<u32> {
        let page = PageRequest::sorted(Sort::ascending(NodeSort::CreatedAt), None, Some(200));
        let page = nodes::list(self.db(), self.org, self.project, &filter, page).await.unwrap();
        assert_eq!(page.next, None);
        page.items.iter().map(|node| number_of(node.node.id)).collect()
    }

    async fn expect(&self, filter: NodeFilter, is_expected: impl Fn(u32) -> bool) {
        let expected: BTreeSet<u32> = (1..=60).filter(|number| is_expected(*number)).collect();
        assert!(!expected.is_empty() && expected.len() < 60, "a filter that is worth its test");
        assert_eq!(self.numbers(filter.clone()).await, expected, "{filter:?}");
    }
}

/// The node of a number in the first project.
fn node(project: ProjectId, number: u32) -> NodeId {
    NodeId::new(Uuid::from_u128((project.as_uuid().as_u128() & !0xffff_ffff) | u128::from(number)))
}

fn number_of(node: NodeId) -> u32 {
    u32::try_from(node.as_uuid().as_u128() & 0xffff_ffff).unwrap()
}

fn insertion(org: OrgId, project: ProjectId, author: UserId, count: u32) -> String {
    let id = node(project, 0).to_string();
    let prefix = &id[..id.len() - 8];
    let parent = node(project, 1);
    format!(
        r#"INSERT INTO documents (id, org_id, project_id, kind)
           SELECT ('{prefix}' || lpad(to_hex(n), 8, '0'))::uuid, '{org}', '{project}', 'node' FROM generate_series(1, {count}) n;
           INSERT INTO nodes (id, org_id, project_id, title, status, author_type, author_user_id, parent_id, metadata, x, y,
                              created_at, updated_at, deleted_at, reflects_seq)
           SELECT ('{prefix}' || lpad(to_hex(n), 8, '0'))::uuid, '{org}', '{project}',
                  CASE WHEN n % 2 = 0 THEN 'even ' ELSE 'ODD ' END || lpad((n * 7 % {count})::text, 6, '0'),
                  (ARRAY['draft', 'in_progress', 'complete'])[1 + n % 3],
                  CASE WHEN n % 4 = 0 THEN 'agent' ELSE 'human' END,
                  CASE WHEN n % 5 = 0 THEN '{author}'::uuid END,
                  CASE WHEN n % 6 = 0 THEN '{parent}'::uuid END,
                  CASE WHEN n % 7 = 0 THEN '{{"tags": ["seven", 1, null, "both"], "priority": "High"}}'::jsonb
                       WHEN n % 8 = 0 THEN '{{"tags": ["eight", "both", "both"], "dueDate": "2026-02-03"}}'
                       WHEN n % 9 = 0 THEN '{{"dueDate": "2026-03-04T05:06:07Z", "assignees": ["{author}"], "priority": "low"}}'
                       WHEN n % 11 = 0 THEN '{{"dueDate": "someday", "tags": "seven", "assignees": {{}}, "priority": 3}}'
                       ELSE '{{}}' END,
                  n, n, timestamptz '2026-01-01 00:00Z' + n * interval '1 second',
                  timestamptz '2026-06-01 00:00Z' + (n * 31 % {count}) * interval '1 second',
                  CASE WHEN n % 10 = 0 THEN timestamptz '2026-07-01 00:00Z' END, 1
           FROM generate_series(1, {count}) n;"#
    )
}

/// Two versions of each node.
fn versions_of(project: ProjectId) -> String {
    format!(
        "INSERT INTO node_versions (node_id, version, org_id, project_id, epoch, canvas_seq, node_seq, change_type,
                                    change_summary, changed_by_kind, changed_by, created_at)
         SELECT id, number, org_id, project_id, 1, 1, 1, 'updated', '', 0, id, created_at
         FROM nodes, generate_series(1, 2) number WHERE project_id = '{project}'"
    )
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[tokio::test]
async fn a_filter_lets_through_what_it_names() {
    let nodes = Nodes::new(60).await;
    let all = || NodeFilter { trash: Trash::Included, ..NodeFilter::default() };
    let is_seven = |n: u32| n.is_multiple_of(7);
    let is_eight = |n: u32| n.is_multiple_of(8) && !is_seven(n);
    let is_nine = |n: u32| n.is_multiple_of(9) && !is_seven(n) && !is_eight(n);
    nodes.expect(NodeFilter::default(), |n| !n.is_multiple_of(10)).await;
    nodes.expect(NodeFilter { trash: Trash::Only, ..all() }, |n| n.is_multiple_of(10)).await;
    nodes.expect(NodeFilter { statuses: words(&["draft"]), ..all() }, |n| n.is_multiple_of(3)).await;
    nodes.expect(NodeFilter { statuses: words(&["draft", "complete"]), ..all() }, |n| n % 3 != 1).await;
    nodes.expect(NodeFilter { authors: vec![nodes.ada], ..all() }, |n| n.is_multiple_of(5)).await;
    let agents = NodeFilter { author_type: Some(AuthorType::Agent), ..all() };
    nodes.expect(agents, |n| n.is_multiple_of(4)).await;
    let parent = node(nodes.project, 1);
    let inside = NodeFilter { parent: Some(ParentFilter::Node(parent)), ..all() };
    nodes.expect(inside, |n| n.is_multiple_of(6)).await;
    nodes.expect(NodeFilter { parent: Some(ParentFilter::Nothing), ..all() }, |n| !n.is_multiple_of(6)).await;
    nodes.expect(NodeFilter { any_tags: words(&["seven"]), ..all() }, is_seven).await;
    nodes.expect(NodeFilter { any_tags: words(&["seven", "eight"]), ..all() }, |n| is_seven(n) || is_eight(n)).await;
    nodes.expect(NodeFilter { all_tags: words(&["both", "eight"]), ..all() }, is_eight).await;
    nodes.expect(NodeFilter { assignees: vec![nodes.ada], ..all() }, is_nine).await;
    let due = NodeFilter { due_from: Some(time("2026-02-03T00:00:00Z")), ..all() };
    nodes.expect(due, |n| is_eight(n) || is_nine(n)).await;
    let due = NodeFilter { due_from: Some(time("2026-02-03T00:00:01Z")), ..all() };
    nodes.expect(due, is_nine).await;
    let due = NodeFilter { due_before: Some(time("2026-03-04T05:06:07Z")), ..all() };
    nodes.expect(due, is_eight).await;
    let changed = NodeFilter { updated_since: Some(time("2026-06-01T00:00:30Z")), ..all() };
    nodes.expect(changed, |n| n * 31 % 60 >= 30).await;
    nodes.expect(NodeFilter { title: Some("odd".to_owned()), ..all() }, |n| n % 2 == 1).await;
    nodes.expect(NodeFilter { title: Some("N 0".to_owned()), ..all() }, |n| n.is_multiple_of(2)).await;
    let both = NodeFilter { statuses: words(&["draft"]), any_tags: words(&["seven"]), ..all() };
    nodes.expect(both, |n| n.is_multiple_of(3) && is_seven(n)).await;
    let nothing = NodeFilter { title: Some("%".to_owned()), ..all() };
    assert_eq!(nodes.numbers(nothing).await, BTreeSet::new(), "no character of a title has a meaning");
}

#[tokio::test]
async fn every_order_goes_through_all_nodes_once_in_both_directions() {
    let nodes = Nodes::new(60).await;
    let filter = NodeFilter { trash: Trash::Included, ..NodeFilter::default() };
    for (word, by) in NodeSort::ALL {
        let mut runs = Vec::new();
        for sort in [Sort::ascending(*by), Sort::descending(*by)] {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page = PageRequest::sorted(sort, after.take(), Some(7));
                let page = nodes::list(nodes.db(), nodes.org, nodes.project, &filter, page).await.unwrap();
                seen.extend(page.items.iter().map(|node| number_of(node.node.id)));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), 60, "{word}");
            assert_eq!(seen.len(), 60, "{word}");
            runs.push(seen);
        }
        let backwards: Vec<u32> = runs[1].iter().rev().copied().collect();
        assert_eq!(runs[0], backwards, "{word}");
        let first = runs[0][0];
        match by {
            NodeSort::CreatedAt => assert_eq!(first, 1),
            NodeSort::UpdatedAt => assert_eq!(first, 60),
            NodeSort::Title => assert_eq!(first % 2, 0),
            NodeSort::Status => assert_eq!(first % 3, 2, "complete"),
            NodeSort::DueDate => assert!(first.is_multiple_of(8), "the earliest, and those never due last"),
            NodeSort::Priority => assert!(runs[1][0].is_multiple_of(7), "high"),
        }
    }
}

#[tokio::test]
async fn keywords_follow_the_node() {
    let nodes = Nodes::new(20).await;
    let tagged = async |tag: &str| nodes.numbers(NodeFilter { any_tags: words(&[tag]), ..NodeFilter::default() }).await;
    assert_eq!(tagged("seven").await, BTreeSet::from([7, 14]));
    let seven = node(nodes.project, 7);
    let set = |metadata: &str| format!("UPDATE nodes SET metadata = '{metadata}' WHERE id = '{seven}'");
    nodes.test.sabotage(&set(r#"{"tags": ["new"]}"#)).await;
    assert_eq!((tagged("seven").await, tagged("new").await), (BTreeSet::from([14]), BTreeSet::from([7])));
    nodes.test.sabotage(&set("{}")).await;
    assert_eq!(tagged("new").await, BTreeSet::new());
}

/// What a list of ten thousand nodes may be asked for.
fn filters(nodes: &Nodes) -> Vec<NodeFilter> {
    let default = NodeFilter::default;
    let parent = node(nodes.project, 1);
    vec![
        default(),
        NodeFilter { trash: Trash::Only, ..default() },
        NodeFilter { trash: Trash::Included, ..default() },
        NodeFilter { statuses: words(&["draft", "complete"]), ..default() },
        NodeFilter { statuses: words(&["no such state"]), ..default() },
        NodeFilter { authors: vec![nodes.ada], ..default() },
        NodeFilter { author_type: Some(AuthorType::Agent), ..default() },
        NodeFilter { parent: Some(ParentFilter::Node(parent)), ..default() },
        NodeFilter { parent: Some(ParentFilter::Nothing), ..default() },
        NodeFilter { any_tags: words(&["seven", "no such tag"]), ..default() },
        NodeFilter { all_tags: words(&["both", "eight"]), ..default() },
        NodeFilter { assignees: vec![nodes.ada], ..default() },
        NodeFilter { due_from: Some(time("2026-02-03T00:00:00Z")), ..default() },
        NodeFilter { due_before: Some(time("2026-03-04T00:00:00Z")), ..default() },
        NodeFilter { updated_since: Some(time("2026-06-01T02:00:00Z")), ..default() },
        NodeFilter { title: Some("no such title".to_owned()), ..default() },
        NodeFilter {
            statuses: words(&["draft"]),
            any_tags: words(&["both"]),
            author_type: Some(AuthorType::Agent),
            ..default()
        },
    ]
}

#[tokio::test]
async fn nodes_with_a_tag_are_looked_up_even_when_nothing_is_known_of_how_many_there_are() {
    let nodes = Nodes::just_written(2_000).await;
    let tagged = |filter: &NodeFilter| !filter.any_tags.is_empty() || !filter.all_tags.is_empty();
    for filter in filters(&nodes).into_iter().filter(tagged) {
        for (word, by) in NodeSort::ALL {
            let request = PageRequest::sorted(Sort::descending(*by), None, None);
            let plan = nodes::explain_list(nodes.db(), nodes.org, nodes.project, &filter, &request).await;
            let plan = plan.unwrap().join("\n");
            assert!(!plan.contains("Removed by Join Filter"), "each is compared with many: {word} {filter:?}\n{plan}");
        }
    }
}

#[tokio::test]
async fn every_list_of_ten_thousand_nodes_uses_an_index() {
    let nodes = Nodes::new(10_000).await;
    for filter in filters(&nodes) {
        for (word, by) in NodeSort::ALL {
            for sort in [Sort::ascending(*by), Sort::descending(*by)] {
                let first = PageRequest::sorted(sort, None, None);
                let page = nodes::list(nodes.db(), nodes.org, nodes.project, &filter, first.clone()).await.unwrap();
                let next = page.next.map(|next| PageRequest::sorted(sort, Some(next), None));
                for request in std::iter::once(first).chain(next) {
                    let plan = nodes::explain_list(nodes.db(), nodes.org, nodes.project, &filter, &request).await;
                    let plan = plan.unwrap().join("\n");
                    assert!(!plan.contains("Seq Scan"), "{word} {filter:?}\n{plan}");
                    let is_plain = filter == NodeFilter::default();
                    assert!(!is_plain || !plan.contains("Sort"), "an order is an index's: {word}\n{plan}");
                }
            }
        }
    }
}
