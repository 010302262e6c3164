//! The comparison as a table in Markdown.

use std::fmt::Write as _;

use super::figures::{Contender, FIGURES, Figure, Scenario, Target, figures_of};
use super::results::Results;

/// Others who use more of the machine than this spoil what is measured.
pub(super) const NOISE: f64 = 0.15;

/// Above this share of its core, in percent, the generator measures itself.
const GENERATOR_LIMIT: f64 = 90.0;

/// Between lines with these, a page has room for the short table.
const BEGIN: &str = "<!-- bench compare -->\n";
const END: &str = "<!-- end -->";

/// The main figures, what they were measured with, and what went wrong.
pub(crate) fn short(results: &Results) -> String {
    let mut page = String::new();
    let contenders = results.contenders();
    let main = FIGURES.iter().filter(|figure| figure.target.is_some() || figure.plotted);
    table(&mut page, results, &contenders, main.map(|figure| (figure, figure.title())));
    page.push('\n');
    remarks(&mut page, results, &contenders);
    page
}

/// The page with the short table in its place; `None` when it has none.
pub(crate) fn put_into(page: &str, short: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{short}\n{END}{after}"))
}

/// The short table and all figures.
pub(crate) fn markdown(results: &Results) -> String {
    let mut page = short(results);
    let contenders = results.contenders();
    page.push_str("\n## All figures\n\n");
    table(&mut page, results, &contenders, FIGURES.iter().map(|figure| (figure, figure.name.to_owned())));
    page
}

