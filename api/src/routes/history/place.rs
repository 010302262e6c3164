//! Places of a log, as callers name them.

use chrono::{DateTime, Utc};
use documents::history::HistoryError;
use platform::db::documents::DocumentRef;
use schema::ids::Seq;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::Api;
use crate::extract::whole;
use crate::problem::{Code, Problem};

/// A place of a document's log: by number, or by time. Without either, its end.
#[derive(Debug, Default, Clone, Copy, Deserialize, IntoParams, ToSchema)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[schema(as = LogPlace)]
pub(super) struct Place {
    /// The last update of the log that counts; 0 is the empty document. Instead of `at`.
    #[param(minimum = 0, example = 17)]
    #[schema(required = false, nullable = false, minimum = 0, example = 17)]
    #[serde(default, deserialize_with = "whole")]
    pub(super) seq: Option<u64>,
    /// What had come in by this time counts. Instead of `seq`.
    #[param(example = "2026-11-21T12:00:00Z")]
    #[schema(required = false, nullable = false, example = "2026-11-21T12:00:00Z")]
    pub(super) at: Option<DateTime<Utc>>,
}

impl Api {
    /// The number of a place in a document's log.
    pub(super) async fn place(&self, document: &DocumentRef, place: Place) -> Result<Seq, Problem> {
        let history = self.documents.history();
        match (place.seq, place.at) {
            (Some(_), Some(_)) => {
                Err(Problem::new(Code::InvalidParameter).detail("Name a place by seq or by at, not by both."))
            }
            (Some(seq), None) => {
                let head = history.extent(document).await?.head;
                if Seq::new(seq) > head { Err(HistoryError::Beyond { head }.into()) } else { Ok(Seq::new(seq)) }
            }
            (None, Some(at)) => Ok(history.place_at(document, at).await?),
            (None, None) => Ok(history.extent(document).await?.head),
        }
    }
}

impl From<HistoryError> for Problem {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::Gone => Self::not_found("document"),
            HistoryError::Beyond { head } => {
                Self::new(Code::InvalidParameter).detail(format!("The log of this document ends at {head}."))
            }
            HistoryError::NotKept { before, after } => {
                let near: Vec<String> = [before, after].into_iter().flatten().map(|seq| seq.to_string()).collect();
                let near = if near.is_empty() {
                    "Nothing near it is kept.".to_owned()
                } else {
                    format!("Kept near it is {}.", near.join(" and "))
                };
                Self::new(Code::HistoryNotKept)
                    .detail(format!("What the document was there was let go of, as the organization decided. {near}"))
            }
            HistoryError::TooMuch { updates, limit } => Self::new(Code::TooMuchHistory).detail(format!(
                "This concerns {updates} updates; at most {limit} are worked on at once. Take a shorter part."
            )),
            HistoryError::NoSuchPart(part) => {
                Self::new(Code::ValidationFailed).field_error("part", format!("the document has no part {part}"))
            }
            HistoryError::Edit(error) => error.into(),
            HistoryError::Db(error) => error.into(),
            HistoryError::Aborted => Self::new(Code::Unavailable),
            error @ (HistoryError::Unreadable(_) | HistoryError::Apply(_)) => {
                Self::new(Code::Internal).caused_by(error)
            }
        }
    }
}
