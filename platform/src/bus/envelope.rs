//! How a message looks on its way between processes.
//!
//! ```text
//! version: u8 = 1 · kind: u8 · sender: 16 bytes · body
//! kind 0  lost             body: none
//! kind 1  committed        body: epoch u32 · seq u64 · update
//! kind 2  head             body: epoch u32 · seq u64
//! kind 3  presence         body: presence
//! kind 4  presence query   body: none
//! kind 5  access changed   body: user, 16 bytes
//! kind 6  stateless        body: UTF-8
//! kind 7  lock changed     body: none
//! kind 8  events through   body: event u64
//! kind 9  gone             body: none
//! ```
//!
//! Numbers are big-endian. An instance of another version may be about during an upgrade: what it cannot be understood
//! to say is ignored, and the log says the rest.

use bytes::Bytes;
use schema::ids::{Epoch, Seq, UserId};
use uuid::Uuid;

use super::{BusMessage, InstanceId};
use crate::db::events::EventId;

const VERSION: u8 = 1;
const LOST: u8 = 0;
const COMMITTED: u8 = 1;
const HEAD: u8 = 2;
const PRESENCE: u8 = 3;
const PRESENCE_QUERY: u8 = 4;
const ACCESS_CHANGED: u8 = 5;
const STATELESS: u8 = 6;
const LOCK_CHANGED: u8 = 7;
const EVENTS_THROUGH: u8 = 8;
const GONE: u8 = 9;

/// Bytes of an envelope without its update, presence or text, at most.
pub(super) const OVERHEAD_BYTES: usize = 34;

/// What is in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// A message for those who subscribe to the channel.
    Message(BusMessage),
    /// The sender could not send some of its messages, on any channel.
    Lost,
}

/// Why an envelope is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is of a version or a kind that this build does not know.
    #[error("it is of an unknown version or kind")]
    Unknown,
    /// It is broken.
    #[error("it is malformed")]
    Malformed,
}

pub(super) fn encode(from: InstanceId, content: &Content) -> Vec<u8> {
    let (kind, tail): (u8, &[u8]) = match content {
        Content::Lost => (LOST, &[]),
        Content::Message(BusMessage::Committed { update, .. }) => (COMMITTED, update),
        Content::Message(BusMessage::Head { .. }) => (HEAD, &[]),
        Content::Message(BusMessage::Presence(presence)) => (PRESENCE, presence),
        Content::Message(BusMessage::PresenceQuery) => (PRESENCE_QUERY, &[]),
        Content::Message(BusMessage::Gone) => (GONE, &[]),
        Content::Message(BusMessage::AccessChanged(_)) => (ACCESS_CHANGED, &[]),
        Content::Message(BusMessage::LockChanged) => (LOCK_CHANGED, &[]),
        Content::Message(BusMessage::Stateless(payload)) => (STATELESS, payload.as_bytes()),
        Content::Message(BusMessage::EventsThrough(_)) => (EVENTS_THROUGH, &[]),
    };
    let mut bytes = Vec::with_capacity(OVERHEAD_BYTES + tail.len());
    bytes.extend([VERSION, kind]);
    bytes.extend(from.as_uuid().as_bytes());
    match content {
        Content::Message(BusMessage::Committed { epoch, seq, .. } | BusMessage::Head { epoch, seq }) => {
            bytes.extend(epoch.get().to_be_bytes());
            bytes.extend(seq.get().to_be_bytes());
        }
        Content::Message(BusMessage::AccessChanged(user)) => bytes.extend(user.as_uuid().as_bytes()),
        Content::Message(BusMessage::EventsThrough(event)) => bytes.extend(event.get().to_be_bytes()),
        Content::Message(
            BusMessage::Presence(_)
            | BusMessage::PresenceQuery
            | BusMessage::Stateless(_)
            | BusMessage::LockChanged
            | BusMessage::Gone,
        )
        | Content::Lost => {}
    }
    bytes.extend(tail);
    bytes
}

