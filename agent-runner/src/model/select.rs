//! Which models a run uses: pinned when it begins.

use platform::config::{Secret, ServerModelConfig};
use platform::db::models::OrgModel;
use platform::db::organizations::Settings;

use super::spec::{DEMO, KeyRef, ModelSpec};

/// The server's own model, as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServerModel {
    pub(crate) spec: ModelSpec,
    pub(crate) key: Option<Secret>,
}

impl ServerModel {
    pub(crate) fn new(config: &ServerModelConfig) -> Self {
        let spec = ModelSpec {
            name: config.name.clone(),
            base_url: config.base_url.clone(),
            model: config.model.clone(),
            key: KeyRef::Server,
            price_in: config.price_in,
            price_out: config.price_out,
            context_tokens: config.context_tokens,
            output_tokens: config.output_tokens,
            is_demo: false,
        };
        Self { spec, key: config.api_key.clone() }
    }
}

/// There is no such model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no model {0:?} that this organization may use")]
pub(crate) struct NoModel(pub(crate) String);

/// What is assumed of a model of which nothing but its name is known: tokens that it takes in,
const HOSTED_CONTEXT_TOKENS: u64 = 32_768;
/// and tokens of one answer.
const HOSTED_OUTPUT_TOKENS: u64 = 4_096;

/// The models to ask, the first first: the one that was asked for or is the default, and those that stand in for it. A name
/// that is not set up is one that the organization's own endpoint knows, if it has one.
pub(crate) fn select(
    asked: Option<&str>,
    settings: &Settings,
    own: &[OrgModel],
    server: Option<&ServerModel>,
) -> Result<Vec<ModelSpec>, NoModel> {
    let server = server.map_or_else(ModelSpec::demo, |server| server.spec.clone());
    let is_allowed = |name: &str| {
        name == server.name || settings.allowed_models.as_ref().is_none_or(|names| names.iter().any(|one| one == name))
    };
    let find = |name: &str| {
        let own = own.iter().find(|model| model.name == name).map(from_row);
        let of_server = || (name == server.name || name == DEMO && server.is_demo).then(|| server.clone());
        let hosted = || settings.self_hosted_endpoint.as_deref().map(|base_url| hosted(base_url, name));
        own.or_else(of_server).or_else(hosted)
    };
    let Some(name) = asked.or(settings.default_model.as_deref()) else {
        // Without a word of the organization: the only one that it has, or the server's.
        return Ok(vec![match own {
            [only] if is_allowed(&only.name) => from_row(only),
            _ => server,
        }]);
    };
    let first = find(name).filter(|_| is_allowed(name)).ok_or_else(|| NoModel(name.to_owned()))?;
    let others = own.iter().find(|model| model.name == name).map(|model| model.fallbacks.clone()).unwrap_or_default();
    let mut models = vec![first];
    for other in others {
        if is_allowed(&other)
            && let Some(model) = find(&other)
            && !models.contains(&model)
        {
            models.push(model);
        }
    }
    Ok(models)
}

fn hosted(base_url: &str, name: &str) -> ModelSpec {
    ModelSpec {
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        model: name.to_owned(),
        key: KeyRef::None,
        price_in: None,
        price_out: None,
        context_tokens: HOSTED_CONTEXT_TOKENS,
        output_tokens: HOSTED_OUTPUT_TOKENS,
        is_demo: false,
    }
}

fn from_row(model: &OrgModel) -> ModelSpec {
    ModelSpec {
        name: model.name.clone(),
        base_url: model.base_url.clone(),
        model: model.model.clone(),
        key: model.key_name.clone().map_or(KeyRef::None, KeyRef::Organization),
        price_in: model.price_in,
        price_out: model.price_out,
        context_tokens: model.context_tokens,
        output_tokens: model.output_tokens,
        is_demo: false,
    }
}
