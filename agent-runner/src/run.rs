//! Driving a run: what its state says is next is done, and noted in its journal before anybody sees it.

mod call;
mod files;
mod journal;
mod signals;
mod tool;
mod write;

use std::time::Duration;

use bytes::Bytes;
use platform::db::DbError;
use platform::db::models;
use platform::db::organizations::{self, Settings};
use platform::db::runs::{self, Leased, Subrun};
use platform::executions::{Answer, Control, trace_event_id};
use schema::ids::{DocumentName, NodeId, UserId};
use schema::node::{NodePatch, NodeView};
use schema::{canvas, node};
use serde_json::json;
use tokio::time::{interval, sleep};
use uuid::Uuid;

use crate::entry::{Ended, Entry, Pinned};
use crate::model::{ModelSpec, NoModel, Usage, select};
use crate::prompt;
use crate::services::Services;
use crate::state::{Next, State, failed};
use crate::tools::{Policies, offered};
use crate::workspace::{Edit, Workspace, WorkspaceError};

/// How long a run that is stopped waits until what it wrote is confirmed. What is not is sent again when it goes on.
const SETTLE_BRIEFLY: Duration = Duration::from_millis(500);
/// How often presence is looked at while a run waits.
const KEEP_SHOWN_EVERY: Duration = Duration::from_secs(2);
/// How much later than the database's a worker's clock may be: for so long it waits for a time that is there already.
const CLOCK_SKEW_MAX: Duration = Duration::from_secs(5);
/// How often what the database did not do is tried again.
const DB_TRIES: u32 = 6;
/// The pause between two tries.
const DB_PAUSE: Duration = Duration::from_millis(500);

pub(crate) use journal::note_without_documents;
pub(crate) use signals::{Interruption, Signals};

/// Why a worker lets go of a run that is not over.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// Somebody else has the lease.
    #[error("the lease is lost")]
    LeaseLost,
    /// The worker ends: another one goes on at once.
    #[error("the worker ends")]
    HandOver,
    /// The documents cannot be reached now.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The database does not do what it is asked.
    #[error(transparent)]
    Db(#[from] DbError),
    /// Somebody wants something else of it.
    #[error("it was interrupted")]
    Interrupted(Interruption),
    /// The run has failed, which is to be noted.
    #[error("{code}: {message}")]
    Failed { code: &'static str, message: String },
}

/// A run that is being driven.
pub(crate) struct Run<'a> {
    services: &'a Services,
    leased: Leased,
    state: State,
    workspace: &'a mut Workspace,
    signals: Signals,
    canvas: DocumentName,
    node: DocumentName,
    /// So much of the answer under way, in bytes, is known to be what the document has of it.
    verified: usize,
    /// What the answer used in which the run has just failed.
    unbooked: Usage,
}

/// What goes along with an entry.
#[derive(Default)]
struct Along {
    edit: Option<(DocumentName, Bytes)>,
    made: Vec<NodeId>,
    subrun: Option<Subrun>,
}

impl<'a> Run<'a> {
    /// Takes a run up where its journal ends: what it had noted and perhaps not sent is sent again.
    pub(crate) async fn resume(
        services: &'a Services,
        leased: Leased,
        workspace: &'a mut Workspace,
        signals: Signals,
    ) -> Result<Self, Stop> {
        let canvas = DocumentName::Project(leased.project);
        let node = DocumentName::Node(leased.node);
        let entries = with_patience(|| runs::journal(&services.db, &leased)).await?;
        let mut state = State::new(leased.options.clone());
        let mut edits = Vec::new();
        for entry in entries {
            let noted: Entry = serde_json::from_value(entry.entry)
                .map_err(|error| failed_stop("JOURNAL_UNREADABLE", format!("entry {}: {error}", entry.seq)))?;
            state.apply(&noted);
            if let (Some(document), Some(update)) = (entry.document, entry.update) {
                edits.push((entry.seq, document, update, state.step_of()));
            }
        }
        workspace.open(&canvas).await?;
        workspace.open(&node).await?;
        let epochs = [&canvas, &node].map(|document| workspace.epoch(document).unwrap_or_default());
        let mut run =
            Self { services, leased, state, workspace, signals, canvas, node, verified: 0, unbooked: Usage::default() };
        if run.state.epochs.is_some_and(|noted| noted != epochs) {
            let message = "a document was replaced by another one while the run worked on it";
            run.append(Entry::ended(failed("DOCUMENT_REPLACED", message)), Along::default()).await?;
            return Ok(run);
        }
        for (seq, document, update, step) in edits {
            if seq > run.state.delivered {
                run.send_again(seq, document, update, step).await?;
            }
        }
        if matches!(run.state.ended, Some(Ended::Failed { .. })) {
            // It was taken up although it is over: somebody wants it to be tried again.
            run.retry().await?;
        }
        Ok(run)
    }

