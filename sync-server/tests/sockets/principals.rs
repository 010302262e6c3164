//! What a principal may have open, and how fast they may talk (SPEC §5).

use std::time::{Duration, Instant};

use platform::access::ProjectRole;
use platform::limits::{Limit, Limits};
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use web_protocol::close;
use web_protocol::hocuspocus::Message;

use crate::client::Client;
use crate::h_client::HClient;
use crate::server::Server;
use crate::y_client::YClient;

#[tokio::test]
async fn l4_a_principal_has_so_many_sockets_in_all_dialects_together() {
    let server = Server::with(Limits { sockets_per_principal: 3, ..Limits::default() }).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let first = server.client(&ann).await;
    let _second = server.stock_client(&ann, &name).await;
    let mut third = HClient::connect(server.address).await;
    third.open(&name, &ann.token).await;

    let mut fourth = Client::connect(server.address, Some(&ann.token)).await;
    assert_eq!(fourth.socket.closed().await, close::TOO_MANY);
    let mut fourth = YClient::connect(server.address, &name, Some(&ann.token)).await;
    assert_eq!(fourth.socket.closed().await, close::TOO_MANY);
    let mut fourth = HClient::connect(server.address).await;
    fourth.token(&name, &ann.token).await;
    assert_eq!(fourth.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::SocketsOfPrincipal), 3);

    server.client(&bob).await;
    drop(first);
    loop {
        // Once the server has noticed that the first is gone, there is a place again.
        let mut again = Client::connect(server.address, Some(&ann.token)).await;
        if !matches!(again.socket.next().await, crate::client::Event::Closed(_)) {
            break;
        }
    }
    server.stop().await;
}

#[tokio::test]
async fn l4_a_principal_has_so_many_documents_open_on_all_sockets() {
    let server = Server::with(Limits { documents_per_principal: 2, ..Limits::default() }).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let names = [server.document().await.1, server.document().await.1, server.document().await.1];
    let mut one = server.editor(&ann, &names[0]).await;
    let mut two = HClient::connect(server.address).await;
    two.open(&names[1], &ann.token).await;
    one.subscribe(&names[2], None).await;
    assert_eq!(one.error().await["code"], "TOO_MANY_CHANNELS");
    two.token(&names[2], &ann.token).await;
    assert_eq!(two.denied(&names[2]).await, "too-many-documents");
    let mut stock = YClient::connect(server.address, &names[2], Some(&ann.token)).await;
    assert_eq!(stock.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::DocumentsOfPrincipal), 3);
    two.send(&names[1], Message::Close(None)).await;
    two.closed(&names[1]).await;
    server.editor(&ann, &names[2]).await;
    server.stop().await;
}

#[tokio::test]
async fn l4_who_has_no_token_counts_for_their_address() {
    let limits = Limits { anonymous_sockets_per_address: 3, anonymous_documents_per_address: 2, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut first = YClient::connect(server.address, "scratch:one", None).await;
    first.handshake().await;
    let mut second = HClient::connect(server.address).await;
    second.open("scratch:two", "").await;
    second.token("scratch:three", "").await;
    assert_eq!(second.denied("scratch:three").await, "too-many-documents");
    let mut third = YClient::connect(server.address, "scratch:three", None).await;
    assert_eq!(third.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::AnonymousDocumentsOfAddress), 2);
    server.stock_client(&ann, "scratch:three").await;

    second.send("scratch:two", Message::Close(None)).await;
    second.closed("scratch:two").await;
    let mut third = YClient::connect(server.address, "scratch:three", None).await;
    third.handshake().await;
    let mut fourth = YClient::connect(server.address, "scratch:three", None).await;
    assert_eq!(fourth.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::AnonymousSocketsOfAddress), 1);
    server.stop().await;
}

