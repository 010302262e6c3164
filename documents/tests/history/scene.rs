//! A document on which people work through REST, an update at a time.

use std::sync::Arc;

use documents::history::{Change, History, TextHistory};
use platform::auth::{Principal, PrincipalRef};
use platform::db::documents::DocumentRef;
use platform::limits::Limits;
use platform::testing::TestDatabase;
use schema::ids::Seq;
use yrs::{GetString, ReadTxn, Text, TransactionMut, WriteTxn};

use crate::common::{Instance, person};

pub struct Scene {
    pub database: Arc<TestDatabase>,
    pub instance: Arc<Instance>,
    pub document: DocumentRef,
    pub history: History,
}

impl Scene {
    pub async fn new() -> Self {
        Self::with_limits(Limits::default()).await
    }

    pub async fn with_limits(limits: Limits) -> Self {
        let database = TestDatabase::new().await;
        let document = database.document().await;
        let instance = Instance::with(database.db.clone(), &platform::bus::Hub::default(), limits);
        let history = instance.documents.history();
        Self { database: Arc::new(database), instance: Arc::new(instance), document, history }
    }

    /// The same with another document, an empty one.
    pub async fn another(&self) -> Self {
        let (database, instance) = (Arc::clone(&self.database), Arc::clone(&self.instance));
        Self { document: database.document().await, database, instance, history: self.history.clone() }
    }

    /// One update of somebody. Returns its place.
    pub async fn edit(&self, who: u64, edit: impl FnOnce(&mut TransactionMut<'_>) + Send + 'static) -> Seq {
        self.edit_as(&person(who), edit).await
    }

    pub async fn edit_as(
        &self,
        who: &Arc<Principal>,
        edit: impl FnOnce(&mut TransactionMut<'_>) + Send + 'static,
    ) -> Seq {
        let patch = Box::new(move |txn: &mut TransactionMut<'_>| {
            edit(txn);
            Ok(())
        });
        self.instance.documents.edit(&self.document, Arc::clone(who), None, patch).await.unwrap().seq
    }

    /// Replaces some characters of the root `text`.
    pub async fn write(&self, who: u64, at: u32, deleted: u32, inserted: &str) -> Seq {
        let inserted = inserted.to_owned();
        let write = move |txn: &mut TransactionMut<'_>| {
            let text = txn.get_or_insert_text("text");
            text.remove_range(txn, at, deleted);
            text.insert(txn, at, &inserted);
        };
        self.edit(who, write).await
    }

    pub async fn text_at(&self, seq: Seq) -> String {
        self.history.read(&self.document, seq, |txn| text_of(txn)).await.unwrap().0
    }

    pub async fn live_text(&self) -> String {
        self.instance.documents.read(&self.document, |txn| text_of(txn)).await.unwrap().0
    }

    /// The text of a part with a letter for who wrote what.
    pub async fn authors(&self, at: Seq, part: &str) -> Vec<(String, u128)> {
        let texts = self.history.blame(&self.document, at, Some(part.to_owned())).await.unwrap();
        let spans = texts.iter().flat_map(|text| &text.blocks).flat_map(|block| &block.spans);
        spans.map(|span| (span.text.clone(), span.inserted.as_ref().unwrap().actor.principal.id.as_u128())).collect()
    }

    pub async fn stop(&self) {
        self.instance.stop().await;
    }
}

pub fn reference(who: u64) -> PrincipalRef {
    person(who).reference()
}

pub fn text_of<T: ReadTxn>(txn: &T) -> String {
    txn.get_text("text").map(|text| text.get_string(txn)).unwrap_or_default()
}

/// A text's changes in one line: `same[-gone-]{+new+}`.
pub fn marked(text: &TextHistory) -> Vec<String> {
    let blocks = text.blocks.iter().map(|block| {
        let spans = block.spans.iter().map(|span| match span.change {
            Change::Kept => span.text.clone(),
            Change::Inserted => format!("{{+{}+}}", span.text),
            Change::Deleted => format!("[-{}-]", span.text),
        });
        format!("{}: {}", block.path.join(">"), spans.collect::<String>())
    });
    blocks.collect()
}
