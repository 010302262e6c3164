//! What the fuzz targets share.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use schema::ids::ClientID;
use schema::update::skeleton::{Fit, Skeleton};
use schema::update::{UpdateLimits, inspect};
use yrs::updates::decoder::Decode;
use yrs::{Doc, Transact, Update};

/// Lets panics be caught. libFuzzer's harness ends the process at the first one; the server lives on when yrs panics,
/// and what the server catches is no finding. A panic that leaves the target still is one.
pub fn let_panics_be_caught() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if std::env::var_os("GLASSBOX_FUZZ_PANICS").is_some()
                || !panic.location().is_some_and(|at| at.file().contains("/yrs-"))
            {
                eprintln!("{panic}");
            }
        }))
    });
}

/// A document with these updates applied, or nothing when the server would refuse or hold one of them, or yrs panics
/// at it.
pub fn applied(updates: &[&[u8]]) -> Option<Doc> {
    let_panics_be_caught();
    let doc = schema::new_doc(ClientID::new(1));
    let (mut skeleton, limits) = (Skeleton::default(), UpdateLimits::default());
    for update in updates {
        let summary = inspect(update, &limits).ok()?;
        if skeleton.integrate(update, &summary, &limits) != Ok(Fit::Whole) {
            return None;
        }
        let repaired = skeleton.repaired(update);
        let update = repaired.as_deref().unwrap_or(update);
        let update = Update::decode_v1(update).ok()?;
        // Dropping a transaction that panicked would panic again, and end the process.
        let mut txn = ManuallyDrop::new(doc.transact_mut());
        let applied = catch_unwind(AssertUnwindSafe(|| {
            let result = txn.apply_update(update);
            txn.commit();
            txn.encode_update_v1();
            result
        }));
        if !matches!(applied, Ok(Ok(()))) {
            std::mem::forget(doc);
            return None;
        }
        drop(ManuallyDrop::into_inner(txn));
    }
    Some(doc)
}

/// Takes an input apart.
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next byte.
    pub fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }

    /// The next bytes, as many as two bytes (little endian) before them say, or as are left.
    pub fn chunk(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.byte()?) | usize::from(self.byte()?) << 8;
        let (chunk, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        Some(chunk)
    }

    /// A number below a bound; 0 at the end.
    pub fn below(&mut self, bound: u64) -> u64 {
        u64::from(self.byte().unwrap_or(0)) % bound.max(1)
    }
}
