//! JSON control messages of the `/ws` dialect (SPEC G2): `{"type", "payload", "requestId"?}`.

mod reply;
mod request;

pub use reply::*;
pub use request::*;
