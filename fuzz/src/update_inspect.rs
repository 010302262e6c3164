//! `schema::update::inspect` never panics, and what it passes is decoded by yrs, to the clocks that it names.
use schema::update::{ClientRange, UpdateLimits, inspect};
use yrs::Update;
use yrs::updates::decoder::Decode;

/// Checks one input.
pub fn check(bytes: &[u8]) {
    let Ok(summary) = inspect(bytes, &UpdateLimits::default()) else { return };
    let update = Update::decode_v1(bytes).expect("what passes is an update to yrs");
    let mut inserted: Vec<ClientRange> = summary.insertions().to_vec();
    inserted.sort_unstable();
    let mut by_yrs: Vec<ClientRange> = Vec::new();
    for (client, ranges) in update.insertions(true).iter() {
        by_yrs.extend(ranges.iter().map(|range| ClientRange {
            client: client.get(),
            start: range.start.into(),
            end: range.end.into(),
        }));
    }
    by_yrs.sort_unstable();
    assert_eq!(inserted, by_yrs);
    assert_eq!(summary.deletes(), update.delete_set().iter().any(|(_, ranges)| ranges.iter().next().is_some()));
}
