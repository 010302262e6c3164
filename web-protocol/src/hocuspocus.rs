//! Messages of Hocuspocus' protocol (SPEC H2), one per WebSocket frame. Many documents share a socket: every message but
//! ping and pong begins with the address of its document.
//!
//! Source: the npm packages `@hocuspocus/provider` and `@hocuspocus/common`, versions 3 and 4.

use crate::lib0::{DecodeError, Reader, write_varbuf, write_varstring, write_varuint};

const SYNC: u64 = 0;
const AWARENESS: u64 = 1;
const AUTH: u64 = 2;
const QUERY_AWARENESS: u64 = 3;
const STATELESS: u64 = 5;
const BROADCAST_STATELESS: u64 = 6;
const CLOSE: u64 = 7;
const SYNC_STATUS: u64 = 8;

const TOKEN: u64 = 0;
const PERMISSION_DENIED: u64 = 1;
const AUTHENTICATED: u64 = 2;

/// The frames that have no address.
/// Enough for the heads of most messages.
const HEAD_BYTES: usize = 16;
const PING: &[u8] = &[9];
const PONG: &[u8] = &[10];

/// Separates a document's name from the name of a session in an address.
const SESSION_SEPARATOR: char = '\0';

/// The longest address that is looked at, in bytes.
pub const ADDRESS_BYTES_MAX: usize = 512;

/// One WebSocket frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Asks whether the other side is there; from version 4 on.
    Ping,
    /// The answer to a ping.
    Pong,
    /// A message that concerns one document.
    Message(Address<'a>, Message<'a>),
}

/// What a message concerns: a document, and from version 4 on perhaps one of several sessions of it on the same socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address<'a>(&'a str);

/// What an authenticated client may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Read and edit.
    ReadWrite,
    /// Read.
    ReadOnly,
}

/// A message that concerns one document.
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
    /// The client says who it is.
    Token {
        /// Whatever the application gave it; perhaps nothing.
        token: &'a str,
        /// The version of its provider; from version 4 on.
        version: Option<&'a str>,
    },
    /// The server asks for a token.
    TokenRequest,
    /// The server does not let the client in, with a reason.
    PermissionDenied(&'a str),
    /// The server has let the client in.
    Authenticated(Scope),
    /// A message of the application to the others in the document.
    Stateless(&'a str),
    /// The same among servers of Hocuspocus; not for clients to send.
    BroadcastStateless(&'a str),
    /// This document is closed; the server says why.
    Close(Option<&'a str>),
    /// What became of one step 2 or update.
    SyncStatus(Saved),
    /// A message of a type that is not used between a client and a server; to be ignored.
    Unknown(u64),
    /// An auth message of an unknown kind; to be ignored.
    UnknownAuth(u64),
}

/// What a [`Message::SyncStatus`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is durable.
    Yes,
    /// It was refused.
    No,
}

impl<'a> Address<'a> {
    /// An address as it came, or as it is to be written.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// The whole of it, by which answers find their receiver.
    #[must_use]
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The document's name.
    #[must_use]
    pub fn document(self) -> &'a str {
        self.0.split_once(SESSION_SEPARATOR).map_or(self.0, |(document, _)| document)
    }

    /// The name that the client gave to one of its sessions.
    #[must_use]
    pub fn session(self) -> Option<&'a str> {
        self.0.split_once(SESSION_SEPARATOR).map(|(_, session)| session)
    }

    /// The bytes with which every message to this address begins.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() + 2);
        write_varstring(&mut out, self.0);
        out
    }
}

impl Scope {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "readonly",
        }
    }
}

impl<'a> Frame<'a> {
    /// Decodes a frame; every byte must belong to it, unless its type is unknown.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        match bytes {
            PING => return Ok(Self::Ping),
            PONG => return Ok(Self::Pong),
            _ => {}
        }
        let mut reader = Reader::new(bytes);
        let address = Address(reader.varstring()?);
        Ok(Self::Message(address, Message::read(reader)?))
    }

    /// Encodes the frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ping => PING.to_vec(),
            Self::Pong => PONG.to_vec(),
            Self::Message(address, message) => {
                let mut out = Vec::with_capacity(address.0.len() + message.content_len() + 16);
                write_varstring(&mut out, address.0);
                message.write(&mut out);
                out
            }
        }
    }
}

