//! What agents ask of people while they work: `questions`, a Y.Map of id → Y.Map. Whoever has the document has them, in any
//! client; that a run goes on takes an answer to the run itself.
//!
//! | member | what it is |
//! |---|---|
//! | `question` | what is asked |
//! | `options` | what may be answered; absent: anything |
//! | `context` | what to know for it |
//! | `runId` | the run that asks |
//! | `askedAt`, `expiresAt` | since when, and until when it waits |
//! | `status` | `open`, `answered`, `withdrawn` |
//! | `answer`, `answeredBy`, `answeredAt` | what was answered, by whom (nobody: it was not answered in time), and when |

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;
use yrs::{Any, Map, MapPrelim, MapRef, Out, ReadTxn, TransactionMut, WriteTxn};

use super::keys;
use crate::ids::{RunId, UserId};
use crate::patch::{PatchError, PatchErrorCode};
use crate::value::{Fields, Problems, from_time, set_or_remove};

/// The most questions that a node keeps. The oldest that are not open go when others come.
pub const QUESTIONS_MAX: usize = 100;
/// The longest of its texts, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// A question to people.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Unique in its node.
    pub id: Uuid,
    /// What is asked.
    pub question: String,
    /// What may be answered; anything, if there are none.
    pub options: Vec<String>,
    /// What to know for it.
    pub context: Option<String>,
    /// The run that asks.
    pub run_id: Option<RunId>,
    /// Since when.
    pub asked_at: Option<DateTime<Utc>>,
    /// Until when it waits.
    pub expires_at: Option<DateTime<Utc>>,
    /// What became of it.
    pub status: QuestionStatus,
    /// What was answered.
    pub answer: Option<String>,
    /// Who answered it.
    pub answered_by: Option<UserId>,
    /// When that was.
    pub answered_at: Option<DateTime<Utc>>,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuestionStatus {
    /// Nobody has answered yet.
    Open,
    /// Somebody has, or its time was over and the default holds.
    Answered,
    /// The run does not want to know any more.
    Withdrawn,
}

impl QuestionStatus {
    const ALL: [Self; 3] = [Self::Open, Self::Answered, Self::Withdrawn];

    /// The word in documents and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A question to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewQuestion {
    /// Unique in its node.
    pub id: Uuid,
    /// What is asked.
    pub question: String,
    /// What may be answered; anything, if there are none.
    pub options: Vec<String>,
    /// What to know for it.
    pub context: Option<String>,
    /// The run that asks.
    pub run: RunId,
    /// Now.
    pub asked_at: DateTime<Utc>,
    /// Until when it waits.
    pub expires_at: Option<DateTime<Utc>>,
}

pub(super) fn ask(new: &NewQuestion, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    let texts = new.options.iter().chain(&new.context).chain([&new.question]);
    if texts.map(String::len).sum::<usize>() > TEXT_BYTES_MAX {
        return Err(PatchError::invalid("question", format!("a question has at most {TEXT_BYTES_MAX} bytes")));
    }
    if find(new.id, txn).is_some() {
        let message = "there is a question with this id already";
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "questionId", message));
    }
    make_room(txn)?;
    let all = txn.get_or_insert_map(keys::QUESTIONS);
    let map = all.insert(txn, new.id.to_string(), MapPrelim::default());
    map.insert(txn, keys::QUESTION, new.question.as_str());
    map.insert(txn, keys::STATUS, QuestionStatus::Open.as_str());
    map.insert(txn, keys::RUN_ID, new.run.to_string());
    map.insert(txn, keys::ASKED_AT, from_time(new.asked_at));
    set_or_remove(&map, txn, keys::EXPIRES_AT, new.expires_at.map(from_time));
    set_or_remove(&map, txn, keys::CONTEXT, new.context.as_deref().map(Any::from));
    let options: Arc<[Any]> = new.options.iter().map(|option| Any::from(option.as_str())).collect();
    set_or_remove(&map, txn, keys::OPTIONS, (!options.is_empty()).then_some(Any::Array(options)));
    Ok(())
}

