//! Forgetting what was written and deleted again.

use documents::history::HistoryError;
use platform::db::audit::Actor;
use schema::ids::Seq;

use crate::common::text_seen_by_a_newcomer;
use crate::scene::Scene;

#[tokio::test]
async fn what_was_written_and_deleted_is_gone_for_good_and_nothing_else() {
    let scene = Scene::new().await;
    scene.write(1, 0, 0, "public ").await;
    scene.write(2, 7, 0, "my-secret-password").await;
    scene.write(2, 7, 18, "").await;
    scene.write(1, 7, 0, "end").await;
    let then = Seq::new(2);
    assert_eq!(scene.text_at(then).await, "public my-secret-password");
    assert!(is_stored(&scene, "my-secret-password").await);
    let pruned = scene.history.prune(&scene.document, Seq::new(2), Seq::new(3), &Actor::SYSTEM).await.unwrap();
    assert!(pruned.bytes_after < pruned.bytes_before);
    assert!(!is_stored(&scene, "my-secret-password").await);
    assert_eq!(scene.live_text().await, "public end");
    for (seq, text) in [(1, "public "), (2, "public "), (3, "public "), (4, "public end")] {
        assert_eq!(scene.text_at(Seq::new(seq)).await, text, "at {seq}");
    }
    let restarted = crate::common::Instance::new(scene.database.another_instance().await);
    assert_eq!(text_seen_by_a_newcomer(&restarted, &scene.document).await, "public end");
    restarted.stop().await;
    let authors = scene.authors(Seq::new(4), "text").await;
    assert_eq!(authors, [("public end".to_owned(), 1)]);
    let beyond = scene.history.prune(&scene.document, Seq::new(2), Seq::new(9), &Actor::SYSTEM).await;
    assert!(matches!(beyond, Err(HistoryError::Beyond { .. })));
    scene.stop().await;
}

/// Whether a text is anywhere in what is stored of the document.
async fn is_stored(scene: &Scene, text: &str) -> bool {
    scene.database.stores(&scene.document, text.as_bytes()).await
}

#[tokio::test]
async fn a_version_with_a_name_is_no_obstacle_to_a_snapshot_at_its_place() {
    let scene = Scene::new().await;
    let at = scene.write(1, 0, 0, "named").await;
    let (id, now) = (uuid::Uuid::new_v4(), chrono::Utc::now());
    scene.history.name(&scene.document, at, id, "As it was".to_owned(), &Actor::SYSTEM, now).await.unwrap();
    scene.history.prune(&scene.document, at, at, &Actor::SYSTEM).await.unwrap();
    assert_eq!((scene.text_at(at).await, scene.live_text().await), ("named".to_owned(), "named".to_owned()));
    scene.stop().await;
}
