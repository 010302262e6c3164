//! Runs that are told once undisturbed, and once more for each moment at which a worker can be killed.

use serde_json::{Value, json};

use crate::provider::{Part, Reply, is_plan, results};
use crate::world::{Setup, World, stop_at, text};

/// The lease of a worker that is killed.
const LEASE_SECONDS: u64 = 5;

/// A run, and all that it is told.
pub(super) struct Story {
    pub(super) script: fn(&Value, usize) -> Reply,
    /// What is asked of it.
    pub(super) options: fn() -> Value,
    /// What its organization has set up.
    pub(super) policies: fn() -> Value,
    /// It has more than so many moments.
    pub(super) moments_min: usize,
}

/// A plan, two nodes, a question, an edit that needs leave, an output, a file, and text before and after.
pub(super) const WHOLE: Story = Story {
    script: |request, _| {
        if is_plan(request) {
            return Reply::Parts(vec![Part::Text("1. Divide\n"), Part::Text("2. Write")]);
        }
        Reply::Parts(match results(request) {
            0 => vec![
                Part::Text("First, some "),
                Part::Text("**bold** words.\n\n- one\n"),
                Part::Tool(
                    "create_subnode",
                    json!({"title": "Part one", "description": "Do *this*.", "author_type": "human",
                    "inputs": [{"type": "text", "content": "a text"}]}),
                ),
                Part::Tool("create_subnode", json!({"title": "Part two", "author_type": "agent"})),
            ],
            2 => vec![Part::Tool(
                "request_human_input",
                json!({"question": "Which sea?", "options": ["North", "South"]}),
            )],
            3 => {
                vec![Part::Tool("edit_body", json!({"markdown": "Write about the *cold* sea.\n\n- Waves\n- Fish"}))]
            }
            4 => vec![
                Part::Tool("add_output", json!({"type": "structured_data", "label": "Facts", "content": {"waves": 3}})),
                Part::Tool(
                    "add_output",
                    json!({"type": "file", "label": "Table", "content": {"filename": "sea.csv", "text": "waves\n3\n"}}),
                ),
            ],
            _ => vec![Part::Text("## The sea\n\nIt is "), Part::Text("wide, and "), Part::Text("deep.")],
        })
    },
    options: || json!({}),
    policies: || json!({"tools": {"edit_body": "approve"}}),
    moments_min: 50,
};

/// Edits of a body and an output that are offered, and a text that is.
pub(super) const OFFERED: Story = Story {
    script: |request, _| {
        Reply::Parts(match results(request) {
            0 => vec![Part::Tool("edit_body", json!({"markdown": "Write about the *cold* sea.\n\nAnd its fish."}))],
            1 => vec![Part::Tool("add_output", json!({"type": "structured_data", "content": {"waves": 3}}))],
            _ => vec![Part::Text("It is "), Part::Text("**cold**.\n\n"), Part::Text("- Very")],
        })
    },
    options: || json!({"plan": false, "mode": "propose"}),
    policies: || json!({}),
    moments_min: 20,
};

/// A node on which a run begins, which writes while the run above goes on.
pub(super) const WITH_RUN_BELOW: Story = Story {
    script: |request, _| {
        if request["messages"][1]["content"].as_str().is_some_and(|brief| brief.contains("# Task: Below")) {
            return Reply::Parts(vec![Part::Text("From "), Part::Text("below.")]);
        }
        Reply::Parts(match results(request) {
            0 => vec![
                Part::Text("Divided. "),
                Part::Tool("create_subnode", json!({"title": "Below", "author_type": "agent"})),
            ],
            _ => vec![Part::Text("And "), Part::Text("conquered.")],
        })
    },
    options: || json!({"plan": false, "subnodes": "run"}),
    policies: || json!({}),
    moments_min: 30,
};

impl Story {
    pub(super) async fn world(&self) -> World {
        let world = World::start().await;
        world.set_policies((self.policies)()).await;
        world
    }

    /// Begins the run on a node of a new project.
    pub(super) async fn begin(&self, world: &mut World) -> String {
        world.project =
            text(&world.post(&format!("/orgs/{}/projects", world.org), json!({"name": "Again"})).await["id"]);
        world.node = world.new_node("The task").await;
        world.execute((self.options)()).await
    }
}

/// Answers what the run asks, and waits until it is over, with all that it began.
pub(super) async fn see_through(world: &World, run: &str) {
    let mut answered = Value::Null;
    loop {
        let asks = |run: &Value| run["question"].is_object() && run["question"]["id"] != answered;
        let found = world.until(run, |run| asks(run) || run["status"] == "complete").await;
        if found["status"] == "complete" {
            break;
        }
        let question = &found["question"];
        let response = if question["approval"] == true { "Approve" } else { "North" };
        let answer = json!({"questionId": question["id"], "response": response});
        world.post(&format!("/executions/{run}/input"), answer).await;
        answered = question["id"].clone();
    }
    for run in world.executions().await {
        world.until_status(&text(&run["id"]), "complete").await;
    }
}

/// The same of a run whose worker is killed at the moment of this number. How many moments there are depends on how the
/// answers were divided: this run may have fewer.
pub(super) async fn see_through_killed_at(world: &World, run: &str, moment: usize, url: &str) {
    let (probe, reached) = stop_at(moment);
    let mut setup = Setup { probe, ..world.setup(Some(url)) };
    // What it commits at its end may be a lease, which has to run out.
    setup.config.lease_seconds = LEASE_SECONDS;
    let worker = world.worker_of(setup);
    tokio::select! {
        () = reached.notified() => {}
        () = see_through(world, run) => {}
    }
    worker.kill();
    world.expire_leases().await;
    let next = world.worker(Some(url), agent_runner::Probe::default());
    see_through(world, run).await;
    next.kill();
}
