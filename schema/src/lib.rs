//! What GlassBox's documents hold, and the words for it. Pure: no IO, no clock, no randomness.

mod doc;
pub mod ids;

pub use doc::new_doc;
pub use ids::{
    ClientID, DocumentKind, DocumentName, EdgeId, Epoch, FreeDocumentId, InputId, NodeId, OrgId, OutputId, ParseIdError,
    ProjectId, RunId, ScratchName, Seq, UserId,
};
