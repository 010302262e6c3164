//! Messages of the `y-websocket` protocol (SPEC Y2), one per WebSocket frame.
//!
//! Source: the `y-protocols` and `y-websocket` npm packages.

use crate::lib0::{DecodeError, Reader, write_varuint};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const PERMISSION_DENIED: u64 = 0;
/// Enough for every head.
const HEAD_BYTES: usize = 12;

/// One message of the y-websocket protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message<'a> {
    /// A state vector, to be answered with step 2.
    Step1(&'a [u8]),
    /// The update that the sender of a step 1 lacks.
    Step2(&'a [u8]),
    /// A live update.
    Update(&'a [u8]),
    /// An awareness update.
    Awareness(&'a [u8]),
    /// Asks for the awareness of everybody.
    QueryAwareness,
    /// The server refuses what the client did, with a reason.
    PermissionDenied(&'a str),
    /// A message of a type that this protocol does not define; to be ignored.
    Unknown(u64),
}

impl<'a> Message<'a> {
    /// Decodes one message; every byte must belong to it, unless its type is unknown.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let message = match reader.varuint()? {
            SYNC => match reader.varuint()? {
                0 => Self::Step1(reader.varbuf()?),
                1 => Self::Step2(reader.varbuf()?),
                2 => Self::Update(reader.varbuf()?),
                other => return Err(DecodeError::UnknownType(other)),
            },
            AWARENESS => Self::Awareness(reader.varbuf()?),
            AUTH => match reader.varuint()? {
                PERMISSION_DENIED => Self::PermissionDenied(reader.varstring()?),
                other => return Err(DecodeError::UnknownType(other)),
            },
            QUERY_AWARENESS => Self::QueryAwareness,
            other => return Ok(Self::Unknown(other)),
        };
        reader.finish()?;
        Ok(message)
    }

    /// Encodes the message.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.head();
        out.extend_from_slice(self.payload());
        out
    }

    /// The encoded message up to its payload, which is its end. Who has the payload at hand need not copy it.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let kinds: &[u64] = match self {
            Self::Step1(_) => &[SYNC, 0],
            Self::Step2(_) => &[SYNC, 1],
            Self::Update(_) => &[SYNC, 2],
            Self::Awareness(_) => &[AWARENESS],
            Self::QueryAwareness => &[QUERY_AWARENESS],
            Self::PermissionDenied(_) => &[AUTH, PERMISSION_DENIED],
            Self::Unknown(kind) => &[*kind],
        };
        let mut out = Vec::with_capacity(HEAD_BYTES);
        for kind in kinds {
            write_varuint(&mut out, *kind);
        }
        if !matches!(self, Self::QueryAwareness | Self::Unknown(_)) {
            write_varuint(&mut out, self.payload().len() as u64);
        }
        out
    }

    fn payload(&self) -> &'a [u8] {
        match *self {
            Self::Step1(bytes) | Self::Step2(bytes) | Self::Update(bytes) | Self::Awareness(bytes) => bytes,
            Self::PermissionDenied(reason) => reason.as_bytes(),
            Self::QueryAwareness | Self::Unknown(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_survive_the_wire(kind in 0..6_u64, bytes: Vec<u8>, reason: String) {
            let message = match kind {
                0 => Message::Step1(&bytes),
                1 => Message::Step2(&bytes),
                2 => Message::Update(&bytes),
                3 => Message::Awareness(&bytes),
                4 => Message::QueryAwareness,
                _ => Message::PermissionDenied(&reason),
            };
            let encoded = message.encode();
            prop_assert_eq!(Message::decode(&encoded), Ok(message));
        }

        #[test]
        fn any_bytes_are_an_answer_and_not_a_panic(bytes: Vec<u8>) {
            let _ = Message::decode(&bytes);
        }
    }

    #[test]
    fn unknown_types_are_not_an_error() {
        assert_eq!(Message::decode(&[102, 1, 2, 3]), Ok(Message::Unknown(102)));
    }
}
