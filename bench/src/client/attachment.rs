//! One socket that is attached to one document, in any of the dialects.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::ValueEnum;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use web_protocol::frame::{Body, Frame as ChannelFrame, Piece, PieceOf};
use web_protocol::hocuspocus::{Address, Frame as HocuspocusFrame, Message as HocuspocusMessage, Saved};
use web_protocol::lib0::DecodeError;
use web_protocol::y_websocket::Message;

use super::content::Content;
use super::socket::{Frame, Opcode, Socket};

/// How long opening and syncing may take.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);
/// The state vector of an empty replica.
pub(crate) const EMPTY_STATE_VECTOR: &[u8] = &[0];
/// The version of Hocuspocus' provider whose protocol is spoken.
const HOCUSPOCUS_VERSION: &str = "4.7.0";
/// The update that adds nothing.
pub(crate) const EMPTY_UPDATE: &[u8] = &[0, 0];

/// The protocol that an attachment speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dialect {
    /// y-websocket's, at `/yjs/{document}`.
    Yjs,
    /// `GlassBox`'s own, at `/ws`.
    Ws,
    /// The same, with what is large in compressed pieces.
    WsDeflate,
    /// Hocuspocus', at `/hocuspocus`.
    Hocuspocus,
    /// y-websocket's, at the paths of y-sweet.
    #[value(skip)]
    YSweet,
}

impl Dialect {
    /// Its name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Yjs => "yjs",
            Self::Ws => "ws",
            Self::WsDeflate => "ws-deflate",
            Self::Hocuspocus => "hocuspocus",
            Self::YSweet => "y-sweet",
        }
    }
}

