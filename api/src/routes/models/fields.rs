//! What a model is, as callers say it.

use platform::db::models::{ModelFields, OrgModel};
use platform::outbound::{Encryption, check_url};
use schema::Patch;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{MILLIONTHS, dollars, server_model_name};
use crate::Api;
use crate::extract;
use crate::fields::Fields;
use crate::problem::Problem;

/// The longest name, in characters.
const NAME_LENGTH_MAX: usize = 200;
/// The longest name of a key.
const KEY_NAME_LENGTH_MAX: usize = 64;
/// The most models that stand in for one.
const FALLBACKS_MAX: usize = 5;
/// The most tokens that a model can be said to take.
const TOKENS_MAX: u32 = 100_000_000;
/// The highest price of a million tokens, in US dollars.
const PRICE_MAX: f64 = 100_000.0;

/// A model.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewModel)]
pub(super) struct NewModel {
    /// What it is called in the organization.
    #[schema(max_length = 200, example = "gpt-4")]
    name: String,
    /// The base URL of its OpenAI-compatible API.
    #[schema(max_length = 2000, example = "https://models.example.com/v1")]
    base_url: String,
    /// What its provider calls it.
    #[schema(max_length = 200, example = "gpt-4-0613")]
    model: String,
    /// Names the key that is sent to it: one of those that the server's operator keeps for the organization.
    #[serde(default)]
    #[schema(max_length = 64, pattern = "^[a-z0-9-]{1,64}$", example = "production")]
    key_name: Option<String>,
    /// What a million tokens in cost, in US dollars; `null`: unknown.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100_000, example = 2.5)]
    usd_per_million_in: Option<f64>,
    /// The same of a million tokens out.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 100_000, example = 10.0)]
    usd_per_million_out: Option<f64>,
    /// Tokens that it takes in.
    #[schema(minimum = 1, maximum = 100_000_000, example = 128_000)]
    context_tokens: u32,
    /// Tokens of one answer.
    #[schema(minimum = 1, maximum = 100_000_000, example = 4_096)]
    output_tokens: u32,
    /// The names of models that stand in for it when it does not answer, in order.
    #[serde(default)]
    #[schema(max_items = 5)]
    fallbacks: Vec<String>,
}

/// What of a model changes; what is left out stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[schema(as = ModelChanges)]
pub(super) struct ModelChanges {
    /// What it is called in the organization.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, max_length = 200)]
    name: Option<String>,
    /// The base URL of its OpenAI-compatible API.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, max_length = 2000)]
    base_url: Option<String>,
    /// What its provider calls it.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, max_length = 200)]
    model: Option<String>,
    /// Names the key that is sent to it; `null`: none is.
    #[schema(value_type = Option<String>, required = false, max_length = 64, pattern = "^[a-z0-9-]{1,64}$")]
    key_name: Patch<String>,
    /// What a million tokens in cost, in US dollars; `null`: unknown.
    #[schema(value_type = Option<f64>, required = false, minimum = 0, maximum = 100_000)]
    usd_per_million_in: Patch<f64>,
    /// The same of a million tokens out.
    #[schema(value_type = Option<f64>, required = false, minimum = 0, maximum = 100_000)]
    usd_per_million_out: Patch<f64>,
    /// Tokens that it takes in.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, minimum = 1, maximum = 100_000_000)]
    context_tokens: Option<u32>,
    /// Tokens of one answer.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, minimum = 1, maximum = 100_000_000)]
    output_tokens: Option<u32>,
    /// The names of models that stand in for it when it does not answer, in order.
    #[serde(deserialize_with = "extract::present")]
    #[schema(required = false, nullable = false, max_items = 5)]
    fallbacks: Option<Vec<String>>,
}

impl ModelChanges {
    /// The model with these changes, as if it were set up anew.
    pub(super) fn apply(self, model: OrgModel) -> NewModel {
        let tokens = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        NewModel {
            name: self.name.unwrap_or(model.name),
            base_url: self.base_url.unwrap_or(model.base_url),
            model: self.model.unwrap_or(model.model),
            key_name: changed(self.key_name, model.key_name),
            usd_per_million_in: changed(self.usd_per_million_in, model.price_in.map(dollars)),
            usd_per_million_out: changed(self.usd_per_million_out, model.price_out.map(dollars)),
            context_tokens: self.context_tokens.unwrap_or_else(|| tokens(model.context_tokens)),
            output_tokens: self.output_tokens.unwrap_or_else(|| tokens(model.output_tokens)),
            fallbacks: self.fallbacks.unwrap_or(model.fallbacks),
        }
    }
}

