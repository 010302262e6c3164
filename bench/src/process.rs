//! Processes under measurement: what they use, and on which core they run.

pub(crate) mod network;
pub(crate) mod postgres;
pub(crate) mod server;
pub(crate) mod usage;
pub(crate) mod watchdog;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::Pid;

/// Which core serves and which one generates the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cores {
    pub(crate) server: usize,
    pub(crate) generator: usize,
    /// All that this process may use, as a bit set.
    allowed: CpuSet,
}

impl Cores {
    /// The first two cores that this process may use; one and the same when there is only one.
    pub(crate) fn choose() -> Result<Self> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).context("which cores may be used")?;
        let mut cores = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false));
        let server = cores.next().context("there is no core to run on")?;
        let generator = cores.next().unwrap_or(server);
        Ok(Self { server, generator, allowed })
    }

    /// Runs this thread on one core, and what it starts from now on.
    pub(crate) fn pin_this_thread(core: usize) -> Result<()> {
        let mut set = CpuSet::new();
        set.set(core)?;
        sched_setaffinity(Pid::from_raw(0), &set).with_context(|| format!("running on core {core}"))
    }

    /// Lets a process run on all cores, whatever it inherited.
    pub(crate) fn release(&self, pid: Pid) -> Result<()> {
        sched_setaffinity(pid, &self.allowed).context("letting a process run on all cores")
    }
}

/// Allows as many open files as the system lets us; thousands of sockets need them, here and in a started server.
pub(crate) fn raise_open_files() -> Result<()> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, most, most).context("allowing more open files")
}

/// How many programs wanted to run at a time during the last minute, as the kernel counts them.
pub(crate) fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split(' ').next()?.parse().ok()
}

/// Time that the cores of this machine have spent so far, working and idle, in the kernel's ticks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MachineTime {
    working: u64,
    idle: u64,
}

impl MachineTime {
    /// Now.
    pub(crate) fn now() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/stat").ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        let all_cores = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
        let ticks: Vec<u64> = all_cores.split_whitespace().map_while(|text| text.parse().ok()).collect();
        // user nice system idle iowait irq softirq steal; what follows is part of user time.
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else { return None };
        Some(Self { working: user + nice + system + irq + softirq + steal, idle: idle + iowait })
    }

    /// The share of its time (0 to 1) that the machine has worked since then.
    pub(crate) fn share_since(self, before: Self) -> f64 {
        let (working, idle) = (self.working - before.working, self.idle - before.idle);
        working as f64 / (working + idle).max(1) as f64
    }
}

/// The processors, the memory and the kernel of this machine, for people.
pub(crate) fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let value = |text: &str, key: &str| {
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let processors = read("/proc/cpuinfo");
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let model = value(&processors, "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let kibibytes = value(&read("/proc/meminfo"), "MemTotal").and_then(|text| text.split(' ').next()?.parse().ok());
    let gibibytes = kibibytes.unwrap_or(0.0) / f64::from(1 << 20);
    let kernel = read("/proc/sys/kernel/osrelease");
    // What follows the second number names a build.
    let kernel = kernel.split('.').take(2).collect::<Vec<_>>().join(".");
    format!("{count} cores of {model}, {gibibytes:.0} GiB, Linux {kernel}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_work_is_that_of_all_cores() {
        let before = MachineTime::parse("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4\n").unwrap();
        let after = MachineTime::parse("cpu  130 5 60 870 60 3 1 1 9 9\n").unwrap();
        let share = after.share_since(before);
        assert!((share - 50.0 / 130.0).abs() < 1e-9, "{share}");
        assert!(before.share_since(before).abs() < 1e-9);
        assert!(MachineTime::parse("cpu  1 2\n").is_none());
        assert!(MachineTime::now().is_some());
    }
}
