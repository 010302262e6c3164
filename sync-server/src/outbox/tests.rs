use bytes::Bytes;
use documents::delivery::{Content, PIECE_BYTES};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use web_protocol::frame::PieceOf;

use super::*;
use crate::pieces::Compression;

const CHANNEL: ChannelKey = ChannelKey(1);

fn frame(bytes: usize) -> Wire {
    Wire { head: Bytes::from(vec![1; bytes / 2]), body: Bytes::from(vec![2; bytes - bytes / 2]) }
}

fn outbox(bytes_limit: usize) -> Outbox {
    Outbox::new(bytes_limit, &SocketMetrics::default())
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

#[tokio::test]
async fn presence_is_withheld_first_then_updates_and_what_must_pass_never() {
    let outbox = outbox(100);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &frame(60)), Taken::Yes);
    assert_eq!(outbox.push(CHANNEL, Priority::Presence, &frame(1)), Taken::Withheld);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &frame(40)), Taken::Yes);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &frame(1)), Taken::Withheld);
    assert_eq!(outbox.push(CHANNEL, Priority::Must, &frame(1000)), Taken::Yes);
    assert!(outbox.report().drained.is_empty(), "not empty yet");
    let (mut client, server) = connection().await;
    outbox.connect(server);
    assert_eq!(outbox.metrics.lagging.get(), 1);
    outbox.flush();
    outbox.ready().await;
    assert_eq!(outbox.report().drained, [CHANNEL], "reported once, however much was withheld");
    assert_eq!(outbox.metrics.lagging.get(), 0);
    assert!(outbox.report().drained.is_empty());
    let mut read = vec![0; 1100];
    client.read_exact(&mut read).await.unwrap();
    assert_eq!((read[29], read[30], read[59], read[60]), (1, 2, 2, 1), "in order, heads before bodies");
}

#[test]
fn one_frame_larger_than_the_limit_passes_alone() {
    let outbox = outbox(10);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &frame(50)), Taken::Yes);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &frame(1)), Taken::Withheld);
}

#[tokio::test]
async fn a_full_connection_is_written_to_again_when_it_has_room_and_every_byte_arrives() {
    const FRAMES: usize = 300;
    const BYTES: usize = 50_001;
    let (mut client, server) = connection().await;
    let outbox = outbox(usize::MAX);
    let stream = outbox.connect(server);
    for _ in 0..FRAMES {
        outbox.push(CHANNEL, Priority::Must, &frame(BYTES));
    }
    outbox.flush();
    outbox.ready().await;
    assert_eq!(outbox.report().connection, Connection::Full);
    assert!(outbox.metrics.waiting_bytes.get() > 0);
    let reading = async {
        let mut read = vec![0; FRAMES * BYTES];
        client.read_exact(&mut read).await.unwrap();
        read
    };
    let writing = async {
        while outbox.report().connection == Connection::Full {
            stream.writable().await.unwrap();
            outbox.resume();
        }
    };
    let (read, ()) = tokio::join!(reading, writing);
    let expected = [vec![1; BYTES / 2], vec![2; BYTES - BYTES / 2]].concat().repeat(FRAMES);
    assert!(read == expected);
    assert_eq!(outbox.metrics.waiting_bytes.get(), 0);
}

#[tokio::test]
async fn a_broken_connection_keeps_nothing() {
    let (client, server) = connection().await;
    let outbox = outbox(usize::MAX);
    outbox.connect(server);
    client.set_zero_linger().unwrap();
    drop(client);
    while outbox.report().connection == Connection::Open {
        outbox.push(CHANNEL, Priority::Must, &frame(50_000));
        outbox.flush();
        tokio::task::yield_now().await;
    }
    assert_eq!(outbox.report().connection, Connection::Broken);
    outbox.push(CHANNEL, Priority::Must, &frame(50_000));
    assert!(outbox.queue().frames.is_empty());
}

fn document(bytes: usize) -> Pieces {
    let content = Content::from(Bytes::from(vec![7; bytes]));
    Pieces::of(1, PieceOf::Step2, &content, Compression::Off).unwrap()
}

/// Reads until the connection ends: how long each frame is that came.
async fn lengths(client: &mut TcpStream) -> Vec<usize> {
    let mut read = Vec::new();
    client.read_to_end(&mut read).await.unwrap();
    let (mut rest, mut lengths) = (&read[..], Vec::new());
    while let Some((header, after)) = rest.split_first_chunk::<2>() {
        let (length, body) = match header[1] {
            126 => (usize::from(u16::from_be_bytes(after[..2].try_into().unwrap())), &after[2..]),
            127 => (u64::from_be_bytes(after[..8].try_into().unwrap()).try_into().unwrap(), &after[8..]),
            length => (usize::from(length), after),
        };
        lengths.push(length);
        rest = &body[length..];
    }
    lengths
}

fn text_of(bytes: usize) -> Wire {
    crate::websocket::text("x".repeat(bytes))
}

async fn write_all(outbox: Outbox) {
    while outbox.report().connection == Connection::Full || outbox.queue().series.has(CHANNEL) {
        outbox.stream.get().unwrap().writable().await.unwrap();
        outbox.resume();
        outbox.flush();
    }
}

#[tokio::test]
async fn g24_others_on_the_socket_wait_for_one_piece_of_a_large_document_not_for_all() {
    const OTHER: ChannelKey = ChannelKey(2);
    let (mut client, server) = connection().await;
    let outbox = outbox(100);
    outbox.connect(server);
    outbox.push_pieces(CHANNEL, Priority::Content, document(64 << 20));
    while outbox.flush() == Progress::Paused {}
    assert_eq!(outbox.report().connection, Connection::Full);
    assert!(outbox.may_read(), "its client may work in other documents meanwhile");
    assert_eq!(outbox.push(OTHER, Priority::Update, &text_of(90)), Taken::Yes, "pieces take up no room");
    assert!(!outbox.may_read());
    let ((), lengths) = tokio::join!(write_all(outbox), lengths(&mut client));
    let at = lengths.iter().position(|length| *length == 90).unwrap();
    assert_eq!(lengths.len(), 1 + (64 << 20) / PIECE_BYTES);
    assert!(at < lengths.len() / 2, "at {at} of {}", lengths.len());
}

