//! The templates that come with the server.

use std::sync::LazyLock;

use schema::ids::TemplateId;
use schema::template::Template;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::TemplateBody;

/// A template that comes with the server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SystemTemplate {
    id: TemplateId,
    name: String,
    description: String,
    pub(super) structure: Template,
    #[serde(default)]
    agent_config: Map<String, Value>,
}

const FILES: [&str; 4] = [
    include_str!("system/research.json"),
    include_str!("system/decision.json"),
    include_str!("system/launch.json"),
    include_str!("system/agent-review.json"),
];

static ALL: LazyLock<Vec<SystemTemplate>> = LazyLock::new(|| {
    FILES.iter().map(|file| serde_json::from_str(file).expect("a test reads each of these files")).collect()
});

impl SystemTemplate {
    /// What it says of agents.
    pub(super) const fn agent_config(&self) -> &Map<String, Value> {
        &self.agent_config
    }
}

/// All of them.
pub(super) fn all() -> &'static [SystemTemplate] {
    &ALL
}

pub(super) fn find(id: TemplateId) -> Option<&'static SystemTemplate> {
    all().iter().find(|template| template.id == id)
}

impl From<&SystemTemplate> for TemplateBody {
    fn from(template: &SystemTemplate) -> Self {
        Self {
            id: template.id,
            org_id: None,
            name: template.name.clone(),
            description: template.description.clone(),
            structure: template.structure.clone(),
            agent_config: template.agent_config.clone(),
            created_by: None,
            created_at: None,
            updated_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_template_can_be_applied() {
        let ids: BTreeSet<TemplateId> = all().iter().map(|template| template.id).collect();
        assert_eq!(ids.len(), FILES.len());
        for template in all() {
            template.structure.check().unwrap_or_else(|error| panic!("{}: {error}", template.name));
            assert!(!template.description.is_empty() && template.structure.nodes.len() > 2, "{}", template.name);
        }
    }
}