/// What an attachment hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event<'a> {
    /// The server's state vector, to be answered with step 2.
    Step1(&'a [u8]),
    /// What the client lacked.
    Step2(&'a [u8]),
    /// A live update.
    Update(&'a [u8]),
    /// A part of a step 2 or update.
    Piece(Piece<'a>),
    /// Who is here, as Yjs awareness.
    Awareness(&'a [u8]),
    /// The client's frames up to this one are durable.
    Receipt(u64),
    /// An edit was refused, as the server put it.
    Refused(&'a str),
    /// The answer to a ping.
    Pong,
    /// The server ends the channel or the socket; nothing useful follows.
    Ended(&'a str),
    /// Anything else: notices, errors that end nothing.
    Other,
}

/// A client's place in a document.
#[derive(Debug)]
pub(crate) struct Attachment {
    pub(crate) socket: Socket,
    link: Link,
    /// Step 2 and update frames that were sent.
    edits_sent: u64,
}

#[derive(Debug)]
enum Link {
    Yjs,
    Channel {
        number: u64,
    },
    Hocuspocus {
        document: String,
        /// Edits whose status has come, each in its turn.
        confirmed: u64,
    },
}

/// What an attachment says.
#[derive(Debug, Clone, Copy)]
enum Saying<'a> {
    Step1(&'a [u8]),
    Step2(&'a [u8]),
    Update(&'a [u8]),
    Awareness(&'a [u8]),
}

impl Attachment {
    /// Opens a document over `/ws`, on a connection.
    pub(crate) async fn open_over(
        stream: TcpStream,
        address: SocketAddr,
        document: &str,
        token: Option<&str>,
    ) -> Result<Self> {
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let mut socket = Socket::over(stream, address, &format!("/ws{query}")).await?;
        let number = subscribe(&mut socket, document, Dialect::Ws).await?;
        Ok(Self { socket, link: Link::Channel { number }, edits_sent: 0 })
    }

    /// Opens a document. Over `/yjs` a scratch document needs no token.
    pub(crate) async fn open(
        address: SocketAddr,
        dialect: Dialect,
        document: &str,
        token: Option<&str>,
    ) -> Result<Self> {
        let query = token.map(|token| format!("?token={token}")).unwrap_or_default();
        let opening = async {
            match dialect {
                Dialect::Yjs => {
                    let socket = Socket::connect(address, &format!("/yjs/{document}{query}")).await?;
                    Ok(Self { socket, link: Link::Yjs, edits_sent: 0 })
                }
                Dialect::YSweet => {
                    let id = document.replace(':', "-");
                    let socket = Socket::connect(address, &format!("/d/{id}/ws/{id}{query}")).await?;
                    Ok(Self { socket, link: Link::Yjs, edits_sent: 0 })
                }
                Dialect::Hocuspocus => {
                    let mut socket = Socket::connect(address, "/hocuspocus").await?;
                    authenticate(&mut socket, document, token.unwrap_or_default()).await?;
                    let link = Link::Hocuspocus { document: document.to_owned(), confirmed: 0 };
                    Ok(Self { socket, link, edits_sent: 0 })
                }
                Dialect::Ws | Dialect::WsDeflate => {
                    let mut socket = Socket::connect(address, &format!("/ws{query}")).await?;
                    let number = subscribe(&mut socket, document, dialect).await?;
                    Ok(Self { socket, link: Link::Channel { number }, edits_sent: 0 })
                }
            }
        };
        let opened = timeout(OPEN_TIMEOUT, opening).await.unwrap_or_else(|_| bail!("timed out"));
        opened.with_context(|| format!("opening {document}"))
    }

    /// Opens a document as an empty replica and waits until it is synced: its content.
    pub(crate) async fn open_synced(
        address: SocketAddr,
        dialect: Dialect,
        document: &str,
        token: Option<&str>,
    ) -> Result<(Self, Content)> {
        let mut attachment = Self::open(address, dialect, document, token).await?;
        attachment.send_step_1(EMPTY_STATE_VECTOR)?;
        let content = timeout(OPEN_TIMEOUT, attachment.sync(EMPTY_UPDATE)).await;
        let content = content.unwrap_or_else(|_| bail!("timed out")).with_context(|| format!("syncing {document}"))?;
        Ok((attachment, content))
    }

    /// Opens a document and waits until all that it holds has come. The server may ask for more later.
    pub(crate) async fn open_and_read(
        address: SocketAddr,
        dialect: Dialect,
        document: &str,
    ) -> Result<(Self, Content)> {
        let mut attachment = Self::open(address, dialect, document, None).await?;
        attachment.send_step_1(EMPTY_STATE_VECTOR)?;
        let content = timeout(OPEN_TIMEOUT, attachment.read()).await;
        let content = content.unwrap_or_else(|_| bail!("timed out")).with_context(|| format!("reading {document}"))?;
        Ok((attachment, content))
    }

    /// Waits for the server's step 2. The client's step 1 has been sent.
    async fn read(&mut self) -> Result<Content> {
        let mut content = Content::default();
        loop {
            while let Some(event) = self.event()? {
                match event {
                    Event::Step2(update) => {
                        content.add(update);
                        return Ok(content);
                    }
                    Event::Update(update) => content.add(update),
                    Event::Piece(piece) if content.add_piece(&piece) == Some(PieceOf::Step2) => return Ok(content),
                    Event::Ended(reason) => bail!("the server ended it: {reason}"),
                    _ => {}
                }
            }
            self.socket.ready().await?;
        }
    }

    /// Answers the server's step 1, with `state` if the server has nothing, and waits for its step 2. The client's own
    /// step 1 has been sent.
    pub(crate) async fn sync(&mut self, state: &[u8]) -> Result<Content> {
        let mut content = Content::default();
        let (mut asked, mut synced) = (None, false);
        loop {
            while let Some(event) = self.event()? {
                match event {
                    Event::Step1(state_vector) => {
                        asked = Some(if state_vector == EMPTY_STATE_VECTOR { state } else { EMPTY_UPDATE });
                    }
                    Event::Step2(update) => {
                        content.add(update);
                        synced = true;
                    }
                    Event::Update(update) => content.add(update),
                    Event::Piece(piece) => synced |= content.add_piece(&piece) == Some(PieceOf::Step2),
                    Event::Ended(reason) => bail!("the server ended it: {reason}"),
                    _ => {}
                }
            }
            if let Some(update) = asked.take() {
                self.send_step_2(update)?;
            }
            if synced && self.edits_sent > 0 {
                return Ok(content);
            }
            self.socket.ready().await?;
        }
    }

    /// Sends a state vector.
    pub(crate) fn send_step_1(&mut self, state_vector: &[u8]) -> io::Result<()> {
        let frame = self.encode(Saying::Step1(state_vector));
        self.socket.send(Opcode::Binary, &frame)
    }

    /// Answers the server's step 1. Returns the number that a receipt will cover.
    pub(crate) fn send_step_2(&mut self, update: &[u8]) -> io::Result<u64> {
        let frame = self.encode(Saying::Step2(update));
        self.edits_sent += 1;
        self.socket.send(Opcode::Binary, &frame)?;
        Ok(self.edits_sent)
    }

    /// Sends a live update. Returns the number that a receipt will cover.
    pub(crate) fn send_update(&mut self, update: &[u8]) -> io::Result<u64> {
        let number = self.queue_update(update);
        self.socket.flush()?;
        Ok(number)
    }

    /// Queues a live update; the socket still has to be flushed.
    pub(crate) fn queue_update(&mut self, update: &[u8]) -> u64 {
        let frame = self.encode_update(update);
        self.edits_sent += 1;
        self.socket.queue(Opcode::Binary, &frame);
        self.edits_sent
    }

    /// Publishes presence.
    pub(crate) fn send_awareness(&mut self, states: &[u8]) -> io::Result<()> {
        let frame = self.encode(Saying::Awareness(states));
        self.socket.send(Opcode::Binary, &frame)
    }

    /// A live update as it goes over the wire.
    pub(crate) fn encode_update(&self, update: &[u8]) -> Vec<u8> {
        self.encode(Saying::Update(update))
    }

    fn encode(&self, saying: Saying<'_>) -> Vec<u8> {
        match &self.link {
            Link::Yjs => match saying {
                Saying::Step1(state_vector) => Message::Step1(state_vector),
                Saying::Step2(update) => Message::Step2(update),
                Saying::Update(update) => Message::Update(update),
                Saying::Awareness(states) => Message::Awareness(states),
            }
            .encode(),
            Link::Channel { number } => {
                let body = match saying {
                    Saying::Step1(state_vector) => Body::Step1(state_vector),
                    Saying::Step2(update) => Body::Step2(update),
                    Saying::Update(update) => Body::Update(update),
                    Saying::Awareness(states) => Body::Awareness(states),
                };
                ChannelFrame { number: *number, body }.encode()
            }
            Link::Hocuspocus { document, .. } => {
                let message = match saying {
                    Saying::Step1(state_vector) => HocuspocusMessage::Step1(state_vector),
                    Saying::Step2(update) => HocuspocusMessage::Step2(update),
                    Saying::Update(update) => HocuspocusMessage::Update(update),
                    Saying::Awareness(states) => HocuspocusMessage::Awareness(states),
                };
                HocuspocusFrame::Message(Address::new(document), message).encode()
            }
        }
    }

    /// Step 2 and update frames that were sent.
    pub(crate) fn edits_sent(&self) -> u64 {
        self.edits_sent
    }

    /// The channel's number, over `/ws`.
    pub(crate) fn channel_number(&self) -> Option<u64> {
        match self.link {
            Link::Channel { number } => Some(number),
            Link::Yjs | Link::Hocuspocus { .. } => None,
        }
    }

    /// The next thing that has been heard, if any; wait with `socket.ready()` for more.
    pub(crate) fn event(&mut self) -> io::Result<Option<Event<'_>>> {
        let event = match self.socket.take()? {
            None => return Ok(None),
            Some(Frame::Binary(bytes)) => match &mut self.link {
                Link::Yjs => y_event(bytes),
                Link::Channel { number } => channel_event(*number, bytes),
                Link::Hocuspocus { confirmed, .. } => hocuspocus_event(confirmed, bytes),
            },
            Some(Frame::Text(text)) => Ok(text_event(text)),
            Some(Frame::Pong) => Ok(Event::Pong),
            Some(Frame::Close { reason, .. }) => Ok(Event::Ended(reason)),
        };
        event.map(Some).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))
    }
}

fn y_event(bytes: &[u8]) -> Result<Event<'_>, DecodeError> {
    Ok(match Message::decode(bytes)? {
        Message::Step1(state_vector) => Event::Step1(state_vector),
        Message::Step2(update) => Event::Step2(update),
        Message::Update(update) => Event::Update(update),
        Message::PermissionDenied(reason) => Event::Refused(reason),
        Message::Awareness(states) => Event::Awareness(states),
        Message::QueryAwareness | Message::Unknown(_) => Event::Other,
    })
}

fn channel_event(number: u64, bytes: &[u8]) -> Result<Event<'_>, DecodeError> {
    let frame = ChannelFrame::decode(bytes)?;
    Ok(match frame.body {
        _ if frame.number != number => Event::Other,
        Body::Step1(state_vector) => Event::Step1(state_vector),
        Body::Step2(update) => Event::Step2(update),
        Body::Update(update) => Event::Update(update),
        Body::Receipt { through, .. } => Event::Receipt(through),
        Body::Piece(piece) => Event::Piece(piece),
        Body::Awareness(states) => Event::Awareness(states),
    })
}

/// `confirmed` counts the edits whose status has come: they come in the order of the edits, one for each.
fn hocuspocus_event<'a>(confirmed: &mut u64, bytes: &'a [u8]) -> Result<Event<'a>, DecodeError> {
    let HocuspocusFrame::Message(_, message) = HocuspocusFrame::decode(bytes)? else { return Ok(Event::Other) };
    Ok(match message {
        HocuspocusMessage::Step1(state_vector) => Event::Step1(state_vector),
        HocuspocusMessage::Step2(update) => Event::Step2(update),
        HocuspocusMessage::Update(update) => Event::Update(update),
        HocuspocusMessage::Awareness(states) => Event::Awareness(states),
        HocuspocusMessage::SyncStatus(Saved::Yes) => {
            *confirmed += 1;
            Event::Receipt(*confirmed)
        }
        HocuspocusMessage::SyncStatus(Saved::No) => Event::Refused("the status says: not saved"),
        HocuspocusMessage::PermissionDenied(reason) => Event::Ended(reason),
        HocuspocusMessage::Close(reason) => Event::Ended(reason.unwrap_or_default()),
        _ => Event::Other,
    })
}

fn text_event(text: &str) -> Event<'_> {
    let Ok(message) = serde_json::from_str::<Value>(text) else { return Event::Other };
    match message["type"].as_str() {
        Some("refused") => Event::Refused(text),
        Some("unsubscribed") => Event::Ended(text),
        _ => Event::Other,
    }
}

/// Subscribes to a document with sync: the channel's number.
async fn subscribe(socket: &mut Socket, document: &str, dialect: Dialect) -> Result<u64> {
    let capabilities: &[_] = match dialect {
        Dialect::WsDeflate => &["receipts", "notices", "pieces", "deflate"],
        _ => &["receipts", "notices"],
    };
    let sync = json!({ "epoch": null, "capabilities": capabilities });
    let request = json!({ "type": "subscribe", "payload": { "channel": document, "sync": sync } });
    socket.send(Opcode::Text, request.to_string().as_bytes())?;
    loop {
        while let Some(frame) = socket.take()? {
            let text = match frame {
                Frame::Text(text) => text,
                Frame::Close { code, reason } => bail!("the server closed the socket: {code} {reason}"),
                _ => continue,
            };
            let reply: Value = serde_json::from_str(text)?;
            match reply["type"].as_str() {
                Some("subscribed") => {
                    return reply["payload"]["sync"]["number"].as_u64().context("subscribed without a number");
                }
                Some("error") => bail!("the server refused: {}", reply["payload"]),
                _ => {}
            }
        }
        socket.ready().await?;
    }
}

/// Says who the client is, as Hocuspocus wants it before anything else, and waits until it is let in.
async fn authenticate(socket: &mut Socket, document: &str, token: &str) -> Result<()> {
    let message = HocuspocusMessage::Token { token, version: Some(HOCUSPOCUS_VERSION) };
    let frame = HocuspocusFrame::Message(Address::new(document), message).encode();
    socket.send(Opcode::Binary, &frame)?;
    loop {
        while let Some(frame) = socket.take()? {
            let bytes = match frame {
                Frame::Binary(bytes) => bytes,
                Frame::Close { code, reason } => bail!("the server closed the socket: {code} {reason}"),
                Frame::Text(_) | Frame::Pong => continue,
            };
            match HocuspocusFrame::decode(bytes)? {
                HocuspocusFrame::Message(_, HocuspocusMessage::Authenticated(_)) => return Ok(()),
                HocuspocusFrame::Message(_, HocuspocusMessage::PermissionDenied(reason)) => {
                    bail!("the server refused: {reason}")
                }
                _ => {}
            }
        }
        socket.ready().await?;
    }
}

#[cfg(test)]
mod tests {
    use web_protocol::hocuspocus::Scope;

    use super::*;

    fn frame(message: HocuspocusMessage<'_>) -> Vec<u8> {
        HocuspocusFrame::Message(Address::new("doc"), message).encode()
    }

    #[test]
    fn each_status_of_hocuspocus_confirms_one_more_edit() {
        let mut confirmed = 0;
        let yes = frame(HocuspocusMessage::SyncStatus(Saved::Yes));
        assert_eq!(hocuspocus_event(&mut confirmed, &yes), Ok(Event::Receipt(1)));
        assert_eq!(hocuspocus_event(&mut confirmed, &yes), Ok(Event::Receipt(2)));
        let no = frame(HocuspocusMessage::SyncStatus(Saved::No));
        assert!(matches!(hocuspocus_event(&mut confirmed, &no), Ok(Event::Refused(_))));
        assert_eq!(confirmed, 2);
    }

    #[test]
    fn what_hocuspocus_sends_is_heard_as_in_the_other_dialects() {
        let heard = |message: HocuspocusMessage<'_>| {
            let frame = frame(message);
            format!("{:?}", hocuspocus_event(&mut 0, &frame).unwrap())
        };
        assert_eq!(heard(HocuspocusMessage::Update(b"u")), format!("{:?}", Event::Update(b"u")));
        assert_eq!(heard(HocuspocusMessage::Step1(b"v")), format!("{:?}", Event::Step1(b"v")));
        assert_eq!(heard(HocuspocusMessage::Step2(b"u")), format!("{:?}", Event::Step2(b"u")));
        assert_eq!(heard(HocuspocusMessage::Close(None)), format!("{:?}", Event::Ended("")));
        assert_eq!(heard(HocuspocusMessage::Authenticated(Scope::ReadWrite)), format!("{:?}", Event::Other));
        assert!(hocuspocus_event(&mut 0, &[0xff]).is_err());
    }
}
