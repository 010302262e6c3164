use std::collections::BTreeSet;

use platform::access::{OrgRole, ProjectRole};
use platform::config::{DatabaseConfig, Mode};
use platform::db::audit::Actor;
use platform::db::members::{Member, MemberSort};
use platform::db::organizations::OrganizationSort;
use platform::db::projects::{ProjectSort, Which};
use platform::db::users::Identity;
use platform::db::{Db, DbError, PageRequest, Sort, SortKey, documents, members, organizations, projects, users};
use platform::testing::TestDatabase;
use schema::ids::{DocumentName, OrgId, ProjectId, UserId};
use uuid::Uuid;

const SYSTEM: Actor = Actor::SYSTEM;

fn first_page<K: SortKey>(by: K) -> PageRequest<K> {
    PageRequest::sorted(Sort::ascending(by), None, None)
}

#[tokio::test]
async fn a_person_is_one_whatever_changes_at_the_identity_provider() {
    let test = TestDatabase::new().await;
    let mut identity = Identity { sub: "idp|1".into(), email: "Ada@Example.com".into(), name: None, avatar_url: None };
    let sign_in = |identity: Identity| {
        let db = test.db.clone();
        async move { users::sign_in(&db, UserId::new(Uuid::new_v4()), &identity).await.unwrap() }
    };
    let first = sign_in(identity.clone()).await;
    assert_eq!(first.name, "Ada");
    assert_eq!(sign_in(identity.clone()).await, first);
    identity.name = Some("Ada Lovelace".into());
    identity.avatar_url = Some("https://example.com/ada.png".into());
    let second = sign_in(identity.clone()).await;
    assert_eq!((second.id, second.name.as_str()), (first.id, "Ada Lovelace"));
    identity.name = None;
    identity.email = "ada@example.org".into();
    let third = sign_in(identity).await;
    assert_eq!((third.id, third.name.as_str(), third.email.as_str()), (first.id, "Ada Lovelace", "ada@example.org"));
    assert_eq!(third.avatar_url, second.avatar_url, "what the provider leaves out stays");
    assert_eq!(users::find(&test.db, first.id).await.unwrap(), Some(third));
    assert_eq!(users::find(&test.db, UserId::new(Uuid::new_v4())).await.unwrap(), None);
}

#[tokio::test]
async fn an_address_finds_its_person_unless_it_is_two_peoples() {
    let test = TestDatabase::new().await;
    let ada = test.user("ada").await;
    assert_eq!(users::find_by_email(&test.db, "ADA@example.com").await.unwrap(), Some(ada));
    assert_eq!(users::find_by_email(&test.db, "bob@example.com").await.unwrap(), None);
    let claimed = Identity { sub: "idp|2".into(), email: "ada@example.com".into(), name: None, avatar_url: None };
    users::sign_in(&test.db, UserId::new(Uuid::new_v4()), &claimed).await.unwrap();
    let ambiguous = users::find_by_email(&test.db, "ada@example.com").await;
    assert!(matches!(ambiguous, Err(DbError::Conflict { constraint }) if constraint == users::EMAIL_AMBIGUOUS));
}

#[tokio::test]
async fn organizations_are_listed_for_their_members_alone() {
    let test = TestDatabase::new().await;
    let (ada, bob) = (test.user("ada").await, test.user("bob").await);
    let id = OrgId::new(Uuid::new_v4());
    let created = organizations::create(&test.db, id, &SYSTEM, "Analytical Engines", "engines", ada.id).await.unwrap();
    let second = test.org(ada.id).await;
    let listed = organizations::list(&test.db, ada.id, None, first_page(OrganizationSort::CreatedAt)).await.unwrap();
    assert_eq!(listed.items[0], (created.clone(), OrgRole::Owner));
    assert_eq!(listed.items.iter().map(|(org, _)| org.id).collect::<Vec<_>>(), [id, second]);
    assert_eq!(
        organizations::list(&test.db, bob.id, None, first_page(OrganizationSort::CreatedAt)).await.unwrap().items,
        []
    );
    assert_eq!(organizations::find(&test.db, ada.id, id).await.unwrap(), Some((created, OrgRole::Owner)));
    assert_eq!(organizations::find(&test.db, bob.id, id).await.unwrap(), None);

    let taken = organizations::create(&test.db, OrgId::new(Uuid::new_v4()), &SYSTEM, "x", "engines", bob.id).await;
    assert!(matches!(taken, Err(DbError::Conflict { constraint }) if constraint == organizations::SLUG_TAKEN));
    assert_eq!(
        organizations::list(&test.db, bob.id, None, first_page(OrganizationSort::CreatedAt)).await.unwrap().items,
        []
    );
    let nameless = organizations::create(&test.db, OrgId::new(Uuid::new_v4()), &SYSTEM, "", "nameless", bob.id).await;
    assert!(matches!(nameless, Err(DbError::Invalid(_))), "{nameless:?}");
}

