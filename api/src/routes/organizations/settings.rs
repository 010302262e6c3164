//! What agents may do in an organization, on the wire.

use std::collections::BTreeMap;

use platform::db::organizations::{AgentPolicies, Settings, ToolPolicy};
use schema::Patch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::fields::Fields;

/// The longest name of a model, in characters.
const MODEL_LENGTH_MAX: usize = 200;
/// How many models may be named.
const MODELS_MAX: usize = 100;
/// The most tokens that a run can be allowed.
const TOKENS_MAX: u64 = 1_000_000_000;
/// The most tokens that all runs can be allowed in a month.
const TOKENS_PER_MONTH_MAX: u64 = 1_000_000_000_000;
/// How many tools may have a rule of their own, and how long their names are, in bytes.
const TOOLS_MAX: usize = 100;
const TOOL_LENGTH_MAX: usize = 100;

/// What agents may do in an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrganizationSettings)]
pub(super) struct SettingsBody {
    /// The model that agents use unless told otherwise; `null`: the server's.
    #[schema(required, example = "gpt-4")]
    default_model: Option<String>,
    /// The models that may be used; `null`: all that the server offers.
    #[schema(required, example = json!(["gpt-4", "claude-3"]))]
    allowed_models: Option<Vec<String>>,
    /// The base URL of an OpenAI-compatible API of the organization's own.
    #[schema(required, example = "https://models.example.com/v1")]
    self_hosted_endpoint: Option<String>,
    /// What holds for all agents.
    agent_policies: AgentPoliciesBody,
}

/// What holds for all agents of an organization.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AgentPolicies)]
pub(super) struct AgentPoliciesBody {
    /// How many tokens one run may use; `null`: as many as the server allows.
    #[schema(required, example = 100_000)]
    max_tokens_per_execution: Option<u64>,
    /// How many tokens all runs together may use in a month (of UTC); `null`: as many as they want.
    #[schema(required, example = 10_000_000)]
    max_tokens_per_month: Option<u64>,
    /// Whether a person has to approve what an agent is about to do, before each use of a tool that changes something.
    require_approval: bool,
    /// What holds for single tools instead, by their names: `allow`, `approve` or `deny`.
    #[schema(value_type = BTreeMap<String, String>, example = json!({"set_status": "approve", "create_subnode": "deny"}))]
    tools: BTreeMap<String, ToolPolicy>,
}

impl From<Settings> for SettingsBody {
    fn from(settings: Settings) -> Self {
        let Settings { default_model, allowed_models, self_hosted_endpoint, agent_policies } = settings;
        let AgentPolicies { max_tokens_per_execution, max_tokens_per_month, require_approval, tools } = agent_policies;
        let agent_policies =
            AgentPoliciesBody { max_tokens_per_execution, max_tokens_per_month, require_approval, tools };
        Self { default_model, allowed_models, self_hosted_endpoint, agent_policies }
    }
}

/// What changes of the settings. What is left out stays; `null` is the default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = OrganizationSettingsChanges)]
pub(super) struct SettingsChanges {
    /// The model that agents use unless told otherwise. Where models are named, it is one of them.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, max_length = 200, example = "gpt-4")]
    default_model: Patch<String>,
    /// The models that may be used.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, required = false, example = json!(["gpt-4", "claude-3"]))]
    allowed_models: Patch<Vec<String>>,
    /// The base URL of an OpenAI-compatible API of the organization's own, without a key: it is asked for models that are not
    /// set up.
    #[serde(default)]
    #[schema(value_type = Option<String>, required = false, example = "https://models.example.com/v1")]
    self_hosted_endpoint: Patch<String>,
    /// What holds for all agents.
    #[serde(default)]
    #[schema(value_type = Option<AgentPoliciesChanges>, required = false)]
    agent_policies: Patch<AgentPoliciesChanges>,
}

/// What changes of what holds for all agents.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AgentPoliciesChanges {
    /// How many tokens one run may use.
    #[serde(default)]
    #[schema(value_type = Option<u64>, required = false, minimum = 1, maximum = 1_000_000_000, example = 100_000)]
    max_tokens_per_execution: Patch<u64>,
    /// How many tokens all runs together may use in a month.
    #[serde(default)]
    #[schema(value_type = Option<u64>, required = false, minimum = 1, maximum = 1_000_000_000_000_i64, example = 10_000_000)]
    max_tokens_per_month: Patch<u64>,
    /// Whether a person has to approve what an agent is about to do; `null`: not.
    #[serde(default)]
    #[schema(value_type = Option<bool>, required = false)]
    require_approval: Patch<bool>,
    /// What holds for single tools, all of them anew; `null`: nothing of their own.
    #[serde(default)]
    #[schema(value_type = Option<BTreeMap<String, String>>, required = false, example = json!({"set_status": "approve"}))]
    tools: Patch<BTreeMap<String, ToolPolicy>>,
}

