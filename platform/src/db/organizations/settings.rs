//! How an organization sets up what agents may do.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The settings of an organization, as they are stored. What is not there has its default; what this build does not know
/// is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// The model that agents use unless told otherwise.
    pub default_model: Option<String>,
    /// The models that may be used; `None`: all that the server offers.
    pub allowed_models: Option<Vec<String>>,
    /// The base URL of an OpenAI-compatible API of the organization's own.
    pub self_hosted_endpoint: Option<String>,
    /// What holds for all agents.
    pub agent_policies: AgentPolicies,
}

/// What holds for all agents of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AgentPolicies {
    /// How many tokens one run may use; `None`: as many as the server allows.
    pub max_tokens_per_execution: Option<u64>,
    /// How many tokens all runs together may use in a month; `None`: as many as they want.
    pub max_tokens_per_month: Option<u64>,
    /// Whether a person has to approve what an agent is about to do.
    pub require_approval: bool,
    /// What holds for single tools instead, by their names.
    pub tools: BTreeMap<String, ToolPolicy>,
}

/// Whether agents may use a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolPolicy {
    /// At once.
    Allow,
    /// When a person has given leave.
    Approve,
    /// Not at all.
    Deny,
}