impl<'a> Message<'a> {
    fn read(mut reader: Reader<'a>) -> Result<Self, DecodeError> {
        let message = match reader.varuint()? {
            SYNC => match reader.varuint()? {
                0 => Self::Step1(reader.varbuf()?),
                1 => Self::Step2(reader.varbuf()?),
                2 => Self::Update(reader.varbuf()?),
                other => return Err(DecodeError::UnknownType(other)),
            },
            AWARENESS => Self::Awareness(reader.varbuf()?),
            AUTH => match reader.varuint()? {
                TOKEN if reader.remaining() == 0 => Self::TokenRequest,
                TOKEN => {
                    let token = reader.varstring()?;
                    let version = if reader.remaining() > 0 { Some(reader.varstring()?) } else { None };
                    // Version 4 added the version here; what a later one adds does not matter.
                    return Ok(Self::Token { token, version });
                }
                PERMISSION_DENIED => Self::PermissionDenied(reader.varstring()?),
                AUTHENTICATED => match reader.varstring()? {
                    "readonly" => Self::Authenticated(Scope::ReadOnly),
                    _ => Self::Authenticated(Scope::ReadWrite),
                },
                other => return Ok(Self::UnknownAuth(other)),
            },
            QUERY_AWARENESS => Self::QueryAwareness,
            STATELESS => Self::Stateless(reader.varstring()?),
            BROADCAST_STATELESS => Self::BroadcastStateless(reader.varstring()?),
            CLOSE if reader.remaining() == 0 => Self::Close(None),
            CLOSE => Self::Close(Some(reader.varstring()?)),
            SYNC_STATUS => Self::SyncStatus(if reader.varuint()? == 1 { Saved::Yes } else { Saved::No }),
            other => return Ok(Self::Unknown(other)),
        };
        reader.finish()?;
        Ok(message)
    }

    /// The encoded message without an address, up to its state vector or update if it has one, which is its end. Who
    /// has that at hand need not copy it.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD_BYTES);
        self.write_head(&mut out);
        out
    }

    /// Appends the message, without an address.
    fn write(&self, out: &mut Vec<u8>) {
        self.write_head(out);
        if let Self::Step1(bytes) | Self::Step2(bytes) | Self::Update(bytes) = self {
            out.extend_from_slice(bytes);
        }
    }

    fn write_head(&self, out: &mut Vec<u8>) {
        match *self {
            Self::Step1(bytes) => write_sync_head(out, 0, bytes),
            Self::Step2(bytes) => write_sync_head(out, 1, bytes),
            Self::Update(bytes) => write_sync_head(out, 2, bytes),
            Self::Awareness(bytes) => {
                write_varuint(out, AWARENESS);
                write_varbuf(out, bytes);
            }
            Self::QueryAwareness => write_varuint(out, QUERY_AWARENESS),
            Self::Token { token, version } => {
                write_auth(out, TOKEN, token);
                if let Some(version) = version {
                    write_varstring(out, version);
                }
            }
            Self::TokenRequest => {
                write_varuint(out, AUTH);
                write_varuint(out, TOKEN);
            }
            Self::PermissionDenied(reason) => write_auth(out, PERMISSION_DENIED, reason),
            Self::Authenticated(scope) => write_auth(out, AUTHENTICATED, scope.as_str()),
            Self::Stateless(payload) => write_text(out, STATELESS, payload),
            Self::BroadcastStateless(payload) => write_text(out, BROADCAST_STATELESS, payload),
            Self::Close(None) => write_varuint(out, CLOSE),
            Self::Close(Some(reason)) => write_text(out, CLOSE, reason),
            Self::SyncStatus(saved) => {
                write_varuint(out, SYNC_STATUS);
                write_varuint(out, u64::from(saved == Saved::Yes));
            }
            Self::Unknown(kind) => write_varuint(out, kind),
            Self::UnknownAuth(kind) => {
                write_varuint(out, AUTH);
                write_varuint(out, kind);
            }
        }
    }

    /// About how many bytes it takes.
    fn content_len(&self) -> usize {
        match self {
            Self::Step1(bytes) | Self::Step2(bytes) | Self::Update(bytes) | Self::Awareness(bytes) => bytes.len(),
            Self::PermissionDenied(text)
            | Self::Stateless(text)
            | Self::BroadcastStateless(text)
            | Self::Close(Some(text))
            | Self::Token { token: text, .. } => text.len(),
            _ => 0,
        }
    }
}

