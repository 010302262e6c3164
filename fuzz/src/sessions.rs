//! Sockets of a whole server, in all dialects, on which anything is said: to documents of which some may be written, some
//! only be read, and one does not exist. The server answers each socket or closes it with a code that the protocol has;
//! says nothing that cannot be decoded, and confirms no more than was sent; no task panics. An honest reader has in the
//! end what a newcomer gets.
//!
//! An input is a sequence of steps: a byte that says what happens on which socket, then what it needs.

mod socket;
mod world;

use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::Reader;
use super::panics::{let_panics_be_caught, unexpected};
use socket::{Dialect, Said, Socket};
use world::{Documents, World};

/// Longer inputs find nothing more and are slow.
const STEPS_MAX: usize = 48;
const SOCKETS_MAX: usize = 4;
/// How often, and after what pauses, it is looked whether two replicas are equal.
const LOOKS: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);

static SERVER: LazyLock<Mutex<(Runtime, World)>> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be built");
    let world = runtime.block_on(World::start());
    Mutex::new((runtime, world))
});

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let (runtime, world) = &*server;
    let_panics_be_caught();
    let before = unexpected();
    runtime.block_on(play(world, &mut Reader::new(bytes)));
    assert_eq!(unexpected(), before, "a task panicked");
}

async fn play(world: &World, reader: &mut Reader<'_>) {
    let documents = world.documents().await;
    let mut witness = Socket::open(world, &documents, Dialect::YWebsocket, world::WRITER, 0).await;
    witness.synchronize().await;
    let mut sockets: Vec<Socket<'_>> = Vec::new();
    for _ in 0..STEPS_MAX {
        let Some(step) = reader.byte() else { break };
        if sockets.is_empty() || step & 0x0f == 0 {
            if sockets.len() == SOCKETS_MAX {
                sockets.remove(usize::from(step >> 4) % SOCKETS_MAX);
            }
            let choice = reader.byte().unwrap_or_default();
            let (dialect, who) = (Dialect::of(choice & 0x03), usize::from(choice >> 2 & 0x07));
            sockets.push(Socket::open(world, &documents, dialect, who, usize::from(choice >> 5)).await);
            continue;
        }
        let at = usize::from(step >> 4) % sockets.len();
        take(step & 0x0f, reader, &documents, world, &mut sockets, at).await;
    }
    for socket in &mut sockets {
        socket.settle().await;
    }
    drop(sockets);
    let mut newcomer = Socket::open(world, &documents, Dialect::YWebsocket, world::WRITER, 0).await;
    for _ in 0..LOOKS {
        witness.synchronize().await;
        newcomer.synchronize().await;
        // Who is told to come back has nothing to compare.
        let (Some(seen), Some(stored)) = (witness.reading(), newcomer.reading()) else { return };
        if seen == stored {
            return;
        }
        // What came last may still be on its way into the document.
        tokio::time::sleep(PAUSE).await;
    }
    panic!("an honest reader has {:?}, and a newcomer gets {:?}", witness.reading(), newcomer.reading());
}

async fn take(
    step: u8,
    reader: &mut Reader<'_>,
    documents: &Documents,
    world: &World,
    sockets: &mut Vec<Socket<'_>>,
    at: usize,
) {
    let socket = &mut sockets[at];
    match step {
        1 => {
            let text = String::from_utf8_lossy(reader.chunk().unwrap_or_default()).into_owned();
            socket.send_text(&documents.filled_in(&text, world)).await;
        }
        2 => socket.send_binary(reader.chunk().unwrap_or_default().to_vec()).await,
        3 => {
            let (which, body) = (reader.byte().unwrap_or_default(), reader.chunk().unwrap_or_default());
            socket.send_body(which, body).await;
        }
        4 => {
            let choice = reader.byte().unwrap_or_default();
            socket.join(choice, usize::from(choice >> 4 & 0x07)).await;
        }
        5 => socket.send(Said::Step1(&[0])).await,
        6 => socket.edit(reader.byte().unwrap_or_default()).await,
        7 => socket.send(Said::Update(reader.chunk().unwrap_or_default())).await,
        8 => socket.send(Said::Step2(reader.chunk().unwrap_or_default())).await,
        9 => socket.send(Said::Awareness(reader.chunk().unwrap_or_default())).await,
        10 => socket.send(Said::State(reader.chunk().unwrap_or_default())).await,
        11 => socket.leave(reader.byte().unwrap_or_default()).await,
        12 | 13 => socket.settle().await,
        14 => socket.send_raw(reader.chunk().unwrap_or_default()).await,
        _ => drop(sockets.remove(at)),
    }
}
