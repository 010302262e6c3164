//! Which models there are, and where.

use platform::executions::Cost;
use serde::{Deserialize, Serialize};

use super::Usage;

/// A model, as a run keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelSpec {
    /// What it is called here.
    pub(crate) name: String,
    /// Where; empty for the demo model.
    pub(crate) base_url: String,
    /// What its provider calls it.
    pub(crate) model: String,
    /// Whose key is used.
    pub(crate) key: KeyRef,
    /// Of a million tokens in, in millionths of a US dollar; unknown if absent.
    pub(crate) price_in: Option<u64>,
    /// Of a million tokens out.
    pub(crate) price_out: Option<u64>,
    /// Tokens that it takes in.
    pub(crate) context_tokens: u64,
    /// Tokens of one answer.
    pub(crate) output_tokens: u64,
    pub(crate) is_demo: bool,
}

/// Names a key, never holds one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyRef {
    /// None is sent.
    None,
    /// The server's own.
    Server,
    /// The organization's, of this name.
    Organization(String),
}

/// The model that answers when none is configured.
pub(crate) const DEMO: &str = "demo";

impl ModelSpec {
    /// The built-in model.
    pub(crate) fn demo() -> Self {
        Self {
            name: DEMO.to_owned(),
            base_url: String::new(),
            model: "glassbox-demo".to_owned(),
            key: KeyRef::None,
            price_in: Some(0),
            price_out: Some(0),
            context_tokens: 128_000,
            output_tokens: 4_096,
            is_demo: true,
        }
    }

    /// What so much costs; `None` when a price is not known.
    pub(crate) fn cost(&self, usage: &Usage) -> Option<Cost> {
        Some(Cost::of(usage.tokens_in, self.price_in?).plus(Cost::of(usage.tokens_out, self.price_out?)))
    }
}
