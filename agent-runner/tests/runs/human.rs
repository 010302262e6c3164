//! A person beside agents, with a Yjs client.

use platform::random::Random;
use schema::node;
use tokio::time::{Duration, timeout};
use web_protocol::awareness;
use web_protocol::client::{ChannelEvent, Client, Event, Events, connect};
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Array, Doc, GetString, Map, Out, ReadTxn, StateVector, Text, Transact, Update, XmlFragment, XmlFragmentRef, XmlOut,
    XmlTextRef,
};

use crate::world::World;

/// How long the server may say nothing.
const PATIENCE: Duration = Duration::from_mins(1);
/// Characters that mean nothing by themselves.
const PRIVATE_USE: u32 = 0xE000;
const CHARACTERS_EACH: u32 = 100;

/// Somebody with a Yjs client, in a node's document.
pub(crate) struct Human {
    doc: Doc,
    client: Client,
    events: Events,
    number: u64,
    sent: u64,
    confirmed: u64,
    /// What was typed: a character each, which nobody else types, and nobody can type into.
    pub(crate) typed: Vec<char>,
    first: u32,
    /// What the presence of others has said so far, each as JSON.
    pub(crate) presence: Vec<String>,
}

impl Human {
    pub(crate) async fn join(world: &World, seed: u64) -> Self {
        let url = format!("ws://{}", world.address);
        let (client, events, driver) = connect(&url, &world.socket_token().await).await.unwrap();
        tokio::spawn(driver.run());
        let subscribed = client.subscribe(&format!("node:{}", world.node)).await.unwrap();
        let number = subscribed.number;
        client.send_step1(number, &StateVector::default().encode_v1());
        let doc = schema::new_doc(yrs::ClientID::new(1_000_000 + seed));
        let first = PRIVATE_USE + CHARACTERS_EACH * u32::try_from(seed).unwrap();
        Self { doc, client, events, number, sent: 0, confirmed: 0, typed: Vec::new(), first, presence: Vec::new() }
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
            ChannelEvent::Awareness(states) => {
                let entries = awareness::decode(&states, usize::MAX).unwrap();
                self.presence.extend(entries.into_iter().map(|entry| entry.state.to_owned()));
            }
        }
    }

    pub(crate) fn catch_up(&mut self) {
        while let Some(event) = self.events.try_next() {
            self.take(event);
        }
    }

    pub(crate) async fn settle(&mut self) {
        while self.confirmed < self.sent {
            let event = timeout(PATIENCE, self.events.next()).await.expect("receipts come").unwrap();
            self.take(event);
        }
    }

    /// The next that the presence of others says.
    pub(crate) async fn next_presence(&mut self) -> String {
        self.presence.clear();
        while self.presence.is_empty() {
            let event = timeout(PATIENCE, self.events.next()).await.expect("presence is renewed or removed").unwrap();
            self.take(event);
        }
        self.presence.remove(0)
    }

    /// Makes the node's body read so.
    pub(crate) fn write_body(&mut self, markdown: &str) {
        let mut txn = self.doc.transact_mut();
        node::set_body(&mut txn, markdown).unwrap();
        let update = txn.encode_update_v1();
        drop(txn);
        self.sent = self.client.send_update(self.number, &update);
    }

    /// Types somewhere in what the run writes, if there is anything yet.
    pub(crate) fn type_somewhere(&mut self, random: &Random) -> bool {
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

    pub(crate) fn text(&self) -> String {
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
