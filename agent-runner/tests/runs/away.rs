//! Runs whose documents cannot be reached for a while, or not at all.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::provider::{Part, Provider, Reply};
use crate::steering::writing;
use crate::world::{Setup, Worker, World, eventually};

/// More tries than all leases of a run once had together.
const TRIES: usize = 20;

/// The way to the server: who comes while it is shut is turned away.
struct Door {
    address: SocketAddr,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    is_open: AtomicBool,
    turned_away: AtomicUsize,
    shut: Notify,
}

impl Door {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, inner) = (listener.local_addr().unwrap(), Arc::<Inner>::default());
        let door = Arc::clone(&inner);
        tokio::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                if !door.is_open.load(Ordering::SeqCst) {
                    door.turned_away.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut socket, &mut server) => {}
                        () = door.shut.notified() => {}
                    }
                });
            }
        });
        Self { address, inner }
    }

    fn open(&self) {
        self.inner.is_open.store(true, Ordering::SeqCst);
    }

    /// Turns out who is in, too.
    fn shut(&self) {
        self.inner.is_open.store(false, Ordering::SeqCst);
        self.inner.turned_away.store(0, Ordering::SeqCst);
        self.inner.shut.notify_waiters();
    }

    async fn has_turned_away(&self, times: usize) {
        let is_so = async || (self.inner.turned_away.load(Ordering::SeqCst) >= times).then_some(());
        eventually(is_so).await.expect("it is tried again");
    }
}

fn script(_: &Value, _: usize) -> Reply {
    Reply::Parts(vec![Part::Text("What people "), Part::Text("saw stays, "), Part::Gate, Part::Text("and goes on.")])
}

/// A worker that comes to the documents through a door, and tries for so long.
async fn behind_a_door(unreachable_seconds: u64) -> (World, Provider, Door, Worker) {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let door = Door::to(world.address).await;
    let mut setup = Setup { server: door.address, ..world.setup(Some(&provider.url)) };
    (setup.config.unreachable_seconds, setup.config.lease_seconds) = (unreachable_seconds, 3);
    let worker = world.worker_of(setup);
    (world, provider, door, worker)
}

async fn text_of(world: &World) -> String {
    world.node(&world.node).await["outputs"][0]["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_its_documents_and_keeps_its_lease_meanwhile() {
    let (world, provider, door, _worker) = behind_a_door(12).await;
    let run = world.execute(json!({"plan": false})).await;
    door.has_turned_away(TRIES).await;
    door.open();
    writing(&world, &run).await;
    door.shut();
    door.has_turned_away(TRIES).await;
    assert!(world.database.is_so("SELECT lease_epoch = 1 AND attempts = 0 FROM agent_executions").await);
    door.open();
    provider.gate.add_permits(2);
    let done = world.until_status(&run, "complete").await;
    assert_eq!(text_of(&world).await, "What people saw stays, and goes on.");
    assert!(done["tokensIn"].as_u64() > Some(100), "the answer that broke off was used as well: {done:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_not_reach_its_documents_for_long_fails_and_can_be_tried_again() {
    let (world, provider, door, _worker) = behind_a_door(2).await;
    door.open();
    let run = world.execute(json!({"plan": false})).await;
    writing(&world, &run).await;
    let since = Instant::now();
    door.shut();
    let failed = world.until_status(&run, "failed").await;
    assert_eq!(failed["error"]["code"], "DOCUMENTS_UNREACHABLE");
    assert!(since.elapsed() > Duration::from_secs(1), "{:?}", since.elapsed());
    door.open();
    provider.gate.add_permits(2);
    world.post(&format!("/executions/{run}/retry"), json!({})).await;
    world.until_status(&run, "complete").await;
    assert_eq!(text_of(&world).await, "What people saw stays, and goes on.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_not_reach_its_documents_is_paused_and_cancelled_within_a_second() {
    let (world, _provider, door, _worker) = behind_a_door(60).await;
    door.open();
    let run = world.execute(json!({"plan": false})).await;
    writing(&world, &run).await;
    door.shut();
    door.has_turned_away(2).await;
    for (wish, status) in [("pause", "paused"), ("cancel", "cancelled")] {
        let since = Instant::now();
        world.post(&format!("/executions/{run}/{wish}"), json!({})).await;
        world.until_status(&run, status).await;
        assert!(since.elapsed() < Duration::from_secs(1), "{wish}: {:?}", since.elapsed());
    }
    assert_eq!(text_of(&world).await, "What people saw stays,");
    let (status, _) = world.call(http::Method::POST, &format!("/executions/{run}/resume"), Some(json!({}))).await;
    assert_eq!(status, 409);
}
