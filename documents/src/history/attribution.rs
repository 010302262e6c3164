//! Who wrote and deleted what, in the encoding in which Yjs clients take it: so that they can show it themselves.

use schema::ids::{ClientID, Seq};
use schema::update::ClientRange;
use serde::Serialize;
use yrs::block::BlockRange;
use yrs::updates::encoder::Encode;
use yrs::{ContentAttribute, ID, IdMap};

use super::index::Index;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
enum Attribute {
    Text(String),
    Milliseconds(i64),
}

/// Two of Yjs's `IdMap`s, each encoded in version 1. The attributes of content are `insert` or `delete` (the principal,
/// as `user:<uuid>`), `insertAt` or `deleteAt` (milliseconds since 1970), and for agents `run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAttributions {
    /// Who wrote which content.
    pub inserted: Vec<u8>,
    /// Who deleted which.
    pub deleted: Vec<u8>,
}

/// Tells of the updates through a place.
pub(super) fn encode(index: &Index, through: Seq) -> EncodedAttributions {
    let (mut inserted, mut deleted) = (IdMap::new(), IdMap::new());
    for (_, entry) in index.iter().take_while(|(seq, _)| *seq <= through) {
        let actor = index.actor(entry);
        let attributes = |by: &str, at: &str| {
            let mut attributes = vec![
                ContentAttribute::new(by, Attribute::Text(actor.principal.to_string())),
                ContentAttribute::new(at, Attribute::Milliseconds(entry.at_ms)),
            ];
            attributes.extend(actor.run.map(|run| ContentAttribute::new("run", Attribute::Text(run.to_string()))));
            attributes
        };
        for range in index.inserted(entry) {
            insert(&mut inserted, range, attributes("insert", "insertAt"));
        }
        for range in index.deleted(entry) {
            insert(&mut deleted, range, attributes("delete", "deleteAt"));
        }
    }
    EncodedAttributions { inserted: inserted.encode_v1(), deleted: deleted.encode_v1() }
}

fn insert(map: &mut IdMap<Attribute>, range: &ClientRange, attributes: Vec<ContentAttribute<Attribute>>) {
    // Clocks have 31 bits, see `CLOCK_MAX`.
    if let (Ok(start), Ok(len)) = (u32::try_from(range.start), u32::try_from(range.end - range.start)) {
        map.insert(BlockRange::new(ID::new(ClientID::new(range.client), start), len), attributes);
    }
}
