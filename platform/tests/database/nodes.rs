use chrono::{DateTime, TimeZone, Utc};
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::db::audit::Actor;
use platform::db::documents::{self, DocumentRef};
use platform::db::nodes::{self, AuthorType, CanvasProjection, Node, NodeProjection, ProjectFacts, ProjectedEdge};
use platform::db::nodes::{NodeFilter, NodeSort, ProjectedNode, ProjectedPort, ProjectionOutcome, Touch};
use platform::db::{Cursor, PageRequest, Sort, log, projects};
use platform::testing::{TestDatabase, some_principal};
use schema::ids::{DocumentKind, NodeId, OrgId, ProjectId, Seq, UserId};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::support::append_some;

/// A project whose canvas's log has ten updates.
pub(crate) struct Canvas {
    pub(crate) test: TestDatabase,
    pub(crate) owner: UserId,
    pub(crate) org: OrgId,
    pub(crate) project: ProjectId,
}

impl Canvas {
    pub(crate) async fn new() -> Self {
        let test = TestDatabase::new().await;
        let owner = test.user("ada").await.id;
        let org = test.org(owner).await;
        let project = test.project(org).await;
        append_some(&test.db, &document(org, project, project.as_uuid()), some_principal(), 10).await;
        Self { test, owner, org, project }
    }

    /// Writes the canvas. Which nodes were touched is left out.
    pub(crate) async fn write(&self, seq: u64, canvas: &CanvasProjection) -> ProjectionOutcome {
        let mut outcome = self.write_whole(seq, canvas).await;
        if let ProjectionOutcome::Written { touched, .. } = &mut outcome {
            touched.clear();
        }
        outcome
    }

    /// What became of the nodes of the canvas, by their titles.
    async fn touched(&self, seq: u64, canvas: &CanvasProjection) -> Vec<(String, Touch, PrincipalRef)> {
        let outcome = self.write_whole(seq, canvas).await;
        let ProjectionOutcome::Written { touched, .. } = outcome else { panic!("{outcome:?}") };
        assert!(touched.iter().all(|it| it.through == Seq::new(seq)));
        let title = |id: NodeId| canvas.nodes.iter().find(|node| node.id == id).unwrap().title.clone();
        let mut touched: Vec<_> = touched.into_iter().map(|it| (title(it.node), it.touch, it.by)).collect();
        touched.sort_by(|one, other| one.0.cmp(&other.0));
        touched
    }

    async fn write_whole(&self, seq: u64, canvas: &CanvasProjection) -> ProjectionOutcome {
        let mut tx = self.test.db.org(self.org).await.unwrap();
        let outcome = nodes::project_canvas(&mut tx, self.project, Seq::new(seq), canvas).await.unwrap();
        tx.commit().await.unwrap();
        outcome
    }

    pub(crate) async fn write_node(&self, node: NodeId, seq: u64, projection: &NodeProjection) -> ProjectionOutcome {
        let mut tx = self.test.db.org(self.org).await.unwrap();
        let outcome = nodes::project_node(&mut tx, self.project, node, Seq::new(seq), projection).await.unwrap();
        tx.commit().await.unwrap();
        outcome
    }

    async fn list(&self) -> Vec<Node> {
        let page = PageRequest::sorted(Sort::ascending(NodeSort::CreatedAt), None, None);
        nodes::list(&self.test.db, self.org, self.project, &NodeFilter::default(), page).await.unwrap().items
    }

    async fn titles(&self) -> Vec<String> {
        self.list().await.into_iter().map(|node| node.node.title).collect()
    }

    async fn count(&self, what: &str) -> i64 {
        let mut connection = PgConnection::connect(&self.test.superuser_url()).await.unwrap();
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}"));
        sqlx::query_scalar(count).fetch_one(&mut connection).await.unwrap()
    }
}

pub(crate) const WRITTEN: ProjectionOutcome =
    ProjectionOutcome::Written { foreign: Vec::new(), untold_for: None, touched: Vec::new(), unattributed: None };

pub(crate) fn document(org: OrgId, project: ProjectId, id: Uuid) -> DocumentRef {
    if id == project.as_uuid() { DocumentRef::canvas(org, project) } else { DocumentRef::node(org, project, id.into()) }
}

pub(crate) fn node(title: &str) -> ProjectedNode {
    ProjectedNode {
        id: NodeId::new(Uuid::new_v4()),
        parent: None,
        title: title.to_owned(),
        status: "draft".to_owned(),
        author_type: AuthorType::Human,
        author: None,
        supervisor: None,
        metadata: json!({"tags": ["a"]}),
        x: 1.0,
        y: 2.0,
        width: None,
        height: None,
        created_at: Some(Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()),
        deleted_at: None,
    }
}

