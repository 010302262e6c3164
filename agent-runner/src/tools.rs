//! The tools that agents may use: what models are told of them, what their arguments must be, and who has to allow them.

mod conformance;
mod registry;

use std::collections::BTreeMap;

use platform::db::organizations::{AgentPolicies, ToolPolicy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use conformance::conforms;
pub(crate) use conformance::conforms_to_models;
pub(crate) use registry::{TOOLS, Tool};

use crate::prompt;

/// The longest arguments of a tool, in bytes of JSON.
pub(crate) const ARGUMENTS_BYTES_MAX: usize = 256 * 1024;
/// The longest result that a model is told, in bytes of JSON.
pub(crate) const RESULT_BYTES_MAX: usize = 32 * 1024;

/// A tool, as models are told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ToolSpec {
    pub(crate) name: String,
    pub(crate) description: String,
    /// A JSON Schema of its arguments.
    pub(crate) parameters: Value,
}

impl ToolSpec {
    pub(crate) fn bytes(&self) -> usize {
        self.name.len() + self.description.len() + self.parameters.to_string().len()
    }
}

/// What holds for each tool.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Policies(BTreeMap<String, ToolPolicy>);

impl Policies {
    /// What an organization has set up. Where it asks for approval in general, that is for all tools that change something.
    pub(crate) fn new(policies: &AgentPolicies) -> Self {
        let of = |tool: &Tool| match policies.tools.get(tool.name) {
            Some(policy) => *policy,
            None if policies.require_approval && tool.changes => ToolPolicy::Approve,
            None => ToolPolicy::Allow,
        };
        Self(TOOLS.iter().map(|tool| (tool.name.to_owned(), of(tool))).collect())
    }

    pub(crate) fn of(&self, tool: &str) -> ToolPolicy {
        self.0.get(tool).copied().unwrap_or(ToolPolicy::Deny)
    }
}

/// Why a model's call of a tool is not carried out: it is told so, and may do better.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct ToolError {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ToolError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("INVALID_ARGUMENTS", message)
    }
}

/// The tools of this run, as its models are told of them.
pub(crate) fn offered(policies: &Policies) -> Vec<ToolSpec> {
    let allowed = TOOLS.iter().filter(|tool| policies.of(tool.name) != ToolPolicy::Deny);
    allowed.map(Tool::spec).collect()
}

/// Checks what a model wants to have done.
pub(crate) fn check(pinned: &[ToolSpec], name: &str, arguments: &str) -> Result<Value, ToolError> {
    let Some(spec) = pinned.iter().find(|tool| tool.name == name) else {
        let names: Vec<&str> = pinned.iter().map(|tool| tool.name.as_str()).collect();
        return Err(ToolError::new(
            "UNKNOWN_TOOL",
            format!("there is no tool {:?}; there are {}", prompt::cut(name, 100), names.join(", ")),
        ));
    };
    if arguments.len() > ARGUMENTS_BYTES_MAX {
        return Err(ToolError::invalid(format!("arguments have at most {ARGUMENTS_BYTES_MAX} bytes")));
    }
    // A tool without arguments is called with none by some models.
    let arguments = if arguments.trim().is_empty() { "{}" } else { arguments };
    let value: Value =
        serde_json::from_str(arguments).map_err(|error| ToolError::invalid(format!("not JSON: {error}")))?;
    conforms(&spec.parameters, &value).map_err(ToolError::invalid)?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bad_call_is_told_what_is_wrong_with_it() {
        let tools = offered(&Policies::new(&AgentPolicies::default()));
        let code = |name: &str, arguments: &str| check(&tools, name, arguments).unwrap_err().code;
        assert_eq!(code("rm_rf", "{}"), "UNKNOWN_TOOL");
        assert_eq!(code("create_subnode", "{"), "INVALID_ARGUMENTS");
        assert_eq!(code("create_subnode", r#"{"title": 3, "author_type": "cat"}"#), "INVALID_ARGUMENTS");
        assert_eq!(code("create_subnode", &" ".repeat(ARGUMENTS_BYTES_MAX + 1)), "INVALID_ARGUMENTS");
        let said = check(&tools, "create_subnode", r#"{"title": 3, "author_type": "agent"}"#).unwrap_err().message;
        assert!(said.contains("/title"), "{said}");
        assert_eq!(check(&tools, "list_nodes", "").unwrap(), json!({}));
    }

    #[test]
    fn an_organization_decides_what_needs_leave() {
        let tools = [("set_status", ToolPolicy::Deny), ("search", ToolPolicy::Approve)];
        let tools = tools.map(|(name, policy)| (name.to_owned(), policy)).into();
        let policies = Policies::new(&AgentPolicies { require_approval: true, tools, ..AgentPolicies::default() });
        assert_eq!(policies.of("set_status"), ToolPolicy::Deny);
        assert_eq!(policies.of("search"), ToolPolicy::Approve);
        assert_eq!(policies.of("create_subnode"), ToolPolicy::Approve);
        assert_eq!(policies.of("access_node"), ToolPolicy::Allow);
        assert_eq!(policies.of("anything"), ToolPolicy::Deny);
        assert!(offered(&policies).iter().all(|tool| tool.name != "set_status"));
    }

    #[test]
    fn every_tool_has_a_schema_that_is_one() {
        for tool in TOOLS {
            let spec = tool.spec();
            assert!(jsonschema::validator_for(&spec.parameters).is_ok(), "{}", tool.name);
        }
    }
}
