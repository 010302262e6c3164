//! What becomes of tokens: a document is opened, its authority renewed, or its client denied.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;

use platform::auth::Principal;
use web_protocol::hocuspocus::{Address, Message};

use super::allowance::Allowance;
use super::connection::Connection;
use super::document::{Document, Open, Renewal, State};
use super::opening::{Denial, Opened, identify, open};
use crate::outbox::ChannelKey;
use crate::principals::{Place, whom};
use crate::server::Authority;
use crate::socket::{Dialect, Flow};

pub(super) type UnderWay = Pin<Box<dyn Future<Output = Done> + Send>>;

/// Something that took a while.
pub(super) enum Done {
    /// Whether there is a place for the socket.
    Placed(Result<Place, (u16, &'static str)>),
    Opened(ChannelKey, Arc<str>, Result<Opened, Denial>),
    Renewed(ChannelKey, Arc<str>, Result<Authority, Denial>),
}

impl Connection {
    /// Begins to open a document. What waits for it goes on waiting.
    pub(super) fn open(&mut self, address: Address<'_>, token: &str) -> Flow {
        let Some(document) = self.documents.get_mut(address.as_str()) else { return Flow::Continue };
        let waiting = match std::mem::replace(&mut document.state, State::Denied) {
            State::Expected(waiting) => waiting,
            _ => VecDeque::new(),
        };
        document.state = State::Opening(waiting);
        let (shared, voice, token) = (Arc::clone(&self.shared), document.voice.clone(), token.to_owned());
        let client = self.address;
        self.under_way.push(Box::pin(async move {
            let opened = open(&shared, &voice, client, &token).await;
            Done::Opened(voice.key, voice.address, opened)
        }));
        Flow::Continue
    }

    fn opened(&mut self, key: ChannelKey, address: &Arc<str>, result: Result<Opened, Denial>) -> Flow {
        // A document that was closed meanwhile drops its session here.
        let Some(document) = self.documents.get_mut(address).filter(|document| document.voice.key == key) else {
            return Flow::Continue;
        };
        let State::Opening(queue) = std::mem::replace(&mut document.state, State::Denied) else {
            return Flow::Continue;
        };
        self.waiting.give_back(&queue);
        let mut newcomer = None;
        match result {
            Ok(Opened { name, session, sink, authority, place }) => {
                newcomer = self.deadline.take().is_some().then(|| Arc::clone(&authority.principal));
                sink.open();
                let allowance = Allowance::new(self.shared.clock.monotonic_ms());
                let (session, renewal) = (Arc::new(session), Renewal::Idle);
                let open = Open { name, session, sink, authority, renewal, allowance, _place: place };
                document.meanwhile.make_up(&self.shared, &mut self.access_check, open.attached());
                document.state = State::Open(open);
            }
            Err(denial) => document.voice.say(Message::PermissionDenied(denial.as_str())),
        }
        if let Some(principal) = newcomer {
            self.expect_place_for(principal);
        }
        for frame in &queue {
            let flow = self.take(frame);
            if flow != Flow::Continue {
                return flow;
            }
        }
        Flow::Continue
    }

    /// The socket counts for whom its first document was opened.
    fn expect_place_for(&mut self, principal: Arc<Principal>) {
        let (shared, client) = (Arc::clone(&self.shared), self.address);
        self.whose = Some(whom(&principal, client));
        self.under_way.push(Box::pin(async move { Done::Placed(shared.place_for_socket(&principal, client).await) }));
    }

    /// Begins to look at a new token for an open document (H8).
    pub(super) fn renew(&mut self, address: Address<'_>, token: &str) -> Flow {
        let Some(Document { voice, state: State::Open(open), .. }) = self.documents.get_mut(address.as_str()) else {
            return Flow::Continue;
        };
        if let Renewal::UnderWay(next) = &mut open.renewal {
            *next = Some(token.to_owned());
            return Flow::Continue;
        }
        open.renewal = Renewal::UnderWay(None);
        let (shared, name, token) = (Arc::clone(&self.shared), open.name.clone(), token.to_owned());
        let (key, address) = (voice.key, Arc::clone(&voice.address));
        self.under_way.push(Box::pin(async move {
            let renewed = identify(&shared, &name, &token).await;
            Done::Renewed(key, address, renewed)
        }));
        Flow::Continue
    }

    fn renewed(&mut self, key: ChannelKey, address: &Arc<str>, result: Result<Authority, Denial>) {
        let Some(Document { voice, state: State::Open(open), .. }) = self.documents.get_mut(address) else { return };
        if voice.key != key {
            return;
        }
        let next = match std::mem::replace(&mut open.renewal, Renewal::Idle) {
            Renewal::UnderWay(next) => next,
            Renewal::Idle => None,
        };
        let same = |new: &Authority| new.principal.reference() == open.authority.principal.reference();
        // An authority that was not renewed lasts until it ends.
        match result {
            Ok(new) if same(&new) => {
                open.authority = new;
                open.sink.tell_scope();
            }
            Ok(_) => voice.say(Message::PermissionDenied(Denial::PrincipalMismatch.as_str())),
            Err(denial) => voice.say(Message::PermissionDenied(denial.as_str())),
        }
        self.check_access();
        if let Some(token) = next {
            self.renew(Address::new(address), &token);
        }
    }

    pub(super) fn done(&mut self, done: Done) -> Flow {
        match done {
            Done::Placed(Ok(place)) => {
                self.place = Some(place);
                Flow::Continue
            }
            Done::Placed(Err((code, reason))) => Flow::Close(code, reason),
            Done::Opened(key, address, result) => self.opened(key, &address, result),
            Done::Renewed(key, address, result) => {
                self.renewed(key, &address, result);
                Flow::Continue
            }
        }
    }
}
