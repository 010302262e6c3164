//! What a value of a wrong type says in the right one.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, NaiveTime};
use uuid::Uuid;
use yrs::branch::{Branch, BranchPtr};
use yrs::{Any, GetString, Map, MapRef, Out, ReadTxn, TextRef};

use super::{Change, Copied, Fixes, Reason};
use crate::rich_text;
use crate::value::{from_number, from_time, parse_time, to_json};

/// The namespace of the version 5 uuids of what has an id that is none. Part of the stored format: never change it.
const IDS: Uuid = Uuid::from_u128(0x3f0c_9a52_77d1_5b6e_8c4e_2d91_0f63_ab18);

/// The longest part of a path, in characters.
const SHOWN_KEY_CHARS_MAX: usize = 40;

/// The id that a text means: the uuid that it spells in another way, or else one that is the same for the same text
/// everywhere, so that what refers to something still does.
pub(crate) fn right_id(text: &str) -> Uuid {
    Uuid::try_parse(text.trim()).unwrap_or_else(|_| derived_id(text))
}

/// An id that follows from a text.
pub(crate) fn derived_id(text: &str) -> Uuid {
    Uuid::new_v5(&IDS, text.as_bytes())
}

/// A number that follows from bytes.
pub(super) fn id_of_bytes(bytes: &[u8]) -> u64 {
    Uuid::new_v5(&IDS, bytes).as_u64_pair().0 >> 16
}

/// A key as a part of a path.
pub(crate) fn shown_key(key: &str) -> String {
    match key.char_indices().nth(SHOWN_KEY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &key[..end]),
        None => key.to_owned(),
    }
}

/// A list or text as the text that it may be.
pub(crate) fn as_text(branch: &Branch) -> TextRef {
    TextRef::from(BranchPtr::from(branch))
}

/// What an object holds, in order.
pub(super) fn members_of(object: &Any) -> Option<impl Iterator<Item = (Arc<str>, Any)>> {
    let Any::Map(members) = object else { return None };
    Some(members.iter().map(|(key, value)| (Arc::from(key.as_str()), value.clone())))
}

/// The text that a value is in another form, or the word for it.
fn text_of<T: ReadTxn>(value: &Out, txn: &T) -> Option<String> {
    Some(match value {
        Out::Any(Any::String(text)) => text.as_ref().to_owned(),
        Out::Any(Any::Bool(flag)) => flag.to_string(),
        Out::Any(Any::Number(_)) => to_json(value, txn).filter(|number| !number.is_null())?.to_string(),
        Out::YText(text) => text.get_string(txn),
        Out::YXmlText(text) => as_text(text.as_ref()).get_string(txn),
        Out::YXmlFragment(fragment) => rich_text::plain_text(fragment, txn),
        Out::YXmlElement(element) => rich_text::plain_text(element.as_ref(), txn),
        _ => return None,
    })
}

/// A value in words; what has none, as JSON. Nothing for what says nothing.
pub(crate) fn words_of<T: ReadTxn>(value: &Out, txn: &T) -> Option<String> {
    let words = text_of(value, txn).or_else(|| {
        let json = to_json(value, txn)?;
        let is_empty = json.is_null()
            || json.as_object().is_some_and(serde_json::Map::is_empty)
            || json.as_array().is_some_and(Vec::is_empty);
        (!is_empty).then(|| json.to_string())
    });
    words.filter(|words| !words.is_empty())
}

/// A time in the form of RFC 3339: of a date, its first moment; of a number, so many milliseconds after 1970.
fn time_of<T: ReadTxn>(value: &Out, txn: &T) -> Option<Any> {
    if let Out::Any(Any::Number(number)) = value {
        let millis = number.as_f64().filter(|millis| millis.is_finite())?;
        #[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
        let time = DateTime::from_timestamp_millis(millis as i64).map(from_time);
        return time.filter(|time| matches!(time, Any::String(text) if parse_time(text).is_some()));
    }
    let text = text_of(value, txn)?;
    let date = || Some(text.trim().parse::<NaiveDate>().ok()?.and_time(NaiveTime::MIN).and_utc());
    let time = from_time(parse_time(text.trim()).or_else(date)?);
    matches!(&time, Any::String(text) if parse_time(text).is_some()).then_some(time)
}

/// Looks at the members of a map one by one. What is missing or null is not looked at.
pub(crate) struct Members<'a, T> {
    pub(crate) map: &'a MapRef,
    pub(crate) txn: &'a T,
    pub(crate) path: &'a str,
    pub(crate) fixes: &'a mut Fixes,
}

impl<T: ReadTxn> Members<'_, T> {
    pub(crate) fn get(&self, key: &str) -> Option<Out> {
        self.map.get(self.txn, key).filter(|value| !matches!(value, Out::Any(Any::Null | Any::Undefined)))
    }

    pub(crate) fn fix(&mut self, key: &str, reason: Reason, value: Option<Copied>) {
        let path = format!("{}.{key}", self.path);
        self.fixes.add(path, reason, Change::Member { of: self.map.clone(), key: key.into(), value });
    }

    /// A plain text.
    pub(crate) fn text(&mut self, key: &str) {
        match self.get(key) {
            None | Some(Out::Any(Any::String(_))) => {}
            Some(value) => self.fix(key, Reason::NotText, text_of(&value, self.txn).map(Copied::text)),
        }
    }

    /// A finite number, at most so far from zero.
    pub(crate) fn number(&mut self, key: &str, max: f64) {
        let Some(value) = self.get(key) else { return };
        let number = match &value {
            Out::Any(Any::Number(number)) => number.as_f64(),
            _ => None,
        };
        let put = |number: f64| Some(Copied::Plain(from_number(number.clamp(-max, max))));
        match number {
            Some(number) if number.abs() <= max => {}
            Some(number) if number.is_finite() => self.fix(key, Reason::OutOfRange, put(number)),
            _ => {
                let meant = text_of(&value, self.txn).and_then(|text| text.trim().parse::<f64>().ok());
                self.fix(key, Reason::NotANumber, meant.filter(|number| number.is_finite()).and_then(put));
            }
        }
    }

    /// The id of something that has its right one derived in the same way.
    pub(crate) fn reference(&mut self, key: &str) {
        self.id(key, |text| Some(right_id(text)));
    }

    /// The id of something that is elsewhere: what is no uuid names nothing.
    pub(crate) fn foreign_id(&mut self, key: &str) {
        self.id(key, |text| Uuid::try_parse(text.trim()).ok());
    }

    fn id(&mut self, key: &str, read: impl FnOnce(&str) -> Option<Uuid>) {
        let Some(value) = self.get(key) else { return };
        let id = text_of(&value, self.txn).and_then(|text| read(&text)).map(|id| id.to_string());
        let is_right = matches!((&value, &id), (Out::Any(Any::String(text)), Some(id)) if **text == **id);
        if !is_right {
            self.fix(key, Reason::NotAnId, id.map(Copied::text));
        }
    }

    pub(crate) fn time(&mut self, key: &str) {
        match self.get(key) {
            None => {}
            Some(Out::Any(Any::String(text))) if parse_time(&text).is_some() => {}
            Some(value) => self.fix(key, Reason::NotATime, time_of(&value, self.txn).map(Copied::Plain)),
        }
    }

    /// A Y.Map of anything.
    pub(crate) fn map(&mut self, key: &str) {
        match self.get(key) {
            None | Some(Out::YMap(_)) => {}
            Some(Out::Any(object)) => self.fix(key, Reason::NotAMap, Copied::map_of(&object)),
            Some(_) => self.fix(key, Reason::NotAMap, None),
        }
    }
}