    /// Goes on where the run failed: the answer in which it did is given anew.
    async fn retry(&mut self) -> Result<(), Stop> {
        match self.cut_answer(0).await {
            // A person has removed it already.
            Ok(()) | Err(Stop::Failed { .. }) => {}
            Err(stop) => return Err(stop),
        }
        let settings = self.settings().await?;
        let models = match self.models(&settings).await {
            Err(Stop::Failed { .. }) => Vec::new(),
            models => models?,
        };
        self.append(Entry::Retried { models }, Along::default()).await
    }

    async fn settings(&self) -> Result<Settings, Stop> {
        Ok(with_patience(|| organizations::settings(&self.services.db, self.leased.org)).await?)
    }

    /// The models that this run may ask, as they are set up now.
    async fn models(&self, settings: &Settings) -> Result<Vec<ModelSpec>, Stop> {
        let (db, leased) = (&self.services.db, &self.leased);
        let own = with_patience(|| models::list(db, leased.org)).await?;
        let selected = select(leased.options.model.as_deref(), settings, &own, self.services.server_model.as_ref());
        selected.map_err(|NoModel(name)| {
            failed_stop("NO_MODEL", format!("there is no model {name:?} that this organization may use"))
        })
    }

    async fn send_again(&mut self, seq: i32, document: Uuid, update: Bytes, step: i32) -> Result<(), Stop> {
        let is_canvas = document == self.leased.project.as_uuid();
        let document = if is_canvas { self.canvas.clone() } else { DocumentName::Node(document.into()) };
        self.workspace.open(&document).await?;
        let edit = Edit { document, update, event: trace_event_id(self.leased.run, step), seq };
        self.workspace.take_back_in(&edit)?;
        self.workspace.send(edit)?;
        Ok(())
    }

    /// How many entries its journal has.
    pub(crate) fn noted(&self) -> i32 {
        self.state.seq
    }

    /// Does what is next until the run is over, or waits for somebody.
    pub(crate) async fn drive(&mut self) -> Result<(), Stop> {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Stop::Interrupted(interruption)) => {
                    if !self.obey(interruption).await? {
                        return Ok(());
                    }
                }
                Err(Stop::Failed { code, message }) => {
                    let usage = std::mem::take(&mut self.unbooked);
                    self.end(failed(code, message), usage).await?;
                }
                // What the replica holds is not what the document will: nothing more is written.
                Err(Stop::Workspace(WorkspaceError::Refused { code, message, .. })) => {
                    let (ended, usage) = (failed(&code, message), std::mem::take(&mut self.unbooked));
                    self.append(Entry::Ended { ended, usage }, Along::default()).await?;
                }
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Does what is next. Returns whether there is more to do now.
    async fn step(&mut self) -> Result<bool, Stop> {
        let next = self.state.next();
        if next != Next::Over
            && let Some(interruption) = self.signals.now()
        {
            return self.obey(interruption).await;
        }
        match next {
            Next::Over => return Ok(false),
            Next::Begin => self.begin().await?,
            Next::Analyze => self.analyze().await?,
            Next::Call(phase) => return self.call(phase).await,
            Next::Tool(call) => return self.use_tool(&call).await,
            Next::Wait => return self.wait().await,
            Next::Resume => {
                self.append(Entry::Resumed, Along::default()).await?;
                // One that has asked something waits again, and has given up the lease with it.
                return Ok(self.state.question.is_none());
            }
            Next::End(ended) => self.end(ended, Usage::default()).await?,
        }
        Ok(true)
    }

