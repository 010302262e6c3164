//! Who has not said yet who they are: how many connections, how long, how much (SPEC §5).

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use platform::access::ProjectRole;
use platform::config::Mode;
use platform::ingress::TrustedProxies;
use platform::limits::{Limit, Limits};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as WebSocketMessage;
use web_protocol::close;
use web_protocol::hocuspocus::{Frame, Message};

use crate::client::Client;
use crate::h_client::HClient;
use crate::server::Server;

/// More than any of these tests has to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the server answers to these bytes until it ends the connection.
async fn answer(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_to_end(&mut stream).await
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("the server ends it");
    String::from_utf8_lossy(&heard).into_owned()
}

fn upgrade(path: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// An upgrade to the socket that says who it is later, and the first line of the answer.
async fn stranger(address: SocketAddr, more: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(upgrade("/hocuspocus", more).as_bytes()).await.unwrap();
    let mut head = [0; 12];
    let read = stream.read_exact(&mut head).await;
    (stream, if read.is_ok() { String::from_utf8_lossy(&head).into_owned() } else { "closed".to_owned() })
}

#[tokio::test]
async fn a_request_whose_head_takes_too_long_is_ended() {
    let server = Server::with(Limits { request_head_seconds: 1, ..Limits::default() }).await;
    let begin = Instant::now();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let dribbling = async {
        // A byte now and then does not help.
        while writing.write_all(b"G").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut heard = Vec::new();
    tokio::select! {
        () = dribbling => {}
        _ = reading.read_to_end(&mut heard) => {}
        () = tokio::time::sleep(PATIENCE) => panic!("the connection is still open"),
    }
    assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());
    let silent = answer(server.address, "").await;
    assert_eq!(silent, "", "silence from the start is no better");
    while server.reached.get(Limit::RequestHeadTime) < 2 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_request_whose_head_is_too_large_is_refused() {
    let server = Server::with(Limits { request_head_bytes: 8192, ..Limits::default() }).await;
    let answer = answer(server.address, &format!("GET /ws?token={} HTTP/1.1\r\n", "x".repeat(1 << 20))).await;
    assert!(answer.is_empty() || answer.contains("431") || answer.contains("414"), "{answer}");
    while server.reached.get(Limit::RequestHeadBytes) < 1 {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_address_has_so_many_connections_of_strangers_and_members_do_not_count() {
    let limits = Limits { unauthenticated_connections_per_address: 3, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut members = Vec::new();
    for _ in 0..5 {
        members.push(server.client(&ann).await);
        let mut member = HClient::connect(server.address).await;
        member.open(&name, &ann.token).await;
        members.push(server.client(&ann).await);
        drop(member);
    }
    let mut strangers = Vec::new();
    for _ in 0..3 {
        strangers.push(stranger(server.address, "").await);
        assert_eq!(strangers.last().unwrap().1, "HTTP/1.1 101");
    }
    assert_eq!(stranger(server.address, "").await.1, "closed");
    assert!(server.reached.get(Limit::UnauthenticatedConnectionsOfAddress) >= 1);
    drop(strangers);
    // Once the server has noticed that they are gone, there is room again.
    while stranger(server.address, "").await.1 == "closed" {
        tokio::task::yield_now().await;
    }
    server.stop().await;
}

#[tokio::test]
async fn an_address_opens_so_many_connections_in_a_second() {
    let limits =
        Limits { connections_per_address_per_second: 1, connections_per_address_burst: 4, ..Limits::default() };
    let server = Server::with(limits).await;
    let mut opened = 0;
    while stranger(server.address, "").await.1 != "closed" {
        opened += 1;
        assert!(opened < 50, "connections go on being admitted");
    }
    assert!(opened >= 4, "{opened}");
    assert!(server.reached.get(Limit::ConnectionRateOfAddress) >= 1);
    server.stop().await;
}

#[tokio::test]
async fn a_proxy_is_believed_only_if_it_is_trusted() {
    let limits = || Limits { unauthenticated_connections_per_address: 1, ..Limits::default() };
    let from = |client: &str| format!("X-Forwarded-For: {client}\r\n");
    let trusted = TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    let server = Server::behind(limits(), Mode::Development, trusted).await;
    let first = stranger(server.address, &from("192.0.2.1")).await;
    let other = stranger(server.address, &from("192.0.2.2")).await;
    assert_eq!((first.1.as_str(), other.1.as_str()), ("HTTP/1.1 101", "HTTP/1.1 101"));
    let second = stranger(server.address, &from("198.51.100.7, 192.0.2.1")).await;
    assert_eq!(second.1, "HTTP/1.1 429", "whatever a client wrote itself, the proxy says where it is");
    server.stop().await;

    let server = Server::with(limits()).await;
    let first = stranger(server.address, &from("192.0.2.1")).await;
    let second = stranger(server.address, &from("192.0.2.2")).await;
    assert_eq!((first.1.as_str(), second.1.as_str()), ("HTTP/1.1 101", "closed"));
    server.stop().await;
}

#[tokio::test]
async fn h4_a_stranger_sends_small_frames_and_a_member_large_ones() {
    let limits = Limits { unauthenticated_frame_bytes: 4096, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut stranger = HClient::connect(server.address).await;
    stranger.socket.send(WebSocketMessage::binary(vec![0; 4097])).await;
    assert_eq!(stranger.socket.closed().await, close::TOO_LARGE);
    assert_eq!(server.reached.get(Limit::FrameBytes), 1);
    let mut member = HClient::connect(server.address).await;
    let replica = member.open(&name, &ann.token).await;
    member.type_text(&replica, &"x".repeat(100_000)).await;
    member.status(&name).await;
    server.stop().await;
}

#[tokio::test]
async fn h4_a_stranger_that_comes_too_fast_is_not_waited_for() {
    let limits = Limits { messages_per_second: 10, messages_burst: 50, ..Limits::default() };
    let server = Server::with(limits).await;
    let mut stranger = HClient::connect(server.address).await;
    for _ in 0..60 {
        stranger.socket.send_anyway(WebSocketMessage::Ping(Vec::new().into())).await;
    }
    assert_eq!(stranger.socket.closed().await, close::TOO_MANY);
    assert_eq!(server.reached.get(Limit::Flood), 1);
    server.stop().await;
}

#[tokio::test]
async fn l6_what_strangers_have_under_way_keeps_no_member_out() {
    // Two of them take all the room that strangers have.
    let limits = Limits { unauthenticated_bytes: 100_000, unfinished_bytes: 1 << 20, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let half = [&[0x82, 0xfe][..], &60_000_u16.to_be_bytes(), &[0; 4], &vec![0; 50_001]].concat();
    let mut strangers = Vec::new();
    for _ in 0..2 {
        let mut stranger = HClient::connect(server.address).await;
        stranger.socket.send_raw(&half).await;
        strangers.push(stranger);
    }
    // One of them, whichever it was whose bytes came last.
    let [one, other] = &mut strangers[..] else { unreachable!() };
    let code = tokio::select! {
        code = one.socket.closed() => code,
        code = other.socket.closed() => code,
    };
    assert_eq!(code, close::TRY_LATER);
    assert_eq!(server.reached.get(Limit::UnfinishedBytes), 1);
    let mut member = server.editor(&ann, &name).await;
    member.type_text(&"x".repeat(500_000)).await;
    member.until_saved().await;
    server.stop().await;
}

#[tokio::test]
async fn who_is_refused_is_not_listened_to_for_long() {
    let server = Server::with(Limits { unauthenticated_frame_bytes: 4096, ..Limits::default() }).await;
    let mut refused = Client::connect(server.address, Some("wrong")).await;
    // The head of a frame of 1 MiB: nobody waits for the rest of it.
    refused.socket.send_raw(&[&[0x82, 0xff][..], &(1_u64 << 20).to_be_bytes(), &[0; 4]].concat()).await;
    let begin = Instant::now();
    refused.socket.listen_only(PATIENCE).await;
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    server.stop().await;
}

#[tokio::test]
async fn h4_a_stranger_sends_so_many_frames() {
    let limits = Limits { unauthenticated_frames: 50, ..Limits::default() };
    let server = Server::with(limits).await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let (_, name) = server.document().await;
    let mut stranger = HClient::connect(server.address).await;
    for _ in 0..51 {
        // Not even what is answered at once.
        stranger.socket.send_anyway(WebSocketMessage::binary(Frame::Ping.encode())).await;
    }
    assert_eq!(stranger.socket.closed().await, close::UNAUTHORIZED);
    assert_eq!(server.reached.get(Limit::UnauthenticatedFrames), 1);
    let mut member = HClient::connect(server.address).await;
    member.open(&name, &ann.token).await;
    for _ in 0..100 {
        member.send_bytes(Frame::Ping.encode()).await;
    }
    member.send(&name, Message::Close(None)).await;
    member.closed(&name).await;
    server.stop().await;
}

#[tokio::test]
async fn h4_a_wrong_token_makes_nobody_known() {
    let limits = Limits { authentication_seconds: 1, unauthenticated_connections_per_address: 1, ..Limits::default() };
    let server = Server::with(limits).await;
    let (_, name) = server.document().await;
    let mut stranger_with_token = HClient::connect(server.address).await;
    stranger_with_token.token(&name, "wrong").await;
    assert_eq!(stranger_with_token.denied(&name).await, "invalid-token");
    assert_eq!(stranger(server.address, "").await.1, "closed", "it counts as one still");
    assert_eq!(stranger_with_token.socket.closed().await, close::AUTHENTICATION_TIMEOUT);
    assert_eq!(server.reached.get(Limit::AuthenticationTime), 1);
    server.stop().await;
}

#[tokio::test]
async fn compression_is_declined() {
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(upgrade(&format!("/ws?token={}", ann.token), offer).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 101") && !head.contains("sec-websocket-extensions"), "{head}");
    // RSV1 says that a frame is compressed: a masked one of no bytes.
    stream.write_all(&[0xc2, 0x80, 0, 0, 0, 0]).await.unwrap();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the server ends it");
    let [high, low] = close::MALFORMED.to_be_bytes();
    assert!(rest.windows(2).any(|code| code == [high, low]), "{rest:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_frame_that_is_announced_and_does_not_come_costs_next_to_nothing() {
    const SOCKETS: usize = 40;
    const RESIDENT_BYTES_MAX: u64 = 64 << 20;
    let server = Server::start().await;
    let ann = server.person("Ann", ProjectRole::Member).await;
    let announce: Vec<u8> = [&[0x82, 0xff][..], &(16_u64 << 20).to_be_bytes(), &[0, 0, 0, 0, 0]].concat();
    let before = resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        let mut client = Client::connect(server.address, Some(&ann.token)).await;
        client.reply("welcome").await;
        client.socket.send_raw(&announce).await;
        sockets.push(client);
    }
    // The server has read them once somebody behind them in the line is served.
    server.client(&ann).await;
    let grown = resident_bytes().saturating_sub(before);
    assert!(grown < RESIDENT_BYTES_MAX, "{SOCKETS} sockets made the process grow by {grown} bytes");
    server.stop().await;
}

fn resident_bytes() -> u64 {
    const PAGE_BYTES: u64 = 4096;
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * PAGE_BYTES
}
