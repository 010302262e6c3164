//! Documents of updates that nobody means well with.

use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};

use schema::ids::ClientID;
use schema::update::skeleton::{Fit, Skeleton};
use schema::update::{UpdateLimits, inspect};
use yrs::updates::decoder::Decode;
use yrs::{Doc, Transact, Update};

use super::let_panics_be_caught;

/// A document with these updates applied, or nothing when the server would refuse or hold one of them, or yrs panics
/// at it.
pub(crate) fn applied(updates: &[&[u8]]) -> Option<Doc> {
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
