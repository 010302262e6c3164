//! What a patch checks of single values.

use serde_json::{Map as JsonMap, Value};

use crate::canvas::{
    COORDINATE_MAX, METADATA_BYTES_MAX, METADATA_DEPTH_MAX, TAG_CHARS_MAX, TAGS_MAX, WORKFLOW_STATE_CHARS_MAX,
    WORKFLOW_STATES_MAX,
};
use crate::patch::{PatchError, PatchErrorCode};
use crate::value::depth;

pub(super) fn check_chars(field: &'static str, text: &str, min: usize, max: usize) -> Result<(), PatchError> {
    if (min..=max).contains(&text.chars().count()) && (min == 0 || !text.trim().is_empty()) {
        Ok(())
    } else {
        Err(PatchError::invalid(field, format!("needs {min} to {max} characters")))
    }
}

/// Whether these can be the states of a workflow: up to [`WORKFLOW_STATES_MAX`] different ones of up to
/// [`WORKFLOW_STATE_CHARS_MAX`] characters.
///
/// # Errors
/// Names `workflowStates`, and says what it needs.
pub fn check_states(states: &[String]) -> Result<(), PatchError> {
    let distinct: std::collections::BTreeSet<_> = states.iter().collect();
    if states.len() > WORKFLOW_STATES_MAX || distinct.len() < states.len() {
        return Err(PatchError::invalid(
            "workflowStates",
            format!("needs up to {WORKFLOW_STATES_MAX} different states"),
        ));
    }
    states.iter().try_for_each(|state| check_chars("workflowStates", state, 1, WORKFLOW_STATE_CHARS_MAX))
}

pub(super) fn check_status(allowed: &[String], status: &str) -> Result<(), PatchError> {
    if allowed.iter().any(|state| state == status) {
        Ok(())
    } else {
        Err(PatchError::invalid("status", format!("needs one of the project's states: {}", allowed.join(", "))))
    }
}

pub(super) fn check_number(field: &'static str, number: Option<f64>, min: f64) -> Result<(), PatchError> {
    if number.is_none_or(|number| (min..=COORDINATE_MAX).contains(&number)) {
        Ok(())
    } else {
        Err(PatchError::invalid(field, format!("needs a number between {min} and {COORDINATE_MAX}")))
    }
}

pub(super) fn check_metadata(metadata: &JsonMap<String, Value>) -> Result<(), PatchError> {
    let invalid = |message: String| Err(PatchError::invalid("metadata", message));
    let value = Value::Object(metadata.clone());
    if depth(&value) > METADATA_DEPTH_MAX {
        return invalid(format!("nests deeper than {METADATA_DEPTH_MAX} levels"));
    }
    if value.to_string().len() > METADATA_BYTES_MAX {
        return invalid(format!("is larger than {METADATA_BYTES_MAX} bytes of JSON"));
    }
    let is_tag = |tag: &Value| tag.as_str().is_some_and(|tag| (1..=TAG_CHARS_MAX).contains(&tag.chars().count()));
    match metadata.get("tags") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Array(tags)) if tags.len() <= TAGS_MAX && tags.iter().all(is_tag) => Ok(()),
        Some(_) => invalid(format!("needs tags of 1 to {TAG_CHARS_MAX} characters, at most {TAGS_MAX} of them")),
    }
}

pub(super) fn too_many(what: &'static str, limit: u32) -> PatchError {
    PatchError::new(PatchErrorCode::TooMany, what, format!("a canvas holds at most {limit} {what}"))
}
