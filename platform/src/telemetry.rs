//! Logs: one JSON object per line, or text on a terminal, on standard error.

mod json;

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub use json::JsonLayer;

use crate::config::{LogConfig, LogFormat};
use crate::lifecycle::current_task;

/// The value of the field `service` in every line.
pub const SERVICE: &str = "glassbox";

/// Why logs do not flow.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The level is no filter.
    #[error("log.level is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody was first.
    #[error("logs were set up before: {0}")]
    AlreadySetUp(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends the logs of the process to standard error, panics included. Once per process.
///
/// # Errors
/// When it was done before, or the level is no filter.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(&config.level)?;
    let is_terminal = std::io::stderr().is_terminal();
    let lines = if config.format == LogFormat::Json || (config.format == LogFormat::Auto && !is_terminal) {
        JsonLayer::new(std::io::stderr).boxed()
    } else {
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(is_terminal).boxed()
    };
    tracing_subscriber::registry().with(filter).with(lines).try_init()?;
    log_panics();
    Ok(())
}

/// A panic becomes one line of the log, with the task that it ended.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let reason = panic.payload_as_str().unwrap_or("without a message");
        let task = current_task().unwrap_or("none");
        tracing::error!(task, location, "panicked: {reason}");
    }));
}
