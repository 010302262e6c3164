//! What a patch may write at most. A view shows more, if clients wrote more.

/// The longest name of a project, in characters.
pub const PROJECT_NAME_CHARS_MAX: usize = 255;
/// The longest description of a project, in characters.
pub const PROJECT_DESCRIPTION_CHARS_MAX: usize = 10_000;
/// The most states of a workflow.
pub const WORKFLOW_STATES_MAX: usize = 32;
/// The longest state of a workflow, in characters.
pub const WORKFLOW_STATE_CHARS_MAX: usize = 50;
/// The longest title of a node, in characters.
pub const TITLE_CHARS_MAX: usize = 500;
/// The largest coordinate or size, in canvas units.
pub const COORDINATE_MAX: f64 = 1e7;
/// The largest metadata of a node, in bytes of JSON.
pub const METADATA_BYTES_MAX: usize = 64 * 1024;
/// The deepest metadata.
pub const METADATA_DEPTH_MAX: usize = 8;
/// The most tags of a node.
pub const TAGS_MAX: usize = 50;
/// The longest tag, in characters.
pub const TAG_CHARS_MAX: usize = 100;
/// The most nodes of a canvas, deleted ones included.
pub const NODES_MAX: u32 = 20_000;
/// The most edges of a canvas.
pub const EDGES_MAX: u32 = 50_000;