pub(super) fn decode(envelope: &[u8]) -> Result<(InstanceId, Content), Unreadable> {
    let [version, kind, rest @ ..] = envelope else { return Err(Unreadable::Malformed) };
    if *version != VERSION {
        return Err(Unreadable::Unknown);
    }
    let (sender, body) = take::<16>(rest)?;
    let content = match *kind {
        LOST => (Content::Lost, body),
        COMMITTED => {
            let (epoch, seq, update) = take_place(body)?;
            let update = Bytes::copy_from_slice(update);
            (Content::Message(BusMessage::Committed { epoch, seq, update }), &[][..])
        }
        HEAD => {
            let (epoch, seq, rest) = take_place(body)?;
            (Content::Message(BusMessage::Head { epoch, seq }), rest)
        }
        PRESENCE => (Content::Message(BusMessage::Presence(Bytes::copy_from_slice(body))), &[][..]),
        PRESENCE_QUERY => (Content::Message(BusMessage::PresenceQuery), body),
        LOCK_CHANGED => (Content::Message(BusMessage::LockChanged), body),
        GONE => (Content::Message(BusMessage::Gone), body),
        ACCESS_CHANGED => {
            let (user, rest) = take::<16>(body)?;
            let user = UserId::new(Uuid::from_bytes(user));
            (Content::Message(BusMessage::AccessChanged(user)), rest)
        }
        STATELESS => {
            let payload = std::str::from_utf8(body).map_err(|_| Unreadable::Malformed)?;
            (Content::Message(BusMessage::Stateless(payload.into())), &[][..])
        }
        EVENTS_THROUGH => {
            let (event, rest) = take::<8>(body)?;
            let event = EventId::new(u64::from_be_bytes(event));
            (Content::Message(BusMessage::EventsThrough(event)), rest)
        }
        _ => return Err(Unreadable::Unknown),
    };
    match content {
        (content, []) => Ok((InstanceId::new(Uuid::from_bytes(sender)), content)),
        _ => Err(Unreadable::Malformed),
    }
}

fn take_place(body: &[u8]) -> Result<(Epoch, Seq, &[u8]), Unreadable> {
    let (epoch, rest) = take::<4>(body)?;
    let (seq, rest) = take::<8>(rest)?;
    Ok((Epoch::new(u32::from_be_bytes(epoch)), Seq::new(u64::from_be_bytes(seq)), rest))
}

fn take<const LENGTH: usize>(bytes: &[u8]) -> Result<([u8; LENGTH], &[u8]), Unreadable> {
    let (head, rest) = bytes.split_first_chunk().ok_or(Unreadable::Malformed)?;
    Ok((*head, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn contents() -> impl Strategy<Value = Content> {
        let bytes = || proptest::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
        let place = || (any::<u32>().prop_map(Epoch::new), any::<u64>().prop_map(Seq::new));
        prop_oneof![
            Just(Content::Lost),
            (place(), bytes()).prop_map(|((epoch, seq), update)| Content::Message(BusMessage::Committed {
                epoch,
                seq,
                update
            })),
            place().prop_map(|(epoch, seq)| Content::Message(BusMessage::Head { epoch, seq })),
            bytes().prop_map(|presence| Content::Message(BusMessage::Presence(presence))),
            Just(Content::Message(BusMessage::PresenceQuery)),
            Just(Content::Message(BusMessage::Gone)),
            any::<String>().prop_map(|payload| Content::Message(BusMessage::Stateless(payload.into()))),
            any::<u128>()
                .prop_map(|user| { Content::Message(BusMessage::AccessChanged(UserId::new(Uuid::from_u128(user)))) }),
            any::<u64>().prop_map(|event| Content::Message(BusMessage::EventsThrough(EventId::new(event)))),
        ]
    }

    fn instances() -> impl Strategy<Value = InstanceId> {
        any::<u128>().prop_map(|uuid| InstanceId::new(Uuid::from_u128(uuid)))
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded_as_it_was(from in instances(), content in contents()) {
            prop_assert_eq!(decode(&encode(from, &content)), Ok((from, content)));
        }

        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn an_envelope_that_is_cut_off_never_reads_as_one_of_fixed_size(
            from in instances(),
            content in contents(),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = encode(from, &content);
            let part = &bytes[..cut.index(bytes.len())];
            if let Ok((_, cut_off)) = decode(part) {
                let has_length = |content: &Content| {
                    use BusMessage::{Committed, Presence, Stateless};
                    matches!(content, Content::Message(Committed { .. } | Presence(_) | Stateless(_)))
                };
                prop_assert!(has_length(&cut_off) && has_length(&content));
            }
        }

        #[test]
        fn another_version_or_kind_is_unknown_whatever_follows(
            from in instances(),
            content in contents(),
            version in 2..=u8::MAX,
            kind in 10..=u8::MAX,
        ) {
            let mut bytes = encode(from, &content);
            bytes[1] = kind;
            prop_assert_eq!(decode(&bytes), Err(Unreadable::Unknown));
            bytes[0] = version;
            prop_assert_eq!(decode(&bytes), Err(Unreadable::Unknown));
        }
    }

    #[test]
    fn an_envelope_with_more_than_belongs_in_it_is_malformed() {
        let mut bytes = encode(InstanceId::new(Uuid::from_u128(1)), &Content::Message(BusMessage::PresenceQuery));
        bytes.push(0);
        assert_eq!(decode(&bytes), Err(Unreadable::Malformed));
    }

    #[test]
    fn the_bytes_of_version_1_stay_as_they_are() {
        let from = InstanceId::new(Uuid::from_u128(0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10));
        let update = Bytes::from_static(&[0xaa, 0xbb]);
        let message = BusMessage::Committed { epoch: Epoch::new(3), seq: Seq::new(258), update };
        let expected = [
            1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0xaa, 0xbb,
        ];
        assert_eq!(encode(from, &Content::Message(message)), expected);
    }
}