#[tokio::test]
async fn g24_the_document_s_own_updates_stay_behind_its_pieces_and_the_rest_does_not() {
    let (mut client, server) = connection().await;
    let outbox = outbox(100);
    outbox.push_pieces(CHANNEL, Priority::Content, document(PIECE_BYTES + 1));
    outbox.push(CHANNEL, Priority::Content, &text_of(20));
    outbox.push_pieces(CHANNEL, Priority::Content, document(PIECE_BYTES + 2));
    outbox.push(CHANNEL, Priority::Content, &text_of(21));
    outbox.push(CHANNEL, Priority::Must, &text_of(22));
    outbox.connect(server);
    outbox.flush();
    let ((), lengths) = tokio::join!(write_all(outbox), lengths(&mut client));
    let [22, first, second, 20, third, fourth, 21] = lengths[..] else { panic!("{lengths:?}") };
    assert!(first > PIECE_BYTES && second < 20 && third > PIECE_BYTES && fourth < 20, "{lengths:?}");
}

#[tokio::test]
async fn g17_a_receiver_of_pieces_has_drained_when_they_are_sent() {
    let (mut client, server) = connection().await;
    let outbox = outbox(100);
    outbox.push_pieces(CHANNEL, Priority::Content, document(PIECE_BYTES + 1));
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &text_of(60)), Taken::Yes);
    assert_eq!(outbox.push(CHANNEL, Priority::Update, &text_of(60)), Taken::Withheld, "what waits is bounded");
    assert!(outbox.report().drained.is_empty());
    let reading = tokio::spawn(async move { lengths(&mut client).await });
    let stream = outbox.connect(server);
    outbox.flush();
    let drained = loop {
        outbox.ready().await;
        let report = outbox.report();
        if !report.drained.is_empty() {
            break report.drained;
        }
        stream.writable().await.unwrap();
        outbox.resume();
    };
    assert_eq!(drained, [CHANNEL]);
    drop(outbox);
    assert_eq!(reading.await.unwrap().len(), 3, "two pieces, and the update that had room");
}

#[tokio::test]
async fn g24_nothing_more_of_a_document_is_sent_when_its_channel_is_over() {
    let (mut client, server) = connection().await;
    let outbox = outbox(usize::MAX);
    outbox.connect(server);
    outbox.push_pieces(CHANNEL, Priority::Content, document(64 << 20));
    while outbox.flush() == Progress::Paused {}
    outbox.push(CHANNEL, Priority::Content, &text_of(20));
    outbox.abandon(CHANNEL);
    outbox.push_frame(text_of(21));
    assert_eq!(outbox.queue().series.bytes_behind(), 0);
    let ((), lengths) = tokio::join!(write_all(outbox), lengths(&mut client));
    assert!(lengths.len() < (64 << 20) / PIECE_BYTES, "{} pieces", lengths.len());
    assert_eq!(lengths.last(), Some(&21));
    assert!(!lengths.contains(&20));
}

#[tokio::test]
async fn g24_compressed_pieces_are_written_when_they_are_made() {
    let (mut client, server) = connection().await;
    let outbox = outbox(100);
    outbox.connect(server);
    let content = Content::from(Bytes::from(vec![7; 10 * PIECE_BYTES]));
    let pieces = Pieces::of(1, PieceOf::Step2, &content, Compression::Deflate).unwrap();
    outbox.push_pieces(CHANNEL, Priority::Content, pieces);
    outbox.flush();
    while outbox.queue().series.has(CHANNEL) {
        outbox.ready().await;
        outbox.flush();
    }
    drop(outbox);
    let lengths = lengths(&mut client).await;
    assert_eq!(lengths.len(), 10);
    assert!(lengths.iter().all(|length| *length < PIECE_BYTES / 50), "{lengths:?}");
}

#[tokio::test]
async fn small_frames_that_wait_together_leave_as_one_in_their_order() {
    let (mut client, server) = connection().await;
    let outbox = outbox(usize::MAX);
    let mut expected = Vec::new();
    for number in 0..2_000_u32 {
        let bytes = if number % 97 == 0 { 3_000 } else { 5 + number as usize % 40 };
        let head = Bytes::from(vec![(number % 251) as u8; bytes / 2]);
        let frame = Wire { head, body: Bytes::from(vec![(number % 241) as u8; bytes - bytes / 2]) };
        expected.extend_from_slice(&frame.head);
        expected.extend_from_slice(&frame.body);
        outbox.push(CHANNEL, Priority::Update, &frame);
    }
    assert!(outbox.queue().frames.len() < 1_200, "what does not wait long is copied, the rest shared");
    outbox.connect(server);
    outbox.flush();
    let mut read = vec![0; expected.len()];
    while outbox.report().connection != Connection::Open {
        outbox.resume();
        tokio::task::yield_now().await;
    }
    client.read_exact(&mut read).await.unwrap();
    assert!(read == expected, "every byte arrives in its order");
    assert_eq!((outbox.metrics.frames_out.get(), outbox.queue().bytes), (2_000, 0));
    let alone = text_of(20);
    outbox.push(CHANNEL, Priority::Update, &alone);
    assert_eq!(outbox.queue().frames[0].frame.head.as_ptr(), alone.head.as_ptr(), "one that comes alone is shared");
}
