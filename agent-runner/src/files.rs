//! What happens to files after they were uploaded: their text is read, so that they can be found and agents can read them.
//!
//! | module | subject |
//! |---|---|
//! | `extract` | bytes to text, by format (pure) |
//! | `confined` | what the child process does in which files are read |
//! | `extractor` | starts that process, and takes from it what it says |
//! | `worker` | takes up files, and notes what came of them |

mod confined;
mod extract;
mod extractor;
mod metrics;
mod worker;

pub use confined::{Answer, answer, confine};
pub(crate) use extract::is_text;
pub use extract::{ExtractError, ExtractLimits, Extracted, extract};
pub use extractor::Extractor;
pub use worker::FileReader;
