use platform::random::Random;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::*;
use crate::metrics::SocketMetrics;

const MESSAGE_BYTES: usize = 300_000;
const MASK: [u8; 4] = [0x12, 0xff, 0, 0x80];
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;
const FINAL: u8 = 0x80;

/// A frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..=125 => frame.push(0x80 | u8::try_from(length).unwrap()),
        length @ 126..=0xffff => {
            frame.push(0x80 | 0x7e);
            frame.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
        length => {
            frame.push(0x80 | 0x7f);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

async fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (client, server) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
    (client.unwrap(), server.unwrap().0)
}

fn outbox() -> Outbox {
    Outbox::new(usize::MAX, &SocketMetrics::default())
}

fn plenty() -> ByteBudget {
    ByteBudget::new(usize::MAX)
}

/// What is read of these bytes, until nothing more can be read.
async fn read(bytes: &[u8]) -> (Vec<Message>, ReadError) {
    let (mut client, server) = connection().await;
    let outbox = outbox();
    let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
    let writing = async move {
        // The server may have had enough.
        let _ = client.write_all(bytes).await;
        let _ = client.shutdown().await;
        client
    };
    let reading = async {
        let mut messages = Vec::new();
        loop {
            match incoming.next().await {
                Ok(message) => messages.push(message),
                Err(error) => return (messages, error),
            }
        }
    };
    tokio::join!(writing, reading).1
}

#[tokio::test]
async fn messages_are_put_together_however_they_are_cut() {
    for seed in 0..40 {
        let random = Random::from_seed(seed);
        let below = |bound| usize::try_from(random.below(bound)).unwrap();
        let (mut bytes, mut sent) = (Vec::new(), Vec::new());
        for _ in 0..=below(30) {
            let length = [0, 1, 125, 126, 4_000, 65_535, 65_536, 299_999][below(8)];
            let payload: Vec<u8> = (b'a'..=b'z').cycle().skip(below(26)).take(length).collect();
            let (kind, message) = if below(2) == 0 {
                (TEXT, Message::Text(String::from_utf8(payload.clone()).unwrap()))
            } else {
                (BINARY, Message::Binary(payload.clone().into()))
            };
            let cuts = 1 + below(3);
            let part = payload.len() / cuts + 1;
            for number in 0..cuts {
                let chunk = payload.get(number * part..).unwrap_or_default();
                let last = number + 1 == cuts;
                let kind = if number == 0 { kind } else { 0 };
                let first = if last { FINAL | kind } else { kind };
                bytes.extend(frame(first, &chunk[..chunk.len().min(part)]));
                if !last {
                    sent.push(Message::Fragment);
                }
                if !last && below(2) == 0 {
                    bytes.extend(frame(FINAL | PING, b"there?"));
                    sent.push(Message::SignOfLife);
                }
            }
            sent.push(message);
        }
        let (read, error) = read(&bytes).await;
        assert!(read == sent, "seed {seed}");
        assert!(matches!(error, ReadError::Gone(_)), "seed {seed}: {error}");
    }
}

#[tokio::test]
async fn what_is_not_the_protocol_is_refused() {
    let unmasked = [FINAL | TEXT, 1, b'a'].to_vec();
    let huge = [[FINAL | BINARY, 0xff].as_slice(), &u64::MAX.to_be_bytes(), &MASK].concat();
    let too_long_in_parts = [frame(BINARY, &vec![0; 200_000]), frame(FINAL, &vec![0; 100_001])].concat();
    let empty_without_end = [frame(TEXT, b""), frame(0, b"").repeat(FRAGMENTS_MAX)].concat();
    for (bytes, expected) in [
        (unmasked, "masked"),
        (frame(FINAL | TEXT | 0x40, b"compressed"), "reserved bit"),
        (frame(FINAL | 3, b""), "bad header"),
        (frame(FINAL | 0xb, b""), "bad header"),
        (frame(FINAL, b"goes on"), "may not come"),
        ([frame(TEXT, b"first"), frame(FINAL | TEXT, b"second")].concat(), "may not come"),
        (frame(PING, b""), "control frame"),
        (frame(FINAL | PING, &[0; 126]), "control frame"),
        (frame(FINAL | TEXT, b"\xff"), "UTF-8"),
        (frame(FINAL | CLOSE, b"\x03"), "half a close code"),
        (frame(FINAL | CLOSE, b"\x03\xe8\xff"), "UTF-8"),
        (frame(FINAL | BINARY, &vec![0; MESSAGE_BYTES + 1]), "too large"),
        (too_long_in_parts, "too large"),
        (empty_without_end, "too many fragments"),
        (huge, "too large"),
    ] {
        let (messages, error) = read(&bytes).await;
        let nothing_whole = messages.iter().all(|message| *message == Message::Fragment);
        assert!(nothing_whole && error.to_string().contains(expected), "{expected}: {messages:?}, {error}");
    }
}

#[tokio::test]
async fn random_bytes_end_the_socket_at_worst() {
    for seed in 0..200 {
        let random = Random::from_seed(seed);
        let bytes = random.bytes::<512>();
        read(&bytes).await;
    }
}

#[tokio::test]
async fn a_ping_and_a_close_are_answered_and_nothing_is_kept_meanwhile() {
    let (mut client, server) = connection().await;
    let outbox = outbox();
    let ping = frame(FINAL | PING, b"there?");
    let mut incoming = Incoming::new(outbox.connect(server), &outbox, &ping, 100, &plenty());
    assert_eq!(incoming.next().await.unwrap(), Message::SignOfLife);
    assert_eq!(incoming.read.capacity(), 0);
    client.write_all(&frame(FINAL | CLOSE, b"\x03\xe8bye")).await.unwrap();
    assert_eq!(incoming.next().await.unwrap(), Message::Close);
    let mut heard = [0; 12];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"\x8a\x06there?\x88\x02\x03\xe8");
}

