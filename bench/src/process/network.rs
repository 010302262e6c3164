//! Parties in network namespaces of their own, joined by a bridge, and faults on the lines between them.
//!
//! Every namespace knows the hardware address of each other one by a permanent entry. A line is cut in one direction by
//! giving it an address that nobody has: what is sent is lost without a word, on new and on old connections, as behind
//! a broken switch. Needs root, and the program `ip`.

use std::fs::{self, File};
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::{Context as _, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};
use nix::unistd::{Pid, geteuid};

use super::watchdog::Watchdog;

/// What the names of all namespaces start with; the process id of who made them follows.
const PREFIX: &str = "glassbox-bench-";
/// Where `ip netns` keeps the namespaces.
const NAMESPACES: &str = "/run/netns";
/// Where a thread is.
const OWN_NAMESPACE: &str = "/proc/thread-self/ns/net";
/// An address that no party has.
const NOBODY: &str = "02:67:62:ff:ff:ff";

/// A party in a network, by its place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Place(pub(crate) u8);

/// What is between a party and the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// Nothing in the way.
    Clear,
    /// What the party sends arrives late.
    Slow,
}

/// A bridge and the namespaces on it. Dropping it removes all of it, ends what runs in there, and takes this thread back
/// to where it was; the end of this process removes all of it as well.
#[derive(Debug)]
pub(crate) struct Network {
    parties: u8,
    /// Where the thread was that made it.
    home: File,
    _watchdog: Watchdog,
}

impl Network {
    /// Makes a network, and removes those of runs that are gone.
    pub(crate) fn create(parties: u8) -> Result<Self> {
        ensure!(geteuid().is_root(), "network namespaces can be made by root only: run this as root");
        remove_left_behind()?;
        let watchdog = Watchdog::start(&removal(Pid::this().as_raw()))?;
        let network = Self { parties, home: File::open(OWN_NAMESPACE)?, _watchdog: watchdog };
        let bridge = bridge(Pid::this().as_raw());
        ip(&format!("link add {bridge} type bridge forward_delay 0"))?;
        ip(&format!("link set {bridge} up"))?;
        for place in network.places() {
            add(place, &bridge).with_context(|| format!("making the network namespace {}", place.namespace()))?;
        }
        network.heal()?;
        Ok(network)
    }

    fn places(&self) -> impl Iterator<Item = Place> {
        (0..self.parties).map(Place)
    }

    /// Whether what `from` sends reaches `to`.
    pub(crate) fn set_reach(from: Place, to: Place, reaches: bool) -> Result<()> {
        let hardware = if reaches { to.hardware() } else { NOBODY.to_owned() };
        let (namespace, address) = (from.namespace(), to.address());
        ip(&format!("-n {namespace} neigh replace {address} lladdr {hardware} dev eth0 nud permanent"))
    }

    /// Sets how fast what a party sends arrives.
    pub(crate) fn set_line(party: Place, line: Line) -> Result<()> {
        let namespace = party.namespace();
        // There may be nothing to delete.
        let _ = run("tc", &format!("-n {namespace} qdisc del dev eth0 root"));
        if line == Line::Slow {
            // Kernels without netem delay by a narrow line.
            run("tc", &format!("-n {namespace} qdisc add dev eth0 root netem delay 80ms 40ms")).or_else(|_| {
                run("tc", &format!("-n {namespace} qdisc add dev eth0 root tbf rate 2mbit burst 4kb latency 400ms"))
            })?;
        }
        Ok(())
    }

    /// Lets everybody reach everybody, at full speed.
    pub(crate) fn heal(&self) -> Result<()> {
        for from in self.places() {
            Self::set_line(from, Line::Clear)?;
            for to in self.places().filter(|to| *to != from) {
                Self::set_reach(from, to, true)?;
            }
        }
        Ok(())
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = setns(&self.home, CloneFlags::CLONE_NEWNET);
    }
}

