//! Files: what is known of them, and what is left over of them.

use std::time::Duration;

use platform::blob::{BlobKey, Settled};
use platform::db::DbError;
use platform::db::audit::Actor;
use platform::db::files::{self, File, FileChanges, FileState, NewFile};
use platform::db::organizations;
use platform::testing::TestDatabase;
use schema::ids::{FileId, OrgId, ProjectId};
use serde_json::Map;
use tokio::time::timeout;
use uuid::Uuid;

fn new_file(project: Option<ProjectId>) -> NewFile {
    NewFile {
        id: FileId::new(Uuid::new_v4()),
        project,
        filename: "a.txt".to_owned(),
        content_type: "text/plain".to_owned(),
        size: None,
        metadata: Map::new(),
        execution: None,
    }
}

async fn create(test: &TestDatabase, org: OrgId) -> File {
    files::create(&test.db, org, &Actor::SYSTEM, &new_file(None)).await.unwrap()
}

async fn org(test: &TestDatabase) -> OrgId {
    let owner = test.user(&Uuid::new_v4().to_string()).await;
    test.org(owner.id).await
}

async fn is_abandoned(test: &TestDatabase, key: &BlobKey) -> bool {
    test.is_so(&format!("SELECT EXISTS (SELECT FROM abandoned_blobs WHERE storage_key = '{key}')")).await
}

#[tokio::test]
async fn a_file_is_found_in_its_organization_only() {
    let test = TestDatabase::new().await;
    let (here, elsewhere) = (org(&test).await, org(&test).await);
    let project = test.project(here).await;
    let file = files::create(&test.db, here, &Actor::SYSTEM, &new_file(Some(project))).await.unwrap();
    assert_eq!((file.state, &file.key), (FileState::Uploading, &BlobKey::of_file(here, file.id)));
    assert_eq!(files::find(&test.db, here, file.id).await.unwrap(), Some(file.clone()));
    assert_eq!(files::find(&test.db, elsewhere, file.id).await.unwrap(), None);
    let place = files::place(&test.db, file.id).await.unwrap().unwrap();
    assert_eq!((place.org, place.project), (here, Some(project)));
    assert!(!files::delete(&test.db, elsewhere, &Actor::SYSTEM, file.id).await.unwrap());
    let renamed = FileChanges { filename: Some("b.txt".to_owned()), metadata: None };
    let changed = files::change(&test.db, elsewhere, &Actor::SYSTEM, file.id, |_| Ok::<_, DbError>(renamed)).await;
    assert_eq!(changed.unwrap(), None);
    // A project of another organization is none of this one's.
    let foreign = files::create(&test.db, elsewhere, &Actor::SYSTEM, &new_file(Some(project))).await;
    assert!(foreign.is_err());
}

#[tokio::test]
async fn a_file_is_announced_once() {
    let test = TestDatabase::new().await;
    let org = org(&test).await;
    let new = new_file(None);
    let file = files::create(&test.db, org, &Actor::SYSTEM, &new).await.unwrap();
    let other = NewFile { filename: "b.txt".to_owned(), ..new };
    assert_eq!(files::create(&test.db, org, &Actor::SYSTEM, &other).await.unwrap(), file);
}

fn three_bytes(seen: &File) -> Settled {
    Settled { key: seen.key.clone(), size: 3 }
}

#[tokio::test]
async fn what_is_confirmed_elsewhere_leaves_where_it_was_uploaded_and_what_was_settled_in_vain_is_left_too() {
    let test = TestDatabase::new().await;
    let org = org(&test).await;
    let new = new_file(None);
    let seen = files::create(&test.db, org, &Actor::SYSTEM, &new).await.unwrap();
    let settled = || Settled { key: BlobKey::of_confirmed(org, Uuid::new_v4()), size: 3 };
    let (first, second) = (settled(), settled());
    let confirmed = files::confirm(&test.db, &Actor::SYSTEM, &seen, &first).await.unwrap().unwrap();
    assert_eq!(confirmed.key, first.key);
    assert_eq!(files::confirm(&test.db, &Actor::SYSTEM, &seen, &second).await.unwrap(), None);
    assert!(is_abandoned(&test, &seen.key).await && is_abandoned(&test, &second.key).await);
    assert!(!is_abandoned(&test, &first.key).await);
    // A request that is sent again takes nothing of that back.
    assert_eq!(files::create(&test.db, org, &Actor::SYSTEM, &new).await.unwrap().key, first.key);
    assert!(is_abandoned(&test, &seen.key).await);
    assert!(files::delete(&test.db, org, &Actor::SYSTEM, seen.id).await.unwrap());
    assert!(is_abandoned(&test, &first.key).await);
}

