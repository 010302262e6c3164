use std::fmt::Write;

use clap::Args;
use platform::clock::{Clock, SystemClock};
use platform::db::quarantine::{self, Filter, HandledToo};
use platform::db::{Cursor, Db, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX, PageRequest};
use schema::ids::{DocumentName, OrgId};
use serde_json::{Value, json};

use super::since::Since;
use super::{Output, entry_json, text};

#[derive(Args)]
pub(crate) struct List {
    /// Of this organization only.
    #[arg(long, value_name = "UUID")]
    org: Option<OrgId>,
    /// Sent to this document only.
    #[arg(long, value_name = "NAME")]
    document: Option<DocumentName>,
    /// Received since then only: a time (2026-11-21T12:00:00Z), a day, or so long ago (30m, 24h, 7d).
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// Those that were replayed or discarded, too.
    #[arg(long)]
    all: bool,
    /// So many at once.
    #[arg(long, value_name = "NUMBER", default_value_t = PAGE_ITEMS_DEFAULT,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_ITEMS_MAX)))]
    limit: u32,
    /// Go on where the last page ended.
    #[arg(long, value_name = "CURSOR")]
    after: Option<Cursor>,
    #[command(flatten)]
    output: Output,
}

impl List {
    pub(super) async fn run(self, db: &Db) -> anyhow::Result<()> {
        let since = self.since.map(|since| since.before(SystemClock::new().now()));
        let filter = Filter {
            org: self.org,
            document: self.document.as_ref().map(DocumentName::document_id),
            since,
            handled: if self.all { HandledToo::Yes } else { HandledToo::No },
        };
        let page = quarantine::list(db, filter, PageRequest::new(self.after, Some(self.limit))).await?;
        let not_kept = quarantine::count_left_out(db, self.org, since).await?;
        let next = page.next.map(|cursor| cursor.to_string());
        let json = || {
            let items: Vec<Value> = page.items.iter().map(entry_json).collect();
            json!({ "items": items, "next": next, "notKept": not_kept })
        };
        self.output.print(json, || {
            let mut lines = String::new();
            if page.items.is_empty() {
                lines.push_str("There is nothing in quarantine.\n");
            }
            for entry in &page.items {
                lines.push_str(&text::entry_line(entry));
            }
            if not_kept > 0 {
                let _ = writeln!(lines, "{not_kept} more were counted and not kept: their senders had sent too many.");
            }
            if let Some(next) = &next {
                let _ = writeln!(lines, "There are more: --after {next}");
            }
            lines
        });
        Ok(())
    }
}
