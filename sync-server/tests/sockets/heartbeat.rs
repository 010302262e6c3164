//! Silence (G4).

use std::time::{Duration, Instant};

use platform::access::ProjectRole;
use platform::limits::Limits;
use web_protocol::close;

use crate::client::Event;
use crate::server::Server;

fn short_heartbeat() -> Limits {
    Limits { heartbeat_seconds: 1, ..Limits::default() }
}

#[tokio::test]
async fn g4_a_client_that_answers_pings_stays() {
    let server = Server::with(short_heartbeat()).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    let begin = Instant::now();
    for _ in 0..3 {
        assert_eq!(client.socket.next().await, Event::Ping);
    }
    assert!(begin.elapsed() >= Duration::from_secs(2), "one ping per heartbeat of silence");
    let (_, name) = server.document().await;
    client.open(&name).await;
    server.stop().await;
}

#[tokio::test]
async fn g4_a_client_that_does_not_answer_is_closed() {
    let server = Server::with(short_heartbeat()).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    let begin = Instant::now();
    let heard = client.socket.listen_only(Duration::from_secs(10)).await;
    assert!(begin.elapsed() >= Duration::from_millis(1900), "closed after a heartbeat more, not at once");
    assert_eq!(heard.first(), Some(&0x89), "a ping comes first");
    let [high, low] = close::TIMEOUT.to_be_bytes();
    let close = heard.windows(2).position(|code| code == [high, low]);
    assert!(close.is_some(), "{heard:?}");
    server.stop().await;
}
