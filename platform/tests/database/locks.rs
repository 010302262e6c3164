//! Locks of nodes: who gets them, when they end, and who is told.

use std::time::Duration;

use platform::access::OrgRole;
use platform::auth::Principal;
use platform::bus::InstanceId;
use platform::db::Db;
use platform::db::documents::{self, DocumentRef};
use platform::db::events::{self, EventId, EventKind, Scope};
use platform::db::locks::{self, ReleaseReason, Taking, Waiting};
use platform::testing::{TestDatabase, principal_of};
use schema::ids::{NodeId, UserId};
use uuid::Uuid;

const SECONDS: u32 = 300;
const MINUTE: Duration = Duration::from_mins(1);
/// Instances on which somebody is here.
const ONE: InstanceId = InstanceId::new(Uuid::from_u128(1));
const TWO: InstanceId = InstanceId::new(Uuid::from_u128(2));

/// A node, and two who may lock it.
struct Scene {
    test: TestDatabase,
    node: DocumentRef,
    ada: Principal,
    bob: Principal,
}

impl Scene {
    async fn new() -> Self {
        let test = TestDatabase::new().await;
        let (ada, bob) = (test.user("ada").await, test.user("bob").await);
        let org = test.org(ada.id).await;
        test.org_member(org, bob.id, OrgRole::Member).await;
        let project = test.project(org).await;
        let node = NodeId::new(Uuid::new_v4());
        let node = documents::ensure_node(&test.db, org, project, node).await.unwrap().unwrap();
        Self { node, ada: principal_of(&ada), bob: principal_of(&bob), test }
    }

    async fn take(&self, principal: &Principal, waiting: Waiting) -> Taking {
        locks::take(&self.test.db, &self.node, principal, SECONDS, waiting).await.unwrap()
    }

    async fn release(&self, by: &Principal, reason: ReleaseReason) -> bool {
        let mut tx = self.test.db.org(self.node.org).await.unwrap();
        let holder = (reason != ReleaseReason::Forced).then(|| by.reference());
        let released = locks::release(&mut tx, &self.node, holder, reason, by.reference()).await.unwrap();
        tx.commit().await.unwrap();
        released.is_some()
    }

    /// What a person is told of locks, in order.
    async fn told(&self, user: UserId) -> Vec<EventKind> {
        let (db, org) = (&self.test.db, self.node.org);
        let kinds = [EventKind::LockAcquired, EventKind::LockReleased, EventKind::Notification];
        let events = events::after(db, org, Scope::Organization(user), &kinds, EventId::NONE, 100).await.unwrap();
        events.items.iter().map(|event| event.kind).collect()
    }
}

fn token(taking: &Taking) -> i64 {
    match taking {
        Taking::Taken(lock) | Taking::Renewed(lock) | Taking::Held(lock) => lock.fencing_token,
    }
}

#[tokio::test]
async fn a_lock_is_held_by_one_and_its_token_only_grows() {
    let scene = Scene::new().await;
    let first = scene.take(&scene.ada, Waiting::NotTold).await;
    assert!(matches!(first, Taking::Taken(_)) && token(&first) == 1, "{first:?}");
    let again = scene.take(&scene.ada, Waiting::NotTold).await;
    assert!(matches!(again, Taking::Renewed(_)) && token(&again) == 1, "{again:?}");
    let refused = scene.take(&scene.bob, Waiting::NotTold).await;
    assert!(matches!(&refused, Taking::Held(lock) if lock.holder == scene.ada.reference()), "{refused:?}");
    assert!(!scene.release(&scene.bob, ReleaseReason::Released).await, "only its holder gives it back");
    assert!(scene.release(&scene.ada, ReleaseReason::Released).await);
    assert_eq!(token(&scene.take(&scene.bob, Waiting::NotTold).await), 2);
    assert!(scene.release(&scene.ada, ReleaseReason::Forced).await, "by force whoever holds it");
    assert_eq!(locks::find(&scene.test.db, &scene.node).await.unwrap(), None);
}

#[tokio::test]
async fn who_waited_is_told_when_the_lock_is_free_and_others_see_it_come_and_go() {
    use EventKind::{LockAcquired, LockReleased, Notification};
    let scene = Scene::new().await;
    let (ada, bob) = (scene.ada.user.unwrap(), scene.bob.user.unwrap());
    scene.take(&scene.ada, Waiting::NotTold).await;
    scene.take(&scene.bob, Waiting::Told).await;
    scene.release(&scene.ada, ReleaseReason::Released).await;
    assert_eq!(scene.told(ada).await, [LockAcquired, LockReleased]);
    // Both are of one transaction; their order says nothing.
    let told = scene.told(bob).await;
    assert!(told.contains(&LockReleased) && told.contains(&Notification) && told.len() == 3, "{told:?}");
    scene.take(&scene.ada, Waiting::NotTold).await;
    scene.release(&scene.ada, ReleaseReason::Released).await;
    let once = scene.told(bob).await.into_iter().filter(|kind| *kind == Notification).count();
    assert_eq!(once, 1, "once for each time that one waited");
}

