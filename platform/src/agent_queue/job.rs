//! What a message says.

use schema::ids::{NodeId, OrgId, RunId};
use serde::{Deserialize, Serialize};

/// The longest message that is read, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// There is something to do for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentJob {
    /// The run.
    pub execution_id: RunId,
    /// Its node.
    pub node_id: NodeId,
    /// Its organization.
    pub org_id: OrgId,
    /// How that is set up, for programs that watch the queue. Workers take it from the database.
    #[serde(default)]
    pub org_config: OrgConfig,
}

/// How an organization is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrgConfig {
    /// Its default model.
    pub default_model: Option<String>,
    /// The base URL of an API of its own.
    pub self_hosted_endpoint: Option<String>,
}

impl AgentJob {
    pub(super) fn parse(body: &str) -> Option<Self> {
        (body.len() <= MESSAGE_BYTES_MAX).then(|| serde_json::from_str(body).ok())?
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("ids and texts are JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_written_and_read_as_it_was_agreed() {
        let body = r#"{"executionId":"0191e1c4-0000-7000-8000-000000000001","nodeId":"0191e1c4-0000-7000-8000-000000000002","orgId":"0191e1c4-0000-7000-8000-000000000003","orgConfig":{"defaultModel":"large","selfHostedEndpoint":null}}"#;
        let job = AgentJob::parse(body).unwrap();
        assert_eq!(job.org_config.default_model.as_deref(), Some("large"));
        assert_eq!(job.to_json(), body);
    }

    #[test]
    fn a_message_may_say_more_and_less_but_not_leave_the_run_out() {
        let more = r#"{"executionId":"0191e1c4-0000-7000-8000-000000000001","nodeId":"0191e1c4-0000-7000-8000-000000000002","orgId":"0191e1c4-0000-7000-8000-000000000003","priority":1}"#;
        assert_eq!(AgentJob::parse(more).unwrap().org_config, OrgConfig::default());
        for other in ["", "{}", "null", r#"{"fileId":"0191e1c4-0000-7000-8000-000000000001","action":"process"}"#] {
            assert_eq!(AgentJob::parse(other), None, "{other}");
        }
        let long = more.replace("\"priority\":1", &format!("\"padding\":\"{}\"", "x".repeat(MESSAGE_BYTES_MAX)));
        assert_eq!(AgentJob::parse(&long), None, "it is not even read");
    }
}
