//! Changes of a project's properties.

use yrs::{Any, ArrayPrelim, Map, TransactionMut, WriteTxn};

use super::check::{check_chars, check_states};
use super::{NewProject, ProjectChanges};
use crate::canvas::view::read_project;
use crate::canvas::{DEFAULT_WORKFLOW_STATES, PROJECT_DESCRIPTION_CHARS_MAX, PROJECT_NAME_CHARS_MAX, keys};
use crate::patch::{Patch, PatchError, PatchErrorCode};
use crate::value::{Problems, set, set_or_remove};

/// Sets up a new project's document.
pub(super) fn init(txn: &mut TransactionMut, project: &NewProject) -> Result<(), PatchError> {
    check_chars("name", &project.name, 1, PROJECT_NAME_CHARS_MAX)?;
    check_chars("description", project.description.as_deref().unwrap_or_default(), 0, PROJECT_DESCRIPTION_CHARS_MAX)?;
    let states = default_if_empty(&project.workflow_states);
    check_states(&states)?;
    let map = txn.get_or_insert_map(keys::PROJECT);
    if map.contains_key(txn, keys::NAME) {
        return Err(PatchError::new(PatchErrorCode::AlreadyExists, "name", "the project is set up already"));
    }
    map.insert(txn, keys::NAME, project.name.as_str());
    set_or_remove(&map, txn, keys::DESCRIPTION, project.description.as_deref().map(Any::from));
    map.insert(txn, keys::WORKFLOW_STATES, ArrayPrelim::from(states));
    Ok(())
}

/// Changes a project's properties.
pub(super) fn update(txn: &mut TransactionMut, changes: &ProjectChanges) -> Result<(), PatchError> {
    match &changes.name {
        Patch::Clear => return Err(PatchError::invalid("name", "a project has a name; leave it out to keep it")),
        Patch::Set(name) => check_chars("name", name, 1, PROJECT_NAME_CHARS_MAX)?,
        Patch::Absent => {}
    }
    if let Patch::Set(description) = &changes.description {
        check_chars("description", description, 0, PROJECT_DESCRIPTION_CHARS_MAX)?;
    }
    let states = changes.workflow_states.as_change().map(|states| default_if_empty(states.map_or(&[], Vec::as_slice)));
    states.as_deref().map_or(Ok(()), check_states)?;

    let current = read_project(txn, &mut Problems::default());
    let map = txn.get_or_insert_map(keys::PROJECT);
    if let Patch::Set(name) = &changes.name {
        set(&map, txn, keys::NAME, Any::from(name.as_str()));
    }
    if let Some(description) = changes.description.as_change() {
        set_or_remove(&map, txn, keys::DESCRIPTION, description.map(|text| Any::from(text.as_str())));
    }
    if let Some(states) = states.filter(|states| *states != current.workflow_states) {
        map.insert(txn, keys::WORKFLOW_STATES, ArrayPrelim::from(states));
    }
    Ok(())
}

fn default_if_empty(states: &[String]) -> Vec<String> {
    if states.is_empty() { DEFAULT_WORKFLOW_STATES.map(str::to_owned).into() } else { states.to_vec() }
}
