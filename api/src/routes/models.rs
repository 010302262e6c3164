//! `/orgs/{orgId}/models`: the models that agents of an organization may use.

mod change;
mod fields;
mod read;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use platform::config::{AgentsConfig, ServerModelConfig};
use platform::db::models::OrgModel;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::Api;

/// What the model is called that answers when none is configured.
const DEMO: &str = "demo";
/// Tokens that the demo model takes in, and of one of its answers.
const DEMO_TOKENS: (u64, u64) = (128_000, 4_096);
/// Prices are kept in millionths.
const MILLIONTHS: f64 = 1_000_000.0;

/// What the server's own model is called.
pub(crate) fn server_model_name(config: &AgentsConfig) -> &str {
    config.model.as_ref().map_or(DEMO, |model| &model.name)
}

/// A model that agents may use.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Model)]
pub(super) struct ModelBody {
    /// Its id; `null` for the server's own.
    #[schema(required)]
    id: Option<Uuid>,
    /// What it is called here.
    #[schema(example = "gpt-4")]
    name: String,
    /// Where its OpenAI-compatible API is; for those who may set up models only.
    #[schema(required, example = "https://models.example.com/v1")]
    base_url: Option<String>,
    /// What its provider calls it; for those who may set up models only.
    #[schema(required, example = "gpt-4-0613")]
    model: Option<String>,
    /// Names the key that is sent to it, which is nowhere to be seen; for those who may set up models only.
    #[schema(required, example = "production")]
    key_name: Option<String>,
    /// What a million tokens in cost, in US dollars; `null`: unknown.
    #[schema(required, example = 2.5)]
    usd_per_million_in: Option<f64>,
    /// The same of a million tokens out.
    #[schema(required, example = 10.0)]
    usd_per_million_out: Option<f64>,
    /// Tokens that it takes in.
    context_tokens: u64,
    /// Tokens of one answer.
    output_tokens: u64,
    /// The names of models that stand in for it when it does not answer, in order.
    fallbacks: Vec<String>,
    /// Whether it is the built-in model, which only plays a model.
    is_demo: bool,
    /// When it was set up.
    #[schema(required)]
    created_at: Option<DateTime<Utc>>,
    /// When it was changed last.
    #[schema(required)]
    updated_at: Option<DateTime<Utc>>,
}

/// Who reads of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Somebody who may set up models.
    Administrator,
    /// Somebody who may use them.
    User,
}

#[expect(clippy::cast_precision_loss, reason = "a price is below a million dollars, which a float holds in millionths")]
fn dollars(millionths: u64) -> f64 {
    millionths as f64 / MILLIONTHS
}

impl ModelBody {
    fn of(model: OrgModel, reader: Reader) -> Self {
        let for_administrators = |text: String| (reader == Reader::Administrator).then_some(text);
        Self {
            id: Some(model.id),
            name: model.name,
            base_url: for_administrators(model.base_url),
            model: for_administrators(model.model),
            key_name: model.key_name.and_then(for_administrators),
            usd_per_million_in: model.price_in.map(dollars),
            usd_per_million_out: model.price_out.map(dollars),
            context_tokens: model.context_tokens,
            output_tokens: model.output_tokens,
            fallbacks: model.fallbacks,
            is_demo: false,
            created_at: Some(model.created_at),
            updated_at: Some(model.updated_at),
        }
    }

    /// The server's own model. Where it is, is its operator's business.
    fn of_server(config: &AgentsConfig) -> Self {
        let of = |read: fn(&ServerModelConfig) -> Option<u64>| config.model.as_ref().map_or(Some(0), read).map(dollars);
        let (context, output) =
            config.model.as_ref().map_or(DEMO_TOKENS, |model| (model.context_tokens, model.output_tokens));
        Self {
            id: None,
            name: server_model_name(config).to_owned(),
            base_url: None,
            model: None,
            key_name: None,
            usd_per_million_in: of(|model| model.price_in),
            usd_per_million_out: of(|model| model.price_out),
            context_tokens: context,
            output_tokens: output,
            fallbacks: Vec::new(),
            is_demo: config.model.is_none(),
            created_at: None,
            updated_at: None,
        }
    }
}

pub(super) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(read::list, change::create)).routes(routes!(
        read::get,
        change::update,
        change::delete
    ))
}
