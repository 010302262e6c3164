//! What holds of Redis, which may be away, hang, cut connections, and carry what others say.

use std::net::TcpListener;
use std::time::Duration;

use bytes::Bytes;
use platform::bus::{BusEvent, BusMessage, BusState, Topic};
use platform::config::RedisConfig;
use platform::testing::RedisServer;
use redis::Value;
use schema::ids::{Epoch, Seq};
use uuid::Uuid;

use crate::instances::{DOCUMENT, Instance, OTHER_DOCUMENT, PATIENCE, committed, config};

async fn two_instances(server: &RedisServer) -> (Instance, Instance) {
    let (one, two) = (Instance::on(&config(&server.url())), Instance::on(&config(&server.url())));
    one.until(BusState::Up).await;
    two.until(BusState::Up).await;
    (one, two)
}

/// How many messages an instance knows that it lost for want of a connection.
fn lost_by(instance: &Instance) -> u64 {
    let lost = |reason| instance.metric(&format!("dropped_total{{reason=\"{reason}\"}}"));
    lost("Failed") + lost("Disconnected")
}

#[tokio::test]
async fn a_redis_that_is_not_there_yet_stops_nobody() {
    let mut server = RedisServer::absent();
    let (one, two) = (Instance::on(&config(&server.url())), Instance::on(&config(&server.url())));
    let mut ear = two.subscribe(DOCUMENT);
    one.say(DOCUMENT, 1);
    assert_eq!(*one.bus.state().borrow(), BusState::Down);
    assert_eq!(one.metric("dropped_total{reason=\"Disconnected\"}"), 1);
    server.restart();
    ear.gap().await;
    one.until(BusState::Up).await;
    ear.until_heard(&one, DOCUMENT, 2).await;
}

#[tokio::test]
async fn after_a_crash_of_redis_receivers_are_told_and_everything_goes_on() {
    let mut server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    let mut other_ear = two.listen(OTHER_DOCUMENT).await;
    for seq in 1..=3 {
        server.kill();
        one.until(BusState::Down).await;
        one.say(DOCUMENT, 1000 + seq);
        server.restart();
        ear.gap().await;
        other_ear.gap().await;
        one.until(BusState::Up).await;
        ear.until_heard(&one, DOCUMENT, seq).await;
    }
    assert!(lost_by(&one) >= 3);
    assert!(one.metric("reconnects_total") >= 2);
    assert_eq!(one.metric("connected"), 1);
}

#[tokio::test]
async fn a_subscription_that_is_cut_is_made_anew_and_reports_a_gap() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    server.cut_clients("pubsub");
    ear.gap().await;
    ear.until_heard(&one, DOCUMENT, 1).await;
}

#[tokio::test]
async fn a_sender_that_lost_messages_tells_the_others() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let (mut ear, mut other_ear) = (two.listen(DOCUMENT).await, two.listen(OTHER_DOCUMENT).await);
    // Until one is lost: what is sent between the cut and its discovery, or before the next connection.
    let mut seq = 0;
    while lost_by(&one) == 0 {
        server.cut_clients("normal");
        seq += 1;
        one.say(DOCUMENT, seq);
        tokio::task::yield_now().await;
    }
    ear.gap().await;
    other_ear.gap().await;
    ear.until_heard(&one, DOCUMENT, seq + 1).await;
}

#[tokio::test]
async fn a_redis_that_hangs_counts_as_gone_until_it_answers() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    server.freeze();
    one.until(BusState::Down).await;
    two.until(BusState::Down).await;
    server.thaw();
    one.until(BusState::Up).await;
    two.until(BusState::Up).await;
    // Whether there is a gap before it depends on which of its connections noticed.
    ear.until_heard(&one, DOCUMENT, 1).await;
}

