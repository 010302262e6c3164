//! Rates over all instances: what holds for every variant, and what holds of Redis, against a real one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use platform::auth::{PrincipalKind, PrincipalRef};
use platform::bus::World;
use platform::clock::SystemClock;
use platform::config::Config;
use platform::ingress::ClientAddress;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::random::Random;
use platform::rate::Rate;
use platform::rate_limiter::{InProcessLimiter, Quota, RateLimiter, RedisLimiter, Whom};
use platform::testing::RedisServer;
use uuid::Uuid;

/// More than any of these tests has to wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// A limiter, and what it stands on.
struct Bench {
    limiter: RateLimiter,
    metrics: Metrics,
    _redis: Option<RedisServer>,
}

impl Bench {
    #[expect(clippy::unused_async, reason = "as of the other variant")]
    async fn in_process() -> Self {
        let limiter = RateLimiter::InProcess(InProcessLimiter::new(Arc::new(SystemClock::new())));
        Self { limiter, metrics: Metrics::new(), _redis: None }
    }

    async fn redis() -> Self {
        let redis = RedisServer::start();
        let (limiter, metrics) = limiter(&redis);
        until_shared(&limiter, true).await;
        Self { limiter: RateLimiter::Redis(limiter), metrics, _redis: Some(redis) }
    }

    async fn allowed(&self, quota: &Quota, whom: Whom, times: usize) -> usize {
        allowed(&self.limiter, quota, whom, times).await
    }
}

/// One instance's limiter. Its lifecycle is never told to end.
fn limiter(redis: &RedisServer) -> (RedisLimiter, Metrics) {
    let url = redis.url();
    let config = Config::load(None, &|name: &str| (name == "REDIS_URL").then(|| url.clone())).unwrap().redis.unwrap();
    let (lifecycle, metrics, random) = (Lifecycle::new(), Metrics::new(), Random::from_os());
    let world = World { random: &random, lifecycle: &lifecycle, metrics: &metrics };
    (RedisLimiter::start(&config, Arc::new(SystemClock::new()), &world).unwrap(), metrics)
}

async fn until_shared(limiter: &RedisLimiter, wanted: bool) {
    let reached = tokio::time::timeout(PATIENCE, async {
        while limiter.is_shared() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    reached.await.expect("the limiter finds out");
}

async fn allowed(limiter: &RateLimiter, quota: &Quota, whom: Whom, times: usize) -> usize {
    let verdicts = join_all((0..times).map(|_| limiter.take(quota, whom))).await;
    verdicts.iter().filter(|verdict| verdict.is_allowed()).count()
}

fn person(id: u128) -> Whom {
    Whom::Principal(PrincipalRef { kind: PrincipalKind::User, id: Uuid::from_u128(id) })
}

const SLOW: Quota = Quota { name: "slow", rate: Rate::per_minute(6, 5) };
const OTHER: Quota = Quota { name: "other", rate: Rate::per_minute(6, 3) };

macro_rules! contract {
    ($($rule:ident),* $(,)?) => {
        mod in_process {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Bench::in_process().await).await; })*
        }
        mod redis {
            $(#[tokio::test] async fn $rule() { super::$rule(&super::Bench::redis().await).await; })*
        }
    };
}

contract!(
    a_burst_is_allowed_and_then_it_is_said_when_to_come_back,
    what_is_earned_meanwhile_is_allowed,
    everybody_and_everything_counts_by_itself,
    of_many_at_once_no_more_than_there_are_are_allowed,
);

async fn a_burst_is_allowed_and_then_it_is_said_when_to_come_back(bench: &Bench) {
    for remaining in (0..5).rev() {
        let verdict = bench.limiter.take(&SLOW, person(1)).await;
        assert!(verdict.is_allowed(), "{verdict:?}");
        assert_eq!(verdict.remaining, remaining);
    }
    let refused = bench.limiter.take(&SLOW, person(1)).await;
    let wait = refused.retry_after.expect("it is refused");
    assert!(wait > Duration::from_secs(5) && wait <= Duration::from_secs(10), "one is earned in ten seconds: {wait:?}");
    assert!(refused.reset_after > Duration::from_secs(40) && refused.reset_after <= Duration::from_secs(50));
    assert_eq!(refused.remaining, 0);
}

