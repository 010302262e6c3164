//! The command that reads the text of one file, for whoever does not want to have it read in their own process.

use std::io::{Write, stdin, stdout};
use std::thread;

use agent_runner::files::{Answer, answer, confine};
use anyhow::{Context, anyhow, bail};

use crate::THREAD_STACK_BYTES;

/// Reads a file from standard input, and says what came of it on standard output; the same on standard error if it
/// failed.
pub(crate) fn run(content_type: String, filename: String) -> anyhow::Result<()> {
    confine().context("the process could not be bounded")?;
    // That a decoder panics is a finding about the file, which is told like any other.
    std::panic::set_hook(Box::new(|_| {}));
    // Files are nested inside each other, and so are the calls that read them.
    let reading = thread::Builder::new().stack_size(THREAD_STACK_BYTES);
    let reading = reading.spawn(move || answer(&content_type, &filename, stdin().lock()))?;
    let answer = reading.join().map_err(|_| anyhow!("reading the file ended unexpectedly"))?;
    let mut said = serde_json::to_vec(&answer)?;
    said.push(b'\n');
    stdout().lock().write_all(&said)?;
    match answer {
        Answer::Failed { error } => bail!(error),
        Answer::Text(_) | Answer::Nothing {} => Ok(()),
    }
}
