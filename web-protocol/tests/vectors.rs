//! Runs the golden frames that the TypeScript client runs, too.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;
use web_protocol::control::{
    Cause, Envelope, EventMessage, HeldLock, Identity, LockHolder, Repair, Reply, SyncReply, WelcomeLimits,
};
use web_protocol::frame::{Body, Frame, Piece, PieceForm, PieceOf};
use web_protocol::hocuspocus::{self, Address, Message, Saved, Scope};
use web_protocol::lib0::DecodeError;

fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let hex = hex.as_str().unwrap();
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn g11_golden_frames_are_read_and_written() {
    for vector in vectors("frames.json") {
        let encoded = bytes(&vector["hex"]);
        let content = vector.get("body").map(bytes).unwrap_or_default();
        let number = |field: &str| vector[field].as_u64().unwrap();
        let body = match vector["type"].as_str().unwrap() {
            "step1" => Body::Step1(&content),
            "step2" => Body::Step2(&content),
            "update" => Body::Update(&content),
            "awareness" => Body::Awareness(&content),
            "piece" => Body::Piece(Piece {
                of: if vector["of"] == "step2" { PieceOf::Step2 } else { PieceOf::Update },
                total: number("total"),
                form: match number("inflated") {
                    0 => PieceForm::Plain,
                    size => PieceForm::Deflated { size },
                },
                bytes: &content,
            }),
            _ => Body::Receipt { through: number("through"), epoch: number("epoch"), seq: number("seq") },
        };
        let frame = Frame { number: number("channel"), body };
        assert_eq!(Frame::decode(&encoded), Ok(frame), "{}", vector["name"]);
        assert_eq!(frame.encode(), encoded, "{}", vector["name"]);
    }
}

#[test]
fn g16_malformed_frames_are_refused_for_the_same_reason() {
    for vector in vectors("malformed.json") {
        let error = Frame::decode(&bytes(&vector["hex"])).err();
        assert_eq!(vector["reason"].as_str(), error.map(reason), "{}", vector["name"]);
    }
}

fn reason(error: DecodeError) -> &'static str {
    match error {
        DecodeError::UnexpectedEnd => "unexpected-end",
        DecodeError::IntegerTooLarge => "integer-too-large",
        DecodeError::InvalidUtf8 => "invalid-utf8",
        DecodeError::TrailingBytes => "trailing-bytes",
        DecodeError::UnknownType(_) => "unknown-type",
    }
}

#[test]
fn h2_golden_frames_are_read_and_written() {
    for vector in vectors("hocuspocus.json") {
        let encoded = bytes(&vector["hex"]);
        let content = vector.get("body").map(bytes).unwrap_or_default();
        let frame = hocuspocus_frame(&vector, &content);
        assert_eq!(hocuspocus::Frame::decode(&encoded), Ok(frame), "{}", vector["name"]);
        assert_eq!(frame.encode(), encoded, "{}", vector["name"]);
    }
}

fn hocuspocus_frame<'a>(vector: &'a Value, content: &'a [u8]) -> hocuspocus::Frame<'a> {
    let text = |field: &str| vector[field].as_str().unwrap();
    let message = match text("type") {
        "ping" => return hocuspocus::Frame::Ping,
        "pong" => return hocuspocus::Frame::Pong,
        "step1" => Message::Step1(content),
        "step2" => Message::Step2(content),
        "update" => Message::Update(content),
        "awareness" => Message::Awareness(content),
        "query-awareness" => Message::QueryAwareness,
        "token" => Message::Token { token: text("token"), version: vector["version"].as_str() },
        "token-request" => Message::TokenRequest,
        "denied" => Message::PermissionDenied(text("reason")),
        "authenticated" if text("scope") == "readonly" => Message::Authenticated(Scope::ReadOnly),
        "authenticated" => Message::Authenticated(Scope::ReadWrite),
        "stateless" => Message::Stateless(text("payload")),
        "broadcast-stateless" => Message::BroadcastStateless(text("payload")),
        "close" => Message::Close(vector["reason"].as_str()),
        "status" if vector["saved"] == true => Message::SyncStatus(Saved::Yes),
        "status" => Message::SyncStatus(Saved::No),
        other => panic!("{}: {other} is not known", vector["name"]),
    };
    hocuspocus::Frame::Message(Address::new(text("address")), message)
}

#[test]
fn h2_malformed_frames_are_refused_for_the_same_reason() {
    for vector in vectors("hocuspocus-malformed.json") {
        let error = hocuspocus::Frame::decode(&bytes(&vector["hex"])).err();
        assert_eq!(vector["reason"].as_str(), error.map(reason), "{}", vector["name"]);
    }
}

#[test]
fn g2_messages_of_clients_are_read() {
    for vector in vectors("messages.json").iter().filter(|vector| vector["from"] == "client") {
        let read = Envelope::decode(&vector["message"].to_string());
        let envelope = read.unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
        assert_eq!(envelope.request_id.as_deref(), vector["message"]["requestId"].as_str(), "{}", vector["name"]);
    }
}

