//! The inputs that fuzzing found worth keeping, through the same checks that the fuzz targets run them through.

#![allow(clippy::expect_used, clippy::cast_possible_truncation, reason = "a test fails by panicking")]

#[allow(
    dead_code,
    unexpected_cfgs,
    missing_docs,
    unreachable_pub,
    clippy::pedantic,
    clippy::unwrap_used,
    reason = "fuzz/ is a workspace of its own"
)]
#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

/// Runs all that is kept for a target. Says which input it is that fails.
fn run(target: &str, check: fn(&[u8])) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/kept").join(target).with_extension("hex");
    let kept = fs::read_to_string(&kept).unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
    let mut inputs = 0;
    for (line, digits) in (1..).zip(kept.lines()) {
        let input = bytes_of(digits).unwrap_or_else(|| panic!("line {line} is not hexadecimal"));
        let checked = std::panic::catch_unwind(|| check(&input));
        assert!(checked.is_ok(), "fuzz/kept/{target}.hex:{line} fails");
        inputs += 1;
    }
    assert!(inputs > 0, "nothing is kept for {target}");
}

fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

macro_rules! corpus {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            run(stringify!($target), targets::$target::check);
        })*
    };
}

corpus! { awareness control document_views extract_text frame hocuspocus markdown room sessions stream update_inspect y_websocket }
