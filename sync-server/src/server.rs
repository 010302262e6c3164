//! The routes of the sockets, and what all sockets share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chrono::{DateTime, Utc};
use documents::Documents;
use platform::access::{AccessDesk, AccessNews, Granted, Undecided};
use platform::auth::{Authenticator, Principal};
use platform::clock::Clock;
use platform::config::Mode;
use platform::db::Db;
use platform::events::EventFeed;
use platform::lifecycle::Lifecycle;
use platform::limits::{LimitCounters, Limits};
use platform::metrics::Metrics;
use platform::rate_limiter::RateLimiter;
use schema::ids::DocumentName;

use crate::account::Accounts;
use crate::byte_budget::ByteBudget;
use crate::metrics::SocketMetrics;
use crate::principals::Principals;
use crate::{glassbox, hocuspocus, y_websocket};

/// A node that was just drawn on a canvas is known as a document once the canvas is projected: so long and so often
/// an opening waits for it.
const NEW_NODE_PAUSE: Duration = Duration::from_millis(150);
const NEW_NODE_TRIES: usize = 10;

/// What all sockets share.
pub(crate) struct Shared {
    pub(crate) documents: Documents,
    pub(crate) authenticator: Authenticator,
    pub(crate) access_desk: AccessDesk,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) limits: Limits,
    pub(crate) mode: Mode,
    pub(crate) metrics: SocketMetrics,
    pub(crate) reached: LimitCounters,
    pub(crate) rate_limiter: RateLimiter,
    pub(crate) principals: Principals,
    pub(crate) accounts: Accounts,
    /// For what strangers have under way, and for what waits on sockets whose documents are not open yet.
    pub(crate) waiting: ByteBudget,
    pub(crate) access_news: AccessNews,
    pub(crate) events: EventFeed,
    pub(crate) db: Db,
    turns: AtomicU32,
}

/// The server of all sockets. Cheap to clone.
#[derive(Clone)]
pub struct SyncServer {
    pub(crate) shared: Arc<Shared>,
}

/// Who is on a socket, and until when.
#[derive(Debug, Clone)]
pub(crate) struct Authority {
    pub(crate) principal: Arc<Principal>,
    pub(crate) until: DateTime<Utc>,
}

impl SyncServer {
    /// A server for these documents.
    #[expect(clippy::too_many_arguments, reason = "the world, passed in once at start")]
    #[must_use]
    pub fn new(
        documents: Documents,
        authenticator: Authenticator,
        db: &Db,
        clock: Arc<dyn Clock>,
        lifecycle: Lifecycle,
        limits: Limits,
        mode: Mode,
        access_news: AccessNews,
        events: EventFeed,
        rate_limiter: RateLimiter,
        metrics: &Metrics,
    ) -> Self {
        let shared = Shared {
            documents,
            authenticator,
            access_desk: AccessDesk::start(db, mode, &lifecycle),
            clock,
            lifecycle,
            waiting: ByteBudget::new(limits.unauthenticated_bytes),
            accounts: Accounts::new(&limits),
            rate_limiter,
            principals: Principals::new(&limits, metrics.limits()),
            limits,
            mode,
            metrics: SocketMetrics::register(metrics),
            reached: metrics.limits(),
            access_news,
            events,
            db: db.clone(),
            turns: AtomicU32::new(0),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The routes `/ws`, `/yjs/{document}` and `/hocuspocus`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/ws", get(glassbox::open))
            .route("/yjs/{document}", get(y_websocket::open))
            .route("/hocuspocus", get(hocuspocus::open))
            .with_state(self)
    }
}

impl Shared {
    /// A part of `time`, another one at each call, so that those who do the same thing do not do it at the same time.
    pub(crate) fn next_share_of(&self, time: Duration) -> Duration {
        const SHARES: u32 = 64;
        time * (self.turns.fetch_add(1, Ordering::Relaxed) % SHARES) / SHARES
    }

    /// What a principal may do with a document; `None` when it does not exist or must not be seen. Has patience with a
    /// node that was just made.
    pub(crate) async fn access_once_known(
        &self,
        principal: &Principal,
        name: &DocumentName,
    ) -> Result<Option<Granted>, Undecided> {
        for _ in 0..NEW_NODE_TRIES {
            let granted = self.access_desk.ask(principal, name).await?;
            if granted.is_some() || !matches!(name, DocumentName::Node(_)) {
                return Ok(granted);
            }
            tokio::time::sleep(NEW_NODE_PAUSE).await;
        }
        self.access_desk.ask(principal, name).await
    }
}