    /// Does what somebody asks in the middle of it, while no call is under way here.
    async fn obey(&mut self, interruption: Interruption) -> Result<bool, Stop> {
        match interruption {
            Interruption::LeaseLost => Err(Stop::LeaseLost),
            Interruption::Leaving => {
                self.workspace.settle_within(SETTLE_BRIEFLY).await?;
                Err(Stop::HandOver)
            }
            Interruption::Control(Control::Pause) => self.pause(Usage::default()).await.map(|()| false),
            Interruption::Control(Control::Cancel) => self.cancel(Usage::default()).await.map(|()| true),
        }
    }

    async fn pause(&mut self, usage: Usage) -> Result<(), Stop> {
        self.workspace.settle_within(SETTLE_BRIEFLY).await?;
        self.append(Entry::Paused { usage }, Along::default()).await
    }

    async fn cancel(&mut self, usage: Usage) -> Result<(), Stop> {
        self.mark_unfinished().await?;
        self.end(Ended::Cancelled, usage).await
    }

    /// Waits until what it wrote is in the documents, unless somebody wants something else.
    async fn settle(&mut self) -> Result<(), Stop> {
        let signals = self.signals.clone();
        tokio::select! {
            settled = self.workspace.settle() => Ok(settled?),
            interruption = signals.any() => Err(Stop::Interrupted(interruption)),
        }
    }

    /// Waits for something outside of the documents, unless somebody wants something else. Meanwhile it takes in what comes
    /// of the documents, for which the socket would wait else, and stays shown in them.
    async fn follow_until<T>(&mut self, awaited: impl Future<Output = T>) -> Result<T, Stop> {
        let signals = self.signals.clone();
        let mut shown = interval(KEEP_SHOWN_EVERY);
        tokio::pin!(awaited);
        loop {
            tokio::select! {
                interruption = signals.any() => return Err(Stop::Interrupted(interruption)),
                done = &mut awaited => return Ok(done),
                changed = self.workspace.changed() => changed?,
                _ = shown.tick() => self.workspace.keep_shown(),
            }
        }
    }

    async fn begin(&mut self) -> Result<(), Stop> {
        let settings = self.settings().await?;
        let models = self.models(&settings).await?;
        let policies = Policies::new(&settings.agent_policies);
        let pinned = Pinned {
            system: prompt::system(&self.leased.agent_name, &self.leased.options),
            tools: offered(&policies),
            policies,
            models,
            month_limit: settings.agent_policies.max_tokens_per_month,
        };
        self.append(Entry::Began(Box::new(pinned)), Along::default()).await
    }

    async fn analyze(&mut self) -> Result<(), Stop> {
        self.show("reading inputs", None);
        let node = self.leased.node;
        let title = self.workspace.read(&self.canvas, |txn| canvas::read_node(txn, node).map(|node| node.title))?;
        let Some(title) = title else {
            return Err(failed_stop("NODE_GONE", "the node is not on the canvas any more"));
        };
        let view: NodeView = self.workspace.read(&self.node, |txn| node::read(txn))?;
        let files = self.files_of(view.inputs.iter().chain(&view.outputs)).await?;
        let brief = prompt::brief(&title, &view, &files, &self.leased.options);
        let epochs = [&self.canvas, &self.node].map(|document| self.workspace.epoch(document).unwrap_or_default());
        self.append(Entry::Analyzed { brief, inputs: view.inputs.len(), title, epochs }, Along::default()).await
    }