#[tokio::test]
async fn the_beginning_of_a_message_does_not_keep_the_one_before() {
    let (mut client, server) = connection().await;
    let outbox = outbox();
    let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
    let bytes = [frame(FINAL | BINARY, &vec![7; 200_000]), frame(FINAL | BINARY, b"later")[..3].to_vec()].concat();
    client.write_all(&bytes).await.unwrap();
    assert_eq!(incoming.next().await.unwrap().len(), 200_000);
    while incoming.read.len() < 3 || incoming.is_rest {
        assert!(timeout(Duration::from_millis(50), incoming.next()).await.is_err(), "it is not whole");
    }
    assert!(!incoming.read.try_reclaim(100_000), "the memory of the first message is kept");
}

#[tokio::test]
async fn large_messages_of_which_not_all_has_come_are_bounded_over_all_sockets() {
    let under_way = ByteBudget::new(250_000);
    let message = frame(FINAL | BINARY, &vec![7; 200_000]);
    let (begun, rest) = message.split_at(150_000);
    let (mut slow, server) = connection().await;
    let slow_outbox = outbox();
    let mut of_slow = Incoming::new(slow_outbox.connect(server), &slow_outbox, &[], MESSAGE_BYTES, &under_way);
    slow.write_all(begun).await.unwrap();
    while of_slow.read.len() < begun.len() {
        assert!(timeout(Duration::from_millis(50), of_slow.next()).await.is_err(), "it is not whole");
    }
    let (mut other, server) = connection().await;
    let other_outbox = outbox();
    let mut of_other = Incoming::new(other_outbox.connect(server), &other_outbox, &[], MESSAGE_BYTES, &under_way);
    other.write_all(&frame(FINAL | BINARY, &[7; 1_000])).await.unwrap();
    assert_eq!(of_other.next().await.unwrap().len(), 1_000, "a small one passes");
    other.write_all(begun).await.unwrap();
    assert!(matches!(of_other.next().await, Err(ReadError::Crowded)));
    drop(of_other);
    slow.write_all(rest).await.unwrap();
    assert_eq!(of_slow.next().await.unwrap().len(), 200_000);
}

