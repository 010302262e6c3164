//! The task of a client: it writes what waits, and hands out what comes.

use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use super::assembly::Assembly;
use super::{ChannelEvent, ClientError, Event, Shared, WAITING_BYTES_MAX};
use crate::frame::{Body, Frame};

/// The read buffer of a connection, in bytes: documents come in larger frames, keystrokes do not.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// The largest frame that is taken from a server, in bytes.
const FRAME_BYTES_MAX: usize = 256 << 20;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Moves the bytes of a connection. Nothing happens unless [`Driver::run`] is polled.
#[derive(Debug)]
pub struct Driver {
    socket: Socket,
    shared: Arc<Shared>,
    events: mpsc::Sender<Event>,
    assembly: Assembly,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    r#type: String,
    #[serde(default)]
    payload: Value,
    #[serde(default)]
    request_id: Option<String>,
}

impl Driver {
    pub(super) async fn open(
        url: &str,
        token: &str,
        shared: Arc<Shared>,
        events: mpsc::Sender<Event>,
    ) -> Result<Self, ClientError> {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .max_frame_size(Some(FRAME_BYTES_MAX))
            .max_message_size(Some(FRAME_BYTES_MAX));
        let url = format!("{}/ws?token={token}", url.trim_end_matches('/'));
        // The error's text does not hold the address, and so not the token.
        let opened = connect_async_with_config(url, Some(config), true).await;
        let (socket, _) = opened.map_err(|error| ClientError::Disconnected(error.to_string()))?;
        let mut driver = Self { socket, shared, events, assembly: Assembly::default() };
        driver.be_welcomed().await?;
        Ok(driver)
    }

    async fn be_welcomed(&mut self) -> Result<(), ClientError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    let said: Said = serde_json::from_str(&text).map_err(|error| lost(&error))?;
                    if said.r#type == "welcome" {
                        return Ok(());
                    }
                }
                Some(Ok(Message::Close(Some(close)))) => {
                    let (code, message) = (u16::from(close.code).to_string(), close.reason.to_string());
                    return Err(ClientError::Refused { code, message, retry: false });
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(&error)),
                None => return Err(ClientError::Disconnected("it has hung up".to_owned())),
            }
        }
    }

    /// Runs until the connection is over, or nobody listens any more.
    pub async fn run(mut self) {
        let (code, reason) = self.exchange().await;
        self.shared.close(&reason);
        // Perhaps nobody listens.
        let _ = self.events.send(Event::Closed { code, reason }).await;
    }

    async fn exchange(&mut self) -> (Option<u16>, String) {
        let shared = Arc::clone(&self.shared);
        loop {
            let noted = shared.noted.notified();
            if let Err(error) = self.write().await {
                return (None, error.to_string());
            }
            tokio::select! {
                () = noted => {}
                () = self.events.closed() => return (None, "nobody listens".to_owned()),
                message = self.socket.next() => match message {
                    None => return (None, "it has hung up".to_owned()),
                    Some(Err(error)) => return (None, error.to_string()),
                    Some(Ok(Message::Close(close))) => {
                        let reason = close.as_ref().map(|close| close.reason.to_string()).unwrap_or_default();
                        return (close.map(|close| close.code.into()), reason);
                    }
                    Some(Ok(message)) => if let Err(reason) = self.take(message).await {
                        return (None, reason);
                    },
                },
            }
        }
    }

    async fn write(&mut self) -> Result<(), tungstenite::Error> {
        loop {
            let (waiting, bytes) = {
                let mut state = self.shared.state();
                (std::mem::take(&mut state.waiting), std::mem::take(&mut state.waiting_bytes))
            };
            if waiting.is_empty() {
                return Ok(());
            }
            if bytes > WAITING_BYTES_MAX {
                return Err(tungstenite::Error::Io(std::io::Error::other("too much waits to be written")));
            }
            for message in waiting {
                self.socket.feed(message).await?;
            }
            self.socket.flush().await?;
        }
    }

    async fn take(&mut self, message: Message) -> Result<(), String> {
        let event = match message {
            Message::Binary(bytes) => self.read(&bytes)?,
            Message::Text(text) => self.read_text(&text)?,
            _ => None,
        };
        if let Some(event) = event {
            self.events.send(event).await.map_err(|_| "nobody listens".to_owned())?;
        }
        Ok(())
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Option<Event>, String> {
        let Frame { number, body } = Frame::decode(bytes).map_err(|error| error.to_string())?;
        let event = match body {
            Body::Step1(state_vector) => ChannelEvent::Step1(state_vector.to_vec()),
            Body::Step2(update) => ChannelEvent::Step2(update.to_vec()),
            Body::Update(update) => ChannelEvent::Update(update.to_vec()),
            Body::Awareness(states) => ChannelEvent::Awareness(states.to_vec()),
            Body::Receipt { through, seq, .. } => ChannelEvent::Receipt { through, seq },
            Body::Piece(piece) => match self.assembly.add(number, &piece)? {
                Some(event) => event,
                None => return Ok(None),
            },
        };
        Ok(Some(Event::Channel { number, event }))
    }

    fn read_text(&mut self, text: &str) -> Result<Option<Event>, String> {
        let Said { r#type: kind, payload, request_id } =
            serde_json::from_str(text).map_err(|error| error.to_string())?;
        if kind == "subscribed"
            && let Some(number) = payload.pointer("/sync/number").and_then(Value::as_u64)
        {
            self.assembly.forget(number);
        }
        let Some(id) = request_id else { return Ok(Some(Event::read(&kind, payload))) };
        let answer = if kind == "error" { Err(refused(&payload)) } else { Ok(payload) };
        self.shared.answer(&id, answer);
        Ok(None)
    }
}

fn refused(payload: &Value) -> ClientError {
    let text = |name: &str| payload.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let retry = payload.get("retry").and_then(Value::as_bool).unwrap_or_default();
    ClientError::Refused { code: text("code"), message: text("message"), retry }
}

fn lost(error: &dyn std::error::Error) -> ClientError {
    ClientError::Disconnected(error.to_string())
}