impl SettingsChanges {
    /// Makes the changes, and notes what is wrong with them.
    pub(super) fn apply(self, settings: &mut Settings, fields: &mut Fields) {
        let Settings { default_model, allowed_models, self_hosted_endpoint, agent_policies } = settings;
        assign(default_model, self.default_model);
        assign(allowed_models, self.allowed_models);
        if let Some(models) = allowed_models {
            models.dedup();
            if models.is_empty() || models.len() > MODELS_MAX {
                fields.refuse("settings.allowedModels", format!("must name 1 to {MODELS_MAX} models, or be null"));
            }
            for (index, model) in models.iter_mut().enumerate() {
                *model = fields.line(&format!("settings.allowedModels[{index}]"), model, 1..=MODEL_LENGTH_MAX);
            }
        }
        if let Some(model) = default_model {
            *model = fields.line("settings.defaultModel", model, 1..=MODEL_LENGTH_MAX);
            if allowed_models.as_ref().is_some_and(|models| !models.contains(model)) {
                fields.refuse("settings.defaultModel", "must be one of allowedModels");
            }
        }
        assign(self_hosted_endpoint, self.self_hosted_endpoint);
        if let Some(url) = self_hosted_endpoint {
            *url = fields.url("settings.selfHostedEndpoint", url, &["https", "http"]);
        }
        match self.agent_policies {
            Patch::Absent => {}
            Patch::Clear => *agent_policies = AgentPolicies::default(),
            Patch::Set(changes) => changes.apply(agent_policies, fields),
        }
    }
}

impl AgentPoliciesChanges {
    fn apply(self, policies: &mut AgentPolicies, fields: &mut Fields) {
        if self.max_tokens_per_execution.value().is_some_and(|tokens| !(1..=TOKENS_MAX).contains(tokens)) {
            fields.refuse("settings.agentPolicies.maxTokensPerExecution", format!("must be 1 to {TOKENS_MAX}"));
        }
        assign(&mut policies.max_tokens_per_execution, self.max_tokens_per_execution);
        if self.max_tokens_per_month.value().is_some_and(|tokens| !(1..=TOKENS_PER_MONTH_MAX).contains(tokens)) {
            let allowed = format!("must be 1 to {TOKENS_PER_MONTH_MAX}");
            fields.refuse("settings.agentPolicies.maxTokensPerMonth", allowed);
        }
        assign(&mut policies.max_tokens_per_month, self.max_tokens_per_month);
        if let Some(tools) = self.tools.as_change() {
            policies.tools = tools.cloned().unwrap_or_default();
            if policies.tools.len() > TOOLS_MAX || policies.tools.keys().any(|name| name.len() > TOOL_LENGTH_MAX) {
                let allowed =
                    format!("must be at most {TOOLS_MAX} tools, with names of at most {TOOL_LENGTH_MAX} bytes");
                fields.refuse("settings.agentPolicies.tools", allowed);
            }
        }
        if let Some(require) = self.require_approval.as_change() {
            policies.require_approval = require.copied().unwrap_or_default();
        }
    }
}

fn assign<T>(field: &mut Option<T>, patch: Patch<T>) {
    match patch {
        Patch::Absent => {}
        Patch::Clear => *field = None,
        Patch::Set(value) => *field = Some(value),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(settings: &mut Settings, changes: serde_json::Value) -> bool {
        let mut fields = Fields::default();
        serde_json::from_value::<SettingsChanges>(changes).unwrap().apply(settings, &mut fields);
        fields.finish().is_ok()
    }

    #[test]
    fn what_is_left_out_stays_and_null_is_the_default() {
        let mut settings = Settings::default();
        let all = json!({
            "defaultModel": "gpt-4", "allowedModels": ["gpt-4", "claude-3"],
            "selfHostedEndpoint": "http://models.internal:8000/v1",
            "agentPolicies": {
                "maxTokensPerExecution": 100_000, "maxTokensPerMonth": 10_000_000, "requireApproval": true,
                "tools": {"set_status": "deny"},
            },
        });
        assert!(change(&mut settings, all));
        let before = settings.clone();
        assert!(change(&mut settings, json!({})) && settings == before);
        assert!(change(&mut settings, json!({"agentPolicies": {"requireApproval": null}})));
        assert_eq!(settings.agent_policies.max_tokens_per_execution, Some(100_000));
        assert!(!settings.agent_policies.require_approval);
        let none = json!({
            "defaultModel": null, "allowedModels": null, "selfHostedEndpoint": null, "agentPolicies": null,
        });
        assert!(change(&mut settings, none) && settings == Settings::default());
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for changes in [
            json!({"defaultModel": ""}),
            json!({"defaultModel": "other", "allowedModels": ["gpt-4"]}),
            json!({"allowedModels": []}),
            json!({"allowedModels": ["a\nb"]}),
            json!({"selfHostedEndpoint": "models.example.com"}),
            json!({"agentPolicies": {"maxTokensPerExecution": 0}}),
            json!({"agentPolicies": {"maxTokensPerMonth": 0}}),
        ] {
            assert!(!change(&mut Settings::default(), changes.clone()), "{changes}");
        }
    }
}
