use clap::Args;
use platform::db::Db;
use platform::db::quarantine::Outcome;
use serde_json::json;
use uuid::Uuid;

use super::{Output, check_unhandled, find, note};

#[derive(Args)]
pub(crate) struct Discard {
    /// The update's id, as `list` shows it.
    id: Uuid,
    /// Who you are.
    #[arg(long, env = "GLASSBOX_OPERATOR", value_name = "NAME")]
    by: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    why: String,
    #[command(flatten)]
    output: Output,
}

impl Discard {
    pub(super) async fn run(self, db: &Db) -> anyhow::Result<()> {
        let (entry, _) = find(db, self.id).await?;
        check_unhandled(&entry)?;
        note(db, self.id, Outcome::Discarded, self.by, self.why).await?;
        self.output.print(
            || json!({ "id": self.id, "outcome": "discarded" }),
            || "Discarded. It stays listed with --all until it is too old.".to_owned(),
        );
        Ok(())
    }
}
