//! What goes wrong when: drawn from a seed.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::process::network::Place;

/// How many instances serve.
pub(super) const INSTANCES: usize = 3;
/// How many parties there are: the clients, Redis, Postgres, the instances and the clients that vanish.
pub(super) const PARTIES: u8 = 7;

const COUNT: Range<usize> = 4..10;
const BEGIN_MS: Range<u64> = 200..4500;
const LASTS_MS: Range<u64> = 200..3000;
/// A process that came back is left alone for so long.
const REST: Duration = Duration::from_millis(1500);

/// Who takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Party {
    Clients,
    Redis,
    Postgres,
    Instance(usize),
    /// Clients that nobody hears of any more in the end.
    Vanishing,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// What one sends does not reach the other, nor what the other sends.
    Partition(Party, Party),
    /// What the first sends does not reach the second.
    OneWay(Party, Party),
    /// What it sends arrives late.
    Slow(Party),
    /// Its processes are killed, and started again in the end.
    Kill(Party),
    /// It is told to stop, and started again in the end.
    Restart(Party),
    /// Its processes stand still.
    Pause(Party),
    /// Redis loses its data, and throws its subscribers out.
    Flush,
}

/// A fault and when it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Disturbance {
    pub(super) at: Duration,
    pub(super) lasts: Duration,
    pub(super) fault: Fault,
}

impl Party {
    /// Where it is in the network.
    pub(super) fn place(self) -> Place {
        Place(match self {
            Self::Clients => 0,
            Self::Redis => 1,
            Self::Postgres => 2,
            Self::Instance(index) => 3 + u8::try_from(index).expect("there are few instances"),
            Self::Vanishing => PARTIES - 1,
        })
    }
}

impl fmt::Display for Party {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clients => formatter.write_str("clients"),
            Self::Redis => formatter.write_str("redis"),
            Self::Postgres => formatter.write_str("postgres"),
            Self::Instance(index) => write!(formatter, "i{}", index + 1),
            Self::Vanishing => formatter.write_str("vanishing clients"),
        }
    }
}

impl Fault {
    /// What it is called in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Partition(..) => "partitions",
            Self::OneWay(..) => "one-way losses",
            Self::Slow(_) => "slow lines",
            Self::Kill(_) => "kills",
            Self::Restart(_) => "restarts",
            Self::Pause(_) => "pauses",
            Self::Flush => "flushes",
        }
    }

    /// Whether the two cannot be told apart, or undo each other, when they are there at the same time.
    fn collides_with(self, other: Self) -> bool {
        match (self.line(), other.line()) {
            (Some((a, b)), Some((c, d))) => (a, b) == (c, d) || (a, b) == (d, c),
            (None, None) => self.process() == other.process(),
            _ => false,
        }
    }

    fn line(self) -> Option<(Party, Party)> {
        match self {
            Self::Partition(one, other) | Self::OneWay(one, other) => Some((one, other)),
            Self::Slow(party) => Some((party, party)),
            _ => None,
        }
    }

    fn process(self) -> Option<Party> {
        match self {
            Self::Kill(party) | Self::Restart(party) | Self::Pause(party) => Some(party),
            Self::Flush => Some(Party::Redis),
            _ => None,
        }
    }

    fn draw(rng: &mut StdRng) -> Self {
        let instance = Party::Instance(rng.random_range(0..INSTANCES));
        let peer = [Party::Clients, Party::Redis, Party::Redis, Party::Postgres][rng.random_range(0..4)];
        match rng.random_range(0..100) {
            0..25 => Self::Partition(instance, peer),
            25..35 => Self::OneWay(instance, peer),
            35..45 => Self::OneWay(peer, instance),
            45..53 => Self::Slow([instance, Party::Redis, Party::Postgres][rng.random_range(0..3)]),
            53..67 => Self::Kill(instance),
            67..75 => Self::Restart(instance),
            75..82 => Self::Pause(instance),
            82..86 => Self::Kill(Party::Redis),
            86..90 => Self::Pause(Party::Redis),
            90..94 => Self::Flush,
            94..97 => Self::Pause(Party::Postgres),
            97..99 => Self::Restart(Party::Postgres),
            _ => Self::Kill(Party::Postgres),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(one, other) => write!(formatter, "{one} | {other}"),
            Self::OneWay(from, to) => write!(formatter, "{from} -/-> {to}"),
            Self::Slow(party) => write!(formatter, "{party} slow"),
            Self::Kill(party) => write!(formatter, "{party} killed"),
            Self::Restart(party) => write!(formatter, "{party} restarted"),
            Self::Pause(party) => write!(formatter, "{party} paused"),
            Self::Flush => formatter.write_str("redis flushed"),
        }
    }
}

impl fmt::Display for Disturbance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({:.1} s, {:.1} s)", self.fault, self.at.as_secs_f64(), self.lasts.as_secs_f64())
    }
}

impl Disturbance {
    fn ends(&self) -> Duration {
        self.at + self.lasts
    }

    fn collides_with(&self, other: &Self) -> bool {
        let overlap = self.at < other.ends() + REST && other.at < self.ends() + REST;
        overlap && self.fault.collides_with(other.fault)
    }
}

/// The disturbances of a seed, by their beginning.
pub(super) fn draw(seed: u64) -> Vec<Disturbance> {
    let mut rng = StdRng::seed_from_u64(seed);
    let count = rng.random_range(COUNT);
    let mut plan: Vec<Disturbance> = Vec::new();
    while plan.len() < count {
        let disturbance = Disturbance {
            at: Duration::from_millis(rng.random_range(BEGIN_MS)),
            lasts: Duration::from_millis(rng.random_range(LASTS_MS)),
            fault: Fault::draw(&mut rng),
        };
        if !plan.iter().any(|other| disturbance.collides_with(other)) {
            plan.push(disturbance);
        }
    }
    plan.sort_by_key(|disturbance| disturbance.at);
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_draws_the_same_plan_again_and_all_faults_occur() {
        let plans: Vec<_> = (0..200).map(draw).collect();
        assert_eq!(plans[7], draw(7));
        for name in ["partitions", "one-way losses", "slow lines", "kills", "restarts", "pauses", "flushes"] {
            assert!(plans.iter().flatten().any(|disturbance| disturbance.fault.name() == name), "{name}");
        }
    }

    #[test]
    fn nothing_is_done_to_a_process_or_a_line_while_something_else_is() {
        for plan in (0..200).map(draw) {
            for (index, one) in plan.iter().enumerate() {
                assert!(!plan[index + 1..].iter().any(|other| one.collides_with(other)), "{plan:?}");
            }
        }
    }
}