pub(crate) fn port(text: &str) -> ProjectedPort {
    ProjectedPort {
        id: Uuid::new_v4(),
        port_type: "text".to_owned(),
        label: None,
        text: Some(text.to_owned()),
        data: None,
        file: None,
        source_node: None,
        source_version: None,
        url: None,
        metadata: json!({}),
        sort_order: 0,
    }
}

pub(crate) fn canvas(nodes: &[&ProjectedNode]) -> CanvasProjection {
    CanvasProjection { nodes: nodes.iter().copied().cloned().collect(), ..CanvasProjection::default() }
}

#[tokio::test]
async fn rows_follow_the_canvas() {
    let canvas_of = Canvas::new().await;
    let (mut first, second) = (node("first"), node("second"));
    first.author_type = AuthorType::Agent;
    first.author = Some(canvas_of.owner);
    first.width = Some(300.0);
    assert_eq!(canvas_of.write(3, &canvas(&[&first, &second])).await, WRITTEN);
    let found = nodes::find(&canvas_of.test.db, canvas_of.org, first.id).await.unwrap().unwrap();
    assert_eq!((&found.node, found.project, found.change_count), (&first, canvas_of.project, 1));
    assert_eq!(found.reflects, Seq::new(3));

    first.title = "first, renamed".to_owned();
    assert_eq!(canvas_of.write(5, &canvas(&[&first, &second])).await, WRITTEN);
    let mut rows = canvas_of.list().await;
    rows.sort_by_key(|row| row.reflects);
    assert_eq!((rows[0].node.title.as_str(), rows[0].reflects, rows[0].change_count), ("second", Seq::new(3), 1));
    assert_eq!(
        (rows[1].node.title.as_str(), rows[1].reflects, rows[1].change_count),
        ("first, renamed", Seq::new(5), 2)
    );

    first.x = 7.5;
    canvas_of.write(6, &canvas(&[&first, &second])).await;
    let found = nodes::find(&canvas_of.test.db, canvas_of.org, first.id).await.unwrap().unwrap();
    assert_eq!(
        (found.node.x.to_bits(), found.change_count, found.version),
        (7.5_f64.to_bits(), 2, None),
        "a move does not count"
    );
}

#[tokio::test]
async fn it_is_told_which_nodes_appeared_or_changed_and_who_did_it() {
    let canvas_of = Canvas::new().await;
    let canvas_document = document(canvas_of.org, canvas_of.project, canvas_of.project.as_uuid());
    let ada = PrincipalRef { kind: PrincipalKind::User, id: canvas_of.owner.as_uuid() };
    for principal in [ada, some_principal(), PrincipalRef { kind: PrincipalKind::Agent, id: Uuid::new_v4() }] {
        append_some(&canvas_of.test.db, &canvas_document, principal, 1).await;
    }
    canvas_of.write(10, &canvas(&[])).await;
    let (mut one, mut two) = (node("one"), node("two"));
    one.author = Some(canvas_of.owner);
    let in_trash = ProjectedNode { deleted_at: Some(Utc::now()), ..node("three") };
    let appeared = canvas_of.touched(13, &canvas(&[&one, &two, &in_trash])).await;
    let [(first, Touch::Appeared, by), (second, Touch::Appeared, by_another)] = appeared.as_slice() else {
        panic!("{appeared:?}")
    };
    assert_eq!((first.as_str(), second.as_str()), ("one", "two"));
    assert_eq!((*by, *by_another == ada), (ada, false), "whoever has made a node and was there");

    append_some(&canvas_of.test.db, &canvas_document, ada, 3).await;
    one.title = "one, renamed".to_owned();
    two.status = "done".to_owned();
    let all = [("one, renamed", Touch::Changed), ("two", Touch::Restated("done".to_owned()))];
    let expected = all.map(|(title, touch)| (title.to_owned(), touch, ada));
    assert_eq!(canvas_of.touched(14, &canvas(&[&one, &two, &in_trash])).await, expected);
    two.x = 7.5;
    assert_eq!(canvas_of.touched(15, &canvas(&[&one, &two, &in_trash])).await, [], "it only lies elsewhere");
    let restored = ProjectedNode { deleted_at: None, ..in_trash };
    let expected = [("three".to_owned(), Touch::Changed, ada)];
    assert_eq!(canvas_of.touched(16, &canvas(&[&one, &two, &restored])).await, expected);
}

#[tokio::test]
async fn a_projection_never_goes_back() {
    let canvas_of = Canvas::new().await;
    let old = node("old");
    let new = ProjectedNode { title: "new".to_owned(), ..old.clone() };
    canvas_of.write(5, &canvas(&[&new])).await;
    assert_eq!(canvas_of.write(4, &canvas(&[&old])).await, ProjectionOutcome::Stale);
    assert_eq!(canvas_of.titles().await, ["new"]);
    assert_eq!(canvas_of.write(5, &canvas(&[&new])).await, WRITTEN, "the same once more is harmless");
}

