//! Several instances on one database, and what is between them: nothing, or a Redis that comes and goes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::{Client, Instance};
use platform::bus::Hub;
use platform::limits::Limits;
use platform::testing::TestDatabase;

#[tokio::test]
async fn without_a_bus_edits_reach_other_instances_through_the_log() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let limits = Limits { head_check_ms: 50, ..Limits::default() };
    // A hub each: they do not hear each other.
    let one = Instance::with(database.another_instance().await, &Hub::default(), limits.clone());
    let two = Instance::with(database.another_instance().await, &Hub::default(), limits);
    let (mut ann, mut bob) = (Client::new(11), Client::new(12));
    ann.attach(&one, &document).await;
    bob.attach(&two, &document).await;
    for round in 0..5 {
        ann.type_text(&format!("<ann {round}>")).await;
        bob.until_text(|text| text.contains(&format!("<ann {round}>"))).await;
        bob.type_text(&format!("<bob {round}>")).await;
        ann.until_text(|text| text.contains(&format!("<bob {round}>"))).await;
    }
    assert_eq!(ann.text(), bob.text());
    one.stop().await;
    two.stop().await;
}
