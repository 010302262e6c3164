//! People beside agents: what they write stays, whatever the run does, and when it is taken back.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use platform::random::Random;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};

use crate::human::{Human, Place};
use crate::provider::{Part, Provider, Reply};
use crate::world::{World, eventually};

/// So many stories are told, so many of them side by side, each with a server of its own.
const SEEDS: u64 = 24;
const LANES: u64 = 3;

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
/// What is said instead of the rest when the first answer breaks off, after so many sentences.
const OTHERWISE: [&str; 3] = ["Other ships, ", "and other *fish*.\n\n", "That is another end."];
const BREAKS_AFTER: usize = 4;

/// What happens to a run while it writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    None,
    Cancelled,
    Paused,
    /// Its model's answer breaks off, and it is given another one.
    BrokenOff,
}

/// What somebody tries out: all of it follows from the seed.
struct Story {
    seed: u64,
    random: Random,
    fate: Fate,
    /// Before which sentence.
    at: usize,
    place: Place,
    /// Whether people split blocks and join them.
    moves: bool,
}

impl Story {
    fn of(seed: u64) -> Self {
        let random = Random::from_seed(seed);
        let fate = [Fate::None, Fate::Cancelled, Fate::Paused, Fate::BrokenOff][usize::try_from(seed % 4).unwrap()];
        let at = 1 + usize::try_from(random.below(SENTENCES.len() as u64 - 1)).unwrap();
        let place = if random.below(3) == 0 { Place::Body } else { Place::Output };
        let moves = random.below(2) == 0;
        Self { seed, random, fate, at, place, moves }
    }

    fn script(&self) -> impl Fn(&Value, usize) -> Reply + Send + Sync + 'static {
        let breaks = self.fate == Fate::BrokenOff;
        move |_, before| {
            let gated = |texts: &[&'static str]| {
                texts.iter().flat_map(|text| [Part::Text(text), Part::Gate]).collect::<Vec<_>>()
            };
            Reply::Parts(match (breaks, before) {
                (true, 0) => [gated(&SENTENCES[..BREAKS_AFTER]), vec![Part::Break]].concat(),
                (true, _) => gated(&[&SENTENCES[..1], &OTHERWISE].concat()),
                (false, _) => gated(&SENTENCES),
            })
        }
    }

    /// The people edit, each what they see.
    async fn edit(&self, people: &mut [Human; 2]) {
        for who in 0..people.len() {
            people[who].catch_up();
            for _ in 0..self.random.below(4) {
                people[who].edit_somewhere(&self.random);
            }
            if self.moves && self.random.below(2) == 0 {
                // What moves is written anew: what the other one has typed into it meanwhile would be lost to that.
                until_all_have_all(people, self.seed).await;
                people[who].split_or_join(&self.random);
                until_all_have_all(people, self.seed).await;
            }
        }
    }

    /// Does to the run what is to be done to it. Returns whether it is over with that.
    async fn steer(&self, world: &World, run: &str) -> bool {
        let wish = async |wish: &str| world.post(&format!("/executions/{run}/{wish}"), json!({})).await;
        let since = Instant::now();
        match self.fate {
            Fate::None | Fate::BrokenOff => {}
            Fate::Cancelled => {
                wish("cancel").await;
                world.until_status(run, "cancelled").await;
            }
            Fate::Paused => {
                wish("pause").await;
                world.until_status(run, "paused").await;
            }
        }
        assert!(
            since.elapsed() < Duration::from_secs(1),
            "seed {}: {:?} took {:?}",
            self.seed,
            self.fate,
            since.elapsed()
        );
        if self.fate == Fate::Paused {
            wish("resume").await;
        }
        self.fate == Fate::Cancelled
    }

    async fn tell(&self, world: &mut World) {
        let provider = Provider::start(Arc::new(self.script())).await;
        let _worker = world.worker_of(world.setup(Some(&provider.url)));
        world.node = world.new_node("The sea").await;
        let mut people = [Human::join(world, 0).await, Human::join(world, 1).await];
        for person in &mut people {
            person.place = self.place;
        }
        let target = if self.place == Place::Body { "body" } else { "output" };
        let run = world.execute(json!({"plan": false, "target": target})).await;
        world.until(&run, |run| run["startedAt"].is_string()).await;
        for sentence in 0..SENTENCES.len() {
            self.edit(&mut people).await;
            if sentence == self.at && self.steer(world, &run).await {
                break;
            }
            provider.gate.add_permits(1);
            sleep(Duration::from_millis(20 + self.random.below(100))).await;
        }
        provider.gate.add_permits(2 * SENTENCES.len());
        world.until(&run, |run| run["completedAt"].is_string()).await;
        self.check(world, &mut people).await;

        world.post(&format!("/executions/{run}/undo"), json!({})).await;
        self.check(world, &mut people).await;
        let left = people[0].text();
        // What a person has moved is that person's.
        let is_gone = |word: &&str| self.moves || !left.contains(word);
        let words = ["sailors", "nobody knows", "That is the end", "Other ships", "another end"];
        assert!(words.iter().all(is_gone), "seed {}: words of the run are still in {left:?}", self.seed);
    }

    /// All replicas are equal, and hold all that people have typed, and not deleted: once, unless they have moved it.
    async fn check(&self, world: &World, people: &mut [Human; 2]) {
        until_all_have_all(people, self.seed).await;
        let place = self.place;
        let are_equal = async || {
            people.iter_mut().for_each(Human::catch_up);
            let text = world.read(&world.node, move |txn| place.text(txn)).await;
            people.iter().all(|person| person.text() == text).then_some(text)
        };
        let Some(text) = eventually(are_equal).await else { panic!("seed {}: replicas differ", self.seed) };
        let times = |typed: &char| text.chars().filter(|character| character == typed).count();
        let is_wrong = |typed: &&char| {
            let is_deleted = people.iter().any(|person| person.deleted.contains(typed));
            let is_moved = people.iter().any(|person| person.moved.contains(**typed));
            match times(typed) {
                0 => !is_deleted,
                1 => is_deleted && !is_moved,
                _ => !is_moved,
            }
        };
        let wrong: Vec<&char> = people.iter().flat_map(|person| &person.typed).filter(is_wrong).collect();
        assert!(wrong.is_empty(), "seed {}: {wrong:?} are not there as they should be: {text:?}", self.seed);
    }
}

async fn until_all_have_all(people: &mut [Human; 2], seed: u64) {
    for person in people.iter_mut() {
        person.settle().await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !(people[0].has_all_of(&people[1]) && people[1].has_all_of(&people[0])) {
        assert!(tokio::time::Instant::now() < deadline, "seed {seed}: what one has done does not come to the other");
        sleep(Duration::from_millis(5)).await;
        people.iter_mut().for_each(Human::catch_up);
    }
}

/// People write into whatever there is while a run writes: words, deletions, bold type, blocks split and joined. Some runs are
/// cancelled or paused in the middle, or say something else after all. In the end everybody has the same, every word that
/// somebody typed is there, and after the run has been taken back, too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_write_is_lost_to_a_run_or_to_its_undoing() {
    let lanes = (0..LANES).map(async |lane| {
        let mut world = World::start().await;
        for seed in (0..SEEDS).filter(|seed| seed % LANES == lane) {
            Story::of(seed).tell(&mut world).await;
        }
    });
    join_all(lanes).await;
}
