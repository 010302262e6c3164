//! A person beside agents, with a Yjs client.

mod edits;

use schema::node;
use tokio::time::{Duration, timeout};
use web_protocol::awareness;
use web_protocol::client::{ChannelEvent, Client, Event, Events, connect};
use yrs::branch::{Branch, BranchPtr};
use yrs::types::text::YChange;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Array, Doc, Map, Out, ReadTxn, StateVector, StickyIndex, Text, Transact, TransactionMut, Update, XmlFragment,
    XmlFragmentRef, XmlOut, XmlTextRef,
};

use crate::world::World;

/// How long the server may say nothing.
const PATIENCE: Duration = Duration::from_mins(1);
/// Characters that mean nothing by themselves.
const PRIVATE_USE: u32 = 0xE000;
const CHARACTERS_EACH: u32 = 200;

/// Where people and a run write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Output,
    Body,
}

impl Place {
    fn fragment<T: ReadTxn>(self, txn: &T) -> Option<XmlFragmentRef> {
        match self {
            Self::Output => output_text(txn),
            Self::Body => txn.get_xml_fragment("body"),
        }
    }

    /// What stands there, a line for each text.
    pub(crate) fn text<T: ReadTxn>(self, txn: &T) -> String {
        let Some(fragment) = self.fragment(txn) else { return String::new() };
        texts_of(&fragment, txn).iter().map(|text| plain(text, txn)).collect::<Vec<_>>().join("\n")
    }
}

/// Somebody with a Yjs client, in a node's document.
pub(crate) struct Human {
    doc: Doc,
    client: Client,
    events: Events,
    number: u64,
    sent: u64,
    confirmed: u64,
    pub(crate) place: Place,
    /// What was typed: characters that nobody else types.
    pub(crate) typed: Vec<char>,
    /// What was deleted of what people had typed.
    pub(crate) deleted: Vec<char>,
    /// What was taken along from one block to another, and so is this person's from then on.
    pub(crate) moved: String,
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
        Self {
            doc,
            client,
            events,
            number,
            sent: 0,
            confirmed: 0,
            place: Place::Output,
            typed: Vec::new(),
            deleted: Vec::new(),
            moved: String::new(),
            first,
            presence: Vec::new(),
        }
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

    /// The next that the presence of others says from now on.
    pub(crate) async fn next_presence(&mut self) -> String {
        self.presence.clear();
        self.waiting_presence().await
    }

    /// The next that the presence of others says, if it has not been looked at.
    pub(crate) async fn waiting_presence(&mut self) -> String {
        while self.presence.is_empty() {
            let event = timeout(PATIENCE, self.events.next()).await.expect("presence is renewed or removed").unwrap();
            self.take(event);
        }
        self.presence.remove(0)
    }

    /// Makes the node's body read so.
    pub(crate) fn write_body(&mut self, markdown: &str) {
        self.edit(|txn| node::set_body(txn, markdown).unwrap());
    }

    fn edit<T>(&mut self, edit: impl FnOnce(&mut TransactionMut<'_>) -> T) -> T {
        let mut txn = self.doc.transact_mut();
        let done = edit(&mut txn);
        let update = txn.encode_update_v1();
        drop(txn);
        if update != Update::EMPTY_V1 {
            self.sent = self.client.send_update(self.number, &update);
        }
        done
    }

    pub(crate) fn text(&self) -> String {
        self.place.text(&self.doc.transact())
    }

    /// What stands before a caret that another one shows, in the same text.
    pub(crate) fn text_before(&self, caret: &serde_json::Value) -> Option<String> {
        let caret: StickyIndex = serde_json::from_value(caret.clone()).unwrap();
        let txn = self.doc.transact();
        let at = caret.get_offset(&txn)?;
        let texts = texts_of(&self.place.fragment(&txn)?, &txn);
        let text = texts.iter().find(|text| at.branch == BranchPtr::from(AsRef::<Branch>::as_ref(*text)))?;
        Some(plain(text, &txn).chars().take(at.index as usize).collect())
    }

    /// Whether everything that the other one has done has come here.
    pub(crate) fn has_all_of(&self, other: &Self) -> bool {
        let [mine, theirs] = [self, other].map(|human| human.doc.transact().state_vector());
        theirs.get(&other.doc.client_id()) <= mine.get(&other.doc.client_id())
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

/// A text without its marks.
fn plain<T: ReadTxn>(text: &XmlTextRef, txn: &T) -> String {
    let parts = text.diff(txn, YChange::identity);
    parts.into_iter().map(|part| part.insert.to_string(txn)).collect()
}