#[tokio::test]
async fn bytes_that_come_while_a_file_is_confirmed_are_looked_at() {
    let test = TestDatabase::new().await;
    let org = org(&test).await;
    let seen = create(&test, org).await;
    files::replace_blob(&test.db, &seen.key).await.unwrap().unwrap().done().await.unwrap();
    assert_eq!(
        files::confirm(&test.db, &Actor::SYSTEM, &seen, &three_bytes(&seen)).await.unwrap(),
        None,
        "they may be others"
    );

    let seen = files::find(&test.db, org, seen.id).await.unwrap().unwrap();
    let replacing = files::replace_blob(&test.db, &seen.key).await.unwrap().unwrap();
    let blob = three_bytes(&seen);
    let confirming = files::confirm(&test.db, &Actor::SYSTEM, &seen, &blob);
    tokio::pin!(confirming);
    assert!(timeout(Duration::from_millis(200), &mut confirming).await.is_err(), "it waits for them");
    replacing.done().await.unwrap();
    assert_eq!(confirming.await.unwrap(), None);

    let seen = files::find(&test.db, org, seen.id).await.unwrap().unwrap();
    let confirmed = files::confirm(&test.db, &Actor::SYSTEM, &seen, &three_bytes(&seen)).await.unwrap().unwrap();
    assert_eq!((confirmed.state, confirmed.size), (FileState::Pending, Some(3)));
    assert!(files::replace_blob(&test.db, &seen.key).await.unwrap().is_none(), "they stay as they are");
    assert_eq!(files::state_of_blob(&test.db, &seen.key).await.unwrap(), Some(FileState::Pending));
}

#[tokio::test]
async fn a_blob_is_abandoned_with_its_file_and_taken_up_again_with_another() {
    let test = TestDatabase::new().await;
    let org = org(&test).await;
    let new = new_file(None);
    let file = files::create(&test.db, org, &Actor::SYSTEM, &new).await.unwrap();
    assert!(!is_abandoned(&test, &file.key).await);
    assert!(files::delete(&test.db, org, &Actor::SYSTEM, file.id).await.unwrap());
    assert!(is_abandoned(&test, &file.key).await);
    assert_eq!(files::state_of_blob(&test.db, &file.key).await.unwrap(), None);
    files::create(&test.db, org, &Actor::SYSTEM, &new).await.unwrap();
    assert!(!is_abandoned(&test, &file.key).await);
}

#[tokio::test]
async fn of_an_erased_organization_the_blobs_are_left_to_be_deleted() {
    let test = TestDatabase::new().await;
    let (erased, kept) = (org(&test).await, org(&test).await);
    let project = test.project(erased).await;
    let of_project = files::create(&test.db, erased, &Actor::SYSTEM, &new_file(Some(project))).await.unwrap();
    let (of_org, other) = (create(&test, erased).await, create(&test, kept).await);
    organizations::delete(&test.db, erased, &Actor::SYSTEM, &erased.to_string()).await.unwrap().unwrap();
    while organizations::erase_some(&test.db, erased).await.unwrap() {}
    for (file, is_left) in [(of_project, true), (of_org, true), (other, false)] {
        assert_eq!(is_abandoned(&test, &file.key).await, is_left);
        assert_eq!(files::state_of_blob(&test.db, &file.key).await.unwrap().is_none(), is_left);
    }
}
