use std::time::{Duration, Instant};

use platform::db::log::{NewUpdate, Writer, append};
use platform::testing::{TestDatabase, some_principal};

use uuid::Uuid;

use crate::support::update;

/// Appends `batches` batches of `size` updates of about 60 bytes to 100 documents, on `lanes` connections at once, and
/// returns the updates per second and the median duration of an append.
async fn measure(lanes: usize, batches: usize, size: usize) -> (f64, Duration) {
    let test = TestDatabase::new().await;
    let mut documents = Vec::new();
    for number in 0..100 {
        documents.push(test.scratch(&number.to_string()).await);
    }
    let me = some_principal();
    let content = "x".repeat(60);
    let start = Instant::now();
    let mut running = Vec::new();
    for lane in 0..lanes {
        let (db, documents, content) = (test.db.clone(), documents.clone(), content.clone());
        running.push(tokio::spawn(async move {
            // A document belongs to one lane, as it does in the server.
            let own: Vec<_> = documents.iter().skip(lane).step_by(lanes).collect();
            let mut writer = Writer::new(Uuid::new_v4());
            let mut durations = Vec::new();
            for batch in 0..batches {
                let updates: Vec<NewUpdate> =
                    (0..size).map(|item| update(own[(batch * 7 + item) % own.len()], me, &content)).collect();
                let start = Instant::now();
                append(&db, writer.next_batch(), &updates).await.unwrap();
                durations.push(start.elapsed());
            }
            durations
        }));
    }
    let mut durations = Vec::new();
    for lane in running {
        durations.extend(lane.await.unwrap());
    }
    durations.sort_unstable();
    #[allow(clippy::cast_precision_loss)]
    let rate = (lanes * batches * size) as f64 / start.elapsed().as_secs_f64();
    (rate, durations[durations.len() / 2])
}

/// `cargo test -p platform --test database -- --ignored throughput --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; wants a quiet machine"]
async fn throughput_of_append_is_far_above_what_a_server_needs() {
    for (lanes, batches, size) in [(1, 500, 1), (1, 300, 36), (2, 300, 36), (1, 20, 2_000), (2, 20, 2_000)] {
        let (rate, median) = measure(lanes, batches, size).await;
        println!("{lanes} lanes, batches of {size}: {rate:.0} updates/s, median append {median:?}");
        assert!(size == 1 || rate > 5_000.0, "{rate:.0} updates/s");
    }
}
