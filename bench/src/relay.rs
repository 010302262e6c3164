//! A bare broadcast relay, the yardstick of the measurements: it knows nothing of documents and sends each binary frame
//! to all others in the same room, as cheaply as this stack can. What a server needs beyond this is the price of its
//! CRDT, its log and its guarantees.
//!
//! So that opening can be compared as well, it keeps the longest step 2 that a room has heard, as the bytes they are, and
//! answers every step 1 with them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use web_protocol::y_websocket::Message as SyncMessage;

use crate::client::attachment::{EMPTY_STATE_VECTOR, EMPTY_UPDATE};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;
/// As small as the server's own, so that memory compares.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// What is fed is written when so much has come together, or at the flush that follows.
const WRITE_BUFFER_BYTES: usize = 32 * 1024;
/// Bytes that wait for one receiver before the relay gives it up.
const OUTBOX_BYTES: usize = 64 * 1024 * 1024;

type Rooms = Arc<Mutex<HashMap<String, Arc<Room>>>>;

/// Everyone who is connected with one path.
#[derive(Debug)]
struct Room {
    members: Mutex<Vec<Arc<Outbox>>>,
    /// The step 2 that answers a step 1.
    stored: Mutex<Bytes>,
}

/// What waits to be written to one receiver.
#[derive(Debug, Default)]
struct Outbox {
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    frames: Vec<Bytes>,
    bytes: usize,
    overflowed: bool,
}

/// The address at which to relay, with a queue for a storm of connections.
pub(crate) fn bind(listen: SocketAddr) -> Result<TcpListener> {
    let socket = if listen.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    socket.bind(listen)?;
    Ok(socket.listen(BACKLOG)?)
}

/// Relays at `/yjs/{room}` until the process ends.
pub(crate) async fn serve(listener: TcpListener) -> Result<()> {
    let listener = listener.tap_io(|stream| {
        // Without it the relay is merely slower.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new().route("/yjs/{room}", get(join)).with_state(Rooms::default());
    axum::serve(listener, router).await?;
    Ok(())
}

async fn join(State(rooms): State<Rooms>, Path(name): Path<String>, upgrade: WebSocketUpgrade) -> Response {
    let room = Arc::clone(locked(&rooms).entry(name).or_default());
    upgrade.read_buffer_size(READ_BUFFER_BYTES).write_buffer_size(WRITE_BUFFER_BYTES).on_upgrade(async move |socket| {
        let outbox = Arc::new(Outbox::default());
        locked(&room.members).push(Arc::clone(&outbox));
        relay(socket, &room, &outbox).await;
        locked(&room.members).retain(|member| !Arc::ptr_eq(member, &outbox));
    })
}

/// Serves one socket: relays what it says, and writes together what the others said meanwhile.
async fn relay(mut socket: WebSocket, room: &Room, outbox: &Arc<Outbox>) {
    loop {
        tokio::select! {
            biased;
            frame = socket.next() => match frame {
                Some(Ok(Message::Binary(frame))) => room.hear(outbox, frame),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            () = outbox.ready.notified() => {
                let Some(frames) = outbox.take() else { return };
                for frame in frames {
                    if socket.feed(Message::Binary(frame)).await.is_err() {
                        return;
                    }
                }
                if socket.flush().await.is_err() {
                    return;
                }
            }
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self { members: Mutex::default(), stored: Mutex::new(SyncMessage::Step2(EMPTY_UPDATE).encode().into()) }
    }
}

impl Room {
    /// Answers a step 1, keeps a step 2, and relays everything else.
    fn hear(&self, sender: &Arc<Outbox>, frame: Bytes) {
        match SyncMessage::decode(&frame) {
            Ok(SyncMessage::Step1(_)) => {
                sender.push(SyncMessage::Step1(EMPTY_STATE_VECTOR).encode().into());
                sender.push(locked(&self.stored).clone());
            }
            Ok(SyncMessage::Step2(_)) => {
                let mut stored = locked(&self.stored);
                if frame.len() > stored.len() {
                    *stored = frame;
                }
            }
            _ => self.broadcast(sender, &frame),
        }
    }

    fn broadcast(&self, sender: &Arc<Outbox>, frame: &Bytes) {
        for member in locked(&self.members).iter().filter(|member| !Arc::ptr_eq(member, sender)) {
            member.push(frame.clone());
        }
    }
}

impl Outbox {
    fn push(&self, frame: Bytes) {
        let mut waiting = locked(&self.waiting);
        if waiting.bytes + frame.len() > OUTBOX_BYTES {
            waiting.overflowed = true;
        } else {
            waiting.bytes += frame.len();
            waiting.frames.push(frame);
        }
        // Who has been told already takes this frame along.
        let first = waiting.frames.len() == 1;
        drop(waiting);
        if first {
            self.ready.notify_one();
        }
    }

    /// All that waits; `None` when the receiver was too slow and has lost something.
    fn take(&self) -> Option<Vec<Bytes>> {
        let waiting = std::mem::take(&mut *locked(&self.waiting));
        (!waiting.overflowed).then_some(waiting.frames)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can panic half-way.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_goes_to_all_but_its_sender() {
        let room = Room::default();
        let [a, b, c] = [(); 3].map(|()| Arc::new(Outbox::default()));
        locked(&room.members).extend([&a, &b, &c].map(Arc::clone));
        room.broadcast(&b, &Bytes::from_static(b"x"));
        assert_eq!(a.take().unwrap().len(), 1);
        assert_eq!(b.take().unwrap().len(), 0);
        assert_eq!(c.take().unwrap().len(), 1);
    }

    #[test]
    fn a_step_1_is_answered_with_the_longest_step_2() {
        let room = Room::default();
        let [a, b] = [(); 2].map(|()| Arc::new(Outbox::default()));
        locked(&room.members).extend([&a, &b].map(Arc::clone));
        let state = SyncMessage::Step2(b"the state").encode();
        room.hear(&a, state.clone().into());
        room.hear(&b, SyncMessage::Step2(EMPTY_UPDATE).encode().into());
        room.hear(&b, SyncMessage::Step1(EMPTY_STATE_VECTOR).encode().into());
        let answer = b.take().unwrap();
        assert_eq!(SyncMessage::decode(&answer[0]), Ok(SyncMessage::Step1(EMPTY_STATE_VECTOR)));
        assert_eq!(answer[1], state);
        assert!(a.take().unwrap().is_empty(), "syncing concerns nobody else");
    }

    #[test]
    fn a_receiver_that_lost_something_is_given_up() {
        let outbox = Outbox::default();
        outbox.push(Bytes::from(vec![0; OUTBOX_BYTES]));
        outbox.push(Bytes::from_static(b"x"));
        assert!(outbox.take().is_none());
    }
}
