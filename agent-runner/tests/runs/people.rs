//! People beside agents: what they write stays, whatever the run does, and when it is taken back.

use std::sync::Arc;

use agent_runner::Probe;
use platform::random::Random;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep, timeout};
use web_protocol::client::{ChannelEvent, Client, Event, Events, connect};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Array, Doc, GetString, Map, Out, ReadTxn, StateVector, Text, Transact, Update, XmlFragment, XmlFragmentRef, XmlOut,
    XmlTextRef,
};

use crate::provider::{Part, Provider, Reply};
use crate::world::World;

/// Characters that mean nothing by themselves.
const PRIVATE_USE: u32 = 0xE000;
const CHARACTERS_EACH: u32 = 100;

const SENTENCES: [&str; 8] = [
    "The sea is wide. ",
    "It has **waves**,\n\n",
    "- and ships\n- and sailors\n\n",
    "## Below\n\n",
    "There are fish, ",
    "and nobody knows them all.\n\n",
    "> They say nothing.\n\n",
    "That is the end.",
];

/// Somebody with a Yjs client, in a node's document.
struct Human {
    doc: Doc,
    client: Client,
    events: Events,
    number: u64,
    sent: u64,
    confirmed: u64,
    /// What was typed: a character each, which nobody else types, and nobody can type into.
    typed: Vec<char>,
    first: u32,
}

impl Human {
    async fn join(world: &World, seed: u64) -> Self {
        let url = format!("ws://{}", world.address);
        let (client, events, driver) = connect(&url, &world.socket_token().await).await.unwrap();
        tokio::spawn(driver.run());
        let subscribed = client.subscribe(&format!("node:{}", world.node)).await.unwrap();
        let number = subscribed.number;
        client.send_step1(number, &StateVector::default().encode_v1());
        let doc = schema::new_doc(yrs::ClientID::new(1_000_000 + seed));
        let first = PRIVATE_USE + CHARACTERS_EACH * u32::try_from(seed).unwrap();
        Self { doc, client, events, number, sent: 0, confirmed: 0, typed: Vec::new(), first }
    }

    fn take(&mut self, event: Event) {
        let Event::Channel { event, .. } = event else { return };
        match event {
            ChannelEvent::Step1(state_vector) => {
                let state_vector = StateVector::decode_v1(&state_vector).unwrap();
                let missing = self.doc.transact().encode_diff_v1(&state_vector);
                self.sent = self.client.send_step2(self.number, &missing);
            }
            ChannelEvent::Step2(update) | ChannelEvent::Update(update) => {
                self.doc.transact_mut().apply_update(Update::decode_v1(&update).unwrap()).unwrap();
            }
            ChannelEvent::Receipt { through, .. } => self.confirmed = through,
            ChannelEvent::Awareness(_) => {}
        }
    }

    fn catch_up(&mut self) {
        while let Some(event) = self.events.try_next() {
            self.take(event);
        }
    }

    async fn settle(&mut self) {
        while self.confirmed < self.sent {
            let event = timeout(Duration::from_secs(10), self.events.next()).await.expect("receipts come").unwrap();
            self.take(event);
        }
    }

    /// Types somewhere in what the run writes, if there is anything yet.
    fn type_somewhere(&mut self, random: &Random) -> bool {
        let mut txn = self.doc.transact_mut();
        let Some(fragment) = output_text(&txn) else { return false };
        let texts = texts_of(&fragment, &txn);
        if texts.is_empty() {
            return false;
        }
        let at = |bound: usize| usize::try_from(random.below(bound as u64)).unwrap();
        let text = &texts[at(texts.len())];
        let character = char::from_u32(self.first + u32::try_from(self.typed.len()).unwrap()).unwrap();
        let length = text.len(&txn);
        text.insert(&mut txn, u32::try_from(at(length as usize + 1)).unwrap(), &character.to_string());
        let update = txn.encode_update_v1();
        drop(txn);
        self.typed.push(character);
        self.sent = self.client.send_update(self.number, &update);
        true
    }

