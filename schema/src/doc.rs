//! How every Yjs document of this server is set up.

use std::sync::{Arc, LazyLock};

use yrs::{ClientID, Doc, OffsetKind, Options, Uuid};

/// Names a document among the subdocuments of another. There are none, so all share one.
static GUID: LazyLock<Uuid> = LazyLock::new(|| Arc::from(""));

/// A new, empty document: offsets count UTF-16 units as in every Yjs client, and garbage is collected.
#[must_use]
pub fn new_doc(client_id: ClientID) -> Doc {
    Doc::with_options(options(client_id))
}

/// A new, empty document like [`new_doc`], in which nothing that is deleted is forgotten.
#[must_use]
pub fn new_doc_keeping_deleted(client_id: ClientID) -> Doc {
    Doc::with_options(Options { skip_gc: true, ..options(client_id) })
}

fn options(client_id: ClientID) -> Options {
    let mut options = Options::with_guid_and_client_id(GUID.clone(), client_id);
    options.offset_kind = OffsetKind::Utf16;
    options.skip_gc = false;
    // A replica deletes nothing by itself: what it holds follows from the updates alone.
    options.cleanup_formatting = false;
    options
}

#[cfg(test)]
mod tests {
    use yrs::{Text, Transact};

    use super::*;

    #[test]
    fn offsets_count_utf16_units() {
        let doc = new_doc(ClientID::new(7));
        let text = doc.get_or_insert_text("t");
        let mut txn = doc.transact_mut();
        text.insert(&mut txn, 0, "a😀b");
        assert_eq!(text.len(&txn), 4);
        assert_eq!(doc.client_id(), ClientID::new(7));
    }
}