#[tokio::test]
async fn a_full_queue_drops_and_the_others_are_told() {
    let server = RedisServer::start();
    let small = RedisConfig { queue_messages: 16, ..config(&server.url()) };
    let (one, two) = (Instance::on(&small), Instance::on(&small));
    one.until(BusState::Up).await;
    let mut ear = two.listen(DOCUMENT).await;
    server.freeze();
    // Some of them are on their way to a Redis that does not read, the queue holds a few, the rest is too much.
    let dropped = || one.metric("dropped_total{reason=\"QueueFull\"}");
    let mut seq = 0;
    while dropped() == 0 {
        seq += 1;
        one.say(DOCUMENT, seq);
    }
    server.thaw();
    ear.gap().await;
    ear.until_heard(&one, DOCUMENT, seq + 1).await;
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded_too() {
    let server = RedisServer::start();
    let small = RedisConfig { queue_bytes: 4096, inline_update_bytes: 4096, ..config(&server.url()) };
    let (one, two) = (Instance::on(&small), Instance::on(&small));
    one.until(BusState::Up).await;
    let mut ear = two.listen(DOCUMENT).await;
    let update = Bytes::from(vec![1; 3000]);
    let message = |seq| BusMessage::Committed { epoch: Epoch::FIRST, seq: Seq::new(seq), update: update.clone() };
    for seq in 1..=5 {
        one.bus.publish(DOCUMENT, &message(seq));
    }
    // Nobody has sent anything meanwhile: the test has not waited yet.
    assert_eq!(one.metric("dropped_total{reason=\"QueueFull\"}"), 4);
    ear.gap().await;
    // What was sent makes room again.
    ear.until_message(&one, DOCUMENT, &message(6)).await;
}

#[tokio::test]
async fn a_flush_of_redis_loses_nothing() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    for seq in 1..=10 {
        one.say(DOCUMENT, seq);
        server.command(&["FLUSHALL"]);
        assert_eq!(ear.seq().await, seq);
    }
}

#[tokio::test]
async fn what_cannot_be_understood_is_counted_and_ignored() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    let channel = format!("test:document:{}", Uuid::from_u128(1));
    let sender = "0123456789abcdef";
    for (channel, envelope) in [
        (channel.as_str(), String::new()),
        (&channel, "hello".to_owned()),
        (&channel, format!("\u{1}\u{1}{sender}cut")),
        (&channel, format!("\u{2}\u{1}{sender}of another version")),
        (&channel, format!("\u{1}\u{7f}{sender}of another kind")),
        // That something was lost is said on the control channel only, and nothing else is said there.
        (&channel, format!("\u{1}\u{0}{sender}")),
        ("test:control", format!("\u{1}\u{4}{sender}")),
    ] {
        server.command(&["PUBLISH", channel, &envelope]);
    }
    one.say(DOCUMENT, 1);
    assert_eq!(ear.seq().await, 1);
    assert_eq!(two.metric("ignored_total{reason=\"Unknown\"}"), 3);
    assert_eq!(two.metric("ignored_total{reason=\"Malformed\"}"), 4);
}

#[tokio::test]
async fn installations_with_different_prefixes_do_not_hear_each_other() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let neighbour = Instance::on(&RedisConfig { prefix: "neighbour:".to_owned(), ..config(&server.url()) });
    neighbour.until(BusState::Up).await;
    let mut ear = two.listen(DOCUMENT).await;
    neighbour.say(DOCUMENT, 1);
    one.say(DOCUMENT, 2);
    assert_eq!(ear.seq().await, 2);
}