fn changed<T>(patch: Patch<T>, before: Option<T>) -> Option<T> {
    match patch {
        Patch::Absent => before,
        Patch::Clear => None,
        Patch::Set(value) => Some(value),
    }
}

impl NewModel {
    /// All of it, checked.
    pub(super) fn read(self, api: &Api) -> Result<ModelFields, Problem> {
        let mut fields = Fields::default();
        let name = fields.line("name", &self.name, 1..=NAME_LENGTH_MAX);
        if name == server_model_name(&api.agents) {
            fields.refuse("name", "is what the server's own model is called");
        }
        let base_url = checked_url(api, &mut fields, &self.base_url);
        let model = fields.line("model", &self.model, 1..=NAME_LENGTH_MAX);
        if self.key_name.as_deref().is_some_and(|name| !is_key_name(name)) {
            fields.refuse("keyName", format!("must be 1 to {KEY_NAME_LENGTH_MAX} of a-z, 0-9 and -"));
        }
        let price_in = checked_price(&mut fields, "usdPerMillionIn", self.usd_per_million_in);
        let price_out = checked_price(&mut fields, "usdPerMillionOut", self.usd_per_million_out);
        for (field, tokens) in [("contextTokens", self.context_tokens), ("outputTokens", self.output_tokens)] {
            if !(1..=TOKENS_MAX).contains(&tokens) {
                fields.refuse(field, format!("must be 1 to {TOKENS_MAX}"));
            }
        }
        if self.fallbacks.len() > FALLBACKS_MAX {
            fields.refuse("fallbacks", format!("must name at most {FALLBACKS_MAX} models"));
        }
        let line =
            |(index, name): (usize, &String)| fields.line(&format!("fallbacks[{index}]"), name, 1..=NAME_LENGTH_MAX);
        let fallbacks: Vec<String> = self.fallbacks.iter().enumerate().map(line).collect();
        if fallbacks.contains(&name) {
            fields.refuse("fallbacks", "must not name the model itself");
        }
        fields.finish()?;
        Ok(ModelFields {
            name,
            base_url,
            model,
            key_name: self.key_name,
            price_in,
            price_out,
            context_tokens: self.context_tokens,
            output_tokens: self.output_tokens,
            fallbacks,
        })
    }
}

/// Whether it is a plain name of a file.
fn is_key_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=KEY_NAME_LENGTH_MAX).contains(&name.len()) && name.bytes().all(is_plain)
}

fn checked_url(api: &Api, fields: &mut Fields, url: &str) -> String {
    let encryption = Encryption::of_models(api.mode, api.agents.networks);
    check_url(url, encryption, api.agents.networks).unwrap_or_else(|error| {
        fields.refuse("baseUrl", error.to_string());
        String::new()
    })
}

/// A price in millionths of a dollar.
fn checked_price(fields: &mut Fields, field: &str, dollars: Option<f64>) -> Option<u64> {
    let dollars = dollars?;
    if !(0.0..=PRICE_MAX).contains(&dollars) {
        fields.refuse(field, format!("must be 0 to {PRICE_MAX}"));
        return None;
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is 0 to 10^11")]
    let millionths = (dollars * MILLIONTHS).round() as u64;
    Some(millionths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_by_what_cannot_leave_its_folder() {
        assert!(is_key_name("a") && is_key_name("key-2") && is_key_name(&"x".repeat(64)));
        for name in ["", ".", "..", "a/b", "../other", "A", "a.b", "a b", "ä", &"x".repeat(65)] {
            assert!(!is_key_name(name), "{name}");
        }
    }

    #[test]
    fn prices_are_exact_to_the_millionth_of_a_dollar() {
        let mut fields = Fields::default();
        let mut read = |dollars| checked_price(&mut fields, "price", Some(dollars));
        assert_eq!(read(2.5), Some(2_500_000));
        assert_eq!(read(0.000_001), Some(1));
        assert_eq!(read(0.15), Some(150_000));
        assert_eq!(read(99_999.999_999).map(dollars), Some(99_999.999_999));
        assert_eq!((read(-1.0), read(f64::NAN), read(1e9)), (None, None, None));
        assert!(fields.finish().is_err());
    }
}