/// What a sweep ends of locks that have run out.
async fn end_expired(db: &Db) -> Vec<DocumentRef> {
    let nodes = locks::expired(db, 10).await.unwrap();
    for node in &nodes {
        assert!(locks::end_expired(db, node).await.unwrap());
    }
    nodes
}

/// What a sweep ends of locks whose holders are gone.
async fn end_abandoned(db: &Db) -> Vec<DocumentRef> {
    let nodes = locks::abandoned(db, 10).await.unwrap();
    for node in &nodes {
        assert!(locks::end_abandoned(db, node).await.unwrap());
    }
    nodes
}

#[tokio::test]
async fn a_lock_that_has_run_out_is_ended_once_by_a_sweep_or_by_the_next_who_wants_it() {
    let scene = Scene::new().await;
    let expire = "UPDATE node_locks SET expires_at = now() - interval '1 second'";
    scene.take(&scene.ada, Waiting::NotTold).await;
    assert_eq!(end_expired(&scene.test.db).await, []);
    scene.test.sabotage(expire).await;
    assert_eq!(locks::renew(&scene.test.db, &scene.node, scene.ada.reference(), SECONDS).await.unwrap(), None);
    assert_eq!(end_expired(&scene.test.db).await, [scene.node]);
    assert_eq!(end_expired(&scene.test.db).await, []);
    scene.take(&scene.ada, Waiting::NotTold).await;
    scene.test.sabotage(expire).await;
    assert!(matches!(scene.take(&scene.bob, Waiting::NotTold).await, Taking::Taken(lock) if lock.fencing_token == 3));
}

#[tokio::test]
async fn who_renews_a_lock_that_somebody_else_has_by_now_learns_who_and_changes_nothing() {
    let scene = Scene::new().await;
    let renewed = async || locks::renew(&scene.test.db, &scene.node, scene.ada.reference(), SECONDS).await.unwrap();
    scene.take(&scene.ada, Waiting::NotTold).await;
    assert_eq!(renewed().await.unwrap().holder, scene.ada.reference());
    scene.test.sabotage("UPDATE node_locks SET expires_at = now() - interval '1 second'").await;
    let Taking::Taken(bobs) = scene.take(&scene.bob, Waiting::NotTold).await else { panic!("it was free") };
    let found = renewed().await.unwrap();
    assert_eq!((found.holder, found.expires_at), (scene.bob.reference(), bobs.expires_at));
}

#[tokio::test]
async fn a_lock_whose_holder_is_not_heard_of_any_more_is_ended_and_one_taken_without_a_socket_is_not() {
    use EventKind::{LockReleased, Notification};
    let scene = Scene::new().await;
    let (db, ada, bob) = (&scene.test.db, scene.ada.reference(), scene.bob.reference());
    let silent = "UPDATE node_locks SET attended_until = attended_until - interval '2 minutes'";
    let ended = async || end_abandoned(db).await;
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, bob, ONE, MINUTE).await.unwrap();
    scene.test.sabotage(silent).await;
    assert_eq!(ended().await, [], "nobody has said that the holder is here");

    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    assert_eq!(ended().await, []);
    scene.take(&scene.bob, Waiting::Told).await;
    scene.test.sabotage(silent).await;
    let found = locks::find(db, &scene.node).await.unwrap();
    assert_eq!(found.map(|lock| lock.holder), Some(ada), "it is held until a sweep ends it");
    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    assert_eq!(ended().await, [], "the holder came back in time");
    assert!(!locks::end_abandoned(db, &scene.node).await.unwrap());

    scene.test.sabotage(silent).await;
    assert_eq!(ended().await, [scene.node]);
    assert_eq!(ended().await, []);
    assert_eq!(locks::find(db, &scene.node).await.unwrap(), None);
    let told = scene.told(scene.bob.user.unwrap()).await;
    assert!(told.contains(&LockReleased) && told.contains(&Notification), "{told:?}");
}

#[tokio::test]
async fn who_asks_for_a_lock_again_without_a_socket_has_it_until_it_runs_out() {
    let scene = Scene::new().await;
    let (db, ada) = (&scene.test.db, scene.ada.reference());
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, ada, ONE, Duration::ZERO).await.unwrap();
    assert!(matches!(scene.take(&scene.ada, Waiting::NotTold).await, Taking::Renewed(_)));
    assert_eq!(end_abandoned(db).await, []);

    // Nothing of what was said of an earlier holder holds for the next.
    locks::attend(db, &scene.node, ada, ONE, Duration::ZERO).await.unwrap();
    assert!(scene.release(&scene.ada, ReleaseReason::Released).await);
    scene.take(&scene.bob, Waiting::NotTold).await;
    assert_eq!(end_abandoned(db).await, []);
}