#[tokio::test]
async fn a_node_that_left_the_canvas_is_deleted_and_may_come_back() {
    let canvas_of = Canvas::new().await;
    let (stays, goes) = (node("stays"), node("goes"));
    canvas_of.write(1, &canvas(&[&stays, &goes])).await;
    canvas_of.write_node(goes.id, 0, &NodeProjection { description: "text".into(), ..Default::default() }).await;
    canvas_of.write(2, &canvas(&[&stays])).await;
    assert_eq!(canvas_of.titles().await, ["stays"]);
    let deleted = nodes::find(&canvas_of.test.db, canvas_of.org, goes.id).await.unwrap().unwrap();
    assert!(deleted.node.deleted_at.is_some());
    canvas_of.write(3, &canvas(&[&stays, &goes])).await;
    let back = nodes::find(&canvas_of.test.db, canvas_of.org, goes.id).await.unwrap().unwrap();
    assert_eq!((back.node.deleted_at, back.description.as_str()), (None, "text"));

    let softly = ProjectedNode { deleted_at: Some(Utc.with_ymd_and_hms(2026, 2, 2, 0, 0, 0).unwrap()), ..goes };
    canvas_of.write(4, &canvas(&[&stays, &softly])).await;
    assert_eq!(canvas_of.titles().await, ["stays"]);
}

#[tokio::test]
async fn nodes_get_documents_and_foreign_ids_are_never_taken_over() {
    let canvas_of = Canvas::new().await;
    let other_project = canvas_of.test.project(canvas_of.org).await;
    let (own, of_other_project, free, of_other_org) = (node("own"), node("a"), node("b"), node("c"));
    let db = &canvas_of.test.db;
    documents::ensure_node(db, canvas_of.org, other_project, of_other_project.id).await.unwrap().unwrap();
    let free_id = free.id.as_uuid().into();
    documents::create_free(db, canvas_of.org, &Actor::SYSTEM, canvas_of.project, free_id, None).await.unwrap();
    let stranger = canvas_of.test.user("eve").await;
    let foreign_org = canvas_of.test.org(stranger.id).await;
    let foreign_project = canvas_of.test.project(foreign_org).await;
    documents::ensure_node(db, foreign_org, foreign_project, of_other_org.id).await.unwrap().unwrap();

    let outcome = canvas_of.write(1, &canvas(&[&own, &of_other_project, &free, &of_other_org])).await;
    let foreign = vec![of_other_project.id, free.id, of_other_org.id];
    let written = ProjectionOutcome::Written { foreign, untold_for: None, touched: Vec::new(), unattributed: None };
    assert_eq!(outcome, written);
    assert_eq!(canvas_of.titles().await, ["own"]);
    assert!(documents::ensure_node(db, canvas_of.org, canvas_of.project, own.id).await.unwrap().is_some());
    let taken = documents::ensure_node(db, canvas_of.org, canvas_of.project, of_other_org.id).await.unwrap();
    assert!(taken.is_none());
}

#[tokio::test]
async fn edges_and_ports_follow_and_may_repeat_ids_of_other_documents() {
    let canvas_of = Canvas::new().await;
    let (source, target) = (node("source"), node("target"));
    let edge = ProjectedEdge {
        id: Uuid::new_v4().into(),
        source: source.id,
        target: target.id,
        source_output: None,
        target_input: None,
        in_cycle: false,
    };
    let mut view = canvas(&[&source, &target]);
    view.edges = vec![edge, edge];
    canvas_of.write(1, &view).await;
    assert_eq!(canvas_of.count("node_dependencies WHERE NOT in_cycle").await, 1);
    view.edges = vec![ProjectedEdge { in_cycle: true, ..edge }];
    canvas_of.write(2, &view).await;
    assert_eq!(canvas_of.count("node_dependencies WHERE in_cycle AND reflects_seq = 2").await, 1);

    let shared = port("in both");
    let inputs = NodeProjection { inputs: vec![shared.clone(), shared.clone(), port("x")], ..Default::default() };
    canvas_of.write_node(source.id, 0, &inputs).await;
    canvas_of.write_node(target.id, 0, &NodeProjection { outputs: vec![shared.clone()], ..inputs }).await;
    assert_eq!(canvas_of.count("node_inputs").await, 4);
    assert_eq!(canvas_of.count("node_outputs WHERE text_content = 'in both'").await, 1);

    view.edges.clear();
    canvas_of.write(3, &view).await;
    canvas_of.write_node(target.id, 0, &NodeProjection::default()).await;
    assert_eq!(canvas_of.count("node_dependencies").await, 0);
    assert_eq!(canvas_of.count("node_inputs").await, 2);
    assert_eq!(canvas_of.count("node_outputs").await, 0);
}