/// A row for each of the figures that somebody has, under the given names.
fn table(
    page: &mut String,
    results: &Results,
    contenders: &[Contender],
    figures: impl Iterator<Item = (&'static Figure, String)>,
) {
    let names = contenders.iter().map(|contender| contender.name());
    let header = ["", "target"].into_iter().chain(names).collect::<Vec<_>>().join(" | ");
    let _ = writeln!(page, "| {header} |\n|---|---|{}", "--:|".repeat(contenders.len()));
    for (figure, name) in figures {
        let measured = |contender: &&Contender| results.summary(figure.scenario, **contender, figure.key).is_some();
        if contenders.iter().find(measured).is_none() {
            continue;
        }
        let cells = contenders.iter().map(|contender| cell(results, figure, *contender));
        let row = [name, target(figure)].into_iter().chain(cells).collect::<Vec<_>>().join(" | ");
        let _ = writeln!(page, "| {row} |");
    }
}

/// The median, for our server with the ratio that its target speaks of and whether it is met.
fn cell(results: &Results, figure: &Figure, contender: Contender) -> String {
    let Some(summary) = results.summary(figure.scenario, contender, figure.key) else {
        let failed = results.failure(figure.scenario, contender).is_some();
        return if failed { "failed" } else { "–" }.to_owned();
    };
    let mut text = number(summary.median);
    if let (Contender::GlassBox | Contender::GlassBoxWs, Some(target)) = (contender, figure.target) {
        let ratio = ratio(results, figure, contender);
        if let (Target::WithinRelays(_) | Target::OfRelays(_), Some(ratio)) = (target, ratio) {
            let _ = write!(text, " ({ratio:.2}×)");
        }
        match is_met(target, summary.median, ratio) {
            Some(true) => text.push_str(" ✓"),
            Some(false) => text.push_str(" ✗"),
            None => {}
        }
    }
    if results.failure(figure.scenario, contender).is_some() {
        text.push_str(" *");
    }
    text
}

/// How many times the relay's.
fn ratio(results: &Results, figure: &Figure, contender: Contender) -> Option<f64> {
    let of = |contender| results.summary(figure.scenario, contender, figure.key).map(|summary| summary.median);
    let (ours, relay) = (of(contender)?, of(Contender::Relay)?);
    (relay > 0.0).then(|| ours / relay)
}

fn is_met(target: Target, median: f64, ratio: Option<f64>) -> Option<bool> {
    match target {
        Target::Within(most) => Some(median <= most),
        Target::WithinRelays(most) => ratio.map(|ratio| ratio <= most),
        Target::OfRelays(least) => ratio.map(|ratio| ratio >= least),
    }
}

fn target(figure: &Figure) -> String {
    match figure.target {
        None => String::new(),
        Some(Target::Within(most)) => format!("≤ {}", number(most)),
        Some(Target::WithinRelays(most)) => format!("≤ {most}× relay"),
        Some(Target::OfRelays(least)) => format!("≥ {least}× relay"),
    }
}

/// With as many digits as mean something: `1,234,000`, `12.3`, `0.45`.
pub(super) fn number(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude < 10.0 {
        let text = format!("{value:.2}");
        return text.strip_suffix(".00").map_or(text.clone(), str::to_owned);
    }
    if magnitude < 100.0 {
        let text = format!("{value:.1}");
        return text.strip_suffix(".0").map_or(text.clone(), str::to_owned);
    }
    // Three digits are more than such measurements repeat.
    let unit = 10_f64.powi(if magnitude < 1000.0 { 0 } else { digits_beyond_three(magnitude) });
    let digits = format!("{:.0}", (magnitude / unit).round() * unit);
    let mut text = String::from(if value < 0.0 { "-" } else { "" });
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn digits_beyond_three(magnitude: f64) -> i32 {
    (0..12).take_while(|digits| magnitude / 10_f64.powi(*digits) >= 1000.0).count().try_into().unwrap_or(0)
}

fn remarks(page: &mut String, results: &Results, contenders: &[Contender]) {
    let setting = &results.setting;
    let versions = setting.versions.iter().map(|(name, version)| format!("{name} {version}"));
    let _ = writeln!(
        page,
        "Medians of {}{}, {}, GlassBox {} with Postgres; {}. {}. The server has one core and the load generator another; \
         Postgres may use both. The long document has {} KB.",
        runs(results.runs()),
        if setting.quick { ", shortened: fewer clients, less time" } else { "" },
        setting.date,
        setting.version,
        versions.collect::<Vec<_>>().join(", "),
        setting.machine,
        setting.document_kilobytes,
    );
    let noisy = results.measurements.iter().filter(|measurement| measurement.others > NOISE).count();
    if noisy > 0 {
        let of = results.measurements.len();
        let _ = writeln!(
            page,
            "\n**Others were busy on this machine before {noisy} of {of} measurements: read nothing into their times.**"
        );
    }
    let spread = widest(results, contenders);
    if let Some((figure, contender, least, most)) = spread {
        let (least, most, name) = (number(least), number(most), contender.name());
        let (scenario, key) = (figure.scenario.name(), figure.key);
        let _ = writeln!(page, "\nThe runs lay furthest apart in {scenario} `{key}` of {name}: {least} to {most}.");
    }
    for contender in contenders {
        let share = results.summary(Scenario::Saturation, *contender, "generator");
        if let Some(share) = share.filter(|share| share.median > GENERATOR_LIMIT) {
            let (name, share) = (contender.name(), number(share.median));
            let _ = writeln!(
                page,
                "\nThe generator was at its limit with {name} ({share} % of its core), which could do more."
            );
        }
    }
    for skipped in &results.skipped {
        let _ = writeln!(page, "\nLeft out: {}: {}.", skipped.contender.name(), first_line(&skipped.why));
    }
    for scenario in Scenario::ALL {
        for contender in contenders {
            if let Some(why) = results.failure(scenario, *contender) {
                let _ = writeln!(page, "\n\\* {} in {}: {}.", contender.name(), scenario.name(), first_line(why));
            }
        }
    }
}

pub(super) fn runs(count: usize) -> String {
    if count == 1 { "one run".to_owned() } else { format!("{count} runs") }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_end_matches('.')
}

/// The figure with a target whose runs differ most, as a share of its median.
fn widest<'a>(results: &Results, contenders: &'a [Contender]) -> Option<(&'static Figure, &'a Contender, f64, f64)> {
    let with_target = Scenario::ALL.into_iter().flat_map(figures_of).filter(|figure| figure.target.is_some());
    let mut widest: Option<(f64, _)> = None;
    for figure in with_target {
        for contender in contenders {
            let Some(summary) = results.summary(figure.scenario, *contender, figure.key) else { continue };
            let spread = (summary.most - summary.least) / summary.median;
            if summary.runs > 1 && spread.is_finite() && widest.as_ref().is_none_or(|(other, _)| spread > *other) {
                widest = Some((spread, (figure, contender, summary.least, summary.most)));
            }
        }
    }
    widest.map(|(_, found)| found)
}

#[cfg(test)]
mod tests {
    use super::super::results::{Measurement, Skipped, tests::results};
    use super::*;

    #[test]
    fn a_row_has_medians_and_our_ratio_beside_its_target() {
        let page = markdown(&results("last_ms", Scenario::Storm, [100.0, 300.0], [260.0, 260.0]));
        assert!(page.contains("|  | target | bare relay | GlassBox |\n|---|---|--:|--:|\n"), "{page}");
        assert!(page.contains("(ms) | ≤ 1.4× relay | 200 | 260 (1.30×) ✓ |\n"), "{page}");
        assert!(page.contains("furthest apart in storm `last_ms` of bare relay: 100 to 300."), "{page}");
        let page = markdown(&results("last_ms", Scenario::Storm, [100.0, 100.0], [260.0, 260.0]));
        assert!(page.contains("260 (2.60×) ✗"), "{page}");
    }

    #[test]
    fn who_is_missing_or_failed_is_told() {
        let mut results = results("own_kb", Scenario::Idle, [9.0, 9.0], [8.0, 9.0]);
        results.skipped.push(Skipped { contender: Contender::YSweet, why: "cargo failed.\nmore".to_owned() });
        results.measurements.push(Measurement {
            scenario: Scenario::Idle,
            contender: Contender::Hocuspocus,
            run: 1,
            others: 0.5,
            figures: [].into(),
            failed: Some("it ended".to_owned()),
        });
        let page = markdown(&results);
        assert!(page.contains("| ≤ 9 | 9 | 8.50 ✓ | failed |"), "{page}");
        assert!(page.contains("busy on this machine before 1 of 5 measurements"), "{page}");
        assert!(page.contains("Left out: y-sweet: cargo failed.\n"), "{page}");
        assert!(page.contains("\\* Hocuspocus in idle: it ended.\n"), "{page}");
    }

    #[test]
    fn a_page_gets_the_table_in_its_place_again_and_again() {
        let page = "# Title\n<!-- bench compare -->\nold\n<!-- end -->\nmore\n";
        let new = put_into(page, "| new |\n").unwrap();
        assert_eq!(new, "# Title\n<!-- bench compare -->\n\n| new |\n\n<!-- end -->\nmore\n");
        assert_eq!(put_into(&new, "| new |\n").unwrap(), new);
        assert_eq!(put_into("# Title\n", "| new |\n"), None);
    }

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        let cases = [
            (0.0, "0"),
            (0.456, "0.46"),
            (9.0, "9"),
            (12.34, "12.3"),
            (50.0, "50"),
            (123.4, "123"),
            (1_234.0, "1,230"),
            (9_999.6, "10,000"),
            (1_234_567.0, "1,230,000"),
            (-12.0, "-12"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