#[tokio::test]
async fn l4_sockets_are_opened_so_often() {
    let limits = Limits { upgrades_per_minute_per_principal: 2, ..Limits::default() };
    let server = Server::with(limits).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    server.client(&ann).await;
    server.client(&ann).await;
    let mut third = Client::connect(server.address, Some(&ann.token)).await;
    assert_eq!(third.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::UpgradesOfPrincipal), 1);
    server.client(&bob).await;
    server.stop().await;
}

#[tokio::test]
async fn l5_what_comes_too_fast_is_read_later_and_all_of_it_is_saved() {
    let limits = Limits { messages_per_second: 100, messages_burst: 20, heartbeat_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let begin = Instant::now();
    for _ in 0..270 {
        client.type_text("x").await;
    }
    client.until_saved().await;
    assert!(begin.elapsed() >= Duration::from_millis(2400), "a burst, then 100 in a second: {:?}", begin.elapsed());
    assert!(server.reached.get(Limit::MessageRate) >= 1);
    let newcomer = server.editor(&ann, &name).await;
    assert_eq!(newcomer.text().len(), 270);
    server.stop().await;
}

#[tokio::test]
async fn l5_bytes_count_too() {
    let limits = Limits { message_bytes_per_second: 100_000, message_bytes_burst: 10_000, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut client = server.editor(&ann, &name).await;
    let begin = Instant::now();
    for _ in 0..3 {
        client.type_text(&"x".repeat(50_000)).await;
    }
    client.until_saved().await;
    assert!(begin.elapsed() >= Duration::from_millis(900), "the last waits for those before: {:?}", begin.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn l5_all_sockets_of_a_principal_count_together() {
    let limits = Limits {
        message_bytes_per_second: 20_000,
        message_bytes_burst: 50_000,
        busy_sockets_per_principal: 1,
        ..Limits::default()
    };
    let server = Server::with(limits).await;
    let (ann, bob) = (server.person("Ann", ProjectRole::Member).await, server.person("Bob", ProjectRole::Member).await);
    let (_, name) = server.document().await;
    let mut first = server.editor(&ann, &name).await;
    let mut second = server.editor(&ann, &name).await;
    let mut of_somebody_else = server.editor(&bob, &name).await;
    let begin = Instant::now();
    // Each within the burst of its own socket, and both beyond what the principal may send at once.
    for client in [&mut first, &mut second] {
        client.type_text(&"x".repeat(40_000)).await;
    }
    first.until_saved().await;
    second.until_saved().await;
    // Whichever came last is read later.
    for client in [&mut first, &mut second] {
        client.type_text("later").await;
        client.until_saved().await;
    }
    assert!(begin.elapsed() >= Duration::from_millis(1200), "{:?}", begin.elapsed());
    let reached = server.reached.get(Limit::MessageRate);
    assert!(reached >= 1);
    of_somebody_else.type_text("at once").await;
    of_somebody_else.until_saved().await;
    assert_eq!(server.reached.get(Limit::MessageRate), reached, "others have an allowance of their own");
    server.stop().await;
}

#[tokio::test]
async fn l5_fragments_without_end_are_a_flood() {
    let limits = Limits { messages_per_second: 50, messages_burst: 10, flood_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    // A text of which nothing comes: masked frames of no bytes, none of them the last.
    client.socket.send_raw(&[0x01, 0x80, 0, 0, 0, 0]).await;
    client.socket.send_raw(&[0x00, 0x80, 0, 0, 0, 0].repeat(500)).await;
    assert_eq!(client.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::Flood), 1);
    server.stop().await;
}

#[tokio::test]
async fn l5_who_never_stops_is_closed_and_may_come_back() {
    let limits = Limits { messages_per_second: 50, messages_burst: 10, flood_seconds: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let mut client = server.client(&ann).await;
    for _ in 0..500 {
        client.socket.send_anyway(WebSocketMessage::binary(vec![99, 0, 1, 0])).await;
    }
    assert_eq!(client.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::Flood), 1);
    server.client(&ann).await;
    server.stop().await;
}
