//! The parties that are disturbed: three instances, Redis and Postgres, each in its own network namespace.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::instance::Instance;
use super::plan::{Disturbance, Fault, INSTANCES, PARTIES, Party};
use crate::process::network::{Line, Network};
use crate::process::postgres::{Postgres, Shutdown};
use crate::process::usage::process_tree;

const TICK: Duration = Duration::from_millis(10);
/// How long all may take to be ready once nothing is wrong any more.
const HEALING: Duration = Duration::from_mins(1);
/// How long a reset connection of a health check may hang.
const PROBE: Duration = Duration::from_secs(2);
const REDIS_PORT: u16 = 6379;
const POSTGRES_PORT: u16 = 5432;

/// Everything but the clients.
#[derive(Debug)]
pub(super) struct World {
    pub(super) postgres: Postgres,
    instances: Vec<Instance>,
    redis: Redis,
    // The last to go: it ends whatever is left in its namespaces.
    network: Network,
}

#[derive(Debug)]
struct Redis {
    folder: PathBuf,
    process: Option<Child>,
}

/// The beginning or the end of a disturbance.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Begins,
    Ends,
}

impl World {
    /// Starts all, and moves this thread to where the clients are.
    pub(super) fn start(folder: &Path, server_command: &str) -> Result<Self> {
        let network = Network::create(PARTIES)?;
        Party::Clients.place().enter()?;
        let address = SocketAddr::from((Party::Postgres.place().address(), POSTGRES_PORT));
        let postgres = Postgres::create(&folder.join("postgres"), address, Some(Party::Postgres.place()))?;
        let mut redis = Redis { folder: folder.to_owned(), process: None };
        redis.start()?;
        let redis_url = format!("redis://{}:{REDIS_PORT}", Party::Redis.place().address());
        let instance = |index| Instance::new(index, folder, server_command, &postgres.url(), &redis_url);
        let instances = (0..INSTANCES).map(instance).collect();
        let mut world = Self { postgres, instances, redis, network };
        world.heal()?;
        // What is confirmed is looked for in the log, so that nothing may be let go of.
        world.postgres.sql("glassbox", "UPDATE organizations SET event_sourcing_level = 'full'")?;
        Ok(world)
    }

    /// Where the instances listen.
    pub(super) fn addresses() -> [SocketAddr; INSTANCES] {
        std::array::from_fn(Instance::address)
    }

    /// Connects to an instance from where the clients are that vanish.
    pub(super) async fn connect_vanishing(address: SocketAddr) -> Result<tokio::net::TcpStream> {
        // A socket stays where it was made, wherever the thread goes.
        Party::Vanishing.place().enter()?;
        let socket = tokio::net::TcpSocket::new_v4();
        Party::Clients.place().enter()?;
        Ok(socket?.connect(address).await?)
    }

    /// Whether what those send who vanish reaches anybody, and what is sent to them.
    pub(super) fn set_reach_of_vanishing(reaches: bool) -> Result<()> {
        for instance in (0..INSTANCES).map(Party::Instance) {
            Network::set_reach(instance.place(), Party::Vanishing.place(), reaches)?;
            Network::set_reach(Party::Vanishing.place(), instance.place(), reaches)?;
        }
        Ok(())
    }

    /// Lets a plan happen, then lets all come back.
    pub(super) fn play(&mut self, plan: &[Disturbance]) -> Result<()> {
        let started = Instant::now();
        let mut turns: Vec<_> = plan
            .iter()
            .flat_map(|it| [(it.at, Turn::Begins, it.fault), (it.at + it.lasts, Turn::Ends, it.fault)])
            .collect();
        turns.sort_by_key(|(at, ..)| *at);
        for (at, turn, fault) in turns {
            while started.elapsed() < at {
                self.look_after()?;
                thread::sleep(TICK);
            }
            self.turn(turn, fault).with_context(|| format!("{fault}: {turn:?}"))?;
        }
        self.heal()
    }

