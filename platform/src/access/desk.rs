//! Where access is asked for by many at once: questions that come while others are being answered wait, and are
//! answered together by one query. So the cost of each falls as they become more, and no answer is older than its
//! question.

use std::sync::Arc;

use schema::ids::DocumentName;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::Granted;
use super::lookup::{self, Question};
use crate::auth::Principal;
use crate::config::Mode;
use crate::db::Db;
use crate::lifecycle::Lifecycle;

/// Queries under way at the same time, at most.
const QUERIES: usize = 2;
/// Questions that one query answers, at most.
const QUESTIONS_PER_QUERY: usize = 256;
/// Questions that wait, at most; whoever asks more waits to ask.
const QUESTIONS_WAITING: usize = 4_096;

/// Answers what principals may do with documents. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AccessDesk {
    waiting: mpsc::Sender<Waiting>,
}

/// The database did not say; the log says why. The same question may be answered later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("access cannot be decided now; try again later")]
pub struct Undecided;

#[derive(Debug)]
struct Waiting {
    question: Question,
    reply: oneshot::Sender<Result<Option<Granted>, Undecided>>,
}

impl AccessDesk {
    /// Begins to answer.
    #[must_use]
    pub fn start(db: &Db, mode: Mode, lifecycle: &Lifecycle) -> Self {
        let (sender, waiting) = mpsc::channel(QUESTIONS_WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..QUERIES {
            let (answering, shutdown) =
                (answer_all(db.clone(), mode, Arc::clone(&waiting)), lifecycle.shutdown_token());
            lifecycle.spawn("access desk", async move {
                tokio::select! {
                    () = answering => {}
                    () = shutdown.cancelled() => {}
                }
            });
        }
        Self { waiting: sender }
    }

    /// What a principal may do with a document; see [`document_access`](super::document_access).
    pub async fn ask(&self, principal: &Principal, document: &DocumentName) -> Result<Option<Granted>, Undecided> {
        let (reply, answer) = oneshot::channel();
        let question = Question::new(principal, document.clone());
        self.waiting.send(Waiting { question, reply }).await.map_err(|_| Undecided)?;
        answer.await.map_err(|_| Undecided)?
    }
}

async fn answer_all(db: Db, mode: Mode, waiting: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    let mut together = Vec::new();
    while waiting.lock().await.recv_many(&mut together, QUESTIONS_PER_QUERY).await > 0 {
        let (questions, replies): (Vec<_>, Vec<_>) =
            together.drain(..).map(|Waiting { question, reply }| (question, reply)).unzip();
        match lookup::answer(&db, &questions, mode).await {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Whoever asked may be gone.
                    let _ = reply.send(Ok(answer));
                }
            }
            Err(error) => {
                tracing::warn!(%error, questions = questions.len(), "access cannot be decided");
                for reply in replies {
                    let _ = reply.send(Err(Undecided));
                }
            }
        }
    }
}
