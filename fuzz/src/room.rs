//! A room with an honest client and two hostile ones that send anything. The process lives, yrs never fails, a reload
//! changes nothing, the log can be loaded; and the honest client reads what a newcomer reads, what the log says, and what
//! it would say in another order.
//!
//! An input is a sequence of steps: a byte that says what happens, then what it needs.
#[path = "../../documents/tests/hostile/edits.rs"]
mod edits;
#[path = "../../documents/tests/hostile/forge.rs"]
mod forge;
#[path = "../../documents/tests/hostile/reading.rs"]
mod reading;
#[path = "../../documents/tests/hostile/wire.rs"]
mod wire;
#[path = "../../documents/tests/hostile/world.rs"]
mod world;

use super::{Reader, let_panics_be_caught};
use bytes::Bytes;
use documents::delivery::AwarenessState;
use documents::room::UpdateKind;
use world::{CLIENTS, HOSTILE, World};

/// Longer inputs find nothing more and are slow.
const STEPS_MAX: usize = 40;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let_panics_be_caught();
    let mut world = World::default();
    let mut reader = Reader::new(bytes);
    for _ in 0..STEPS_MAX {
        let Some(step) = reader.byte() else { break };
        take(step, &mut reader, &mut world);
    }
    world.check(&mut |bound| reader.below(bound));
    assert!(world.complaints().is_empty(), "{}", world.complaints().join("\n"));
    assert_eq!(world.reloads(), 0, "yrs failed");
}

fn take(step: u8, reader: &mut Reader<'_>, world: &mut World) {
    let session = HOSTILE[usize::from(step >> 7)];
    let kind = if step & 0x40 == 0 { UpdateKind::Live } else { UpdateKind::Step2 };
    match step & 0x0f {
        0..2 => {
            let update = Bytes::copy_from_slice(reader.chunk().unwrap_or_default());
            world.send_update(session, kind, update);
        }
        2..4 => {
            let clocks = world.clocks();
            let update = forge::update(&mut |bound| reader.below(bound), &clocks);
            world.send_update(session, kind, update.encode().into());
        }
        4..7 => {
            if let Some(update) = mutated(reader, world) {
                world.send_update(session, kind, update.encode().into());
            }
        }
        7 => world.edit_honestly(|doc| edits::edit(doc, &mut |bound| reader.below(bound))),
        8 => world.send_step_1(session, Bytes::copy_from_slice(reader.chunk().unwrap_or_default())),
        9 => {
            let states = reader.chunk().unwrap_or_default();
            let entries = web_protocol::awareness::decode(states, 16).unwrap_or_default();
            let states = entries.iter().map(|entry| AwarenessState {
                client: entry.client,
                clock: entry.clock,
                state: (entry.state != web_protocol::awareness::GONE).then(|| entry.state.into()),
            });
            world.send_awareness(session, states.collect());
        }
        10 => world.type_honestly(reader.below(256) as u32),
        11 => world.commit(),
        12 => {
            world.pass_on();
            world.pass_time(reader.below(256) * 200);
        }
        13 => world.toggle_lag(),
        14 => world.reload(),
        _ => {
            world.detach(session);
            world.attach(session);
        }
    }
}

/// What a client would write, with a few fields changed.
fn mutated(reader: &mut Reader<'_>, world: &mut World) -> Option<wire::Update> {
    let clocks = world.clocks();
    let client = CLIENTS[reader.below(4) as usize];
    let valid = edits::edit(&world.replica(client), &mut |bound| reader.below(bound)).ok()?;
    let mut update = wire::Update::decode(&valid)?;
    forge::mutate(&mut |bound| reader.below(bound), &clocks, &mut update);
    Some(update)
}
