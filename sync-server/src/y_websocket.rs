//! The dialect of stock Yjs clients: `/yjs/{document}` (SPEC §3).

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use documents::delivery::{AwarenessState, Delivery, EndReason, Outgoing, Refusal, Sink, Taken, Wire};
use documents::room::{Mode, Receipts, UpdateKind};
use documents::{Newcomer, Session};
use futures_util::FutureExt as _;
use platform::auth::Principal;
use platform::ingress::ClientAddress;
use platform::rate_limiter::Whom;
use schema::ids::{DocumentName, UserId};
use web_protocol::awareness::{self, Entry, GONE};
use web_protocol::close;
use web_protocol::y_websocket::Message;

use crate::access_check::{AccessCheck, Attached};
use crate::outbox::{ChannelKey, Outbox, Priority};
use crate::principals::{Place, What, whom};
use crate::server::{Authority, Shared, SyncServer};
use crate::socket::{Dialect, Flow, serve};
use crate::upgrade::{self, Upgrade, document_authority};
use crate::websocket::binary;

/// The slot of this dialect's frames in a delivery.
const DIALECT: usize = 1;
/// States read from one awareness message; more are ignored.
pub(crate) const AWARENESS_ENTRIES: usize = 64;
/// A socket has one channel.
const CHANNEL: ChannelKey = ChannelKey(0);

/// Opens a socket on one document.
pub(crate) async fn open(
    State(server): State<SyncServer>,
    Path(document): Path<String>,
    Query(query): Query<upgrade::Query>,
    upgrade: Upgrade,
) -> Response {
    let shared = server.shared;
    let Ok(name) = document.parse::<DocumentName>() else {
        return upgrade.refuse(&shared, close::NOT_FOUND, "this is not a document's name");
    };
    let authority = match document_authority(&shared, &name, query.token.as_deref()).await {
        Ok(authority) => authority,
        Err((code, reason)) => return upgrade.refuse(&shared, code, reason),
    };
    upgrade.authenticated();
    let places = match places(&shared, &authority.principal, upgrade.address).await {
        Ok(places) => places,
        Err((code, reason)) => return upgrade.refuse(&shared, code, reason),
    };
    let outbox = Arc::new(Outbox::new(shared.limits.outbox_bytes, &shared.metrics));
    let (access, whose) = (shared.access_news.listen(), whom(&authority.principal, upgrade.address));
    match attach(&shared, &name, &authority.principal, &outbox).await {
        Ok(session) => {
            let of_socket = Arc::clone(&shared);
            upgrade.then(&shared, move |connected| {
                let (shared, session, access_check) = (of_socket, Arc::new(session), AccessCheck::default());
                let dialect = YWebsocket { shared: Arc::clone(&shared), name, authority, whose, session, access_check };
                serve(connected, outbox, dialect, shared, access, places)
            })
        }
        Err((code, reason)) => upgrade.refuse(&shared, code, reason),
    }
}

/// For the socket and its document.
async fn places(
    shared: &Shared,
    principal: &Principal,
    address: ClientAddress,
) -> Result<[Place; 2], (u16, &'static str)> {
    let socket = shared.place_for_socket(principal, address).await?;
    let document = shared.principals.place(principal, address, What::Document);
    Ok([socket, document.ok_or((close::TOO_MANY, "too many documents are open"))?])
}

async fn attach(
    shared: &Shared,
    name: &DocumentName,
    principal: &Arc<Principal>,
    outbox: &Arc<Outbox>,
) -> Result<Session, (u16, &'static str)> {
    const UNAVAILABLE: (u16, &str) = (close::TRY_LATER, "the document cannot be opened now");
    let granted = shared.access_desk.ask(principal, name).await.map_err(|_| UNAVAILABLE)?;
    let granted = granted.ok_or((close::NOT_FOUND, "no such document, or no access to it"))?;
    let newcomer = Newcomer {
        principal: Arc::clone(principal),
        access: granted.access,
        mode: Mode::Sync { receipts: Receipts::Unknown },
        replica_epoch: None,
        sink: Arc::new(YSink { outbox: Arc::clone(outbox) }),
    };
    shared.documents.attach(&granted.document, newcomer).await.map_err(|_| UNAVAILABLE)
}

struct YWebsocket {
    shared: Arc<Shared>,
    name: DocumentName,
    authority: Authority,
    whose: Whom,
    session: Arc<Session>,
    access_check: AccessCheck,
}