async fn what_is_earned_meanwhile_is_allowed(bench: &Bench) {
    let quick = Quota { name: "quick", rate: Rate::per_second(20, 1) };
    for _ in 0..3 {
        assert!(bench.limiter.take(&quick, person(1)).await.is_allowed());
        let wait = loop {
            // What is earned between the two may be enough on a slow machine.
            if let Some(wait) = bench.limiter.take(&quick, person(1)).await.retry_after {
                break wait;
            }
        };
        assert!(wait <= Duration::from_millis(50), "{wait:?}");
        tokio::time::sleep(wait + Duration::from_millis(2)).await;
    }
}

async fn everybody_and_everything_counts_by_itself(bench: &Bench) {
    assert_eq!(bench.allowed(&SLOW, person(1), 10).await, 5);
    assert_eq!(bench.allowed(&SLOW, person(2), 10).await, 5);
    assert_eq!(bench.allowed(&OTHER, person(1), 10).await, 3);
    assert_eq!(bench.allowed(&SLOW, Whom::Address(ClientAddress::UNKNOWN), 10).await, 5);
    assert_eq!(bench.allowed(&SLOW, person(1), 1).await, 0);
}

async fn of_many_at_once_no_more_than_there_are_are_allowed(bench: &Bench) {
    assert_eq!(bench.allowed(&SLOW, person(1), 200).await, 5);
    assert!(!bench.metrics.encode().contains("rate_limiter_alone_total 1"), "nobody counted alone");
}

#[tokio::test]
async fn instances_count_together() {
    let redis = RedisServer::start();
    let (one, two) = (limiter(&redis).0, limiter(&redis).0);
    until_shared(&one, true).await;
    until_shared(&two, true).await;
    let (one, two) = (RateLimiter::Redis(one), RateLimiter::Redis(two));
    assert_eq!(allowed(&one, &SLOW, person(1), 3).await, 3);
    assert_eq!(allowed(&two, &SLOW, person(1), 10).await, 2);
    assert_eq!(allowed(&one, &SLOW, person(1), 1).await, 0);
}

#[tokio::test]
async fn without_redis_each_instance_counts_alone_and_says_so() {
    let mut redis = RedisServer::absent();
    let (of_redis, metrics) = limiter(&redis);
    let limiter = RateLimiter::Redis(of_redis.clone());
    assert_eq!(allowed(&limiter, &SLOW, person(1), 10).await, 5, "it never was there");
    assert!(metrics.encode().contains("rate_limiter_together 0\n"), "{}", metrics.encode());
    redis.restart();
    until_shared(&of_redis, true).await;
    assert!(metrics.encode().contains("rate_limiter_together 1\n"));
    assert_eq!(allowed(&limiter, &SLOW, person(2), 10).await, 5);
    redis.kill();
    assert_eq!(allowed(&limiter, &SLOW, person(3), 10).await, 5, "it went away");
    until_shared(&of_redis, false).await;
    assert!(metrics.encode().contains("rate_limiter_together 0\n"));
    redis.restart();
    until_shared(&of_redis, true).await;
}

#[tokio::test]
async fn a_redis_that_does_not_answer_keeps_nobody_waiting() {
    let redis = RedisServer::start();
    let (of_redis, _) = limiter(&redis);
    until_shared(&of_redis, true).await;
    let limiter = RateLimiter::Redis(of_redis);
    redis.freeze();
    let begin = Instant::now();
    for _ in 0..50 {
        limiter.take(&SLOW, person(1)).await;
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    redis.thaw();
}

#[tokio::test]
async fn a_bucket_is_forgotten_by_redis_when_it_is_full_again() {
    let redis = RedisServer::start();
    let (of_redis, _) = limiter(&redis);
    until_shared(&of_redis, true).await;
    let quick = Quota { name: "quick", rate: Rate::per_second(100, 10) };
    RateLimiter::Redis(of_redis).take(&quick, person(1)).await;
    let gone = tokio::time::timeout(PATIENCE, async {
        while format!("{:?}", redis.command(&["DBSIZE"])) != "int(0)" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    gone.await.expect("nothing is left of it");
}