#[tokio::test]
async fn a_node_document_that_is_projected_before_its_canvas_is_projected_again() {
    let canvas_of = Canvas::new().await;
    let node = node("late");
    let db = &canvas_of.test.db;
    documents::ensure_node(db, canvas_of.org, canvas_of.project, node.id).await.unwrap().unwrap();
    let node_document = document(canvas_of.org, canvas_of.project, node.id.as_uuid());
    append_some(db, &node_document, some_principal(), 2).await;
    let behind = || async {
        let mut behind = log::behind_projection(db, Uuid::nil(), 10).await.unwrap();
        behind.retain(|(document, _)| document.kind == DocumentKind::Node);
        behind.len()
    };
    assert_eq!(behind().await, 1);
    let content = NodeProjection { description: "early".into(), ..Default::default() };
    assert_eq!(canvas_of.write_node(node.id, 2, &content).await, ProjectionOutcome::NotOnCanvas);
    assert_eq!(behind().await, 0, "there is nothing to do until it is on a canvas");
    canvas_of.write(1, &canvas(&[&node])).await;
    assert_eq!(behind().await, 1);
    assert_eq!(canvas_of.write_node(node.id, 2, &content).await, WRITTEN);
    assert_eq!((behind().await, canvas_of.list().await[0].description.as_str()), (0, "early"));
}

#[tokio::test]
async fn whatever_a_document_holds_fits_the_tables() {
    let canvas_of = Canvas::new().await;
    let deep = (0..500).fold(json!("\0"), |value, _| json!({"\0key": value}));
    let hostile = ProjectedNode {
        title: "t\0".repeat(5_000),
        status: "s".repeat(100_000),
        metadata: deep.clone(),
        x: f64::NAN,
        y: f64::INFINITY,
        created_at: Some(DateTime::<Utc>::MIN_UTC),
        deleted_at: Some(DateTime::<Utc>::MAX_UTC),
        ..node("")
    };
    let mut view = canvas(&[&hostile, &hostile]);
    view.project = ProjectFacts {
        name: Some("n\0".repeat(1_000)),
        description: Some("\0".into()),
        workflow_states: Some(vec!["w\0".repeat(1_000); 1_000]),
    };
    assert_eq!(canvas_of.write(1, &view).await, WRITTEN);
    let ports = vec![ProjectedPort {
        port_type: "\0".repeat(9_000),
        label: Some("l".repeat(9_000)),
        data: Some(deep),
        metadata: json!(null),
        source_version: Some(i64::MIN),
        ..port("\0")
    }];
    let content =
        NodeProjection { description: "d\0".into(), inputs: ports.clone(), outputs: ports, mentions: Vec::new() };
    assert_eq!(canvas_of.write_node(hostile.id, 0, &content).await, WRITTEN);
    let found = nodes::find(&canvas_of.test.db, canvas_of.org, hostile.id).await.unwrap().unwrap();
    assert_eq!((found.node.title.len(), found.description.as_str()), (500, "d"));
    let (project, _) = projects::find(&canvas_of.test.db, canvas_of.owner, canvas_of.project).await.unwrap().unwrap();
    assert_eq!((project.name.len(), project.workflow_states.len()), (255, 100));
}

#[tokio::test]
async fn an_empty_name_on_the_canvas_leaves_the_projects_name() {
    let canvas_of = Canvas::new().await;
    let mut view = canvas(&[]);
    view.project.name = Some(String::new());
    view.project.description = Some("about".to_owned());
    canvas_of.write(1, &view).await;
    let (project, _) = projects::find(&canvas_of.test.db, canvas_of.owner, canvas_of.project).await.unwrap().unwrap();
    assert_eq!((project.name.as_str(), project.description.as_str()), ("Test", "about"));
}

#[tokio::test]
async fn a_list_is_read_in_pages() {
    let canvas_of = Canvas::new().await;
    let nodes: Vec<ProjectedNode> = (0..5).map(|number| node(&number.to_string())).collect();
    canvas_of.write(1, &canvas(&nodes.iter().collect::<Vec<_>>())).await;
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let sort = Sort::ascending(NodeSort::CreatedAt);
        let request = PageRequest::sorted(sort, after, Some(2));
        let filter = NodeFilter::default();
        let page = nodes::list(&canvas_of.test.db, canvas_of.org, canvas_of.project, &filter, request).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|node| node.node.title));
        after = page.next.map(|cursor| Cursor::parse(&cursor.to_string(), sort).unwrap());
        if after.is_none() {
            break;
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["0", "1", "2", "3", "4"], "each once, though all were created at the same time");
}
