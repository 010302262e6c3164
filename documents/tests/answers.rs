//! What a session sends before it has answered the server's step 1 is a part of the answer (SPEC G12).

mod common;

use std::sync::Arc;

use documents::Newcomer;
use documents::delivery::{Outgoing, Refusal, Sink};
use documents::room::{Mode, Receipts, UpdateKind};
use platform::access::Access;
use platform::testing::TestDatabase;
use schema::ids::Epoch;
use yrs::updates::decoder::Decode;
use yrs::{Transact, Update};

use common::{Client, Instance, text_seen_by_a_newcomer};

#[tokio::test]
async fn g12_d6_a_replica_may_bring_back_what_was_lost_in_parts_before_its_step_2() {
    let database = TestDatabase::new().await;
    let document = database.document().await;
    let instance = Instance::new(database.db.clone());
    let mut ann = Client::new(1);
    ann.attach(&instance, &document).await;
    ann.type_text("saved").await;
    ann.until_saved().await;
    ann.session = None;
    let [first, second] = ["one ", "two "].map(|text| ann.type_offline(text));

    let mut ben = Client::new(2);
    let newcomer = Newcomer {
        principal: Arc::clone(&ben.principal),
        access: Access::Write,
        mode: Mode::Sync { receipts: Receipts::Sent },
        replica_epoch: Some(Epoch::FIRST),
        sink: Arc::clone(&ben.inbox) as Arc<dyn Sink>,
    };
    ben.session = Some(instance.documents.attach(&document, newcomer).await.unwrap());
    ben.send(UpdateKind::Live, first.clone()).await;
    ben.send(UpdateKind::Step2, Update::EMPTY_V1.to_vec().into()).await;
    ben.doc.transact_mut().apply_update(Update::decode_v1(&first).unwrap()).unwrap();
    ben.until_saved().await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "one saved");

    ben.send(UpdateKind::Live, second).await;
    let is_refused = |it: &Outgoing| matches!(it, Outgoing::Refused { refusal: Refusal::ClientIdTaken(1), .. });
    ben.inbox.until("a refusal", |told| told.iter().any(is_refused)).await;
    assert_eq!(text_seen_by_a_newcomer(&instance, &document).await, "one saved");
    instance.stop().await;
}
