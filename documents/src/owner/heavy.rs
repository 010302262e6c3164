//! Work that may take long in a large document, kept from stalling the other tasks of its thread.

use crate::room::{Input, Room};
use crate::services::Services;

/// An update of more bytes may take long wherever it goes.
const LARGE_UPDATE_BYTES: usize = 64 * 1024;

/// Whether what an input makes a room do depends on how large the document is.
pub(super) fn may_be_heavy(input: &Input, room: &Room) -> bool {
    match input {
        Input::Step1(..) | Input::Withheld(..) | Input::Drained(_) | Input::Edit(_) | Input::FromLog(_) => true,
        Input::Update(_, _, update) | Input::FromBus { update, .. } => {
            update.len() > LARGE_UPDATE_BYTES || room.holds_much()
        }
        Input::Tick => room.owes_repairs() || room.is_contested(),
        _ => false,
    }
}

/// Does heavy work: if the document is large, other tasks are moved to other threads before.
pub(super) fn heavy<T>(services: &Services, room: &mut Room, work: impl FnOnce(&mut Room) -> T) -> T {
    if room.is_large() || room.holds_much() { services.work_long(|| work(room)) } else { work(room) }
}
