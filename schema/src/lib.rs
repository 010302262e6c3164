//! What GlassBox's documents hold, and the words for it. Pure: no IO, no clock, no randomness; ids and times come in as
//! arguments. No other crate spells a key of a document.
//!
//! | module | what is in it |
//! |---|---|
//! | [`ids`] | the identifiers of everything, the names of documents, epoch and seq |
//! | [`update`] | looks through the bytes of a Yjs update before anything decodes them |
//! | [`canvas`] | `project:<uuid>`: the view of a canvas, its conflicts, and validated patches |
//! | [`node`] | `node:<uuid>`: the view of a node's body, inputs and outputs, and validated patches |
//! | [`repair`] | what in a document is not of its shape, and the edit that puts it right |
//! | [`rich_text`] | a Tiptap editor's text as blocks and as Markdown, and back by the smallest edit |
//! | [`template`] | nodes to be put onto any canvas, with parameters |
//!
//! [`Patch`] and [`PatchError`] are what all patches share, [`Problem`] what all views do. Every document is made by
//! [`new_doc`]. Views read anything that clients may have written without failing; patches write nothing when refused.

pub mod canvas;
mod doc;
pub mod free;
pub mod ids;
pub mod node;
mod patch;
pub mod repair;
pub mod rich_text;
pub mod template;
pub mod update;
mod value;

pub use doc::{new_doc, new_doc_keeping_deleted};
pub use ids::{
    ClientID, DocumentKind, DocumentName, EdgeId, Epoch, FreeDocumentId, InputId, NodeId, OrgId, OutputId,
    ParseIdError, ProjectId, RunId, ScratchName, Seq, TemplateId, UserId,
};
pub use patch::{Patch, PatchError, PatchErrorCode};
pub use value::{PROBLEMS_MAX, Problem, VALUE_DEPTH_MAX};

/// What a document of this kind holds, as JSON: a canvas and a node in their own shapes, any other with its roots.
#[must_use]
pub fn to_json(kind: ids::DocumentKind, txn: &impl yrs::ReadTxn) -> serde_json::Value {
    match kind {
        ids::DocumentKind::Project => json_of(&canvas::read(txn)),
        ids::DocumentKind::Node => json_of(&node::read(txn)),
        ids::DocumentKind::Free | ids::DocumentKind::Scratch => free::read(txn),
    }
}

fn json_of(view: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(view).expect("views are made of texts, numbers and maps with text keys")
}
