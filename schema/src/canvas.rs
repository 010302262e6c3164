//! A project's canvas: what a `project:<uuid>` document holds, and the validated changes of it.
//!
//! Three Y.Maps at the root. `project` holds the name, the description and the workflow's states; `nodes` a Y.Map per
//! node id; `edges` a Y.Map per edge id. All ids are lower-case uuids, times RFC 3339 strings.

mod dependencies;
mod examine;
mod graph;
mod limits;
mod patch;
mod view;

pub use dependencies::{Distance, Neighbourhood, Reach, read_neighbourhood};
pub use examine::Root;
pub(crate) use examine::examine;
pub use limits::*;
pub use patch::{CanvasPatch, NewEdge, NewNode, NewProject, NodeChanges, ProjectChanges, apply, check_states};
pub use view::{AuthorType, CanvasEdge, CanvasNode, CanvasView, Conflict, ProjectView, read, read_edge, read_node};

/// The states of a project that names none.
pub const DEFAULT_WORKFLOW_STATES: [&str; 3] = ["draft", "in_progress", "complete"];

/// The root types, and the keys of their maps.
mod keys {
    pub(super) const PROJECT: &str = "project";
    pub(super) const NODES: &str = "nodes";
    pub(super) const EDGES: &str = "edges";

    pub(super) const NAME: &str = "name";
    pub(super) const DESCRIPTION: &str = "description";
    pub(super) const WORKFLOW_STATES: &str = "workflowStates";

    pub(super) const TITLE: &str = "title";
    pub(super) const STATUS: &str = "status";
    pub(super) const PARENT_ID: &str = "parentId";
    pub(super) const AUTHOR_TYPE: &str = "authorType";
    pub(super) const AUTHOR_USER_ID: &str = "authorUserId";
    pub(super) const SUPERVISOR_USER_ID: &str = "supervisorUserId";
    pub(super) const X: &str = "x";
    pub(super) const Y: &str = "y";
    pub(super) const WIDTH: &str = "width";
    pub(super) const HEIGHT: &str = "height";
    pub(super) const METADATA: &str = "metadata";
    pub(super) const CREATED_AT: &str = "createdAt";
    pub(super) const DELETED_AT: &str = "deletedAt";

    pub(super) const SOURCE_NODE_ID: &str = "sourceNodeId";
    pub(super) const TARGET_NODE_ID: &str = "targetNodeId";
    pub(super) const SOURCE_OUTPUT_ID: &str = "sourceOutputId";
    pub(super) const TARGET_INPUT_ID: &str = "targetInputId";
}

#[cfg(test)]
mod tests;
