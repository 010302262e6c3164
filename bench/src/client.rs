//! Clients: a light WebSocket, one attachment to one document in any dialect, and the REST calls around them.

pub(crate) mod api;
pub(crate) mod attachment;
pub(crate) mod content;
pub(crate) mod socket;

pub(crate) use api::Api;
pub(crate) use attachment::{Attachment, Dialect, Event};
pub(crate) use content::Content;