fn write_sync_head(out: &mut Vec<u8>, kind: u64, bytes: &[u8]) {
    write_varuint(out, SYNC);
    write_varuint(out, kind);
    write_varuint(out, bytes.len() as u64);
}

fn write_auth(out: &mut Vec<u8>, kind: u64, text: &str) {
    write_varuint(out, AUTH);
    write_text(out, kind, text);
}

fn write_text(out: &mut Vec<u8>, kind: u64, text: &str) {
    write_varuint(out, kind);
    write_varstring(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn messages_survive_the_wire(kind in 0..17_u8, address in "[a-z:\0]{1,40}", bytes: Vec<u8>, text: String) {
            let message = match kind {
                0 => Message::Step1(&bytes),
                1 => Message::Step2(&bytes),
                2 => Message::Update(&bytes),
                3 => Message::Awareness(&bytes),
                4 => Message::QueryAwareness,
                5 => Message::Token { token: &text, version: None },
                6 => Message::Token { token: &text, version: Some("4.8.0") },
                7 => Message::TokenRequest,
                8 => Message::PermissionDenied(&text),
                9 => Message::Authenticated(Scope::ReadOnly),
                10 => Message::Authenticated(Scope::ReadWrite),
                11 => Message::Stateless(&text),
                12 => Message::BroadcastStateless(&text),
                13 => Message::Close(Some(&text)),
                14 => Message::Close(None),
                15 => Message::UnknownAuth(3 + bytes.len() as u64),
                _ => Message::SyncStatus(Saved::Yes),
            };
            let frame = Frame::Message(Address::new(&address), message);
            let encoded = frame.encode();
            prop_assert_eq!(Frame::decode(&encoded), Ok(frame));
            prop_assert!(encoded.starts_with(&Address::new(&address).encode()));
        }

        #[test]
        fn any_bytes_are_an_answer_and_not_a_panic(bytes: Vec<u8>) {
            let _ = Frame::decode(&bytes);
        }
    }

    #[test]
    fn an_address_names_a_document_and_perhaps_a_session() {
        let plain = Address::new("doc:1");
        assert_eq!((plain.document(), plain.session()), ("doc:1", None));
        let composite = Address::new("doc:1\0k3x\0y");
        assert_eq!((composite.document(), composite.session()), ("doc:1", Some("k3x\0y")));
    }

    #[test]
    fn a_name_of_nine_bytes_is_no_ping() {
        let frame = Frame::Message(Address::new("scratch:x"), Message::QueryAwareness);
        assert_eq!(frame.encode()[0], 9);
        assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
        assert_eq!(Frame::decode(&[9]), Ok(Frame::Ping));
    }

    #[test]
    fn unknown_types_are_not_an_error_and_what_follows_a_token_does_not_matter() {
        assert_eq!(Frame::decode(&[1, b'd', 102, 1, 2]), Ok(Frame::Message(Address::new("d"), Message::Unknown(102))));
        let later = [1, b'd', 2, 0, 1, b't', 1, b'v', 7, 7];
        let token = Message::Token { token: "t", version: Some("v") };
        assert_eq!(Frame::decode(&later), Ok(Frame::Message(Address::new("d"), token)));
    }
}
