//! A socket that sends hostile frames, and another one when it was closed.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::time::timeout;
use web_protocol::y_websocket::Message;

use super::Attack;
use super::mutate::Mutator;
use crate::client::socket::{Frame, Opcode};
use crate::client::{Attachment, Dialect};
use crate::system::{Bench, System};

/// Frames that are sent before the server has to answer.
const BURST: u64 = 64;
/// A server that neither answers a ping nor closes within this time has lost the socket.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often connecting is tried before the server counts as gone.
const CONNECT_TRIES: u32 = 5;
/// A document other than the honest pair's is left for a new one after so many connections.
const CONNECTIONS_PER_DOCUMENT: u64 = 50;

/// What one attacker does.
#[derive(Debug)]
pub(super) struct Plan {
    address: SocketAddr,
    dialect: Dialect,
    token: String,
    /// The honest pair's document, or the beginning of the names of others.
    document: String,
    own_documents: bool,
    rng: StdRng,
    seed: u64,
}

/// How a burst ended.
enum End {
    Answered,
    Closed(u16),
    Stuck,
}

impl Plan {
    /// Of the attackers, half speak each dialect, and half of these go for the honest pair's document.
    pub(super) fn new(index: usize, system: &System, token: &str, bench: &Bench, attacked: &str) -> Self {
        let own_documents = index & 2 == 2;
        Self {
            address: system.address,
            dialect: if index & 1 == 1 { Dialect::Ws } else { Dialect::Yjs },
            token: token.to_owned(),
            document: if own_documents { bench.document(&format!("hostile-{index}")) } else { attacked.to_owned() },
            own_documents,
            rng: StdRng::seed_from_u64(bench.seed ^ (index as u64) << 32),
            seed: bench.seed,
        }
    }

    fn document(&self, connection: u64) -> String {
        if self.own_documents {
            format!("{}-{}", self.document, connection / CONNECTIONS_PER_DOCUMENT)
        } else {
            self.document.clone()
        }
    }
}

/// Attacks until no frames are left to send.
pub(super) async fn attack(mut plan: Plan, attack: Rc<Attack>) -> Result<()> {
    let client = plan.rng.random_range(1_000..1 << 40);
    let mut mutator = Mutator::new(StdRng::from_rng(&mut plan.rng), client, plan.seed);
    let mut connection = 0;
    while attack.frames_left.get() > 0 {
        let document = plan.document(connection);
        let mut attachment = connect(&plan, &document).await?;
        connection += 1;
        attack.connections.set(attack.connections.get() + 1);
        while attack.frames_left.get() > 0 {
            queue_burst(&mut attachment, &mut mutator, &plan, &document, &attack);
            match finish_burst(&mut attachment, plan.dialect, &attack).await {
                End::Answered => {}
                End::Closed(code) => {
                    *attack.closes.borrow_mut().entry(code).or_default() += 1;
                    break;
                }
                End::Stuck => {
                    attack.stuck.set(attack.stuck.get() + 1);
                    break;
                }
            }
        }
    }
    Ok(())
}

async fn connect(plan: &Plan, document: &str) -> Result<Attachment> {
    let mut tries = 0;
    loop {
        match Attachment::open(plan.address, plan.dialect, document, Some(&plan.token)).await {
            Ok(attachment) => {
                // The port is free again at once: there are more connections than ports.
                attachment.socket.reset_on_drop()?;
                return Ok(attachment);
            }
            Err(error) => {
                tries += 1;
                if tries == CONNECT_TRIES {
                    return Err(error).context("the server takes no more sockets");
                }
                tokio::time::sleep(Duration::from_millis(50 << tries)).await;
            }
        }
    }
}

/// Queues frames until one will end the socket. What follows such a frame would not be read, and counts for nothing.
fn queue_burst(attachment: &mut Attachment, mutator: &mut Mutator, plan: &Plan, document: &str, attack: &Attack) {
    let channel = attachment.channel_number().unwrap_or_default();
    for _ in 0..BURST.min(attack.frames_left.get()) {
        let frame = mutator.next_frame(plan.dialect, channel, document);
        attachment.socket.queue(frame.opcode, &frame.bytes);
        attack.frames_left.set(attack.frames_left.get() - 1);
        if frame.fatal {
            break;
        }
    }
    attachment.socket.queue(Opcode::Ping, &[]);
}

/// Sends what is queued, and waits until the server has read all of it or closes.
async fn finish_burst(attachment: &mut Attachment, dialect: Dialect, attack: &Attack) -> End {
    let end = timeout(PATIENCE, async {
        if attachment.socket.flush().is_err() {
            return End::Closed(0);
        }
        loop {
            loop {
                match attachment.socket.take() {
                    Ok(None) => break,
                    Ok(Some(Frame::Pong)) => return End::Answered,
                    Ok(Some(Frame::Close { code, .. })) => return End::Closed(code),
                    Ok(Some(frame)) if is_refusal(dialect, frame) => attack.refused.set(attack.refused.get() + 1),
                    Ok(Some(_)) => {}
                    Err(_) => return End::Closed(0),
                }
            }
            if attachment.socket.ready().await.is_err() {
                return End::Closed(0);
            }
        }
    });
    end.await.unwrap_or(End::Stuck)
}

fn is_refusal(dialect: Dialect, frame: Frame<'_>) -> bool {
    match (dialect, frame) {
        (Dialect::Ws, Frame::Text(text)) => text.starts_with(r#"{"type":"refused""#),
        (Dialect::Yjs, Frame::Binary(bytes)) => matches!(Message::decode(bytes), Ok(Message::PermissionDenied(_))),
        _ => false,
    }
}
