//! People beside agents: what they write stays, whatever the run does, and when it is taken back.

use std::sync::Arc;

use agent_runner::Probe;
use platform::random::Random;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::human::Human;
use crate::provider::{Part, Provider, Reply};
use crate::world::World;

const SENTENCES: [&str; 8] = [
    "The sea is wide. ",
    "It has **waves**,\n\n",
    "- and ships\n- and sailors\n\n",
    "## Below\n\n",
    "There are fish, ",
    "and nobody knows them all.\n\n",
    "> They say nothing.\n\n",
    "That is the end.",
];

fn parts(_: &Value, _: usize) -> Reply {
    Reply::Parts(SENTENCES.iter().flat_map(|text| [Part::Text(text), Part::Gate]).collect())
}

/// People type into whatever there is while it is written, at random places; some runs are cancelled or paused in the
/// middle. In the end every word that somebody typed is there once, for all, and after the run has been taken back, too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_type_is_lost_to_a_run_or_to_its_undoing() {
    let mut world = World::start().await;
    let provider = Provider::start(Arc::new(parts)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    for seed in 0..6 {
        let random = Random::from_seed(seed);
        world.node = world.new_node("The sea").await;
        let mut people = [Human::join(&world, 2 * seed).await, Human::join(&world, 2 * seed + 1).await];
        let run = world.execute(json!({"plan": false})).await;
        world.until(&run, |run| run["outputItemId"].is_string()).await;
        for step in 0..SENTENCES.len() {
            for person in &mut people {
                person.catch_up();
                for _ in 0..random.below(3) {
                    person.type_somewhere(&random);
                }
            }
            if step == 4 && seed % 3 == 1 {
                world.post(&format!("/executions/{run}/cancel"), json!({})).await;
                break;
            }
            if step == 4 && seed % 3 == 2 {
                world.post(&format!("/executions/{run}/pause"), json!({})).await;
                world.until_status(&run, "paused").await;
                world.post(&format!("/executions/{run}/resume"), json!({})).await;
            }
            provider.gate.add_permits(1);
            sleep(Duration::from_millis(20 + random.below(100))).await;
        }
        provider.gate.add_permits(SENTENCES.len());
        world.until(&run, |run| run["completedAt"].is_string()).await;
        check(&mut people, seed).await;

        world.post(&format!("/executions/{run}/undo"), json!({})).await;
        check(&mut people, seed).await;
        let left = people[0].text();
        for word in ["sailors", "nobody knows", "That is the end"] {
            assert!(!left.contains(word), "seed {seed}: the run's {word:?} is still in {left:?}");
        }
        // What the next run must not use.
        while provider.gate.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok() {}
    }
}

/// All replicas are equal, and hold every word once.
async fn check(people: &mut [Human; 2], seed: u64) {
    for person in people.iter_mut() {
        person.settle().await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        people.iter_mut().for_each(Human::catch_up);
        if people[0].text() == people[1].text() {
            let text = people[0].text();
            let times = |typed: &char| text.chars().filter(|character| character == typed).count();
            let wrong: Vec<&char> =
                people.iter().flat_map(|person| &person.typed).filter(|typed| times(typed) != 1).collect();
            if wrong.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "seed {seed}: {wrong:?} are not there once: {text:?}");
        }
        assert!(tokio::time::Instant::now() < deadline, "seed {seed}: replicas differ");
        sleep(Duration::from_millis(20)).await;
    }
}
