//! What several tests need.

use bytes::Bytes;
use chrono::Utc;
use platform::auth::PrincipalRef;
use platform::db::Db;
use platform::db::DbError;
use platform::db::documents::DocumentRef;
use platform::db::log::{self, AppendOutcome, NewUpdate, Provenance, Relay, Writer};
use schema::ids::{Epoch, Seq};
use uuid::Uuid;

/// An update of a document, with content that tells it from others.
pub(crate) fn update(document: &DocumentRef, principal: PrincipalRef, content: &str) -> NewUpdate {
    NewUpdate {
        document: document.id,
        org: document.org,
        epoch: Epoch::FIRST,
        update: Bytes::copy_from_slice(content.as_bytes()),
        principal,
        run: None,
        provenance: Provenance::Own,
        relay: Relay::AsStored,
        client_ids: vec![1, (1 << 53) - 1],
        new_clients: Vec::new(),
        received_at: Utc::now(),
    }
}

/// Appends a batch as a writer of its own.
pub(crate) async fn append(db: &Db, batch: &[NewUpdate]) -> Result<Vec<AppendOutcome>, DbError> {
    log::append(db, Writer::new(Uuid::new_v4()).next_batch(), batch).await
}

/// Appends `count` updates, one batch, with the contents "1", "2", ….
pub(crate) async fn append_some(db: &Db, document: &DocumentRef, principal: PrincipalRef, count: usize) {
    let batch: Vec<NewUpdate> = (1..=count).map(|number| update(document, principal, &number.to_string())).collect();
    append(db, &batch).await.unwrap();
}

pub(crate) fn committed(seqs: impl IntoIterator<Item = u64>) -> Vec<AppendOutcome> {
    seqs.into_iter().map(|seq| AppendOutcome::Committed { seq: Seq::new(seq) }).collect()
}
