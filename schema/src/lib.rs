//! What GlassBox's documents hold, and the words for it. Pure: no IO, no clock, no randomness.

pub mod canvas;
mod doc;
pub mod ids;
pub mod node;
mod patch;
pub mod rich_text;
pub mod update;
mod value;

pub use doc::new_doc;
pub use ids::{
    ClientID, DocumentKind, DocumentName, EdgeId, Epoch, FreeDocumentId, InputId, NodeId, OrgId, OutputId,
    ParseIdError, ProjectId, RunId, ScratchName, Seq, UserId,
};
pub use patch::{Patch, PatchError, PatchErrorCode};
pub use value::{PROBLEMS_MAX, Problem, VALUE_DEPTH_MAX};
