//! What several tests need.

use bytes::Bytes;
use chrono::Utc;
use platform::auth::PrincipalRef;
use platform::db::Db;
use platform::db::documents::DocumentRef;
use platform::db::log::{AppendOutcome, NewUpdate, Provenance, append};
use schema::ids::{Epoch, Seq};

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
        client_ids: vec![1, (1 << 53) - 1],
        new_clients: Vec::new(),
        received_at: Utc::now(),
    }
}

/// Appends `count` updates, one batch, with the contents "1", "2", ….
pub(crate) async fn append_some(db: &Db, document: &DocumentRef, principal: PrincipalRef, count: usize) {
    let batch: Vec<NewUpdate> = (1..=count).map(|number| update(document, principal, &number.to_string())).collect();
    append(db, &batch).await.unwrap();
}

pub(crate) fn committed(seqs: impl IntoIterator<Item = u64>) -> Vec<AppendOutcome> {
    seqs.into_iter().map(|seq| AppendOutcome::Committed { seq: Seq::new(seq) }).collect()
}
