//! What an organization does not keep goes, also from documents that are short, and from those that nobody opens any more.

use platform::bus::Hub;
use platform::db::audit::Actor;
use platform::db::log::EventSourcingLevel;
use platform::db::{organizations, projects};
use platform::limits::Limits;

use crate::common::{Client, Instance, text_seen_by_a_newcomer};
use crate::scene::Scene;

const SECRET: &str = "my-secret-password";

async fn keep_nothing_old(scene: &Scene) {
    let level = EventSourcingLevel::Audit;
    organizations::set_level(&scene.database.db, scene.document.org, &Actor::SYSTEM, level).await.unwrap();
}

async fn type_and_delete_a_secret(scene: &Scene) {
    scene.write(1, 0, 0, "public ").await;
    scene.write(1, 7, 0, SECRET).await;
    scene.write(1, 7, SECRET.len() as u32, "end").await;
    assert!(stores_the_secret(scene).await);
}

async fn stores_the_secret(scene: &Scene) -> bool {
    scene.database.stores(&scene.document, SECRET.as_bytes()).await
}

async fn until_it_is_gone(scene: &Scene) {
    until_the_secret_is_gone(scene).await;
    the_rest_is_there(scene).await;
}

async fn until_the_secret_is_gone(scene: &Scene) {
    let gone = async {
        while stores_the_secret(scene).await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), gone).await.expect("what is not kept goes");
}

async fn the_rest_is_there(scene: &Scene) {
    let reader = Instance::new(scene.database.another_instance().await);
    assert_eq!(text_seen_by_a_newcomer(&reader, &scene.document).await, "public end");
    reader.stop().await;
}

#[tokio::test]
async fn a_short_document_keeps_nothing_old_once_everybody_has_left() {
    let scene = Scene::with_limits(Limits { idle_room_seconds: 0, ..Limits::default() }).await;
    keep_nothing_old(&scene).await;
    let mut reader = Client::new(2);
    reader.attach(&scene.instance, &scene.document).await;
    type_and_delete_a_secret(&scene).await;
    drop(reader);
    until_it_is_gone(&scene).await;
    scene.stop().await;
}

#[tokio::test]
async fn who_decides_to_keep_nothing_old_need_not_open_every_document() {
    let scene = Scene::new().await;
    type_and_delete_a_secret(&scene).await;
    scene.stop().await;
    assert!(stores_the_secret(&scene).await);
    keep_nothing_old(&scene).await;
    let limits = Limits { retention_check_seconds: 1, ..Limits::default() };
    let instance = Instance::with(scene.database.another_instance().await, &Hub::default(), limits);
    until_it_is_gone(&scene).await;
    instance.stop().await;
}

#[tokio::test]
async fn what_is_in_the_trash_keeps_nothing_old_either_and_comes_back_whole() {
    let scene = Scene::new().await;
    type_and_delete_a_secret(&scene).await;
    scene.stop().await;
    let (db, org, project) = (&scene.database.db, scene.document.org, scene.document.project.unwrap());
    projects::delete(db, org, project, &Actor::SYSTEM).await.unwrap().expect("it is put into the trash");
    keep_nothing_old(&scene).await;
    let limits = Limits { retention_check_seconds: 1, ..Limits::default() };
    let instance = Instance::with(scene.database.another_instance().await, &Hub::default(), limits);
    until_the_secret_is_gone(&scene).await;
    assert!(projects::restore(db, org, project, &Actor::SYSTEM).await.unwrap());
    the_rest_is_there(&scene).await;
    instance.stop().await;
}
