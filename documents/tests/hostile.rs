//! Thousands of updates that nobody means well with, from seeds: what a client would write with fields changed, and
//! updates that are forged from nothing. Whatever is accepted of them, the server lives, the log can be loaded, and the
//! honest client that was there all along reads what a newcomer reads, and what the log says in any order.
//!
//! `GLASSBOX_HOSTILE_SEED=<seed>` runs one seed alone, `GLASSBOX_HOSTILE_SEEDS=<count>` runs more of them.

#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, reason = "a test fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "numbers are drawn below bounds that fit")]
#![allow(dead_code, reason = "the fuzz target uses the rest")]

#[path = "hostile/edits.rs"]
mod edits;
#[path = "hostile/forge.rs"]
mod forge;
#[path = "hostile/pair.rs"]
mod pair;
#[path = "hostile/reading.rs"]
mod reading;
#[path = "hostile/wire.rs"]
mod wire;
#[path = "hostile/world.rs"]
mod world;

use documents::room::UpdateKind;
use platform::random::Random;
use world::{CLIENTS, HOSTILE, World};

const SEEDS: u64 = 300;
const UPDATES: usize = 30;

fn hostile_update(random: &Random, world: &mut World) -> Vec<u8> {
    let pick = &mut |bound| random.below(bound);
    let clocks = world.clocks();
    if pick(2) == 0 {
        return forge::update(pick, &clocks).encode();
    }
    let client = CLIENTS[pick(4) as usize];
    let valid = edits::edit(&world.replica(client), pick).expect("a replica of the room can be edited");
    let mut update = wire::Update::decode(&valid).expect("yrs writes what a Yjs client writes");
    if pick(4) > 0 {
        forge::mutate(pick, &clocks, &mut update);
    }
    update.encode()
}

/// Grows a world.
fn run(seed: u64) -> World {
    let random = Random::from_seed(seed);
    let mut world = World::default();
    for _ in 0..UPDATES {
        let update = hostile_update(&random, &mut world);
        let session = HOSTILE[random.below(2) as usize];
        let kind = if random.below(2) == 0 { UpdateKind::Live } else { UpdateKind::Step2 };
        world.send_update(session, kind, update.into());
        match random.below(16) {
            0..3 => world.type_honestly(random.below(100) as u32),
            3..5 => world.edit_honestly(|doc| edits::edit(doc, &mut |bound| random.below(bound))),
            5..10 => world.pass_on(),
            10 | 11 => world.commit(),
            12 => world.reload(),
            13 => world.toggle_lag(),
            _ => {}
        }
    }
    world.check(&mut |bound| random.below(bound));
    world
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|number| number.parse().expect("it is a number"))
}

fn seeds() -> std::ops::Range<u64> {
    match number("GLASSBOX_HOSTILE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("GLASSBOX_HOSTILE_SEEDS").unwrap_or(SEEDS),
    }
}

#[test]
fn hostile_updates_harm_nobody() {
    let (mut accepted, mut reloads, mut worlds, mut failures) = (0, 0, 0, Vec::new());
    for seed in seeds() {
        let Ok(world) = std::panic::catch_unwind(|| run(seed)) else { panic!("GLASSBOX_HOSTILE_SEED={seed} fails") };
        worlds += 1;
        accepted += world.accepted().len();
        reloads += world.reloads();
        if !world.complaints().is_empty() {
            failures.push((seed, world.complaints().join("\n  ")));
        }
    }
    println!("{accepted} updates were taken in {worlds} worlds; the replica broke {reloads} times");
    for (seed, complaints) in failures.iter().take(5) {
        println!("seed {seed}:\n  {complaints}");
    }
    assert!(
        failures.is_empty(),
        "{} of {worlds} worlds; GLASSBOX_HOSTILE_SEED={} runs one",
        failures.len(),
        failures[0].0
    );
}

#[test]
fn two_rooms_on_one_log_say_the_same_in_the_end_or_send_their_clients_away() {
    let (mut contradicted, mut failures) = (0, Vec::new());
    for seed in seeds() {
        let Ok(pair) = std::panic::catch_unwind(|| pair::run(seed)) else {
            panic!("GLASSBOX_HOSTILE_SEED={seed} fails")
        };
        contradicted += pair.contradicted();
        failures.extend(pair.complaints().iter().map(|complaint| format!("seed {seed}: {complaint}")));
    }
    println!("{contradicted} rooms held what the log did not say");
    assert!(failures.is_empty(), "{} complaints, such as\n{}", failures.len(), failures[0]);
    let runs_one = number("GLASSBOX_HOSTILE_SEED").is_some();
    assert!(runs_one || contradicted > 0, "no two rooms ever took in different stories");
}
