//! People who typed at the same time, as recorded, cut into slices: the updates that each of them sent, and what each
//! must have seen before.
//!
//! The format is that of the concurrent traces of the public collection `josephg/editing-traces`.

use std::path::Path;
use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use schema::new_doc;
use serde::Deserialize;
use yrs::updates::decoder::Decode as _;
use yrs::{ClientID, Doc, GetString as _, ReadTxn as _, StateVector, Text as _, Transact as _, Update};

use crate::trace;
use crate::typing::ROOT;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recorded {
    end_content: String,
    num_agents: usize,
    txns: Vec<Transaction>,
}

#[derive(Debug, Deserialize)]
struct Transaction {
    /// Indices of the transactions that its author had seen, but for those before them.
    parents: Vec<usize>,
    agent: usize,
    patches: Vec<Patch>,
}

/// Position and deleted length in Unicode code points, and what was inserted.
#[derive(Debug, Deserialize)]
struct Patch(u32, u32, String);

/// What somebody typed at once.
#[derive(Debug)]
pub(super) struct Edit {
    pub(super) update: Vec<u8>,
    /// How much of each agent's work its author had seen, as clocks.
    pub(super) needs: Vec<u32>,
}

/// A part of the recording.
#[derive(Debug, Clone)]
pub(super) struct Slice {
    /// The state before it, as an update.
    pub(super) base: Rc<Vec<u8>>,
    /// What each agent types.
    pub(super) edits: Vec<Rc<Vec<Edit>>>,
    /// The text after it.
    pub(super) end: Rc<str>,
}

/// The Yjs client id of an agent: of two insertions at one place, that of the lower id comes first, as was recorded.
pub(super) fn client_of(agent: usize) -> u64 {
    agent as u64 + 1
}

/// Reads a recording and cuts it after every `transactions`.
pub(super) fn read(path: &Path, transactions: usize) -> Result<Vec<Slice>> {
    let recorded: Recorded = trace::parse(path)?;
    ensure!(
        recorded.txns.iter().flat_map(|txn| &txn.patches).all(|patch| patch.2.chars().all(|it| it.len_utf16() == 1)),
        "{}: characters of two UTF-16 units are not supported",
        path.display()
    );
    let mut typing = Typing::new(recorded.num_agents);
    let mut slices = Vec::new();
    for part in recorded.txns.chunks(transactions) {
        let base = typing.whole.transact().encode_state_as_update_v1(&StateVector::default());
        let mut edits: Vec<_> = (0..recorded.num_agents).map(|_| Vec::new()).collect();
        for transaction in part {
            let edit = typing.type_next(transaction).context("an impossible transaction")?;
            edits[transaction.agent].push(edit);
        }
        let end = text_of(&typing.whole).into();
        slices.push(Slice { base: Rc::new(base), edits: edits.into_iter().map(Rc::new).collect(), end });
    }
    let end = slices.last().context("the trace has no transactions")?;
    ensure!(*end.end == *recorded.end_content, "{} does not end as it says", path.display());
    Ok(slices)
}

/// The typing of the recording, with a document for each agent that holds exactly what its author had seen.
struct Typing {
    authors: Vec<Doc>,
    /// Everything so far.
    whole: Doc,
    /// How many transactions of each agent a transaction knows, itself included.
    knows: Vec<Vec<usize>>,
    /// How many of each agent's transactions each author's document holds.
    seen: Vec<Vec<usize>>,
    /// Each agent's updates, with the place in the recording and the clock after it.
    typed: Vec<Vec<(usize, Vec<u8>, u32)>>,
}

impl Typing {
    fn new(agents: usize) -> Self {
        let doc = |client| {
            let doc = new_doc(ClientID::new(client));
            doc.get_or_insert_text(ROOT);
            doc
        };
        Self {
            authors: (0..agents).map(|agent| doc(client_of(agent))).collect(),
            whole: doc(client_of(agents)),
            knows: Vec::new(),
            seen: vec![vec![0; agents]; agents],
            typed: vec![Vec::new(); agents],
        }
    }

    fn type_next(&mut self, Transaction { parents, agent, patches }: &Transaction) -> Result<Edit> {
        let agents = self.authors.len();
        let known = |other: usize| parents.iter().map(|parent| self.knows[*parent][other]).max().unwrap_or_default();
        let mut known: Vec<usize> = (0..agents).map(known).collect();
        self.show(*agent, &known)?;
        let clock_after = |other: usize, count: usize| match count.checked_sub(1) {
            Some(last) => self.typed[other][last].2,
            None => 0,
        };
        let needs = known.iter().enumerate().map(|(other, count)| clock_after(other, *count)).collect();
        let doc = &self.authors[*agent];
        let text = doc.get_or_insert_text(ROOT);
        let mut txn = doc.transact_mut();
        for Patch(position, deleted, inserted) in patches {
            text.remove_range(&mut txn, *position, *deleted);
            text.insert(&mut txn, *position, inserted);
        }
        let update = txn.encode_update_v1();
        drop(txn);
        let clock = doc.transact().state_vector().get(&ClientID::new(client_of(*agent)));
        apply(&self.whole, &update)?;
        self.typed[*agent].push((self.knows.len(), update.clone(), clock));
        known[*agent] += 1;
        self.seen[*agent][*agent] += 1;
        self.knows.push(known);
        Ok(Edit { update, needs })
    }

    /// Brings an author's document up to what is known.
    fn show(&mut self, author: usize, known: &[usize]) -> Result<()> {
        let mut news = Vec::new();
        for (other, count) in known.iter().enumerate() {
            let seen = &mut self.seen[author][other];
            ensure!(*seen <= *count, "agent {author} has seen more than its transaction knows");
            news.extend(&self.typed[other][*seen..*count]);
            *seen = *count;
        }
        // What builds upon something comes after it.
        news.sort_by_key(|(place, ..)| *place);
        news.into_iter().try_for_each(|(_, update, _)| apply(&self.authors[author], update))
    }
}

fn apply(doc: &Doc, update: &[u8]) -> Result<()> {
    Ok(doc.transact_mut().apply_update(Update::decode_v1(update)?)?)
}

fn text_of(doc: &Doc) -> String {
    doc.get_or_insert_text(ROOT).get_string(&doc.transact())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn slices_follow_each_other_and_end_as_recorded() {
        let excerpt = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/clownschool-excerpt.json.gz");
        let slices = read(&excerpt, 400).unwrap();
        assert!(slices.len() > 1);
        let replica = new_doc(ClientID::new(99));
        for slice in &slices {
            apply(&replica, &slice.base).unwrap();
            // In any order that each author could have sent them in: agent by agent.
            for edit in slice.edits.iter().flat_map(|edits| edits.iter()) {
                apply(&replica, &edit.update).unwrap();
            }
            assert_eq!(text_of(&replica), *slice.end);
        }
    }
}
