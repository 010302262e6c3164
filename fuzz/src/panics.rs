//! Panics that the server catches, and others.

use std::sync::Once;
#[cfg(any(test, feature = "server"))]
use std::sync::atomic::{AtomicUsize, Ordering};

#[cfg(any(test, feature = "server"))]
static UNEXPECTED: AtomicUsize = AtomicUsize::new(0);

/// How many panics there were, but for those of the document engine.
#[cfg(any(test, feature = "server"))]
pub(crate) fn unexpected() -> usize {
    UNEXPECTED.load(Ordering::SeqCst)
}

/// Lets panics be caught. libFuzzer's harness ends the process at the first one; the server lives on when yrs panics,
/// and what the server catches is no finding. A panic that leaves the target still is one.
pub(crate) fn let_panics_be_caught() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let is_of_engine = panic.location().is_some_and(|at| at.file().contains("/yrs-"));
            if !is_of_engine || std::env::var_os("GLASSBOX_FUZZ_PANICS").is_some() {
                eprintln!("{panic}");
            }
            #[cfg(any(test, feature = "server"))]
            if !is_of_engine {
                UNEXPECTED.fetch_add(1, Ordering::SeqCst);
            }
        }));
    });
}
