//! What a document was while it was written, asked of the server and compared with the recording.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::Value;

use crate::client::Api;
use crate::report::{Report, Table};
use crate::typing::ROOT;

/// The first answer may have to note what all updates did.
const FIRST_MAX: Duration = Duration::from_secs(10);
/// At any other place history has to be there within this time.
const ANY_MAX: Duration = Duration::from_secs(1);

/// Asks for the document at places of its log of which the text is known.
pub(super) async fn look_back(
    api: &Api,
    token: &str,
    document: &str,
    texts: &BTreeMap<usize, String>,
    report: &mut Report,
) -> Result<()> {
    let history = format!("documents/{document}/history");
    let mut table = Table::new("Its history over REST", ["request", "places", "p50 (ms)", "longest (ms)"]);
    let first = timed(api, token, &format!("{history}/sessions")).await?.1;
    table.row(["sessions, for the first time".into(), 1_usize.into(), ms(first).into(), ms(first).into()]);

    let mut states = Vec::new();
    let mut wrong = 0_usize;
    for (place, text) in texts {
        let (state, took) = timed(api, token, &format!("{history}/state?seq={place}&format=json")).await?;
        states.push(took);
        wrong += usize::from(state.get(ROOT).and_then(Value::as_str).unwrap_or_default() != text);
    }
    row(&mut table, "state", &mut states);
    let (Some((early, _)), Some((last, end))) = (texts.first_key_value(), texts.last_key_value()) else {
        return Ok(());
    };
    let mut blames = Vec::new();
    let mut told = String::new();
    for _ in 0..3 {
        let (blame, took) = timed(api, token, &format!("{history}/blame?seq={last}")).await?;
        blames.push(took);
        told = spans(&blame);
    }
    row(&mut table, "blame", &mut blames);
    let mut sessions = Vec::new();
    let mut diffs = Vec::new();
    for _ in 0..3 {
        sessions.push(timed(api, token, &format!("{history}/sessions")).await?.1);
        diffs.push(timed(api, token, &format!("{history}/diff?from={early}&to={last}")).await?.1);
    }
    row(&mut table, "sessions", &mut sessions);
    row(&mut table, "diff of the earliest and the last of the places", &mut diffs);
    report.table(table);

    let equal = format!("{} of {}", texts.len() - wrong, texts.len());
    report.must("the text at places of the log is that of the recording", equal, wrong == 0);
    report.must("who wrote it is told of all of the text", format!("{} bytes", told.len()), told == *end);
    let slowest = states.iter().max().copied().unwrap_or_default();
    report.target("history opens in under a second at any place", format!("{:.0} ms", ms(slowest)), slowest < ANY_MAX);
    report.target("and in under ten when it was never asked for", format!("{:.0} ms", ms(first)), first < FIRST_MAX);
    Ok(())
}

async fn timed(api: &Api, token: &str, path: &str) -> Result<(Value, Duration)> {
    let start = Instant::now();
    let answer = api.get(token, path).await?;
    ensure!(answer.is_object(), "{path} answers with {answer}");
    Ok((answer, start.elapsed()))
}

fn row(table: &mut Table, request: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let (Some(median), Some(longest)) = (times.get(times.len() / 2), times.last()) else { return };
    table.row([request.into(), times.len().into(), ms(*median).into(), ms(*longest).into()]);
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// The text of all spans of an answer to a request for who wrote what.
fn spans(blame: &Value) -> String {
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let texts = list(blame, "texts").into_iter().flat_map(|text| list(&text, "blocks"));
    let spans = texts.flat_map(|block| list(&block, "spans"));
    spans.filter_map(|span| span["text"].as_str().map(str::to_owned)).collect()
}
