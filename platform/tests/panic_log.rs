//! What a process writes to standard error when one of its tasks panics.

use std::process::Command;
use std::time::Duration;

use platform::config::{LogConfig, LogFormat};
use platform::lifecycle::Lifecycle;
use platform::telemetry;
use serde_json::Value;

/// Set in the process that panics, which is this test, started again.
const PANICS: &str = "GLASSBOX_TEST_PANICS";
const SELF: &str = "a_panic_in_a_task_is_one_line_of_the_log_with_the_tasks_name";

#[test]
fn a_panic_in_a_task_is_one_line_of_the_log_with_the_tasks_name() {
    if std::env::var_os(PANICS).is_some() {
        return panic_in_a_task();
    }
    let test = std::env::current_exe().unwrap();
    let output = Command::new(test).args([SELF, "--exact", "--nocapture"]).env(PANICS, "1").output().unwrap();
    assert!(output.status.success(), "the panic must end its task only");
    let written = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<Value> = written.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!((written.lines().count(), lines.len()), (1, 1), "{written}");
    assert_eq!(lines[0]["level"], "error");
    assert_eq!(lines[0]["task"], "compaction");
    assert_eq!(lines[0]["message"], "panicked: as the test wants");
    assert!(lines[0]["location"].as_str().unwrap().contains("panic_log.rs:"), "{written}");
}

fn panic_in_a_task() {
    telemetry::init(&LogConfig { format: LogFormat::Json, level: "info".to_owned() }).expect("logs are set up once");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime can be built");
    runtime.block_on(async {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn("compaction", async { panic!("as the test wants") });
        lifecycle.shutdown(Duration::from_secs(10)).await;
    });
}