/// Notes what was answered.
pub(super) fn answer(
    id: Uuid,
    answer: &str,
    by: Option<UserId>,
    at: DateTime<Utc>,
    txn: &mut TransactionMut<'_>,
) -> Result<(), PatchError> {
    let map = open(id, txn)?;
    map.insert(txn, keys::STATUS, QuestionStatus::Answered.as_str());
    map.insert(txn, keys::ANSWER, answer);
    map.insert(txn, keys::ANSWERED_AT, from_time(at));
    set_or_remove(&map, txn, keys::ANSWERED_BY, by.map(|by| Any::from(by.to_string())));
    Ok(())
}

/// Nobody has to answer it any more.
pub(super) fn withdraw(id: Uuid, txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    open(id, txn)?.insert(txn, keys::STATUS, QuestionStatus::Withdrawn.as_str());
    Ok(())
}

fn open(id: Uuid, txn: &TransactionMut<'_>) -> Result<MapRef, PatchError> {
    let found = find(id, txn).filter(|map| {
        map.get(txn, keys::STATUS).is_some_and(|status| status.to_string(txn) == QuestionStatus::Open.as_str())
    });
    found.ok_or_else(|| PatchError::not_found("questionId", "the node has no such open question"))
}

/// Lets go of the oldest questions that are not open, so that there is room for one more.
fn make_room(txn: &mut TransactionMut<'_>) -> Result<(), PatchError> {
    let all = txn.get_or_insert_map(keys::QUESTIONS);
    let count = all.len(txn) as usize;
    if count < QUESTIONS_MAX {
        return Ok(());
    }
    let questions = read_all(txn, &mut Problems::default());
    let settled = questions.iter().filter(|question| question.status != QuestionStatus::Open);
    let oldest: Vec<Uuid> = settled.map(|question| question.id).take(1 + count - QUESTIONS_MAX).collect();
    if count - oldest.len() >= QUESTIONS_MAX {
        let message = format!("a node has at most {QUESTIONS_MAX}; answer some first");
        return Err(PatchError::new(PatchErrorCode::TooMany, keys::QUESTIONS, message));
    }
    for id in oldest {
        all.remove(txn, &id.to_string());
    }
    Ok(())
}

/// All questions that can be read, the oldest first.
pub(super) fn read_all<T: ReadTxn>(txn: &T, problems: &mut Problems) -> Vec<Question> {
    let Some(all) = txn.get_map(keys::QUESTIONS) else { return Vec::new() };
    let mut entries: Vec<_> = all.iter(txn).collect();
    entries.sort_by_key(|(key, _)| *key);
    let mut read: Vec<Question> = Vec::new();
    for (key, value) in entries {
        let path = format!("{}.{}", keys::QUESTIONS, crate::repair::shown_key(key));
        match (Uuid::try_parse(key), value) {
            (Ok(id), Out::YMap(map)) => read.extend(Question::read(id, &map, txn, &path, problems)),
            (Ok(_), _) => problems.add(&path, "expected a map"),
            (Err(_), _) => problems.add(&path, "expected a uuid as its key"),
        }
    }
    read.sort_by_key(|question| (question.asked_at, question.id));
    read
}

impl Question {
    fn read<T: ReadTxn>(id: Uuid, map: &MapRef, txn: &T, path: &str, problems: &mut Problems) -> Option<Self> {
        let mut fields = Fields::new(map, txn, path, problems);
        let Some(question) = fields.text(keys::QUESTION) else { return fields.wrong(keys::QUESTION, "text") };
        let status = fields.parsed(keys::STATUS, "one of its words", |text| {
            QuestionStatus::ALL.into_iter().find(|status| status.as_str() == text)
        })?;
        let options = fields.json(keys::OPTIONS).and_then(|options| serde_json::from_value(options).ok());
        Some(Self {
            id,
            question,
            options: options.unwrap_or_default(),
            context: fields.text(keys::CONTEXT),
            run_id: fields.id(keys::RUN_ID),
            asked_at: fields.time(keys::ASKED_AT),
            expires_at: fields.time(keys::EXPIRES_AT),
            status,
            answer: fields.text(keys::ANSWER),
            answered_by: fields.id(keys::ANSWERED_BY),
            answered_at: fields.time(keys::ANSWERED_AT),
        })
    }
}

