use platform::access::{
    Access, AccessDesk, Means, OrgRole, ProjectRole, Undecided, document_access, document_access_of,
};
use platform::auth::{Principal, PrincipalKind};
use platform::config::Mode;
use platform::db::documents;
use platform::lifecycle::Lifecycle;
use platform::testing::{TestDatabase, principal_of};
use schema::ids::{DocumentName, NodeId, UserId};
use uuid::Uuid;

async fn access(test: &TestDatabase, principal: &Principal, name: &DocumentName) -> Option<Access> {
    let granted = document_access(&test.db, principal, name, Mode::Production).await.unwrap();
    granted.map(|granted| {
        assert_eq!(granted.document.id, name.document_id());
        assert_eq!(Some(granted.access), document_access_of(granted.role, Means::InPerson));
        granted.access
    })
}

#[tokio::test]
async fn roles_in_organization_and_project_decide_what_one_may_do() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let canvas = DocumentName::Project(project);
    let free = DocumentName::Free(test.document_in(org, project).await.id.into());
    let node_id = Uuid::new_v4().into();
    documents::ensure_node(&test.db, org, project, node_id).await.unwrap().unwrap();
    let names = [canvas, free, DocumentName::Node(node_id)];

    let table = [
        (Some(OrgRole::Owner), None, Some(Access::Write)),
        (Some(OrgRole::Admin), Some(ProjectRole::Viewer), Some(Access::Write)),
        (Some(OrgRole::Member), None, Some(Access::Write)),
        (Some(OrgRole::Member), Some(ProjectRole::Viewer), Some(Access::Read)),
        (Some(OrgRole::Guest), None, None),
        (None, Some(ProjectRole::Viewer), Some(Access::Read)),
        (None, Some(ProjectRole::Member), Some(Access::Write)),
        (None, None, None),
    ];
    for (number, (org_role, project_role, expected)) in table.into_iter().enumerate() {
        let user = test.user(&format!("user{number}")).await;
        if let Some(role) = org_role {
            test.org_member(org, user.id, role).await;
        }
        if let Some(role) = project_role {
            test.project_member(org, project, user.id, role).await;
        }
        for name in &names {
            assert_eq!(
                access(&test, &principal_of(&user), name).await,
                expected,
                "{org_role:?} {project_role:?} {name}"
            );
        }
        // A run may do no more than the person it acts for.
        let run = test.run(org, project, node_id, user.id).await;
        let agent = Principal::run(run, 1, user.id, "Agent");
        assert_eq!(access(&test, &agent, &names[0]).await, expected);
        assert_eq!(access(&test, &agent, &names[2]).await, expected);
    }
}

#[tokio::test]
async fn a_run_writes_its_node_the_canvas_and_what_it_made_and_reads_the_rest_of_its_project() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let (project, elsewhere) = (test.project(org).await, test.project(org).await);
    let node = || async {
        let id = NodeId::new(Uuid::new_v4());
        documents::ensure_node(&test.db, org, project, id).await.unwrap().unwrap();
        id
    };
    let (own, made, other) = (node().await, node().await, node().await);
    let run = test.run(org, project, own, owner.id).await;
    let making = format!("INSERT INTO agent_execution_nodes VALUES ('{run}', '{made}', '{org}')");
    test.sabotage(&making).await;
    let free = DocumentName::Free(test.document_in(org, project).await.id.into());
    let agent = |lease| Principal::run(run, lease, owner.id, "Agent");
    let may = async |agent: &Principal, name: &DocumentName| {
        let granted = document_access(&test.db, agent, name, Mode::Production).await.unwrap();
        granted.map(|granted| granted.access)
    };
    let table = [
        (DocumentName::Project(project), Some(Access::Write)),
        (DocumentName::Node(own), Some(Access::Write)),
        (DocumentName::Node(made), Some(Access::Write)),
        (DocumentName::Node(other), Some(Access::Read)),
        (free, Some(Access::Read)),
        (DocumentName::Project(elsewhere), None),
    ];
    for (name, expected) in &table {
        assert_eq!(may(&agent(1), name).await, *expected, "{name}");
    }
    let canvas = &table[0].0;
    let of_somebody_else = Principal { user: Some(test.user("else").await.id), ..agent(1) };
    let without_a_lease = Principal { lease: None, ..agent(1) };
    for nobody in [agent(0), agent(2), of_somebody_else, without_a_lease] {
        assert_eq!(may(&nobody, canvas).await, None, "{nobody:?}");
    }
    test.take_lease(run).await;
    assert_eq!((may(&agent(1), canvas).await, may(&agent(2), canvas).await), (None, Some(Access::Write)));
    test.sabotage(&format!("UPDATE agent_executions SET leased_until = now() WHERE id = '{run}'")).await;
    assert_eq!(may(&agent(2), canvas).await, None, "a lease that was not renewed holds no longer");
}

