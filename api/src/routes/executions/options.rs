//! What a run is asked to do: what the request says, what its template says for what it leaves out, and defaults.

use platform::config::AgentsConfig;
use platform::db::models::OrgModel;
use platform::db::organizations::Settings;
use platform::executions::{ExecuteOptions, IfBusy, Mode, Subnodes, Target};
use schema::ids::TemplateId;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::{ModeBody, SubnodesBody, TargetBody};
use crate::extract;
use crate::fields::Fields;
use crate::problem::{Code, Problem};
use crate::routes::models::server_model_name;

/// The longest instructions, in characters.
const INSTRUCTIONS_LENGTH_MAX: usize = 20_000;
/// The longest name of an agent, in characters.
const AGENT_NAME_LENGTH_MAX: usize = 80;
/// What an agent is called that nobody has named.
const AGENT_NAME: &str = "Agent";
/// The longest name of a model, in characters.
const MODEL_LENGTH_MAX: usize = 200;
/// The fewest tokens with which a run gets anywhere.
const TOKEN_BUDGET_MIN: u64 = 1_000;

/// What a run is to do. What is left out is as the template has it, or else the default.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Execute)]
pub(super) struct Request {
    /// What to do, beside what the node says.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, max_length = 20_000, example = "Compare the three vendors by price.")]
    pub(super) instructions: Option<String>,
    /// What the agent is called. Left out: `Agent`.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, max_length = 80, example = "Researcher")]
    pub(super) agent_name: Option<String>,
    /// A template whose `agentConfig` has the defaults of the other members.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(value_type = Option<uuid::Uuid>, nullable = false)]
    pub(super) template_id: Option<TemplateId>,
    /// The model, by its name in the organization. Left out: the organization's default.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, max_length = 200, example = "gpt-4")]
    pub(super) model: Option<String>,
    /// How many tokens it may use. The organization and the server may allow fewer.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false, minimum = 1_000, example = 100_000)]
    pub(super) token_budget: Option<u64>,
    /// Whether edits are made or offered. Left out: `write`.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    pub(super) mode: Option<ModeBody>,
    /// Where the model's text goes. Left out: `output`.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    pub(super) target: Option<TargetBody>,
    /// Whether it makes a plan first. Left out: yes.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    pub(super) plan: Option<bool>,
    /// What becomes of it while another one works on the node. Left out: `refuse`.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    pub(super) if_busy: Option<IfBusyBody>,
    /// What becomes of nodes that it makes for agents. Left out: `leave`.
    #[serde(default, deserialize_with = "extract::present")]
    #[schema(nullable = false)]
    pub(super) subnodes: Option<SubnodesBody>,
}

/// What becomes of a run on a node that another one works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ExecutionIfBusy)]
pub(super) enum IfBusyBody {
    /// It is refused.
    Refuse,
    /// It waits for its turn.
    Enqueue,
}

/// What a run is to do, with everything filled in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) options: ExecuteOptions,
    pub(super) agent_name: String,
    pub(super) token_budget: u64,
    pub(super) if_busy: IfBusy,
}

/// Which models there are, and how many tokens may be used.
pub(super) struct Bounds<'a> {
    pub(super) settings: &'a Settings,
    pub(super) models: &'a [OrgModel],
    pub(super) server: &'a AgentsConfig,
}

impl Request {
    /// The same, with what it leaves out as a template has it. What else is in the template is for others.
    pub(super) fn or_template(self, config: &Map<String, Value>) -> Result<Self, Problem> {
        const MEMBERS: [&str; 8] =
            ["instructions", "agentName", "model", "tokenBudget", "mode", "target", "plan", "subnodes"];
        let known = config.iter().filter(|(name, value)| MEMBERS.contains(&name.as_str()) && !value.is_null());
        let known: Map<String, Value> = known.map(|(name, value)| (name.clone(), value.clone())).collect();
        let template: Self = serde_json::from_value(Value::Object(known)).map_err(|error| {
            Problem::new(Code::ValidationFailed).field_error("templateId", format!("its agentConfig: {error}"))
        })?;
        Ok(Self {
            instructions: self.instructions.or(template.instructions),
            agent_name: self.agent_name.or(template.agent_name),
            template_id: self.template_id,
            model: self.model.or(template.model),
            token_budget: self.token_budget.or(template.token_budget),
            mode: self.mode.or(template.mode),
            target: self.target.or(template.target),
            plan: self.plan.or(template.plan),
            if_busy: self.if_busy,
            subnodes: self.subnodes.or(template.subnodes),
        })
    }