#[tokio::test]
async fn g26_who_leaves_one_instance_keeps_the_lock_until_they_have_left_the_last() {
    let scene = Scene::new().await;
    let (db, ada, bob) = (&scene.test.db, scene.ada.reference(), scene.bob.reference());
    let leave = async |holder, instance| locks::leave(db, &scene.node, holder, instance).await.unwrap();
    let is_held = async || locks::find(db, &scene.node).await.unwrap().is_some();
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    locks::attend(db, &scene.node, ada, TWO, MINUTE).await.unwrap();
    // Taken again, which says nothing of where they are.
    scene.take(&scene.ada, Waiting::NotTold).await;
    assert!(!leave(bob, ONE).await && !leave(bob, TWO).await, "the lock is somebody else's");
    assert!(!leave(ada, ONE).await && is_held().await, "they are here through the other instance");
    assert!(!leave(ada, ONE).await && is_held().await, "whatever is said twice");
    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    assert!(!leave(ada, TWO).await && is_held().await, "they came back through the first");
    assert!(leave(ada, ONE).await && !is_held().await);

    // What was said of them is forgotten.
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, ada, TWO, MINUTE).await.unwrap();
    scene.release(&scene.ada, ReleaseReason::Released).await;
    scene.take(&scene.bob, Waiting::NotTold).await;
    locks::attend(db, &scene.node, bob, ONE, MINUTE).await.unwrap();
    assert!(leave(bob, ONE).await && !is_held().await);
}

#[tokio::test]
async fn of_two_instances_that_are_left_at_once_one_ends_the_lock() {
    let scene = Scene::new().await;
    let (db, ada) = (&scene.test.db, scene.ada.reference());
    for _ in 0..20 {
        scene.take(&scene.ada, Waiting::NotTold).await;
        locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
        locks::attend(db, &scene.node, ada, TWO, MINUTE).await.unwrap();
        let leave = |instance| locks::leave(db, &scene.node, ada, instance);
        let (first, second) = tokio::join!(leave(ONE), leave(TWO));
        assert!(first.unwrap() != second.unwrap());
        assert_eq!(locks::find(db, &scene.node).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_lock_whose_holder_left_but_for_an_instance_that_is_silent_is_left_to_the_sweep() {
    let scene = Scene::new().await;
    let (db, ada) = (&scene.test.db, scene.ada.reference());
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, ada, TWO, Duration::ZERO).await.unwrap();
    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    assert_eq!(end_abandoned(db).await, []);
    let left = locks::leave(db, &scene.node, ada, ONE).await.unwrap();
    assert!(!left, "whether the other lives, or could not reach the database, is not known");
    assert_eq!(end_abandoned(db).await, [scene.node]);
}

#[tokio::test]
async fn who_is_here_through_an_instance_that_gives_no_name_keeps_the_lock_too() {
    // As builds do that know no names.
    const ATTEND: &str = "UPDATE node_locks SET attended_until = now() + interval '2 minutes'";
    let scene = Scene::new().await;
    let (db, ada) = (&scene.test.db, scene.ada.reference());
    let (attend, leave) =
        (|| locks::attend(db, &scene.node, ada, ONE, MINUTE), || locks::leave(db, &scene.node, ada, ONE));
    let is_held = async || locks::find(db, &scene.node).await.unwrap().is_some();
    scene.take(&scene.ada, Waiting::NotTold).await;
    attend().await.unwrap();
    scene.test.sabotage(ATTEND).await;
    assert!(!leave().await.unwrap() && is_held().await, "the one without a name spoke last");
    attend().await.unwrap();
    assert!(!leave().await.unwrap() && is_held().await, "it spoke before the other");
    assert_eq!(end_abandoned(db).await, []);
    scene.test.sabotage("UPDATE node_locks SET attended_until = now()").await;
    assert_eq!(end_abandoned(db).await, [scene.node], "once it is silent");

    scene.take(&scene.ada, Waiting::NotTold).await;
    attend().await.unwrap();
    attend().await.unwrap();
    assert!(leave().await.unwrap(), "what an instance said last is what it says");
}

#[tokio::test]
async fn what_an_instance_said_a_day_ago_is_forgotten() {
    let scene = Scene::new().await;
    let (db, ada) = (&scene.test.db, scene.ada.reference());
    scene.take(&scene.ada, Waiting::NotTold).await;
    locks::attend(db, &scene.node, ada, TWO, MINUTE).await.unwrap();
    let yesterday = "UPDATE node_locks SET attended_until = now() - interval '25 hours',
                         attended_by = jsonb_build_object(key, now() - interval '25 hours')
                     FROM (SELECT jsonb_object_keys(attended_by) AS key FROM node_locks) said";
    scene.test.sabotage(yesterday).await;
    locks::attend(db, &scene.node, ada, ONE, MINUTE).await.unwrap();
    assert!(locks::leave(db, &scene.node, ada, ONE).await.unwrap());
}
