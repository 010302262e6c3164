//! Which runs of agents workers may take on.

use std::time::Duration;

use futures_util::future::join_all;
use platform::db::documents::ensure_node;
use platform::db::runs::{self, Capacity, Claim};
use platform::testing::TestDatabase;
use schema::ids::NodeId;
use uuid::Uuid;

const RUNS: usize = 8;
const ROUNDS: usize = 20;

/// Workers look at the same moment, and each finds runs that nobody drives.
#[tokio::test]
async fn no_more_runs_of_an_organization_are_driven_than_may_be() {
    let test = TestDatabase::new().await;
    let owner = test.user("ada").await;
    let org = test.org(owner.id).await;
    let project = test.project(org).await;
    for _ in 0..RUNS {
        let node = NodeId::new(Uuid::new_v4());
        ensure_node(&test.db, org, project, node).await.unwrap().unwrap();
        test.run(org, project, node, owner.id).await;
    }
    let workers = join_all((0..4).map(|_| test.another_instance())).await;
    let capacity = Capacity { lease: Duration::from_mins(1), per_org: 2 };
    for _ in 0..ROUNDS {
        test.sabotage("UPDATE agent_executions SET status = 'pending', leased_by = NULL, leased_until = NULL").await;
        let claims = workers.iter().cycle().take(RUNS).map(|db| runs::claim(db, Uuid::new_v4(), capacity, Claim::Any));
        let leased = join_all(claims).await.into_iter().filter_map(Result::unwrap).count();
        assert_eq!(leased, 2);
    }
}