#[tokio::test]
async fn a_message_of_as_many_fragments_as_there_may_be_is_taken() {
    let parts = frame(0, b"x").repeat(FRAGMENTS_MAX - 2);
    let (mut messages, _) = read(&[frame(BINARY, b"x"), parts, frame(FINAL, b"x")].concat()).await;
    assert_eq!(messages.pop().map(|message| message.len()), Some(FRAGMENTS_MAX));
    assert_eq!(messages.len(), FRAGMENTS_MAX - 1, "each part was told of");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_always_has_more_to_say_leaves_others_their_turn() {
    let (mut client, server) = connection().await;
    let outbox = outbox();
    let mut incoming = Incoming::new(outbox.connect(server), &outbox, &[], MESSAGE_BYTES, &plenty());
    let flooding = tokio::spawn(async move {
        let pongs = frame(FINAL | PONG, b"").repeat(10_000);
        while client.write_all(&pongs).await.is_ok() {}
    });
    let listening = async { while incoming.next().await.is_ok() {} };
    // Nothing but the time ends it: what is read must give way for that.
    assert!(timeout(Duration::from_millis(300), listening).await.is_err(), "the client never stops");
    flooding.abort();
}

/// A socket on which 150,000 bytes of a message of 200,000 have come, and its client.
async fn begun<'a>(outbox: &'a Outbox, under_way: &ByteBudget) -> (TcpStream, Incoming<'a>) {
    let (mut client, server) = connection().await;
    let mut incoming = Incoming::new(outbox.connect(server), outbox, &[], MESSAGE_BYTES, under_way);
    client.write_all(&frame(FINAL | BINARY, &vec![7; 200_000])[..150_000]).await.unwrap();
    while incoming.read.len() < 150_000 {
        assert!(timeout(Duration::from_millis(50), incoming.next()).await.is_err(), "it is not whole");
    }
    (client, incoming)
}

#[tokio::test]
async fn a_slow_message_gives_way_only_while_there_is_little_room() {
    for (room, is_ended) in [(1_000_000, false), (250_000, true)] {
        let (outbox, under_way) = (outbox(), ByteBudget::new(room));
        let (mut client, mut incoming) = begun(&outbox, &under_way).await;
        // As if all of this had come long ago.
        let mark = incoming.mark.as_mut().expect("it is counted");
        (mark.at, mark.bytes) = (mark.at.checked_sub(SLOWEST_TIME).unwrap(), 150_000);
        client.write_all(&[7]).await.unwrap();
        let next = timeout(Duration::from_millis(500), incoming.next()).await;
        assert_eq!(matches!(next, Ok(Err(ReadError::TooSlow))), is_ended, "{next:?}");
        assert_eq!(next.is_err(), !is_ended);
    }
}

#[tokio::test]
async fn what_strangers_have_under_way_counts_earlier_and_apart() {
    let (of_strangers, of_members) = (ByteBudget::new(160_000), ByteBudget::new(1_000_000));
    let outbox_of_one = outbox();
    let (_client, mut one) = begun(&outbox_of_one, &of_strangers).await;
    let (mut client, server) = connection().await;
    let outbox_of_other = outbox();
    let mut other = Incoming::new(outbox_of_other.connect(server), &outbox_of_other, &[], MESSAGE_BYTES, &of_strangers);
    client.write_all(&frame(FINAL | BINARY, &vec![7; 20_000])[..12_000]).await.unwrap();
    assert!(matches!(other.next().await, Err(ReadError::Crowded)), "12,000 bytes of a stranger count");
    one.admit(MESSAGE_BYTES, &of_members);
    assert!(timeout(Duration::from_millis(50), one.next()).await.is_err(), "it is not whole still");
    assert_eq!((Share::of(&of_strangers).resize(160_000), one.unfinished.bytes()), (true, 150_000));
}