    /// All of it, checked.
    pub(super) fn read(self, bounds: &Bounds<'_>) -> Result<Asked, Problem> {
        let mut fields = Fields::default();
        let defaults = ExecuteOptions::default();
        let instructions = self.instructions.map(|text| fields.text("instructions", &text, INSTRUCTIONS_LENGTH_MAX));
        let agent_name = self.agent_name.as_deref().unwrap_or(AGENT_NAME);
        let agent_name = fields.line("agentName", agent_name, 1..=AGENT_NAME_LENGTH_MAX);
        let model = self.model.map(|model| fields.line("model", &model, 1..=MODEL_LENGTH_MAX));
        bounds.check_model(&mut fields, model.as_deref());
        if self.token_budget.is_some_and(|tokens| tokens < TOKEN_BUDGET_MIN) {
            fields.refuse("tokenBudget", format!("must be at least {TOKEN_BUDGET_MIN}"));
        }
        fields.finish()?;
        let options = ExecuteOptions {
            instructions: instructions.filter(|text| !text.trim().is_empty()),
            model,
            mode: self.mode.map_or(defaults.mode, Mode::from),
            target: self.target.map_or(defaults.target, Target::from),
            plan: self.plan.unwrap_or(defaults.plan),
            subnodes: self.subnodes.map_or(defaults.subnodes, Subnodes::from),
        };
        let if_busy = match self.if_busy {
            None | Some(IfBusyBody::Refuse) => IfBusy::Refuse,
            Some(IfBusyBody::Enqueue) => IfBusy::Enqueue,
        };
        Ok(Asked { options, agent_name, token_budget: bounds.tokens(self.token_budget), if_busy })
    }
}

impl Bounds<'_> {
    /// How many tokens a run may use that asks for so many.
    fn tokens(&self, asked: Option<u64>) -> u64 {
        let of_organization = self.settings.agent_policies.max_tokens_per_execution;
        [asked, of_organization].into_iter().flatten().fold(self.server.tokens_per_run, u64::min)
    }

    /// Whether there is the model that a run would use, and the organization lets it be used. The server's own always is, and
    /// what is not set up may be known to the organization's own endpoint.
    fn check_model(&self, fields: &mut Fields, asked: Option<&str>) {
        let Some(name) = asked.or(self.settings.default_model.as_deref()) else { return };
        if name == server_model_name(self.server) {
            return;
        }
        let allowed = self.settings.allowed_models.as_ref();
        let whose = if asked.is_some() { "" } else { "the organization's default, " };
        let may_be_known = self.settings.self_hosted_endpoint.is_some();
        if !may_be_known && !self.models.iter().any(|model| model.name == name) {
            fields.refuse("model", format!("{whose}{name:?}, is not set up in the organization"));
        } else if allowed.is_some_and(|names| !names.iter().any(|one| one == name)) {
            fields.refuse("model", format!("{whose}{name:?}, is not among the models that the organization allows"));
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::config::Config;
    use platform::db::organizations::AgentPolicies;
    use serde_json::json;

    use super::*;

    fn request(body: Value) -> Request {
        serde_json::from_value(body).unwrap()
    }

    fn read(body: Value, settings: &Settings) -> Result<Asked, Problem> {
        request(body).read(&Bounds { settings, models: &[], server: &Config::default().agents })
    }

    #[test]
    fn what_is_left_out_is_as_the_template_has_it() {
        let template =
            json!({"agentName": "Critic", "mode": "propose", "temperature": 1, "model": null, "plan": false});
        let Value::Object(template) = template else { unreachable!() };
        let asked = request(json!({"agentName": "Me"})).or_template(&template).unwrap();
        let asked =
            asked.read(&Bounds { settings: &Settings::default(), models: &[], server: &Config::default().agents });
        let asked = asked.unwrap();
        assert_eq!((asked.agent_name.as_str(), asked.options.mode, asked.options.plan), ("Me", Mode::Propose, false));
        let Value::Object(broken) = json!({"mode": "dance"}) else { unreachable!() };
        assert!(request(json!({})).or_template(&broken).is_err());
    }

    #[test]
    fn the_least_of_all_budgets_holds() {
        let server = Config::default().agents.tokens_per_run;
        let with = |most| Settings {
            agent_policies: AgentPolicies { max_tokens_per_execution: most, ..AgentPolicies::default() },
            ..Settings::default()
        };
        let budget = |body, settings: &Settings| read(body, settings).unwrap().token_budget;
        assert_eq!(budget(json!({}), &with(None)), server);
        assert_eq!(budget(json!({}), &with(Some(5_000))), 5_000);
        assert_eq!(budget(json!({"tokenBudget": 2_000}), &with(Some(5_000))), 2_000);
        assert_eq!(budget(json!({"tokenBudget": 9_000}), &with(Some(5_000))), 5_000);
        assert_eq!(budget(json!({"tokenBudget": 1_000_000_000}), &with(Some(900_000_000))), server);
        assert!(read(json!({"tokenBudget": 10}), &with(None)).is_err());
    }

    #[test]
    fn a_model_is_one_that_there_is() {
        let none = Settings::default();
        assert!(read(json!({"model": "demo"}), &none).is_ok());
        assert!(read(json!({"model": "gpt-4"}), &none).is_err());
        let default = Settings { default_model: Some("gone".to_owned()), ..Settings::default() };
        assert!(read(json!({}), &default).is_err());
        assert!(read(json!({"model": "demo"}), &default).is_ok());
    }
}