impl Place {
    /// Its address in the network.
    pub(crate) fn address(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 213, 77, 10 + self.0)
    }

    fn hardware(self) -> String {
        format!("02:67:62:00:00:{:02x}", self.0)
    }

    /// The name of its namespace, for `ip netns exec`.
    pub(crate) fn namespace(self) -> String {
        format!("{}{}", names(Pid::this().as_raw()), self.0)
    }

    /// Moves this thread there: the sockets that it makes from now on are the party's.
    pub(crate) fn enter(self) -> Result<()> {
        let path = Path::new(NAMESPACES).join(self.namespace());
        let namespace = File::open(&path).with_context(|| format!("opening {}", path.display()))?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context("entering a network namespace")
    }

    /// Does something there, on a thread that is, and waits for it.
    pub(crate) fn within<T: Send>(self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let done = thread::scope(|scope| {
            let thread = scope.spawn(|| {
                self.enter()?;
                work()
            });
            thread.join()
        });
        done.unwrap_or_else(|_| bail!("a thread in a network namespace has panicked"))
    }
}

fn add(place: Place, bridge: &str) -> Result<()> {
    let (namespace, link) = (place.namespace(), link(Pid::this().as_raw(), place.0));
    ip(&format!("netns add {namespace}"))?;
    ip(&format!("link add {link} type veth peer name eth0 address {} netns {namespace}", place.hardware()))?;
    ip(&format!("link set {link} master {bridge} up"))?;
    ip(&format!("-n {namespace} addr add {}/24 dev eth0", place.address()))?;
    ip(&format!("-n {namespace} link set eth0 up"))?;
    ip(&format!("-n {namespace} link set lo up"))
}

/// What the namespaces of a process are called, but for their numbers.
fn names(pid: i32) -> String {
    format!("{PREFIX}{pid}-")
}

/// Names of interfaces have 15 characters at most.
fn bridge(pid: i32) -> String {
    format!("gbb{pid}")
}

fn link(pid: i32, party: u8) -> String {
    format!("gb{pid}-{party}")
}

/// A script that removes the network of a process.
fn removal(pid: i32) -> String {
    let (names, bridge) = (names(pid), bridge(pid));
    format!(
        "for name in $(ls {NAMESPACES} | grep '^{names}'); do\n\
           for pid in $(ip netns pids $name); do kill -CONT $pid; [ $pid = {pid} ] || kill -KILL $pid; done\n\
           ip netns del $name\n\
         done\n\
         for link in $(ls /sys/class/net | grep '^gb{pid}-') {bridge}; do ip link del $link; done"
    )
}

/// Removes the networks of processes that are gone.
fn remove_left_behind() -> Result<()> {
    let Ok(entries) = fs::read_dir(NAMESPACES) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse().ok());
        if let Some(pid) = pid.filter(|pid| !Path::new("/proc").join(i32::to_string(pid)).exists()) {
            Command::new("sh").args(["-c", &removal(pid)]).output().context("removing an earlier network")?;
        }
    }
    Ok(())
}

fn ip(arguments: &str) -> Result<()> {
    run("ip", arguments)
}

fn run(program: &str, arguments: &str) -> Result<()> {
    let output =
        Command::new(program).args(arguments.split(' ')).output().with_context(|| format!("running {program}"));
    let output = output?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {arguments}: {}", errors.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_line_can_be_cut_in_one_direction_and_healed() {
        if !geteuid().is_root() {
            return;
        }
        let network = Network::create(2).unwrap();
        let (one, other) = (Place(0), Place(1));
        let listener = other.within(|| Ok(TcpListener::bind((other.address(), 7000))?)).unwrap();
        let address = listener.local_addr().unwrap();
        let reach = |address: SocketAddr| {
            one.within(|| Ok(TcpStream::connect_timeout(&address, Duration::from_millis(300)).map_err(|it| it.kind())))
                .unwrap()
        };
        assert!(reach(address).is_ok());
        for (from, to) in [(one, other), (other, one)] {
            Network::set_reach(from, to, false).unwrap();
            assert_eq!(reach(address).unwrap_err(), ErrorKind::TimedOut);
            network.heal().unwrap();
            assert!(reach(address).is_ok());
        }
        drop(network);
        assert!(!Path::new(NAMESPACES).join(one.namespace()).exists());
    }
}
