//! Runs of agents, as the tables, REST and the runner speak of them.

use std::fmt;

use chrono::{DateTime, Utc};
use schema::ids::RunId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The channel on which the database tells workers that there may be something to do. The payload is the run's id.
pub const WAKE_CHANNEL: &str = "glassbox_runs";
/// The most runs that may stand above one another: a run that is begun by a run is one deeper.
pub const DEPTH_MAX: u32 = 3;

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, in the tables and in REST.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The one of this name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == name)
            }
        }
    )+};
}

words! {
    /// Where a run stands.
    Status {
        /// Nobody has begun it.
        Pending = "pending",
        /// A worker drives it, or is about to take it up again.
        Running = "running",
        /// Somebody has stopped it for a while.
        Paused = "paused",
        /// It has asked a person something.
        AwaitingInput = "awaiting_input",
        /// It has done what it was to do.
        Complete = "complete",
        /// It could not.
        Failed = "failed",
        /// Somebody has stopped it for good.
        Cancelled = "cancelled",
    }

    /// What a run is about.
    Phase {
        /// Reads what it works with.
        Analyze = "analyze",
        /// Makes a plan.
        Plan = "plan",
        /// Has the model work.
        Execute = "execute",
        /// Does what the model has asked for.
        HandleTool = "handle_tool",
        /// Waits for a person.
        WaitHuman = "wait_human",
        /// Brings it to an end.
        Finalize = "finalize",
    }

    /// What somebody has asked of a run, and has not taken effect.
    Control {
        /// To stop for a while.
        Pause = "pause",
        /// To stop for good.
        Cancel = "cancel",
    }

    /// What a run does with what it wants to write.
    Mode {
        /// Writes it.
        Write = "write",
        /// Offers it, for people to accept or reject.
        Propose = "propose",
    }

    /// Where a run writes what the model says.
    Target {
        /// Into an output of its own.
        Output = "output",
        /// Behind what the node's body says.
        Body = "body",
    }

    /// What becomes of a run on a node that another one works on.
    IfBusy {
        /// It is refused.
        Refuse = "refuse",
        /// It waits for its turn.
        Enqueue = "enqueue",
    }

    /// What becomes of nodes that a run makes for agents.
    Subnodes {
        /// Somebody runs them, or nobody does.
        Leave = "leave",
        /// They are run at once.
        Run = "run",
    }
}

impl Status {
    /// Whether a run may go from here to there. What is over stays so, but for a failed run, which may be tried again.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use Status::{AwaitingInput, Cancelled, Complete, Failed, Paused, Pending, Running};
        matches!(
            (self, next),
            (Pending | Paused | AwaitingInput, Running | Cancelled)
                | (Running, Paused | AwaitingInput | Complete | Failed | Cancelled)
                | (AwaitingInput, Paused)
                | (Failed, Pending)
        )
    }

    /// Whether nothing more comes of it by itself.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Complete | Self::Failed | Self::Cancelled)
    }
}

/// What a run is asked to do, with defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecuteOptions {
    /// What to do, beside what the node says.
    pub instructions: Option<String>,
    /// The model, by its name in the organization; the organization's default if not given.
    pub model: Option<String>,
    /// Whether edits are made or offered.
    pub mode: Mode,
    /// Where the model's text goes.
    pub target: Target,
    /// Whether it makes a plan first.
    pub plan: bool,
    /// What becomes of nodes that it makes for agents.
    pub subnodes: Subnodes,
}

impl Default for ExecuteOptions {
    fn default() -> Self {
        Self {
            instructions: None,
            model: None,
            mode: Mode::Write,
            target: Target::Output,
            plan: true,
            subnodes: Subnodes::Leave,
        }
    }
}

/// What a run asks a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Names it in the answer.
    pub id: Uuid,
    /// What is asked.
    pub question: String,
    /// What may be answered; anything, if there are none.
    pub options: Vec<String>,
    /// What to know for it.
    pub context: Option<String>,
    /// Whether it asks for leave to do something: not everybody may give it.
    pub approval: bool,
    /// When it was asked.
    pub asked_at: DateTime<Utc>,
    /// When it is answered by `default`.
    pub expires_at: Option<DateTime<Utc>>,
    /// What counts as the answer if nobody answers in time.
    pub default: Option<String>,
}