#[tokio::test]
async fn thousands_of_topics_are_subscribed_to_and_renewed() {
    const TOPICS: u64 = 2_500;
    let mut server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let topic = |number: u64| Topic::Document(Uuid::from_u128(1000 + u128::from(number)));
    let mut ears: Vec<_> = (0..TOPICS).map(|number| two.subscribe(topic(number))).collect();
    for ear in &mut ears {
        assert_eq!(ear.next().await, BusEvent::Gap);
    }
    for (number, ear) in ears.iter_mut().enumerate() {
        one.say(topic(number as u64), 1);
        assert_eq!(ear.seq().await, 1);
    }
    server.kill();
    two.until(BusState::Down).await;
    server.restart();
    for ear in &mut ears {
        ear.gap().await;
    }
    two.until(BusState::Up).await;
    one.until(BusState::Up).await;
    drop(ears.split_off(10));
    ears[9].until_heard(&one, topic(9), 2).await;
    // All others are given up, as Redis sees it.
    let channels = || match server.command(&["PUBSUB", "CHANNELS", "test:document:*"]) {
        Value::Array(names) => names.len(),
        other => panic!("{other:?} is no list"),
    };
    let given_up = async {
        while channels() > 10 {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.expect("Redis is told of what is given up");
    assert_eq!(channels(), 10);
}

#[tokio::test]
async fn what_waits_at_the_end_is_sent() {
    let server = RedisServer::start();
    let (one, two) = two_instances(&server).await;
    let mut ear = two.listen(DOCUMENT).await;
    for seq in 1..=200 {
        one.say(DOCUMENT, seq);
    }
    let report = one.lifecycle.shutdown(Duration::from_secs(10)).await;
    assert!(report.is_clean(), "{report}");
    for seq in 1..=200 {
        assert_eq!(ear.seq().await, seq);
    }
    assert_eq!(*one.bus.state().borrow(), BusState::Down);
    one.say(DOCUMENT, 201);
    assert!(ear.is_silent().await);
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_redis_that_is_gone() {
    let server = RedisServer::absent();
    let one = Instance::on(&config(&server.url()));
    let report = one.lifecycle.shutdown(Duration::from_secs(10)).await;
    assert!(report.is_clean(), "{report}");
}

/// A port that was free a moment ago.
fn port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[tokio::test]
async fn a_password_is_given_over_tcp() {
    let port = port();
    let server = RedisServer::with(&["--port", &port, "--requirepass", "hunter2"]);
    let url = |password| format!("redis://:{password}@127.0.0.1:{port}");
    let (one, two) = (Instance::on(&config(&url("hunter2"))), Instance::on(&config(&url("hunter2"))));
    one.until(BusState::Up).await;
    let mut ear = two.listen(DOCUMENT).await;
    one.say(DOCUMENT, 1);
    assert_eq!(ear.message().await.1, committed(1));
    let stranger = Instance::on(&config(&url("guess")));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(*stranger.bus.state().borrow(), BusState::Down);
    }
    drop(server);
}

#[tokio::test]
async fn tls_checks_who_answers() {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_certificate = authority.self_signed(&authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();

    let folder = RedisServer::absent();
    let file = |name: &str, content: &str| {
        let path = folder.folder().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let ca_file = file("ca.pem", &authority_certificate.pem());
    let certificate = file("server.pem", &certificate.pem());
    let key = file("server.key", &key.serialize_pem());
    let port = port();
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let _server = RedisServer::with(&[
        "--tls-port",
        &port,
        "--tls-cert-file",
        &path(&certificate),
        "--tls-key-file",
        &path(&key),
        "--tls-auth-clients",
        "no",
    ]);
    let url = format!("rediss://localhost:{port}");
    let trusting = RedisConfig { ca_file: Some(ca_file), ..config(&url) };
    let (one, two) = (Instance::on(&trusting), Instance::on(&trusting));
    one.until(BusState::Up).await;
    let mut ear = two.listen(DOCUMENT).await;
    one.say(DOCUMENT, 1);
    assert_eq!(ear.seq().await, 1);
    // The machine does not know this authority.
    let careful = Instance::on(&config(&url));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(*careful.bus.state().borrow(), BusState::Down);
    }
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_an_error_at_start() {
    let server = RedisServer::absent();
    let missing = server.folder().join("missing.pem");
    let config = RedisConfig { ca_file: Some(missing.clone()), ..config("rediss://:hunter2@localhost:1") };
    let error = Instance::try_on(&config).err().unwrap().to_string();
    assert!(error.contains(missing.to_str().unwrap()) && !error.contains("hunter2"), "{error}");
}
