//! What others see of an agent while it works.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::human::{Human, Place};
use crate::provider::{Part, Provider, Reply, results};
use crate::world::World;

fn script(request: &Value, _: usize) -> Reply {
    match results(request) {
        0 => Reply::Held(vec![
            Part::Text("The sea is wide.\n\n- Waves"),
            Part::Gate,
            Part::Text(" and ships."),
            Part::Gate,
            Part::Tool("request_human_input", json!({"question": "Which sea?"})),
        ]),
        _ => Reply::Parts(vec![Part::Text("Done.")]),
    }
}

/// What presence says of the agent, once it does this.
async fn shown(person: &mut Human, activity: &str) -> Value {
    loop {
        let state: Value = serde_json::from_str(&person.waiting_presence().await).unwrap();
        if state["activity"] == activity {
            return state;
        }
    }
}

/// Shows its caret at the end of what it has written, which ends so.
async fn writes_behind(person: &mut Human, end: &str) {
    loop {
        let state = shown(person, "writing").await;
        assert_eq!(state["cursor"]["anchor"], state["cursor"]["head"]);
        let before = person.text_before(&state["cursor"]["head"]);
        if before.as_deref().is_some_and(|text| text.ends_with(end)) {
            assert!(person.text().ends_with(end), "{before:?}");
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn others_see_who_the_agent_is_what_it_does_and_where_it_writes() {
    let world = World::start().await;
    let provider = Provider::start(Arc::new(script)).await;
    let _worker = world.worker_of(world.setup(Some(&provider.url)));
    let mut person = Human::join(&world, 0).await;
    person.place = Place::Output;
    let run = world.execute(json!({"plan": false, "agentName": "Critic"})).await;

    let thinks = shown(&mut person, "thinking").await;
    let user = &thinks["user"];
    assert_eq!((&user["name"], &user["kind"]), (&json!("Critic"), &json!("agent")), "{thinks}");
    assert!(user["color"].as_str().is_some_and(|color| color.len() == 7 && color.starts_with('#')), "{thinks}");
    assert_eq!((&thinks["run"], &thinks["node"]), (&json!(run), &json!(world.node)));
    assert_eq!(thinks["cursor"], Value::Null);

    provider.gate.add_permits(1);
    writes_behind(&mut person, "Waves").await;
    provider.gate.add_permits(1);
    writes_behind(&mut person, "Waves and ships.").await;
    provider.gate.add_permits(1);
    world.until_status(&run, "awaiting_input").await;
    // While it waits, the question is there, and the agent is not.
    while person.waiting_presence().await != "null" {}
    assert_eq!(world.live().await.questions.len(), 1);
}
