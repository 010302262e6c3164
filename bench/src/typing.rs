//! What people do to documents, as Yjs updates made by `yrs`.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schema::new_doc;
use yrs::updates::decoder::Decode;
use yrs::{
    ClientID, Doc, GetString, ReadTxn, StateVector, Text, TextRef, Transact, Update, XmlElementPrelim, XmlFragment,
    XmlTextPrelim, XmlTextRef,
};

use crate::client::Content;

/// The root text of the documents of the generator.
pub(crate) const ROOT: &str = "text";

const WORDS: [&str; 16] = [
    "the ", "river ", "of ", "glass ", "between ", "and ", "a ", "quiet ", "morning ", "where ", "nobody ", "wrote ",
    "this ", "before ", "naïve ", "😀 ",
];
const LETTERS: &[u8] = b"etaoin shrdlucmfwypvbgkjqxz";

/// Somebody who types at the end of a text: mostly letters, sometimes a word at once, sometimes a correction.
#[derive(Debug)]
pub(crate) struct Typist {
    doc: Doc,
    text: TextRef,
    rng: StdRng,
}

impl Typist {
    /// Types under this client id; the same seed types the same.
    pub(crate) fn new(client: u64, seed: u64) -> Self {
        let doc = new_doc(ClientID::new(client));
        let text = doc.get_or_insert_text(ROOT);
        Self { doc, text, rng: StdRng::seed_from_u64(seed ^ client) }
    }

    /// One edit, as an update of 16 to 60 bytes or so. It always inserts something.
    pub(crate) fn next_update(&mut self) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        match self.rng.random_range(0..100) {
            0..85 => {
                let letter = char::from(LETTERS[self.rng.random_range(0..LETTERS.len())]);
                self.text.push(&mut txn, letter.encode_utf8(&mut [0; 4]));
            }
            85..95 => self.text.push(&mut txn, WORDS[self.rng.random_range(0..WORDS.len())]),
            _ => {
                let len = self.text.len(&txn);
                // "😀" counts two and must not be cut in half: only what ends in a letter or space is corrected.
                if len > 0 && !self.text.get_string(&txn).ends_with('😀') {
                    self.text.remove_range(&mut txn, len - 1, 1);
                }
                self.text.push(&mut txn, WORDS[self.rng.random_range(0..WORDS.len())]);
            }
        }
        txn.encode_update_v1()
    }
}

/// The updates that build a rich text of `bytes` bytes or a little more, as a whole state in Yjs's encoding: paragraphs
/// that were each edited at many random places, as a document of many authors and months is.
pub(crate) fn long_document(bytes: usize, seed: u64) -> Vec<Vec<u8>> {
    const EDITS_IN_PARAGRAPH: u32 = 400;
    const EDITS_IN_UPDATE: u32 = 50;
    let mut rng = StdRng::seed_from_u64(seed);
    let doc = new_doc(ClientID::new(rng.random_range(1..1 << 31)));
    let body = doc.get_or_insert_xml_fragment("body");
    let mut updates = Vec::new();
    // Together they are longer than the state by some percent: each names its client and what it follows.
    let mut written = 0;
    while written < bytes {
        let mut txn = doc.transact_mut();
        let paragraph = body.push_back(&mut txn, XmlElementPrelim::empty("paragraph"));
        let text = paragraph.push_back(&mut txn, XmlTextPrelim::new(""));
        updates.push(txn.encode_update_v1());
        drop(txn);
        let before = updates.len() - 1;
        let edits = std::iter::repeat_n(EDITS_IN_UPDATE, (EDITS_IN_PARAGRAPH / EDITS_IN_UPDATE) as usize);
        updates.extend(edits.map(|edits| edit_paragraph(&doc, &text, edits, &mut rng)));
        written += updates[before..].iter().map(Vec::len).sum::<usize>();
    }
    updates
}

fn edit_paragraph(doc: &Doc, text: &XmlTextRef, edits: u32, rng: &mut StdRng) -> Vec<u8> {
    let mut txn = doc.transact_mut();
    for _ in 0..edits {
        let at = rng.random_range(0..=text.len(&txn));
        // The last word holds a pair of UTF-16 units, which a later edit could cut in half.
        text.insert(&mut txn, at, WORDS[rng.random_range(0..WORDS.len() - 1)]);
    }
    txn.encode_update_v1()
}

/// A replica that takes part like any other: it types, it applies what others do, it answers step 1.
#[derive(Debug)]
pub(crate) struct Replica {
    doc: Doc,
    text: TextRef,
    client: u64,
}

impl Replica {
    /// An empty replica.
    pub(crate) fn new(client: u64) -> Self {
        let doc = new_doc(ClientID::new(client));
        let text = doc.get_or_insert_text(ROOT);
        Self { doc, text, client }
    }

    /// Its client id.
    pub(crate) fn client(&self) -> u64 {
        self.client
    }

    /// Writes at the end of the text: the update.
    pub(crate) fn append(&self, text: &str) -> Vec<u8> {
        let mut txn = self.doc.transact_mut();
        self.text.push(&mut txn, text);
        txn.encode_update_v1()
    }

    /// Applies an update or a step 2.
    pub(crate) fn apply(&self, update: &[u8]) -> anyhow::Result<()> {
        let update = Update::decode_v1(update)?;
        self.doc.transact_mut().apply_update(update)?;
        Ok(())
    }

    /// A replica that reads what a document held when it was opened.
    pub(crate) fn reading(client: u64, content: &Content) -> anyhow::Result<Self> {
        let replica = Self::new(client);
        for update in content.updates() {
            replica.apply(&update?)?;
        }
        Ok(replica)
    }

    /// What a step 1 says.
    pub(crate) fn state_vector(&self) -> Vec<u8> {
        use yrs::updates::encoder::Encode;
        self.doc.transact().state_vector().encode_v1()
    }

    /// How much of a client's work has arrived.
    pub(crate) fn clock_of(&self, client: u64) -> u32 {
        self.doc.transact().state_vector().get(&ClientID::new(client))
    }

    /// What answers a step 1.
    pub(crate) fn diff(&self, state_vector: &[u8]) -> anyhow::Result<Vec<u8>> {
        let state_vector = StateVector::decode_v1(state_vector)?;
        Ok(self.doc.transact().encode_diff_v1(&state_vector))
    }

    /// What [`long_document`] writes, as XML.
    pub(crate) fn body(&self) -> String {
        let body = self.doc.get_or_insert_xml_fragment("body");
        body.get_string(&self.doc.transact())
    }

    /// The whole text.
    pub(crate) fn text(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{Run, runs};

    #[test]
    fn what_is_typed_arrives_and_is_named_by_its_run() {
        let mut typist = Typist::new(7, 1);
        let reader = Replica::new(8);
        let mut expected_clock = 0;
        for _ in 0..500 {
            let update = typist.next_update();
            assert!(update.len() < 80, "{} bytes", update.len());
            reader.apply(&update).unwrap();
            let clock = u64::from(reader.clock_of(7));
            assert_eq!(runs(&update).unwrap(), [Run { client: 7, clock: expected_clock, len: clock - expected_clock }]);
            expected_clock = clock;
        }
        assert_eq!(reader.text(), typist.text.get_string(&typist.doc.transact()));
    }

    #[test]
    fn a_long_document_is_as_long_as_asked() {
        let reader = Replica::new(8);
        for update in long_document(50_000, 3) {
            reader.apply(&update).unwrap();
        }
        let state = reader.diff(&[0]).unwrap();
        assert!((50_000..70_000).contains(&state.len()), "{} bytes", state.len());
    }
}