    /// A question is open: the answer, if there is one, or nothing more to do now.
    async fn wait(&mut self) -> Result<bool, Stop> {
        let Some(question) = self.state.question.clone() else { return Ok(true) };
        let given = self.leased.answer.take().filter(|answer| answer.question_id == question.id);
        if let (None, Some(at)) = (&given, question.expires_at) {
            let left = (at - self.services.clock.now()).to_std().unwrap_or_default();
            self.follow_until(sleep(left.min(CLOCK_SKEW_MAX))).await?;
        }
        let is_late = question.expires_at.is_some_and(|at| at <= self.services.clock.now());
        let by_default = || {
            let response = question.default.clone().unwrap_or_else(|| "(Nobody answered in time.)".to_owned());
            Answer { question_id: question.id, response, user_id: None }
        };
        let Some(answer) = given.or_else(|| is_late.then(by_default)) else {
            // It was taken up for nothing, as after a pause: it says again that it waits.
            self.append(Entry::Resumed, Along::default()).await?;
            return Ok(false);
        };
        let noted = NodePatch::AnswerQuestion {
            id: answer.question_id,
            answer: answer.response.clone(),
            by: answer.user_id.map(UserId::new),
            at: self.services.clock.now(),
        };
        let edit = self.edit_node(&noted)?;
        self.append(Entry::Answered(answer), Along { edit, ..Along::default() }).await?;
        Ok(true)
    }

    /// An edit of the node's document; nothing where it does not fit what people have made of it.
    fn edit_node(&mut self, patch: &NodePatch) -> Result<Option<(DocumentName, Bytes)>, Stop> {
        let update = self.workspace.try_edit(&self.node, |txn| node::apply(patch, txn))?;
        Ok(update.ok().flatten().map(|update| (self.node.clone(), update)))
    }

    async fn end(&mut self, ended: Ended, usage: Usage) -> Result<(), Stop> {
        self.finish_text().await?;
        if let Some(id) = self.state.written_question {
            let edit = self.edit_node(&NodePatch::WithdrawQuestion { id })?;
            self.append(Entry::QuestionWritten { id: None }, Along { edit, ..Along::default() }).await?;
        }
        match &ended {
            // It says that all is there: then it is.
            Ended::Complete => self.settle().await?,
            Ended::Failed { .. } | Ended::Cancelled => self.workspace.settle_within(SETTLE_BRIEFLY).await?,
        }
        self.append(Entry::Ended { ended, usage }, Along::default()).await?;
        self.hide();
        Ok(())
    }

    /// Says in presence what the agent does, and where it writes.
    fn show(&mut self, activity: &str, cursor: Option<&serde_json::Value>) {
        let node = self.leased.node;
        let state = json!({
            "node": node, "action": "editing", "activity": activity, "run": self.leased.run, "cursor": cursor,
        });
        let on_canvas = json!({"node": node, "action": "editing", "activity": activity, "run": self.leased.run});
        let (canvas, node) = (self.canvas.clone(), self.node.clone());
        self.workspace.show(&canvas, &on_canvas);
        self.workspace.show(&node, &state);
    }

    fn hide(&mut self) {
        let (canvas, node) = (self.canvas.clone(), self.node.clone());
        self.workspace.show(&canvas, &serde_json::Value::Null);
        self.workspace.show(&node, &serde_json::Value::Null);
    }

    /// An id that follows from the run and what it is about to note: the same if it is noted once more.
    fn next_id(&self, of: &str) -> Uuid {
        Uuid::new_v5(&self.leased.run.as_uuid(), format!("{of}/{}", self.state.seq + 1).as_bytes())
    }
}

fn failed_stop(code: &'static str, message: impl Into<String>) -> Stop {
    Stop::Failed { code, message: message.into() }
}

/// Tries what the database may do in a moment.
async fn with_patience<T, F: Future<Output = Result<T, DbError>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, DbError> {
    let mut tries = 0;
    loop {
        match attempt().await {
            Err(error) if error.is_temporary() && tries < DB_TRIES => {
                tries += 1;
                sleep(DB_PAUSE).await;
            }
            done => return done,
        }
    }
}
