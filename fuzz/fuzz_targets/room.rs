//! A room with an honest client and two hostile ones that send anything: the process lives, a reload heals the room, and
//! the log can be loaded. With `GLASSBOX_FUZZ_HONEST` set, the honest client also applies what it gets and types on.
//!
//! An input is a sequence of steps: a byte that says what happens, then what it needs.
#![no_main]

#[path = "room/forge.rs"]
mod forge;
#[path = "room/world.rs"]
mod world;

use bytes::Bytes;
use documents::delivery::AwarenessState;
use documents::room::UpdateKind;
use glassbox_fuzz::{Reader, let_panics_be_caught};
use libfuzzer_sys::fuzz_target;
use world::{HOSTILE, World};

/// Longer inputs find nothing more and are slow.
const STEPS_MAX: usize = 40;

fuzz_target!(|bytes: &[u8]| {
    let_panics_be_caught();
    let mut world = World::default();
    let mut reader = Reader::new(bytes);
    for _ in 0..STEPS_MAX {
        let Some(step) = reader.byte() else { break };
        take(step, &mut reader, &mut world);
    }
    world.check();
    if std::env::var_os("GLASSBOX_FUZZ_HONEST").is_some() {
        assert!(world.complaints().is_empty(), "{:?}", world.complaints());
    }
});

fn take(step: u8, reader: &mut Reader<'_>, world: &mut World) {
    let session = HOSTILE[usize::from(step >> 7)];
    let kind = if step & 0x40 == 0 { UpdateKind::Live } else { UpdateKind::Step2 };
    match step & 0x0f {
        0..4 => {
            let update = Bytes::copy_from_slice(reader.chunk().unwrap_or_default());
            world.send_update(session, kind, update);
        }
        4..8 => {
            let update = forge::update(&mut |bound| reader.below(bound), &mut |client| world.clock_of(client));
            world.send_update(session, kind, update.into());
        }
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
        10 => world.edit_honestly(reader.below(256) as u32),
        11 => world.commit(),
        12 => world.pass_time(reader.below(256) * 200),
        13 => world.toggle_lag(),
        14 => world.reload(),
        _ => {
            world.detach(session);
            world.attach(session);
        }
    }
}
