//! Which runs of agents workers may take on.

use std::time::Duration;

use futures_util::future::join_all;
use platform::db::documents::ensure_node;
use platform::db::runs::{self, Capacity, Claim};
use platform::testing::TestDatabase;
use schema::ids::{NodeId, RunId};
use uuid::Uuid;

const RUNS: usize = 8;
const ROUNDS: usize = 20;

/// Runs of an organization, each on a node of its own.
async fn begin_runs(test: &TestDatabase) -> Vec<RunId> {
    let owner = test.user("ada").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let node = NodeId::new(Uuid::new_v4());
        ensure_node(&test.db, org, project, node).await.unwrap().unwrap();
        runs.push(test.run(org, project, node, owner.id).await);
    }
    runs
}

/// Workers look at the same moment, and each finds runs that nobody drives.
#[tokio::test]
async fn no_more_runs_of_an_organization_are_driven_than_may_be() {
    let test = TestDatabase::new().await;
    begin_runs(&test).await;
    let workers = join_all((0..4).map(|_| test.another_instance())).await;
    let capacity = Capacity { lease: Duration::from_mins(1), per_org: 2 };
    for _ in 0..ROUNDS {
        test.sabotage("UPDATE agent_executions SET status = 'pending', leased_by = NULL, leased_until = NULL").await;
        let claims = workers.iter().cycle().take(RUNS).map(|db| runs::claim(db, Uuid::new_v4(), capacity, Claim::Any));
        let leased = join_all(claims).await.into_iter().filter_map(Result::unwrap).count();
        assert_eq!(leased, 2);
    }
}

#[tokio::test]
async fn a_run_that_is_to_be_cancelled_waits_for_no_other() {
    let test = TestDatabase::new().await;
    let runs = begin_runs(&test).await;
    let capacity = Capacity { lease: Duration::from_mins(1), per_org: 7 };
    let paused = runs[0];
    let pause = "UPDATE agent_executions SET status = 'paused', leased_by = NULL, leased_until = NULL";
    test.sabotage(&format!("{pause} WHERE id = '{paused}'")).await;
    let claim = || runs::claim(&test.db, Uuid::new_v4(), capacity, Claim::Any);
    assert_eq!(claim().await.unwrap(), None);
    test.sabotage(&format!("UPDATE agent_executions SET control = 'cancel' WHERE id = '{paused}'")).await;
    assert_eq!(claim().await.unwrap().map(|leased| leased.run), Some(paused));
}
