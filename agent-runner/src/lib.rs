//! Agents: runs are taken up as jobs, and driven as collaborators that join documents over the public wire.
//!
//! | module | subject |
//! |---|---|
//! | `worker` | takes runs up, keeps their leases, hands over |
//! | `run` | drives one: does what is next, after it was noted |
//! | `entry`, `state` | the journal of a run, and what it adds up to (pure) |
//! | `trace`, `prompt` | what people are shown, what models are told (pure) |
//! | `model` | models: OpenAI-compatible ones and the demo |
//! | `tools` | what agents can use, and who has to allow it |
//! | `search` | keeps what can be found up to date |
//! | `files` | the text of files, which is read after they were uploaded |
//! | `workspace` | the documents, as any client has them |

mod entry;
pub mod files;
mod metrics;
mod model;
mod probe;
mod prompt;
mod run;
mod search;
mod services;
mod state;
mod tools;
mod trace;
mod worker;
mod workspace;

pub use probe::{Moment, Probe, Watcher};
pub use search::Indexer;
pub use services::World;
pub use worker::AgentRunner;