fn find<T: ReadTxn>(id: Uuid, txn: &T) -> Option<MapRef> {
    match txn.get_map(keys::QUESTIONS)?.get(txn, &id.to_string())? {
        Out::YMap(map) => Some(map),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use yrs::{ClientID, Doc, Transact};

    use super::*;
    use crate::node::{self, NodePatch, NodeView};

    fn new(number: u128, asked_at: DateTime<Utc>) -> NewQuestion {
        NewQuestion {
            id: Uuid::from_u128(number),
            question: "Which sea?".to_owned(),
            options: vec!["North".to_owned(), "South".to_owned()],
            context: None,
            run: RunId::new(Uuid::from_u128(7)),
            asked_at,
            expires_at: None,
        }
    }

    fn apply(doc: &Doc, patch: &NodePatch) -> Result<(), PatchErrorCode> {
        node::apply(patch, &mut doc.transact_mut()).map_err(|error| error.code)
    }

    fn read(doc: &Doc) -> NodeView {
        node::read(&doc.transact())
    }

    #[test]
    fn a_question_is_asked_once_and_answered_once() {
        let (doc, now) = (crate::new_doc(ClientID::new(1)), DateTime::UNIX_EPOCH);
        let (id, by) = (Uuid::from_u128(1), UserId::new(Uuid::from_u128(2)));
        let ask = NodePatch::Ask(Box::new(new(1, now)));
        assert_eq!(apply(&doc, &ask), Ok(()));
        assert_eq!(apply(&doc, &ask), Err(PatchErrorCode::AlreadyExists));
        let asked = &read(&doc).questions[0];
        assert_eq!((asked.status, asked.options.len(), asked.asked_at), (QuestionStatus::Open, 2, Some(now)));
        let answer = NodePatch::AnswerQuestion { id, answer: "North".to_owned(), by: Some(by), at: now };
        assert_eq!(apply(&doc, &answer), Ok(()));
        assert_eq!(apply(&doc, &answer), Err(PatchErrorCode::NotFound));
        assert_eq!(apply(&doc, &NodePatch::WithdrawQuestion { id }), Err(PatchErrorCode::NotFound));
        let answered = &read(&doc).questions[0];
        assert_eq!((answered.answer.as_deref(), answered.answered_by), (Some("North"), Some(by)));
        assert!(read(&doc).problems.is_empty());
    }

    #[test]
    fn the_oldest_that_nobody_waits_for_make_room() {
        let (doc, now) = (crate::new_doc(ClientID::new(1)), DateTime::UNIX_EPOCH);
        for number in 0..QUESTIONS_MAX as u128 {
            let at = now + chrono::TimeDelta::seconds(i64::try_from(number).unwrap());
            apply(&doc, &NodePatch::Ask(Box::new(new(number, at)))).unwrap();
        }
        let another = NodePatch::Ask(Box::new(new(1_000, now + chrono::TimeDelta::hours(1))));
        assert_eq!(apply(&doc, &another), Err(PatchErrorCode::TooMany));
        let second = Uuid::from_u128(1);
        apply(&doc, &NodePatch::WithdrawQuestion { id: second }).unwrap();
        assert_eq!(apply(&doc, &another), Ok(()));
        let questions = read(&doc).questions;
        assert_eq!(questions.len(), QUESTIONS_MAX);
        assert!(questions.iter().all(|question| question.id != second));
    }

    #[test]
    fn what_is_no_question_is_told_and_left_out() {
        let doc = crate::new_doc(ClientID::new(1));
        let all = doc.get_or_insert_map(keys::QUESTIONS);
        let mut txn = doc.transact_mut();
        all.insert(&mut txn, "no id", MapPrelim::default());
        all.insert(&mut txn, Uuid::from_u128(1).to_string(), 7);
        all.insert(&mut txn, Uuid::from_u128(2).to_string(), MapPrelim::default());
        drop(txn);
        let view = read(&doc);
        assert_eq!((view.questions.len(), view.problems.len()), (0, 3));
    }
}
