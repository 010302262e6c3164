//! Section `embeddings`.

use super::Secret;
use super::read::Reader;

/// A model that tells how near texts are to each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddingsConfig {
    /// Of an OpenAI-compatible API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// What the provider calls it.
    pub model: String,
    /// What it is called with.
    pub api_key: Option<Secret>,
}

pub(super) fn read_embeddings(reader: &mut Reader) -> Option<EmbeddingsConfig> {
    let base_url = reader.optional_url("embeddings.base_url");
    let model = reader.optional_text("embeddings.model");
    let api_key = reader.optional_secret("embeddings.api_key");
    if base_url.is_some() && model.is_none() {
        reader.refuse("embeddings.model", "required when embeddings.base_url is set");
    }
    // The model has a default, which says nothing.
    if base_url.is_none() && api_key.is_some() {
        reader.refuse("embeddings.base_url", "required when embeddings.api_key is set");
    }
    Some(EmbeddingsConfig { base_url: base_url?, model: model?, api_key })
}