#[tokio::test]
async fn an_organization_always_has_an_owner() {
    let test = TestDatabase::new().await;
    let (ada, bob) = (test.user("ada").await, test.user("bob").await);
    let org = test.org(ada.id).await;
    let is_refused = |result: Result<(), DbError>| {
        assert!(matches!(result, Err(DbError::Conflict { constraint }) if constraint == members::LAST_OWNER));
    };
    is_refused(members::set_org_role(&test.db, org, &SYSTEM, ada.id, OrgRole::Admin, |_| Ok(())).await);
    is_refused(members::remove_from_org::<DbError>(&test.db, org, &SYSTEM, ada.id, |_| Ok(())).await.map(drop));
    test.org_member(org, bob.id, OrgRole::Owner).await;
    // Two owners who remove each other at the same time: one succeeds.
    let (first, second) = tokio::join!(
        members::remove_from_org::<DbError>(&test.db, org, &SYSTEM, ada.id, |_| Ok(())),
        members::remove_from_org::<DbError>(&test.db, org, &SYSTEM, bob.id, |_| Ok(()))
    );
    assert_ne!(first.is_ok(), second.is_ok());
    assert_eq!(all_members(&test, org).await.len(), 1);
}

async fn all_members(test: &TestDatabase, org: OrgId) -> Vec<Member<OrgRole>> {
    members::list_of_org(&test.db, org, None, first_page(MemberSort::Email)).await.unwrap().items
}

