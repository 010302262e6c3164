use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use documents::quarantine::{Kept, Rehearsal};
use platform::config::Config;
use platform::db::Db;
use platform::db::quarantine::Entry;
use schema::update::{ClientRange, UpdateLimits, UpdateRefused, UpdateSummary, inspect};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Output, entry_json, find, text, try_on_copy};

/// Ranges of a kind that are shown.
const RANGES: usize = 20;
/// Bytes that a dump shows; `--out` writes all of them.
const DUMP_BYTES: usize = 4096;

#[derive(Args)]
pub(crate) struct Show {
    /// The update's id, as `list` shows it.
    id: Uuid,
    /// Show the update's bytes.
    #[arg(long)]
    hexdump: bool,
    /// Write the update's bytes to a new file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
}

impl Show {
    pub(super) async fn run(self, config: &Config, db: &Db) -> anyhow::Result<()> {
        let (entry, update) = find(db, self.id).await?;
        if let Some(out) = &self.out {
            write_new(out, &update)?;
        }
        let limits = UpdateLimits { bytes_max: usize::MAX, ..UpdateLimits::default() };
        let structure = inspect(&update, &limits);
        let kept = Kept { update: update.clone(), sender: entry.sender, epoch: entry.epoch };
        // A document that cannot be read must not keep anybody from looking at the update.
        let tried = try_on_copy(config, db, &entry, kept).await;
        let dump = &update[..update.len().min(DUMP_BYTES)];
        self.output.print(
            || {
                let mut shown = entry_json(&entry);
                shown["structure"] = structure_json(&structure);
                shown["rehearsal"] = rehearsal_json(&tried);
                if self.hexdump {
                    shown["hex"] = text::hex(dump).into();
                }
                shown
            },
            || {
                let mut shown = text_of(&entry, &structure, &tried);
                if self.hexdump {
                    shown.push_str(&text::hexdump(dump));
                    if dump.len() < update.len() {
                        let _ = writeln!(shown, "{} more bytes: --out FILE", update.len() - dump.len());
                    }
                }
                shown
            },
        );
        Ok(())
    }
}

/// Never writes over what is there.
fn write_new(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).open(path);
    created
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("{} cannot be written; name a file that does not exist yet", path.display()))
}

fn structure_json(structure: &Result<UpdateSummary, UpdateRefused>) -> Value {
    let ranges = |ranges: &[ClientRange]| {
        let range = |it: &ClientRange| json!({ "client": it.client, "start": it.start, "end": it.end });
        json!({ "count": ranges.len(), "first": ranges.iter().take(RANGES).map(range).collect::<Vec<_>>() })
    };
    match structure {
        Ok(summary) => json!({
            "structs": summary.structs(),
            "insertions": ranges(summary.insertions()),
            "deletions": ranges(summary.deletions()),
        }),
        Err(refused) => json!({ "refused": refused.to_string() }),
    }
}

fn rehearsal_json(tried: &anyhow::Result<Option<Rehearsal>>) -> Value {
    match tried {
        Ok(tried) => json!(tried),
        Err(error) => json!({ "failed": format!("{error:#}") }),
    }
}

fn text_of(
    entry: &Entry,
    structure: &Result<UpdateSummary, UpdateRefused>,
    tried: &anyhow::Result<Option<Rehearsal>>,
) -> String {
    let mut shown = text::entry(entry);
    match structure {
        Ok(summary) => {
            let _ = writeln!(shown, "structs     {}", summary.structs());
            ranges(&mut shown, "inserts", summary.insertions());
            ranges(&mut shown, "deletes", summary.deletions());
        }
        Err(refused) => drop(writeln!(shown, "structure   {}", text::plain(&refused.to_string()))),
    }
    match tried {
        Ok(Some(rehearsal)) => shown.push_str(&text::rehearsal(rehearsal)),
        Ok(None) => shown.push_str("now         its document is gone\n"),
        Err(error) => drop(writeln!(shown, "now         cannot be tried: {}", text::plain(&format!("{error:#}")))),
    }
    shown
}

fn ranges(shown: &mut String, what: &str, ranges: &[ClientRange]) {
    for range in ranges.iter().take(RANGES) {
        let _ = writeln!(shown, "{what:<11} client {}, clocks {} to {}", range.client, range.start, range.end - 1);
    }
    if ranges.len() > RANGES {
        let _ = writeln!(shown, "{what:<11} {} more ranges", ranges.len() - RANGES);
    }
}