/// What a person has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Which question.
    pub question_id: Uuid,
    /// What.
    pub response: String,
    /// Who; nobody, if it is what counts when nobody answers.
    pub user_id: Option<Uuid>,
}

/// One thing that a run did, as its trace shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TraceEvent {
    /// Its id: what the log names as the origin of what was written for it.
    pub id: Uuid,
    /// The run.
    pub execution_id: RunId,
    /// Its place in the trace, from 1.
    pub seq: i32,
    /// Grows within the run with every change of any of its events.
    pub changed: i32,
    /// What sort of thing: `llm_call`, `tool_call`, ….
    #[serde(rename = "type")]
    pub kind: String,
    /// When it began.
    pub at: DateTime<Utc>,
    /// How long it took; `None` while it is under way.
    pub duration_ms: Option<i64>,
    /// Which model it was about.
    pub model: Option<String>,
    /// Tokens that the model read.
    pub tokens_in: Option<i64>,
    /// Tokens that the model wrote.
    pub tokens_out: Option<i64>,
    /// What it cost; `None` when nobody knows, or when it costs nothing by its nature.
    #[serde(rename = "estimatedCostUsd")]
    pub cost: Option<Cost>,
    /// What there is to say of it, by sort.
    pub data: Value,
}

/// Names the events of a run's trace.
#[must_use]
pub fn trace_event_id(run: RunId, seq: i32) -> Uuid {
    Uuid::new_v5(&run.as_uuid(), format!("trace/{seq}").as_bytes())
}

/// An amount of money: 10^-12 US dollars, which is what a token costs of which a million cost a millionth of a dollar.
/// Written as a decimal number of dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cost(i64);

impl Cost {
    /// So many 10^-12 US dollars.
    #[must_use]
    pub const fn from_pico_usd(amount: i64) -> Self {
        Self(amount)
    }

    /// How many 10^-12 US dollars.
    #[must_use]
    pub const fn pico_usd(self) -> i64 {
        self.0
    }

    /// What so many tokens cost at a price in millionths of a US dollar for a million.
    #[must_use]
    pub fn of(tokens: u64, price: u64) -> Self {
        Self(i64::try_from(tokens.saturating_mul(price)).unwrap_or(i64::MAX))
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PICO: u64 = 1_000_000_000_000;
        let (sign, amount) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let fraction = format!("{:012}", amount % PICO);
        // Two places at least, as money is written.
        let shown = fraction.trim_end_matches('0').len().max(2);
        write!(formatter, "{sign}{}.{}", amount / PICO, &fraction[..shown])
    }
}

impl Serialize for Cost {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_goes_only_where_the_table_lets_it() {
        use Status::{AwaitingInput, Cancelled, Complete, Failed, Paused, Pending, Running};
        let legal: Vec<(Status, Status)> = Status::ALL
            .iter()
            .flat_map(|from| Status::ALL.iter().map(|to| (*from, *to)))
            .filter(|(from, to)| from.may_become(*to))
            .collect();
        let table = [
            (Pending, Running),
            (Pending, Cancelled),
            (Running, Paused),
            (Running, AwaitingInput),
            (Running, Complete),
            (Running, Failed),
            (Running, Cancelled),
            (Paused, Running),
            (Paused, Cancelled),
            (AwaitingInput, Running),
            (AwaitingInput, Paused),
            (AwaitingInput, Cancelled),
            (Failed, Pending),
        ];
        assert_eq!(legal, table);
        assert!(Status::ALL.iter().all(|status| !status.is_over() || !status.may_become(Running)));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for status in Status::ALL {
            assert_eq!(Status::from_name(status.as_str()), Some(*status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        assert_eq!(Phase::from_name("dance"), None);
    }

    #[test]
    fn costs_are_exact_and_written_in_dollars() {
        // 1,500 tokens at 10 dollars a million.
        assert_eq!(Cost::of(1_500, 10_000_000).to_string(), "0.015");
        assert_eq!(Cost::of(1, 1).to_string(), "0.000000000001");
        assert_eq!(Cost::of(2_000_000, 2_500_000).to_string(), "5.00");
        assert_eq!(Cost::default().to_string(), "0.00");
        assert_eq!(Cost::of(u64::MAX, 2), Cost::from_pico_usd(i64::MAX));
    }
}
