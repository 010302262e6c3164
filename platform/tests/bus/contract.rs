//! What holds for every variant of the bus.

use std::time::Duration;

use bytes::Bytes;
use platform::bus::{BUS_QUEUE_MESSAGES, BusEvent, BusMessage, BusState, Topic};
use platform::db::events::EventId;
use schema::ids::{Epoch, OrgId, Seq, UserId};
use tokio::time::timeout;
use uuid::Uuid;

use crate::instances::{Carrier, DOCUMENT, OTHER_DOCUMENT, committed};

macro_rules! contract {
    ($($rule:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Carrier::in_process()).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Carrier::redis()).await; })*
        }
    };
}

contract!(
    messages_reach_all_other_instances_in_order_and_never_the_sender,
    every_kind_of_message_arrives_as_it_was_sent,
    a_topic_is_heard_by_its_subscribers_only,
    all_receivers_of_an_instance_hear_the_same,
    a_receiver_that_fell_behind_is_told_and_goes_on,
    ten_thousand_messages_of_two_senders_arrive_in_order,
    a_future_that_is_dropped_loses_nothing,
    who_comes_and_goes_hears_what_is_said_while_there,
    a_large_update_is_at_least_heard_of,
    a_bus_that_works_says_so,
);

async fn messages_reach_all_other_instances_in_order_and_never_the_sender(carrier: &Carrier) {
    let (one, two, three) = (carrier.instance().await, carrier.instance().await, carrier.instance().await);
    let (mut at_one, mut at_two, mut at_three) =
        (one.listen(DOCUMENT).await, two.listen(DOCUMENT).await, three.listen(DOCUMENT).await);
    for seq in 1..=3 {
        one.say(DOCUMENT, seq);
    }
    for ear in [&mut at_two, &mut at_three] {
        for seq in 1..=3 {
            assert_eq!(ear.message().await, (one.bus.instance(), committed(seq)));
        }
    }
    two.say(DOCUMENT, 4);
    assert_eq!(at_one.message().await, (two.bus.instance(), committed(4)), "its own messages are not heard");
    assert_eq!(at_three.seq().await, 4);
}

async fn every_kind_of_message_arrives_as_it_was_sent(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut ear = two.listen(DOCUMENT).await;
    let messages = [
        committed(7),
        BusMessage::Committed { epoch: Epoch::new(u32::MAX), seq: Seq::new(u64::MAX), update: Bytes::new() },
        BusMessage::Head { epoch: Epoch::FIRST, seq: Seq::new(8) },
        BusMessage::Presence(Bytes::from_static(b"\r\n\0$-1\r\n")),
        BusMessage::PresenceQuery,
        BusMessage::Stateless("кю".into()),
        BusMessage::AccessChanged(UserId::new(Uuid::from_u128(9))),
        BusMessage::EventsThrough(EventId::new(10)),
    ];
    for message in &messages {
        one.bus.publish(DOCUMENT, message);
    }
    for message in messages {
        assert_eq!(ear.message().await, (one.bus.instance(), message));
    }
}

async fn a_topic_is_heard_by_its_subscribers_only(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut document = two.listen(DOCUMENT).await;
    let mut access = two.listen(Topic::Access).await;
    let [org, other_org] = [11, 12].map(|number| Topic::Events(OrgId::new(Uuid::from_u128(number))));
    let mut events = two.listen(org).await;
    let changed = BusMessage::AccessChanged(UserId::new(Uuid::from_u128(5)));
    one.say(OTHER_DOCUMENT, 1);
    one.bus.publish(Topic::Access, &changed);
    one.bus.publish(other_org, &BusMessage::EventsThrough(EventId::new(1)));
    one.bus.publish(org, &BusMessage::EventsThrough(EventId::new(2)));
    one.say(DOCUMENT, 2);
    assert_eq!(document.seq().await, 2);
    assert_eq!(access.message().await.1, changed);
    assert_eq!(events.message().await.1, BusMessage::EventsThrough(EventId::new(2)));
    assert!(access.is_silent().await && document.is_silent().await && events.is_silent().await);
}