#[tokio::test]
async fn members_are_listed_with_their_roles() {
    let test = TestDatabase::new().await;
    let (ada, bob, eve) = (test.user("ada").await, test.user("bob").await, test.user("eve").await);
    let org = test.org(bob.id).await;
    let project = test.project(org).await;
    test.org_member(org, ada.id, OrgRole::Member).await;
    test.project_member(org, project, eve.id, ProjectRole::Viewer).await;
    let listed = all_members(&test, org).await;
    let listed: Vec<_> = listed.iter().map(|member| (member.name.as_str(), member.role)).collect();
    assert_eq!(listed, [("ada", OrgRole::Member), ("bob", OrgRole::Owner), ("eve", OrgRole::Guest)]);
    test.project_member(org, project, eve.id, ProjectRole::Admin).await;
    test.project_member(org, project, ada.id, ProjectRole::Viewer).await;
    test.org_member(org, test.user("gus").await.id, OrgRole::Guest).await;
    let by_one = |after| PageRequest::sorted(Sort::ascending(MemberSort::Email), after, Some(1));
    let (mut roles, mut next) = (Vec::new(), None);
    loop {
        let page = members::list_in_project(&test.db, org, project, None, by_one(next)).await.unwrap();
        roles.extend(page.items.iter().map(|member| (member.user, member.role)));
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let expected = [(ada.id, ProjectRole::Viewer), (bob.id, ProjectRole::Admin), (eve.id, ProjectRole::Admin)];
    assert_eq!(roles, expected, "a guest to whom the project gives nothing does not see it");
    for role in ProjectRole::ALL {
        let of_role =
            members::list_in_project(&test.db, org, project, Some(role), first_page(MemberSort::JoinedAt)).await;
        let listed: BTreeSet<_> = of_role.unwrap().items.iter().map(|member| member.user).collect();
        let expected: BTreeSet<UserId> =
            expected.iter().filter(|(_, held)| *held == role).map(|(user, _)| *user).collect();
        assert_eq!(listed, expected, "{role:?}");
    }
    test.remove_from_project(org, project, ada.id).await;
    let (_, role) = projects::find(&test.db, ada.id, project).await.unwrap().unwrap();
    assert_eq!(role, ProjectRole::Member, "the organization's role holds again");
    assert_eq!(all_members(&test, org).await.len(), 4, "joining a project demotes nobody");
}

#[tokio::test]
async fn projects_are_listed_with_ones_role() {
    let test = TestDatabase::new().await;
    let (owner, member, guest) = (test.user("owner").await, test.user("member").await, test.user("guest").await);
    let org = test.org(owner.id).await;
    let (first, second) = (test.project(org).await, test.project(org).await);
    test.org_member(org, member.id, OrgRole::Member).await;
    test.project_member(org, second, member.id, ProjectRole::Viewer).await;
    test.project_member(org, second, guest.id, ProjectRole::Member).await;
    let list = |user: UserId| {
        let db = test.db.clone();
        async move {
            let page =
                projects::list(&db, user, org, Which::Present, first_page(ProjectSort::CreatedAt)).await.unwrap();
            page.items.into_iter().map(|(project, role)| (project.id, role)).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(owner.id).await, [(first, ProjectRole::Admin), (second, ProjectRole::Admin)]);
    assert_eq!(list(member.id).await, [(first, ProjectRole::Member), (second, ProjectRole::Viewer)]);
    assert_eq!(list(guest.id).await, [(second, ProjectRole::Member)]);
    assert_eq!(list(test.user("stranger").await.id).await, []);

    assert!(projects::find(&test.db, guest.id, first).await.unwrap().is_none());
    let (project, role) = projects::find(&test.db, guest.id, second).await.unwrap().unwrap();
    assert_eq!((project.org, project.name.as_str(), role), (org, "Test", ProjectRole::Member));
    assert_eq!(project.workflow_states, ["draft", "in_progress", "complete"]);
    assert!(projects::find(&test.db, owner.id, ProjectId::new(Uuid::new_v4())).await.unwrap().is_none());
}

#[tokio::test]
async fn documents_are_found_by_those_who_may_see_them() {
    let test = TestDatabase::new().await;
    let (owner, stranger) = (test.user("owner").await, test.user("stranger").await);
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let document = test.document_in(org, project).await;
    let name = DocumentName::Free(document.id.into());
    assert_eq!(documents::find(&test.db, owner.id, &name).await.unwrap(), Some(document));
    assert_eq!(documents::find(&test.db, stranger.id, &name).await.unwrap(), None);
    let canvas = DocumentName::Project(project);
    assert!(documents::find(&test.db, owner.id, &canvas).await.unwrap().is_some(), "a project comes with its canvas");
    test.scratch("x").await;
    let scratch = "scratch:x".parse().unwrap();
    assert_eq!(documents::find(&test.db, owner.id, &scratch).await.unwrap(), None);
    let again = documents::create_free(&test.db, org, &SYSTEM, project, document.id.into(), None).await;
    assert!(matches!(again, Err(DbError::Conflict { .. })));
}

#[tokio::test]
async fn unsuitable_databases_are_refused_with_what_to_do() {
    let test = TestDatabase::new().await;
    let config = DatabaseConfig { url: None, owner_url: None, max_connections: 1, connect_timeout_seconds: 5 };
    let refusal = Db::connect(&test.superuser_url(), &config, Mode::Production).await.unwrap_err().to_string();
    assert!(refusal.contains("NOBYPASSRLS"), "{refusal}");
    let allowed = Db::connect(&test.superuser_url(), &config, Mode::Development).await.unwrap();
    allowed.close().await;
    let refusal = Db::connect("postgres://me:secret@host:port/x", &config, Mode::Production).await.unwrap_err();
    assert!(refusal.to_string().contains("postgres://user:password@host"), "{refusal}");
    assert!(!refusal.to_string().contains("secret"));
    let unreachable = "postgres://nobody@127.0.0.1:1/none";
    assert!(Db::connect(unreachable, &config, Mode::Production).await.unwrap_err().is_temporary());
}

#[tokio::test]
async fn migrating_twice_and_at_the_same_time_is_harmless() {
    let test = TestDatabase::new().await;
    let owner = test.owner_url();
    let migrate = || test.db.migrate(Some(&owner));
    let (first, second, third) = tokio::join!(migrate(), migrate(), migrate());
    first.and(second).and(third).unwrap();
    // What belongs to somebody else is looked at.
    test.db.migrate(None).await.unwrap();
    for damage in ["DELETE FROM _sqlx_migrations WHERE version = 1", "DROP TABLE _sqlx_migrations"] {
        test.sabotage(damage).await;
        let refusal = test.db.migrate(None).await.unwrap_err();
        assert!(refusal.to_string().contains("database.owner_url"), "{refusal}");
    }
}