#[tokio::test]
async fn a_guest_of_one_project_sees_no_other() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let (invited, other) = (test.project(org).await, test.project(org).await);
    let guest = test.user("guest").await;
    test.project_member(org, invited, guest.id, ProjectRole::Member).await;
    let guest = principal_of(&guest);
    assert_eq!(access(&test, &guest, &DocumentName::Project(invited)).await, Some(Access::Write));
    assert_eq!(access(&test, &guest, &DocumentName::Project(other)).await, None);
}

#[tokio::test]
async fn who_is_removed_loses_access_at_once() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let name = DocumentName::Project(project);
    let user = test.user("user").await;
    let principal = principal_of(&user);
    test.project_member(org, project, user.id, ProjectRole::Admin).await;
    assert_eq!(access(&test, &principal, &name).await, Some(Access::Write));
    test.remove_from_org(org, user.id).await;
    assert_eq!(access(&test, &principal, &name).await, None);
    // Coming back to the organization does not bring back the project's role.
    test.org_member(org, user.id, OrgRole::Guest).await;
    assert_eq!(access(&test, &principal, &name).await, None);
}

#[tokio::test]
async fn nobody_in_particular_and_wrong_kinds_of_names_get_nothing() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let name = DocumentName::Project(project);
    for kind in [PrincipalKind::Anonymous, PrincipalKind::System] {
        let principal = Principal { kind, ..principal_of(&owner) };
        assert_eq!(access(&test, &principal, &name).await, None, "{kind:?}");
    }
    let nobody = Principal { user: None, ..principal_of(&owner) };
    assert_eq!(access(&test, &nobody, &name).await, None);
    let unknown = Principal { user: Some(UserId::new(Uuid::new_v4())), ..principal_of(&owner) };
    assert_eq!(access(&test, &unknown, &name).await, None);

    let as_node = DocumentName::Node(project.as_uuid().into());
    assert_eq!(access(&test, &principal_of(&owner), &as_node).await, None, "a canvas is no node");
    test.sabotage(&format!("UPDATE documents SET deleted_at = now() WHERE id = '{project}'")).await;
    assert_eq!(access(&test, &principal_of(&owner), &name).await, None, "deleted");
}

#[tokio::test]
async fn scratch_documents_are_everybodys_in_development_and_nobodys_in_production() {
    let test = TestDatabase::new().await;
    let name: DocumentName = "scratch:demo".parse().unwrap();
    let anonymous = Principal::anonymous(Uuid::nil());
    assert_eq!(access(&test, &anonymous, &name).await, None);
    for _ in 0..2 {
        let granted = document_access(&test.db, &anonymous, &name, Mode::Development).await.unwrap().unwrap();
        assert_eq!((granted.document.id, granted.access), (name.document_id(), Access::Write));
        assert_eq!(granted.document.org, platform::db::SCRATCH_ORG);
    }
    assert_eq!(access(&test, &anonymous, &name).await, None, "not even one that is there");
}

#[tokio::test]
async fn who_asks_at_the_same_time_as_others_gets_their_own_answer() {
    let test = TestDatabase::new().await;
    let owner = test.user("owner").await;
    let org = test.org(owner.id).await;
    let projects = [test.project(org).await, test.project(org).await];
    let mut people = Vec::new();
    for (number, role) in [ProjectRole::Viewer, ProjectRole::Member].into_iter().enumerate() {
        let user = test.user(&format!("user{number}")).await;
        test.project_member(org, projects[number], user.id, role).await;
        people.push(principal_of(&user));
    }
    people.push(Principal::anonymous(Uuid::nil()));
    let desk = AccessDesk::start(&test.db, Mode::Development, &Lifecycle::new());
    let asking = (0..600).map(|number: usize| {
        let (person, project) = (number % 3, number / 3 % 3);
        let name = match projects.get(project) {
            Some(project) => DocumentName::Project(*project),
            None => format!("scratch:{number}").parse().unwrap(),
        };
        let (desk, principal) = (&desk, &people[person]);
        async move {
            let granted = desk.ask(principal, &name).await.unwrap();
            let expected = match (person, project) {
                (_, 2) | (1, 1) => Some(Access::Write),
                (0, 0) => Some(Access::Read),
                _ => None,
            };
            assert_eq!(granted.map(|granted| granted.access), expected, "{person} {name}");
            assert!(granted.is_none_or(|granted| granted.document.id == name.document_id()));
        }
    });
    futures_util::future::join_all(asking).await;
}

#[tokio::test]
async fn a_database_that_does_not_answer_decides_nothing() {
    let test = TestDatabase::new().await;
    let desk = AccessDesk::start(&test.db, Mode::Production, &Lifecycle::new());
    let owner = principal_of(&test.user("owner").await);
    let name = DocumentName::Project(Uuid::new_v4().into());
    assert_eq!(desk.ask(&owner, &name).await, Ok(None));
    test.db.close().await;
    assert_eq!(desk.ask(&owner, &name).await, Err(Undecided));
}
