//! Writing what the model says into the document: what is noted first is sent then, and goes where the writer is, whatever
//! people do around it.

use platform::executions::{Mode, Target};
use schema::node::{self, ItemContent, NewItem, NewProposal, NodePatch, ProposedChange, Side};
use schema::rich_text::stream::{End, StreamWriter, Written};
use serde_json::{Value, json};
use uuid::Uuid;
use yrs::{TransactionMut, XmlFragmentRef};

use super::{Along, Run, Stop, failed_stop};
use crate::entry::Entry;
use crate::state::OUTPUT_REMOVED;

/// The longest text that a run writes, in bytes.
const TEXT_BYTES_MAX: usize = 900 * 1024;
/// What stands behind a text that was cut short.
const UNFINISHED: &str = "\n\n*Unfinished: this run was cancelled.*\n\n";

/// What an edit of the text came to.
struct Batch {
    writer: StreamWriter,
    written: Written,
    item: Option<Uuid>,
    caret: Option<Value>,
}

impl Run<'_> {
    /// Brings the answer under way as far as `text` goes, which is all of it so far. One that has been written before (by a
    /// worker that crashed, or until it broke off) is compared first: what is the same stays, and what is not is taken out.
    pub(super) async fn write_answer(&mut self, text: &str) -> Result<(), Stop> {
        let there = self.state.said();
        // As long as an answer only grows, nothing of it is compared again.
        let same = if self.verified == there.len() && there.len() <= text.len() {
            there.len()
        } else {
            common_prefix(there, text)
        };
        if same < there.len() && same < text.len() {
            self.cut_answer(same).await?;
        }
        // It may begin behind what could not be taken out.
        let same = same.min(self.state.said().len());
        if same == text.len() {
            return Ok(());
        }
        if self.state.text.len() + text.len() - same > TEXT_BYTES_MAX {
            return Err(failed_stop("OUTPUT_TOO_LONG", format!("a run writes at most {TEXT_BYTES_MAX} bytes")));
        }
        self.write_on(&text[same..], End::NotYet).await?;
        self.verified = self.state.said().len();
        Ok(())
    }

    /// Takes out what is beyond so many bytes of the answer.
    pub(super) async fn cut_answer(&mut self, keep: usize) -> Result<(), Stop> {
        if self.state.said().len() <= keep {
            return Ok(());
        }
        self.verified = 0;
        let keep = self.state.text.len() - self.state.said().len() + keep;
        let Some(mut writer) = self.state.writer.clone() else { return Ok(()) };
        if !writer.can_retract(keep) {
            return self.append(Entry::LeftStanding, Along::default()).await;
        }
        let (place, item) = (self.place(), self.state.item);
        let (found, update) = self.workspace.edit(&self.node, |txn| {
            let fragment = fragment_of(txn, place, item)?;
            writer.retract(&fragment, txn, keep);
            Some(())
        })?;
        found.ok_or_else(removed)?;
        let edit = update.map(|update| (self.node.clone(), update));
        self.append(Entry::Retracted { keep, writer }, Along { edit, ..Along::default() }).await
    }

    /// Writes what is held back of the text, now that it is whole.
    pub(super) async fn finish_text(&mut self) -> Result<(), Stop> {
        self.write_last("").await
    }

    /// Says in the text that it ends before its time.
    pub(super) async fn mark_unfinished(&mut self) -> Result<(), Stop> {
        // Whoever crashed here had said it.
        if self.state.text.ends_with(UNFINISHED) { Ok(()) } else { self.write_last(UNFINISHED).await }
    }

    async fn write_last(&mut self, more: &str) -> Result<(), Stop> {
        if self.state.writer.is_none() {
            return Ok(());
        }
        match self.write_on(more, End::Reached).await {
            // A person has removed it: there is nothing to finish.
            Err(Stop::Failed { .. }) => Ok(()),
            done => done,
        }
    }

    /// Writes on. What the writer holds back yet is in its state.
    async fn write_on(&mut self, more: &str, end: End) -> Result<(), Stop> {
        let (place, item) = (self.place(), self.state.item);
        let (writer, new_item) = (self.state.writer.clone(), self.next_id("output"));
        let making = if writer.is_none() && item.is_none() { self.making(place, new_item) } else { None };
        // It is long, and it is not the run's before it is noted.
        let mut text = std::mem::take(&mut self.state.text);
        let noted = text.len();
        text.push_str(more);
        let edited = self.workspace.edit(&self.node, |txn| {
            if let Some(patch) = &making {
                node::apply(patch, txn).ok()?;
            }
            let made = making.map(|_| new_item);
            let fragment = fragment_of(txn, place, item.or(made))?;
            let mut writer = writer.unwrap_or_else(|| StreamWriter::at_end(&fragment, txn));
            let written = writer.write(&fragment, txn, &text, end);
            let caret = writer.caret(txn).map(|at| json!({"anchor": at, "head": at}));
            Some(Batch { writer, written, item: made, caret })
        });
        text.truncate(noted);
        self.state.text = text;
        let (batch, update) = edited?;
        let Batch { writer, written, item, caret } = batch.ok_or_else(removed)?;
        if update.is_none() && more.is_empty() {
            return Ok(());
        }
        let delivered = self.workspace.delivered(self.state.seq);
        let left = u32::try_from(written.left_to_people).unwrap_or(u32::MAX);
        let entry = Entry::Wrote { text: more.to_owned(), item, writer, left, delivered };
        let edit = update.map(|update| (self.node.clone(), update));
        self.append(entry, Along { edit, ..Along::default() }).await?;
        self.show("writing", caret.as_ref());
        Ok(())
    }

    /// Where the text goes.
    fn place(&self) -> Place {
        match (self.leased.options.mode, self.leased.options.target) {
            (Mode::Propose, _) => Place::Proposal,
            (Mode::Write, Target::Output) => Place::Output,
            (Mode::Write, Target::Body) => Place::Body,
        }
    }

    /// What has to be made before the first word.
    fn making(&self, place: Place, id: Uuid) -> Option<NodePatch> {
        match place {
            Place::Body => None,
            Place::Output => Some(NodePatch::AddItem { side: Side::Outputs, item: self.new_item(id) }),
            Place::Proposal => Some(NodePatch::Propose(Box::new(NewProposal {
                id,
                run: Some(self.leased.run),
                label: Some(format!("Result of {}", self.leased.agent_name)),
                created_at: self.services.clock.now(),
                change: ProposedChange::Output { text: String::new() },
            }))),
        }
    }

    fn new_item(&self, id: Uuid) -> NewItem {
        let model = self.state.model_spec().map(|model| model.name.as_str());
        let provenance = json!({"kind": "agent", "runId": self.leased.run, "model": model});
        NewItem {
            id,
            label: Some(format!("Result of {}", self.leased.agent_name)),
            metadata: serde_json::Map::new(),
            provenance: provenance.as_object().cloned(),
            content: ItemContent::Text { text: String::new() },
        }
    }
}

/// Where a run writes what the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Output,
    Body,
    Proposal,
}

fn fragment_of(txn: &mut TransactionMut<'_>, place: Place, item: Option<Uuid>) -> Option<XmlFragmentRef> {
    match place {
        Place::Body => Some(node::body(txn)),
        Place::Output => node::text_of(txn, Side::Outputs, item?),
        Place::Proposal => node::text_of_proposal(item?, txn),
    }
}

fn removed() -> Stop {
    failed_stop(OUTPUT_REMOVED, "a person has removed the output that the run was writing")
}

/// How many bytes are the same, up to a whole character.
fn common_prefix(one: &str, other: &str) -> usize {
    let pairs = one.char_indices().zip(other.chars());
    let end = pairs.take_while(|((_, a), b)| a == b).last();
    end.map_or(0, |((at, character), _)| at + character.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_the_same_ends_between_characters() {
        assert_eq!(common_prefix("abc", "abd"), 2);
        assert_eq!(common_prefix("äö", "äü"), 2);
        assert_eq!(common_prefix("", "x"), 0);
        assert_eq!(common_prefix("same", "same and more"), 4);
    }
}
