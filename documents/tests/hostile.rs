//! Twenty thousand updates that nobody means well with, from seeds: what a client would write with bytes changed, and
//! forged ones. Whatever they do to the room, the honest client in it types on, and the log can be loaded.
//!
//! A failing seed is printed; `GLASSBOX_HOSTILE_SEED=<seed>` runs that one alone.

#![allow(clippy::cast_possible_truncation, reason = "numbers are drawn below bounds that fit")]

#[path = "hostile/forge.rs"]
mod forge;
#[path = "hostile/world.rs"]
mod world;

use bytes::Bytes;
use documents::room::UpdateKind;
use platform::random::Random;
use world::{HOSTILE, World};

const WORLDS: u64 = 400;
const UPDATES: usize = 50;

/// What yjs writes.
const FIXTURES: [&[u8]; 8] = [
    include_bytes!("../../schema/tests/fixtures/arrays.update"),
    include_bytes!("../../schema/tests/fixtures/clients.update"),
    include_bytes!("../../schema/tests/fixtures/formats.update"),
    include_bytes!("../../schema/tests/fixtures/garbage.update"),
    include_bytes!("../../schema/tests/fixtures/maps.update"),
    include_bytes!("../../schema/tests/fixtures/skip.update"),
    include_bytes!("../../schema/tests/fixtures/text.update"),
    include_bytes!("../../schema/tests/fixtures/xml.update"),
];

fn below(random: &Random, bound: usize) -> usize {
    random.below(bound as u64) as usize
}

fn mutate(random: &Random, bytes: &mut Vec<u8>) {
    for _ in 0..below(random, 4) {
        let at = below(random, bytes.len());
        match random.below(8) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.below(256) as u8,
            2 if bytes.len() > 1 => drop(bytes.remove(at)),
            3 => bytes.insert(at, random.below(256) as u8),
            _ => bytes[at] = random.below(9) as u8,
        }
    }
}

fn hostile_update(random: &Random, world: &mut World) -> Vec<u8> {
    let mut bytes = match random.below(3) {
        0 => FIXTURES[below(random, FIXTURES.len())].to_vec(),
        _ => forge::update(&mut |bound| random.below(bound), &mut |client| world.clock_of(client)),
    };
    if random.below(3) == 0 {
        mutate(random, &mut bytes);
    }
    bytes
}

/// Grows a world and returns how many updates were taken in it, and how often the replica broke.
fn run(seed: u64) -> (usize, usize) {
    let random = Random::from_seed(seed);
    let mut world = World::default();
    for _ in 0..UPDATES {
        let session = HOSTILE[below(&random, HOSTILE.len())];
        let update = hostile_update(&random, &mut world);
        let kind = if random.below(2) == 0 { UpdateKind::Live } else { UpdateKind::Step2 };
        world.send_update(session, kind, update.into());
        match random.below(16) {
            0..4 => world.edit_honestly(random.below(100) as u32),
            4..7 => world.commit(),
            7 => world.send_step_1(session, Bytes::from(random.bytes::<5>().to_vec())),
            8 => world.pass_time(100),
            9 => world.reload(),
            10 => world.toggle_lag(),
            _ => {}
        }
    }
    world.check();
    (world.accepted(), world.reloads())
}

#[test]
fn an_honest_client_types_on_among_hostile_ones() {
    if let Ok(seed) = std::env::var("GLASSBOX_HOSTILE_SEED") {
        run(seed.parse().expect("a seed is a number"));
        return;
    }
    let (mut accepted, mut reloads) = (0, 0);
    for seed in 0..WORLDS {
        let Ok((taken, broken)) = std::panic::catch_unwind(|| run(seed)) else {
            panic!("seed {seed} fails; run it alone with GLASSBOX_HOSTILE_SEED={seed}");
        };
        accepted += taken;
        reloads += broken;
    }
    println!("{accepted} updates were taken; the replica broke {reloads} times");
    let least = WORLDS as usize * UPDATES / 10;
    assert!(accepted > least, "only {accepted} updates were taken: the test tries too little");
}