    fn text(&self) -> String {
        let txn = self.doc.transact();
        let Some(fragment) = output_text(&txn) else { return String::new() };
        texts_of(&fragment, &txn).iter().map(|text| text.get_string(&txn)).collect::<Vec<_>>().join("\n")
    }
}

fn output_text<T: ReadTxn>(txn: &T) -> Option<XmlFragmentRef> {
    let outputs = txn.get_array("outputs")?;
    let Some(Out::YMap(output)) = outputs.get(txn, 0) else { return None };
    match output.get(txn, "text") {
        Some(Out::YXmlFragment(text)) => Some(text),
        _ => None,
    }
}

fn texts_of<T: ReadTxn>(fragment: &XmlFragmentRef, txn: &T) -> Vec<XmlTextRef> {
    let texts = fragment.successors(txn).filter_map(|node| match node {
        XmlOut::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}

fn parts(_: &Value, _: usize) -> Reply {
    Reply::Parts(SENTENCES.iter().flat_map(|text| [Part::Text(text), Part::Gate]).collect())
}

/// People type into whatever there is while it is written, at random places; some runs are cancelled or paused in the
/// middle. In the end every word that somebody typed is there once, for all, and after the run has been taken back, too.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_people_type_is_lost_to_a_run_or_to_its_undoing() {
    let mut world = World::start().await;
    let provider = Provider::start(Arc::new(parts)).await;
    let _worker = world.worker(Some(&provider.url), Probe::default());
    for seed in 0..6 {
        let random = Random::from_seed(seed);
        world.node = world.new_node("The sea").await;
        let mut people = [Human::join(&world, 2 * seed).await, Human::join(&world, 2 * seed + 1).await];
        let run = world.execute(json!({"plan": false})).await;
        world.until(&run, |run| run["outputItemId"].is_string()).await;
        for step in 0..SENTENCES.len() {
            for person in &mut people {
                person.catch_up();
                for _ in 0..random.below(3) {
                    person.type_somewhere(&random);
                }
            }
            if step == 4 && seed % 3 == 1 {
                world.post(&format!("/executions/{run}/cancel"), json!({})).await;
                break;
            }
            if step == 4 && seed % 3 == 2 {
                world.post(&format!("/executions/{run}/pause"), json!({})).await;
                world.until_status(&run, "paused").await;
                world.post(&format!("/executions/{run}/resume"), json!({})).await;
            }
            provider.gate.add_permits(1);
            sleep(Duration::from_millis(20 + random.below(100))).await;
        }
        provider.gate.add_permits(SENTENCES.len());
        world.until(&run, |run| run["completedAt"].is_string()).await;
        check(&mut people, seed).await;

        world.post(&format!("/executions/{run}/undo"), json!({})).await;
        check(&mut people, seed).await;
        let left = people[0].text();
        for word in ["sailors", "nobody knows", "That is the end"] {
            assert!(!left.contains(word), "seed {seed}: the run's {word:?} is still in {left:?}");
        }
        // What the next run must not use.
        while provider.gate.try_acquire().map(tokio::sync::SemaphorePermit::forget).is_ok() {}
    }
}

/// All replicas are equal, and hold every word once.
async fn check(people: &mut [Human; 2], seed: u64) {
    for person in people.iter_mut() {
        person.settle().await;
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        people.iter_mut().for_each(Human::catch_up);
        if people[0].text() == people[1].text() {
            let text = people[0].text();
            let times = |typed: &char| text.chars().filter(|character| character == typed).count();
            let wrong: Vec<&char> =
                people.iter().flat_map(|person| &person.typed).filter(|typed| times(typed) != 1).collect();
            if wrong.is_empty() {
                return;
            }
            assert!(tokio::time::Instant::now() < deadline, "seed {seed}: {wrong:?} are not there once: {text:?}");
        }
        assert!(tokio::time::Instant::now() < deadline, "seed {seed}: replicas differ");
        sleep(Duration::from_millis(20)).await;
    }
}
