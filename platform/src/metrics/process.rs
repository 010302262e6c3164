//! What Linux tells of this process (proc(5)). Elsewhere there is nothing to tell.

use std::fs;

use super::{Metrics, Reading};

/// Clock ticks per second in `/proc`, the same on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) fn register(metrics: &Metrics) {
    let told = |value: Option<f64>, reading: fn(f64) -> Reading| value.map_or(Reading::Unknown, reading);
    metrics.on_read(
        "process_resident_memory_bytes",
        "Memory of the process that is not swapped out, in bytes",
        move || told(resident_bytes(), Reading::Gauge),
    );
    metrics.on_read("process_cpu_seconds", "Processor time that the process has used, in seconds", move || {
        told(cpu_seconds(), Reading::Counter)
    });
    metrics.on_read("process_open_fds", "Open file descriptors; every socket is one", move || {
        told(open_fds(), Reading::Gauge)
    });
    metrics.on_read("process_max_fds", "File descriptors that the process may have open", move || {
        told(max_fds(), Reading::Gauge)
    });
    metrics.on_read("process_start_time_seconds", "When the process started, in seconds since 1970", move || {
        told(start_time_seconds(), Reading::Gauge)
    });
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}

/// Fields of `/proc/self/stat` after the program's name, which may hold anything: the first is the third of the manual.
fn stat_fields() -> Option<Vec<String>> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn cpu_seconds() -> Option<f64> {
    let fields = stat_fields()?;
    let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
    // utime, stime
    Some((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND)
}

fn start_time_seconds() -> Option<f64> {
    let after_boot = stat_fields()?.get(22 - 3)?.parse::<f64>().ok()? / TICKS_PER_SECOND;
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: f64 = stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(boot + after_boot)
}

#[expect(clippy::cast_precision_loss, reason = "a process has fewer than 2^53 files open")]
fn open_fds() -> Option<f64> {
    // One of them is that of the look itself.
    Some(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as f64)
}

fn max_fds() -> Option<f64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_told_of_in_plausible_figures() {
        assert!(resident_bytes().is_some_and(|bytes| bytes > 1e6));
        assert!(cpu_seconds().is_some_and(|seconds| (0.0..1e6).contains(&seconds)));
        let (open, max) = (open_fds().unwrap(), max_fds().unwrap());
        assert!(open >= 3.0 && open < max, "{open} of {max}");
        // Between 2020 and 2100.
        assert!(start_time_seconds().is_some_and(|at| (1.57e9..4.1e9).contains(&at)));
    }
}
