//! A model behind the `/embeddings` of an OpenAI-compatible API.

use std::time::Duration;

use reqwest::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{DIMENSIONS, Embedding, EmbeddingError};
use crate::config::{EmbeddingsConfig, Secret};
use crate::http_client;

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Texts of one exchange, at most.
const TEXTS_MAX: usize = 64;
/// Bytes of an answer for one text, at most: each number takes some twenty.
const ANSWER_BYTES_PER_TEXT: usize = 64 * 1024;
/// Bytes of an answer that are read in any case.
const ANSWER_BYTES_MIN: usize = 64 * 1024;
/// Characters of the provider's own words that are passed on.
const WORDS_MAX: usize = 300;

/// A provider's model.
#[derive(Debug)]
pub struct OpenAi {
    http: reqwest::Client,
    url: String,
    model: String,
    key: Option<Secret>,
    name: String,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: usize,
    embedding: Vec<f32>,
}

impl OpenAi {
    pub(super) fn new(config: &EmbeddingsConfig) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: http_client::client(TIMEOUT)?,
            url: format!("{}/embeddings", config.base_url.trim_end_matches('/')),
            model: config.model.clone(),
            key: config.api_key.clone(),
            name: format!("openai:{}", config.model),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbeddingError> {
        let mut embeddings = Vec::with_capacity(texts.len());
        for some in texts.chunks(TEXTS_MAX) {
            embeddings.extend(self.exchange(some).await?);
        }
        Ok(embeddings)
    }

    async fn exchange(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbeddingError> {
        let asked = json!({
            "model": self.model, "input": texts, "dimensions": DIMENSIONS, "encoding_format": "float",
        });
        let mut request = self.http.post(&self.url).json(&asked);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let body = read(response, ANSWER_BYTES_MIN + texts.len() * ANSWER_BYTES_PER_TEXT).await?;
        if !status.is_success() {
            return Err(EmbeddingError::Refused { status: status.as_u16(), words: self.words(&body) });
        }
        let answer = serde_json::from_slice(&body).map_err(|error| unusable(error.to_string()))?;
        embeddings(answer, texts.len())
    }

    /// What a refusal says. It may repeat the key, which nobody is to see.
    fn words(&self, body: &[u8]) -> String {
        let text = String::from_utf8_lossy(body);
        let said = serde_json::from_str::<Value>(&text).ok();
        let said = said.as_ref().and_then(|said| said.pointer("/error/message")?.as_str()).unwrap_or(&text);
        let key = self.key.as_ref().map(Secret::expose).filter(|key| !key.is_empty());
        let said = key.map_or_else(|| said.to_owned(), |key| said.replace(key, "[key]"));
        said.chars().take(WORDS_MAX).collect()
    }
}

async fn read(mut response: Response, bytes_max: usize) -> Result<Vec<u8>, EmbeddingError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > bytes_max {
            return Err(unusable(format!("more than {bytes_max} bytes")));
        }
    }
    Ok(body)
}

/// The vectors in the order of the texts, if there is one for each and no other.
fn embeddings(answer: Answer, count: usize) -> Result<Vec<Embedding>, EmbeddingError> {
    let mut found: Vec<Option<Embedding>> = vec![None; count];
    for Item { index, embedding } in answer.data {
        let size = embedding.len();
        let place = found.get_mut(index).filter(|place| place.is_none());
        let place = place.ok_or_else(|| unusable(format!("a vector of number {index} for {count} texts")))?;
        let embedding = Embedding::of(embedding);
        *place = Some(embedding.ok_or_else(|| unusable(format!("a vector of {size} numbers that is no direction")))?);
    }
    let found: Option<Vec<Embedding>> = found.into_iter().collect();
    found.ok_or_else(|| unusable("fewer vectors than texts".to_owned()))
}

/// Without the address, which may hold what nobody is to see.
fn unreachable(error: reqwest::Error) -> EmbeddingError {
    EmbeddingError::Unreachable(error.without_url().to_string())
}

fn unusable(why: String) -> EmbeddingError {
    EmbeddingError::Unusable(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vector(first: f32) -> Vec<f32> {
        let mut vector = vec![0.5; DIMENSIONS];
        vector[0] = first;
        vector
    }

    fn answered(items: Vec<(usize, Vec<f32>)>, count: usize) -> Result<Vec<Embedding>, EmbeddingError> {
        let data = items.into_iter().map(|(index, embedding)| Item { index, embedding }).collect();
        embeddings(Answer { data }, count)
    }

    #[test]
    fn answers_may_come_in_any_order_but_whole() {
        let expected = vec![Embedding::of(vector(1.0)).unwrap(), Embedding::of(vector(2.0)).unwrap()];
        assert_eq!(answered(vec![(1, vector(2.0)), (0, vector(1.0))], 2), Ok(expected));
        let is_refused = |items, count| matches!(answered(items, count), Err(EmbeddingError::Unusable(_)));
        assert!(is_refused(vec![(0, vector(1.0))], 2));
        assert!(is_refused(vec![(0, vector(1.0)), (0, vector(2.0))], 2));
        assert!(is_refused(vec![(2, vector(1.0))], 2));
        assert!(is_refused(vec![(0, vec![1.0; 768])], 1));
        assert!(is_refused(vec![(0, vec![0.0; DIMENSIONS])], 1));
        assert!(is_refused(vec![(0, vec![f32::NAN; DIMENSIONS])], 1));
    }

    #[test]
    fn a_refusal_never_shows_the_key() {
        let key = Some(Secret::new("sk-hidden"));
        let config = EmbeddingsConfig { base_url: "http://localhost/v1/".into(), model: "m".into(), api_key: key };
        let provider = OpenAi::new(&config).unwrap();
        assert_eq!((provider.url.as_str(), provider.name()), ("http://localhost/v1/embeddings", "openai:m"));
        let words = provider.words(br#"{"error": {"message": "Wrong key sk-hidden"}}"#);
        assert_eq!(words, "Wrong key [key]");
        assert_eq!(provider.words(b"out of sk-hidden order"), "out of [key] order");
    }
}
