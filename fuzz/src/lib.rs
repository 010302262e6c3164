//! What the fuzz targets check, each as a function of its input: [`frame::check`] and so on. The targets run them on what
//! libFuzzer makes up, `sync-server/tests/corpus.rs` on the inputs that are kept in `kept/`.

pub mod awareness;
pub mod control;
mod document;
pub mod document_views;
#[cfg(any(test, feature = "server"))]
pub mod extract_text;
pub mod frame;
pub mod hocuspocus;
mod input;
pub mod markdown;
mod panics;
#[cfg(any(test, feature = "server"))]
pub mod room;
#[cfg(any(test, feature = "server"))]
pub mod sessions;
pub mod stream;
pub mod update_inspect;
pub mod y_websocket;

use document::applied;
use input::Reader;
use panics::let_panics_be_caught;