/// Builds the reply that a golden message of the server is, from its fields.
fn reply(message: &Value) -> Option<Reply> {
    let payload = &message["payload"];
    let text = |field: &str| payload[field].as_str().unwrap_or_default().to_owned();
    let fixed = |value: &Value| -> &'static str { value.as_str().unwrap_or_default().to_owned().leak() };
    let cause = || Cause {
        code: fixed(&payload["code"]),
        message: text("message"),
        retry: payload["retry"].as_bool().unwrap_or_default(),
    };
    let small = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let size = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let channel = text("channel");
    Some(match message["type"].as_str()? {
        "welcome" => Reply::Welcome {
            protocol: small(&payload["protocol"]),
            server: text("server"),
            principal: Identity {
                id: payload["principal"]["id"].as_str()?.to_owned(),
                name: payload["principal"]["name"].as_str()?.to_owned(),
                kind: fixed(&payload["principal"]["kind"]),
                color: payload["principal"]["color"].as_str()?.to_owned(),
            },
            authorized_until: text("authorizedUntil"),
            heartbeat_seconds: payload["heartbeatSeconds"].as_u64()?,
            limits: WelcomeLimits {
                frame_bytes: size(&payload["limits"]["frameBytes"]),
                update_bytes: size(&payload["limits"]["updateBytes"]),
                channels: size(&payload["limits"]["channels"]),
            },
        },
        "subscribed" => Reply::Subscribed {
            channel,
            access: fixed(&payload["access"]),
            sync: payload.get("sync").map(|sync| SyncReply {
                number: sync["number"].as_u64().unwrap(),
                epoch: small(&sync["epoch"]),
                seq: sync["seq"].as_u64().unwrap(),
                capabilities: sync["capabilities"].as_array().unwrap().iter().map(fixed).collect(),
            }),
        },
        "unsubscribed" => Reply::Unsubscribed { channel, cause: payload.get("code").map(|_| cause()) },
        "refused" => Reply::Refused { channel, update: payload["update"].as_u64()?, cause: cause() },
        "lock_acquired" => Reply::LockAcquired(held_lock(payload)),
        "lock_released" => Reply::LockReleased { node_id: text("nodeId") },
        "lagging" => Reply::Lagging { channel },
        "caught_up" => Reply::CaughtUp { channel },
        "saving_behind" => Reply::SavingBehind { channel, pending: payload["pending"].as_u64()? },
        "saving_resumed" => Reply::SavingResumed { channel },
        "repaired" => Reply::Repaired {
            channel,
            repairs: payload["repairs"]
                .as_array()?
                .iter()
                .map(|it| Repair { path: it["path"].as_str().unwrap().to_owned(), reason: fixed(&it["reason"]) })
                .collect(),
            more: size(&payload["more"]),
        },
        "resync" => Reply::Resync { channel },
        "token_expiring" => Reply::TokenExpiring { authorized_until: text("authorizedUntil") },
        "token_accepted" => Reply::TokenAccepted { authorized_until: text("authorizedUntil") },
        "restarting" => Reply::Restarting { reconnect_after_ms: payload["reconnectAfterMs"].as_u64()? },
        "error" => Reply::Error {
            channel: payload.get("channel").map(|_| channel),
            epoch: payload.get("epoch").map(small),
            lock: payload.get("lock").map(|lock| Box::new(held_lock(lock))),
            cause: cause(),
        },
        _ => return None,
    })
}

fn held_lock(lock: &Value) -> HeldLock {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let fixed = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let holder = &lock["holder"];
    HeldLock {
        node_id: text(&lock["nodeId"]),
        locked_by: text(&lock["lockedBy"]),
        holder: LockHolder { kind: fixed(&holder["kind"]), id: text(&holder["id"]), name: text(&holder["name"]) },
        fencing_token: lock["fencingToken"].as_i64().unwrap(),
        enforced: lock["enforced"].as_bool().unwrap(),
        expires_at: text(&lock["expiresAt"]),
    }
}

/// Writes the event that a golden message is, from its fields.
fn event(message: &Value) -> String {
    const FACTS: [&str; 7] = ["channel", "eventId", "organizationId", "projectId", "nodeId", "actors", "at"];
    let payload = message["payload"].as_object().unwrap();
    let text = |field: &str| payload.get(field).map(|value| value.as_str().unwrap().to_owned());
    let rest = payload.iter().filter(|(name, _)| !FACTS.contains(&name.as_str()));
    let message = EventMessage {
        kind: message["type"].as_str().unwrap(),
        channel: payload["channel"].as_str().unwrap(),
        event_id: text("eventId").unwrap(),
        organization_id: text("organizationId").unwrap(),
        project_id: text("projectId"),
        node_id: text("nodeId"),
        actors: &payload["actors"],
        at: text("at").unwrap(),
        payload: &rest.map(|(name, value)| (name.clone(), value.clone())).collect(),
    };
    message.encode()
}

#[test]
fn g2_messages_of_the_server_are_written() {
    for vector in vectors("messages.json").iter().filter(|vector| vector["from"] == "server") {
        let message = &vector["message"];
        let written = match reply(message) {
            Some(reply) => reply.encode(message["requestId"].as_str()),
            None => event(message),
        };
        let written: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(&written, message, "{}", vector["name"]);
    }
}
