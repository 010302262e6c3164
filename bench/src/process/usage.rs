//! What a process uses: CPU time and memory, as the Linux kernel counts them.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// User and system time of all threads of a process so far.
pub(crate) fn cpu_time(pid: Pid) -> Result<Duration> {
    let clock = clock_getcpuclockid(pid).with_context(|| format!("process {pid} is gone"))?;
    Ok(Duration::from(clock.now()?))
}

/// CPU time of several processes; those that are gone count nothing.
pub(crate) fn cpu_time_of_all(pids: &[Pid]) -> Duration {
    pids.iter().filter_map(|pid| cpu_time(*pid).ok()).sum()
}

/// Memory that a process holds now, in bytes.
pub(crate) fn resident_bytes(pid: Pid) -> Result<u64> {
    status_bytes(pid, "VmRSS:")
}

/// The most memory that a process held since [`reset_peak`], in bytes.
pub(crate) fn peak_resident_bytes(pid: Pid) -> Result<u64> {
    status_bytes(pid, "VmHWM:")
}

/// Starts a new measurement of the peak.
pub(crate) fn reset_peak(pid: Pid) -> Result<()> {
    const RESET_PEAK: &str = "5";
    fs::write(format!("/proc/{pid}/clear_refs"), RESET_PEAK).context("resetting a process's memory peak")
}

/// A process with all that it has started, and they in turn.
pub(crate) fn process_tree(root: Pid) -> Vec<Pid> {
    let parents = parents();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    tree
}

/// Every process with its parent.
fn parents() -> Vec<(Pid, Pid)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some((Pid::from_raw(pid), Pid::from_raw(parent_in(&stat)?)))
    })
    .collect()
}

/// The parent in a line of `/proc/<pid>/stat`. The program's name, in brackets, may hold anything.
pub(super) fn parent_in(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn status_bytes(pid: Pid, key: &str) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid} is gone"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).context("the kernel does not tell memory")?;
    Ok(kibibytes.parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("12 (a) b) S 7 12 12 0"), Some(7));
        assert_eq!(parent_in("12"), None);
    }

    #[test]
    fn this_process_has_cpu_time_and_memory() {
        let this = Pid::this();
        assert!(cpu_time(this).unwrap() > Duration::ZERO);
        assert!(resident_bytes(this).unwrap() > 0);
        assert!(peak_resident_bytes(this).unwrap() >= resident_bytes(this).unwrap() / 2);
        assert_eq!(process_tree(this)[0], this);
    }
}
