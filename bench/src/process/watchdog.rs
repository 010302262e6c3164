//! What must be cleaned up even when this program is killed.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

/// Runs a shell script when it is dropped, and when this process ends in whichever way: a shell waits for the end of
/// its input, of which this process holds the other end.
#[derive(Debug)]
pub(crate) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Starts to watch. The script must not mind if there is nothing left to clean up.
    pub(crate) fn start(script: &str) -> Result<Self> {
        // A group of its own, so that a terminal's Ctrl-C does not end it.
        let shell = Command::new("sh")
            .args(["-c", &format!("read -r _\n{script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("starting a watchdog")?;
        Ok(Self { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_script_runs_when_it_is_dropped_and_not_before() {
        let trace = std::env::temp_dir().join(format!("bench-test-watchdog-{}", std::process::id()));
        let watchdog = Watchdog::start(&format!("touch '{}'", trace.display())).unwrap();
        assert!(!trace.exists());
        drop(watchdog);
        std::fs::remove_file(&trace).unwrap();
    }
}