    fn turn(&mut self, turn: Turn, fault: Fault) -> Result<()> {
        let ends = matches!(turn, Turn::Ends);
        match fault {
            Fault::Partition(one, other) => {
                Network::set_reach(one.place(), other.place(), ends)?;
                Network::set_reach(other.place(), one.place(), ends)
            }
            Fault::OneWay(from, to) => Network::set_reach(from.place(), to.place(), ends),
            Fault::Slow(party) => Network::set_line(party.place(), if ends { Line::Clear } else { Line::Slow }),
            Fault::Pause(party) => {
                self.signal(party, if ends { Signal::SIGCONT } else { Signal::SIGSTOP });
                Ok(())
            }
            Fault::Flush if ends => Ok(()),
            Fault::Flush => Redis::flush(),
            Fault::Kill(party) if !ends => match party {
                Party::Instance(index) => self.instances[index].kill(),
                Party::Redis => self.redis.kill(),
                Party::Postgres => self.postgres.kill(),
                Party::Clients | Party::Vanishing => bail!("clients leave by themselves"),
            },
            Fault::Restart(party) if !ends => match party {
                Party::Instance(index) => self.instances[index].stop(),
                Party::Postgres => self.stop_postgres(),
                Party::Redis | Party::Clients | Party::Vanishing => bail!("{party} cannot be restarted in order"),
            },
            Fault::Kill(party) | Fault::Restart(party) => match party {
                Party::Instance(index) => {
                    self.instances[index].is_wanted = true;
                    Ok(())
                }
                Party::Redis => self.redis.start(),
                Party::Postgres => self.postgres.launch(),
                Party::Clients | Party::Vanishing => Ok(()),
            },
        }
    }

    fn signal(&self, party: Party, signal: Signal) {
        let processes = match party {
            Party::Postgres => self.postgres.postmaster().map(process_tree).unwrap_or_default(),
            Party::Redis => self.redis.pid().into_iter().collect(),
            Party::Instance(index) => self.instances[index].pid().into_iter().collect(),
            Party::Clients | Party::Vanishing => Vec::new(),
        };
        for process in processes {
            // It may have ended by itself, as an instance does that finds no database when it starts.
            let _ = kill(process, signal);
        }
    }

    fn stop_postgres(&mut self) -> Result<()> {
        let postmaster = self.postgres.postmaster().context("Postgres does not run")?;
        kill(postmaster, Shutdown::Fast.signal())?;
        let deadline = Instant::now() + HEALING;
        while !self.postgres.has_ended()? {
            ensure!(Instant::now() < deadline, "Postgres does not stop");
            self.look_after()?;
            thread::sleep(TICK);
        }
        Ok(())
    }

    /// Starts instances that should run and do not, as whoever runs them would.
    fn look_after(&mut self) -> Result<()> {
        self.instances.iter_mut().try_for_each(Instance::look_after)
    }

    /// Puts an end to all faults, and waits until all instances say that they are ready.
    fn heal(&mut self) -> Result<()> {
        self.network.heal()?;
        for instance in &mut self.instances {
            instance.is_wanted = true;
        }
        let deadline = Instant::now() + HEALING;
        loop {
            self.look_after()?;
            let waiting: Vec<_> = Self::addresses().into_iter().filter(|address| !is_ready(*address)).collect();
            if waiting.is_empty() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "nothing is wrong any more, and {waiting:?} are not ready");
            thread::sleep(TICK);
        }
    }

    /// Fails when an instance has ended by itself, or said that it panicked.
    pub(super) fn check(&mut self) -> Result<()> {
        self.look_after()?;
        self.instances.iter().try_for_each(Instance::check_log)
    }
}

/// Whether an instance has its database and its bus.
fn is_ready(address: SocketAddr) -> bool {
    let ask = || -> Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, PROBE)?;
        stream.set_read_timeout(Some(PROBE))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains(r#""status":"up""#))
}

impl Redis {
    fn start(&mut self) -> Result<()> {
        let place = Party::Redis.place();
        let mut command = Command::new("redis-server");
        command.args(["--bind", &place.address().to_string(), "--port", &REDIS_PORT.to_string()]);
        command.args(["--save", "", "--appendonly", "no", "--protected-mode", "no"]).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(place.within(|| command.spawn().context("starting redis-server"))?);
        Ok(())
    }

    fn pid(&self) -> Option<Pid> {
        self.process.as_ref().map(|child| Pid::from_raw(child.id().cast_signed()))
    }

    fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
            process.wait()?;
        }
        Ok(())
    }

    fn flush() -> Result<()> {
        let mut stream = TcpStream::connect_timeout(&(Party::Redis.place().address(), REDIS_PORT).into(), PROBE)?;
        stream.write_all(b"FLUSHALL\r\nCLIENT KILL TYPE pubsub\r\nQUIT\r\n")?;
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