impl YWebsocket {
    async fn take(&mut self, frame: Bytes) -> Result<Flow, documents::Closed> {
        let Ok(message) = Message::decode(&frame) else {
            return Ok(Flow::Close(close::MALFORMED, "the frame cannot be decoded"));
        };
        match message {
            Message::Step1(state_vector) => self.session.step_1(frame.slice_ref(state_vector)).await?,
            Message::Step2(update) => self.session.update(UpdateKind::Step2, frame.slice_ref(update)).await?,
            Message::Update(update) => self.session.update(UpdateKind::Live, frame.slice_ref(update)).await?,
            Message::Awareness(states) => {
                let Ok(entries) = awareness::decode(states, AWARENESS_ENTRIES) else {
                    return Ok(Flow::Close(close::MALFORMED, "the awareness update cannot be decoded"));
                };
                self.session.awareness(entries.into_iter().map(state_of).collect()).await?;
            }
            Message::QueryAwareness => self.session.query_awareness().await?,
            Message::PermissionDenied(_) | Message::Unknown(_) => {}
        }
        Ok(Flow::Continue)
    }
}

impl Dialect for YWebsocket {
    const NAME: &'static str = "y_websocket";

    async fn text(&mut self, _: &str) -> Flow {
        Flow::Close(close::MALFORMED, "this protocol has no text frames")
    }

    fn binary(&mut self, frame: Bytes) -> impl Future<Output = Flow> + Send {
        self.take(frame).map(|flow| flow.unwrap_or(Flow::Close(close::TRY_LATER, "the document was closed")))
    }

    async fn progress(&mut self) -> Flow {
        self.access_check.run().await;
        Flow::Continue
    }

    fn ended(&mut self, _: ChannelKey, reason: EndReason) -> Flow {
        match reason {
            EndReason::AccessEnded => Flow::Close(close::FORBIDDEN, "access has ended"),
            EndReason::Unavailable => Flow::Close(close::TRY_LATER, "the document must be opened anew"),
            EndReason::Unsavable => Flow::Close(close::TRY_LATER, "an edit cannot be saved and was taken out"),
            EndReason::Behind => Flow::Close(close::TRY_LATER, "saving is behind"),
            EndReason::Shutdown => Flow::Close(close::RESTART, "the server restarts"),
        }
    }

    fn drained(&mut self, _: ChannelKey) {
        self.session.drained();
    }

    fn acts_for(&self, user: UserId) -> bool {
        self.authority.principal.user == Some(user)
    }

    fn check_access(&mut self) {
        let (principal, name) = (Arc::clone(&self.authority.principal), self.name.clone());
        let session = Arc::downgrade(&self.session);
        self.access_check.start(&self.shared, vec![Attached { principal, name, session }]);
    }

    fn draining(&mut self) -> Flow {
        Flow::Continue
    }

    fn whose(&self) -> Option<Whom> {
        Some(self.whose)
    }

    fn authorized_until(&self) -> DateTime<Utc> {
        self.authority.until
    }

    fn expiring(&mut self) {}
}

struct YSink {
    outbox: Arc<Outbox>,
}

impl Sink for YSink {
    fn deliver(&self, delivery: &Delivery) -> Taken {
        let priority = match &delivery.message {
            Outgoing::Update(_) => Priority::Update,
            Outgoing::Awareness(_) => Priority::Presence,
            // Such a client offers refused content again only when it reconnects (Y4).
            Outgoing::Refused { refusal: Refusal::SavingBehind | Refusal::TooManyRepairs, .. } => {
                self.outbox.end(CHANNEL, EndReason::Behind);
                return Taken::Yes;
            }
            Outgoing::Step1(_) | Outgoing::Step2(_) | Outgoing::Part(_) | Outgoing::Refused { .. } => Priority::Must,
            Outgoing::Ended(reason) => {
                self.outbox.end(CHANNEL, *reason);
                return Taken::Yes;
            }
            // What the protocol has no words for.
            _ => return Taken::Yes,
        };
        let frame = delivery.encoded(DIALECT, |_, message| encode(message));
        self.outbox.push(CHANNEL, priority, frame)
    }

    fn flush(&self) {
        self.outbox.flush();
    }
}

fn encode(message: &Outgoing) -> Wire {
    match message {
        Outgoing::Step1(state_vector) => binary(&Message::Step1(state_vector).head(), state_vector.clone()),
        Outgoing::Step2(update) => binary(&Message::Step2(update).head(), update.bytes().clone()),
        Outgoing::Update(update) | Outgoing::Part(update) => {
            binary(&Message::Update(update).head(), update.bytes().clone())
        }
        Outgoing::Awareness(states) => binary(&Message::Awareness(&encode_awareness(states)).encode(), Bytes::new()),
        Outgoing::Refused { refusal, .. } => {
            binary(&Message::PermissionDenied(&refusal.message()).encode(), Bytes::new())
        }
        _ => Wire::default(),
    }
}

/// An awareness update of these states.
pub(crate) fn encode_awareness(states: &[AwarenessState]) -> Vec<u8> {
    awareness::encode(states.iter().map(|state| Entry {
        client: state.client,
        clock: state.clock,
        state: state.state.as_deref().unwrap_or(GONE),
    }))
}

/// An awareness state as documents have it.
pub(crate) fn state_of(entry: Entry<'_>) -> AwarenessState {
    let state = (entry.state != GONE).then(|| entry.state.into());
    AwarenessState { client: entry.client, clock: entry.clock, state }
}
