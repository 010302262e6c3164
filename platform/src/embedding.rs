//! Embeddings: texts as vectors, of which near ones stand for texts that are near to each other.
//!
//! What is near depends on the embedder. The built-in one compares words and parts of words, and knows nothing of what
//! they mean; an OpenAI-compatible provider's model knows more.

mod lexical;
mod openai;

use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::EmbeddingsConfig;
pub use openai::OpenAi;

/// Numbers of an embedding.
pub const DIMENSIONS: usize = 1_536;

/// A vector of [`DIMENSIONS`] numbers and of length 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// The direction of a vector; `None` for one of another size, or without a direction.
    #[must_use]
    pub fn of(mut vector: Vec<f32>) -> Option<Self> {
        let length = vector.iter().map(|number| f64::from(*number).powi(2)).sum::<f64>().sqrt();
        if vector.len() != DIMENSIONS || !length.is_normal() {
            return None;
        }
        for number in &mut vector {
            // Of a length that an f64 holds, each is from -1 to 1.
            #[expect(clippy::cast_possible_truncation)]
            let part = (f64::from(*number) / length) as f32;
            *number = part;
        }
        Some(Self(vector))
    }

    /// How near two are to each other, from -1 to 1.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(one, another)| one * another).sum()
    }

    /// As pgvector reads it.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::with_capacity(DIMENSIONS * 12);
        text.push('[');
        for (index, number) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            // Writing to a text cannot fail.
            let _ = write!(text, "{comma}{number}");
        }
        text.push(']');
        text
    }
}

/// Why texts were not embedded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// The provider did not answer, or not to the end.
    #[error("the provider of embeddings could not be reached: {0}")]
    Unreachable(String),
    /// The provider answered that it will not.
    #[error("the provider of embeddings answered {status}: {words}")]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it said, in part.
        words: String,
    },
    /// The provider's answer is not what was asked for.
    #[error("the provider of embeddings answered what cannot be used: {0}")]
    Unusable(String),
}

/// What makes vectors of texts. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Embedder {
    /// The built-in comparison of words and parts of words.
    Lexical,
    /// A model of an OpenAI-compatible provider.
    OpenAi(Arc<OpenAi>),
}

impl Embedder {
    /// The one that is configured, or the built-in one.
    ///
    /// # Errors
    /// When the machine's trusted roots cannot be read.
    pub fn new(config: Option<&EmbeddingsConfig>) -> Result<Self, reqwest::Error> {
        Ok(match config {
            Some(config) => Self::OpenAi(Arc::new(OpenAi::new(config)?)),
            None => Self::Lexical,
        })
    }

    /// What it is called where its embeddings are kept: only those of one name can be compared.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Lexical => lexical::NAME,
            Self::OpenAi(provider) => provider.name(),
        }
    }

    /// A vector for each of the texts, in their order.
    pub async fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbeddingError> {
        match self {
            Self::Lexical => Ok(texts.iter().map(|text| lexical::embed(text)).collect()),
            Self::OpenAi(provider) => provider.embed(texts).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_has_its_size_and_a_direction() {
        let mut vector = vec![0.0; DIMENSIONS];
        assert_eq!(Embedding::of(vector.clone()), None);
        vector[7] = 3.0;
        vector[8] = -4.0;
        let embedding = Embedding::of(vector.clone()).unwrap();
        assert!((embedding.similarity(&embedding) - 1.0).abs() < 1e-5);
        assert!(embedding.to_text().starts_with("[0,0,0,0,0,0,0,0.6,-0.8,0,"));
        vector[9] = f32::NAN;
        assert_eq!(Embedding::of(vector.clone()), None);
        vector[9] = f32::INFINITY;
        assert_eq!(Embedding::of(vector), None);
        assert_eq!(Embedding::of(vec![1.0; DIMENSIONS - 1]), None);
    }
}