async fn all_receivers_of_an_instance_hear_the_same(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut first = two.listen(DOCUMENT).await;
    let mut second = two.listen(DOCUMENT).await;
    one.say(DOCUMENT, 1);
    assert_eq!((first.seq().await, second.seq().await), (1, 1));
    drop(second);
    one.say(DOCUMENT, 2);
    assert_eq!(first.seq().await, 2);
}

async fn a_receiver_that_fell_behind_is_told_and_goes_on(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut slow = two.listen(DOCUMENT).await;
    let mut quick = two.listen(OTHER_DOCUMENT).await;
    let overflow = BUS_QUEUE_MESSAGES as u64 + 10;
    for seq in 1..=overflow {
        one.say(DOCUMENT, seq);
    }
    one.say(OTHER_DOCUMENT, 1);
    assert_eq!(quick.seq().await, 1, "one that is slow holds nobody up");
    assert_eq!(slow.next().await, BusEvent::Gap);
    for seq in 1..=BUS_QUEUE_MESSAGES as u64 {
        assert_eq!(slow.seq().await, seq);
    }
    one.say(DOCUMENT, overflow + 1);
    assert_eq!(slow.seq().await, overflow + 1);
}

async fn ten_thousand_messages_of_two_senders_arrive_in_order(carrier: &Carrier) {
    const MESSAGES: u64 = 10_000;
    const BURST: u64 = 50;
    let (one, two, three) = (carrier.instance().await, carrier.instance().await, carrier.instance().await);
    let mut ear = three.listen(DOCUMENT).await;
    let (mut from_one, mut from_two) = (0, 0);
    for burst in 0..MESSAGES / BURST {
        let last = (burst + 1) * BURST;
        for seq in burst * BURST + 1..=last {
            one.say(DOCUMENT, seq);
            two.say(DOCUMENT, seq);
        }
        while from_one < last || from_two < last {
            let (from, message) = ear.message().await;
            let expected = if from == one.bus.instance() { &mut from_one } else { &mut from_two };
            *expected += 1;
            assert_eq!(message, committed(*expected));
        }
    }
    assert!(ear.is_silent().await);
}

async fn a_future_that_is_dropped_loses_nothing(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut ear = two.listen(DOCUMENT).await;
    for seq in 1..=100 {
        one.say(DOCUMENT, seq);
        // Given up at once, whether something has come by then or not.
        let heard = match timeout(Duration::ZERO, ear.seq()).await {
            Ok(heard) => heard,
            Err(_) => ear.seq().await,
        };
        assert_eq!(heard, seq);
    }
}

async fn who_comes_and_goes_hears_what_is_said_while_there(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut stays = two.listen(OTHER_DOCUMENT).await;
    for seq in 1..=200 {
        drop(two.bus.subscribe(Topic::Document(Uuid::from_u128(100 + u128::from(seq) % 7))));
        let mut comes = two.listen(DOCUMENT).await;
        one.say(DOCUMENT, seq);
        one.say(OTHER_DOCUMENT, seq);
        assert_eq!(comes.seq().await, seq);
        assert_eq!(stays.seq().await, seq);
    }
}

async fn a_large_update_is_at_least_heard_of(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    let mut ear = two.listen(DOCUMENT).await;
    let (epoch, seq) = (Epoch::FIRST, Seq::new(3));
    let large = BusMessage::Committed { epoch, seq, update: Bytes::from(vec![7; 1 << 20]) };
    one.bus.publish(DOCUMENT, &large);
    let (_, heard) = ear.message().await;
    assert!(heard == large || heard == BusMessage::Head { epoch, seq }, "{heard:?}");
}

async fn a_bus_that_works_says_so(carrier: &Carrier) {
    let (one, two) = (carrier.instance().await, carrier.instance().await);
    assert_eq!(*one.bus.state().borrow(), BusState::Up);
    let _ear = two.listen(DOCUMENT).await;
    assert!(one.bus.may_be_heard(DOCUMENT));
}
