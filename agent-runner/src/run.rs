//! Driving a run: what its state says is next is done, and noted in its journal before anybody sees it.

mod call;
mod tool;
mod write;

use std::time::Duration;

use bytes::Bytes;
use platform::db::DbError;
use platform::db::models;
use platform::db::organizations;
use platform::db::runs::{self, Append, AppendError, Leased, Subrun};
use platform::executions::{Answer, Control, trace_event_id};
use schema::ids::{DocumentName, NodeId};
use schema::node::NodeView;
use schema::{canvas, node};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::entry::{Ended, Entry, Pinned};
use crate::model::{NoModel, Usage, select};
use crate::prompt;
use crate::services::Services;
use crate::state::{Next, OpenQuestion, State, failed};
use crate::tools::{Policies, offered};
use crate::trace;
use crate::workspace::{Edit, Workspace, WorkspaceError};

/// How often what the database did not do is tried again.
const DB_TRIES: u32 = 6;
/// The pause between two tries.
const DB_PAUSE: Duration = Duration::from_millis(500);

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
    /// The run has failed, which is to be noted.
    #[error("{code}: {message}")]
    Failed { code: &'static str, message: String },
}

/// What asks a run to do something else than what is next. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Signals {
    /// What somebody asked of it.
    pub(crate) control: watch::Receiver<Option<Control>>,
    /// Cancelled when the lease is lost.
    pub(crate) lost: CancellationToken,
    /// Cancelled when the worker ends.
    pub(crate) leaving: CancellationToken,
}

/// What interrupts whatever a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interruption {
    Control(Control),
    LeaseLost,
    Leaving,
}

impl Signals {
    /// What there is already.
    pub(crate) fn now(&self) -> Option<Interruption> {
        if self.lost.is_cancelled() {
            return Some(Interruption::LeaseLost);
        }
        if let Some(control) = *self.control.borrow() {
            return Some(Interruption::Control(control));
        }
        self.leaving.is_cancelled().then_some(Interruption::Leaving)
    }

    /// Waits for one.
    pub(crate) async fn any(&self) -> Interruption {
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            () = self.lost.cancelled() => Interruption::LeaseLost,
            Ok(asked) = control.wait_for(Option::is_some) => Interruption::Control(asked.unwrap_or(Control::Cancel)),
            () = self.leaving.cancelled() => Interruption::Leaving,
        }
    }
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
        if state.epochs.is_some_and(|noted| noted != epochs) && state.ended.is_none() {
            let mut run = Self { services, leased, state, workspace, signals, canvas, node };
            let message = "a document was replaced by another one while the run worked on it";
            run.append(Entry::Ended(failed("DOCUMENT_REPLACED", message)), Along::default()).await?;
            return Ok(run);
        }
        for (seq, document, update, step) in edits {
            if seq <= state.delivered {
                continue;
            }
            let document =
                if document == leased.project.as_uuid() { canvas.clone() } else { DocumentName::Node(document.into()) };
            workspace.open(&document).await?;
            let edit = Edit { document, update, event: trace_event_id(leased.run, step), seq };
            workspace.take_back_in(&edit)?;
            workspace.send(edit)?;
        }
        workspace.settle().await?;
        Ok(Self { services, leased, state, workspace, signals, canvas, node })
    }

    /// Does what is next until the run is over, or waits for somebody.
    pub(crate) async fn drive(&mut self) -> Result<(), Stop> {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(Stop::Failed { code, message }) => self.end(failed(code, message)).await?,
                // What the replica holds is not what the document will: nothing more is written.
                Err(Stop::Workspace(WorkspaceError::Refused { code, message, .. })) => {
                    self.append(Entry::Ended(failed(&code, message)), Along::default()).await?;
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
            Next::Resume => self.append(Entry::Resumed, Along::default()).await?,
            Next::End(ended) => self.end(ended).await?,
        }
        Ok(true)
    }

    /// Does what somebody asks in the middle of it, while no call is under way here.
    async fn obey(&mut self, interruption: Interruption) -> Result<bool, Stop> {
        match interruption {
            Interruption::LeaseLost => Err(Stop::LeaseLost),
            Interruption::Leaving => {
                self.workspace.settle().await?;
                Err(Stop::HandOver)
            }
            Interruption::Control(Control::Pause) => {
                self.pause(None, Usage::default()).await?;
                Ok(false)
            }
            Interruption::Control(Control::Cancel) => {
                self.cancel().await?;
                Ok(true)
            }
        }
    }

    async fn pause(&mut self, said: Option<String>, usage: Usage) -> Result<(), Stop> {
        self.workspace.settle().await?;
        self.append(Entry::Paused { said, usage }, Along::default()).await
    }

    async fn cancel(&mut self) -> Result<(), Stop> {
        self.mark_unfinished().await?;
        self.end(Ended::Cancelled).await
    }

    async fn begin(&mut self) -> Result<(), Stop> {
        let (db, leased) = (&self.services.db, &self.leased);
        let settings = with_patience(|| organizations::settings(db, leased.org)).await?;
        let own = with_patience(|| models::list(db, leased.org)).await?;
        let selected = select(leased.options.model.as_deref(), &settings, &own, self.services.server_model.as_ref());
        let models = selected.map_err(|NoModel(name)| {
            failed_stop("NO_MODEL", format!("there is no model {name:?} that this organization may use"))
        })?;
        let policies = Policies::new(&settings.agent_policies);
        let pinned = Pinned {
            system: prompt::system(&leased.agent_name, &leased.options),
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
        let brief = prompt::brief(&title, &view, &self.leased.options);
        let epochs = [&self.canvas, &self.node].map(|document| self.workspace.epoch(document).unwrap_or_default());
        self.append(Entry::Analyzed { brief, inputs: view.inputs.len(), title, epochs }, Along::default()).await
    }

    /// A question is open: the answer, if there is one, or nothing more to do now.
    async fn wait(&mut self) -> Result<bool, Stop> {
        let Some(OpenQuestion { question }) = self.state.question.clone() else { return Ok(true) };
        let given = self.leased.answer.take().filter(|answer| answer.question_id == question.id);
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
        self.append(Entry::Answered(answer), Along::default()).await?;
        Ok(true)
    }

    async fn end(&mut self, ended: Ended) -> Result<(), Stop> {
        self.finish_text().await?;
        self.workspace.settle().await?;
        self.append(Entry::Ended(ended), Along::default()).await?;
        self.hide();
        Ok(())
    }

    /// Notes an entry, with what others see of it, and then sends the edit that goes with it.
    async fn append(&mut self, entry: Entry, along: Along) -> Result<(), Stop> {
        let mut after = self.state.clone();
        after.apply(&entry);
        let mut changes = trace::changes(&self.state, &after, &entry, self.services.clock.now());
        if let Some(changes) = &mut changes {
            changes.made = along.made;
            changes.subrun = along.subrun;
        }
        let update = along.edit.as_ref().map(|(document, update)| (document.document_id(), update.clone()));
        let append = Append { seq: after.seq, entry: json!(entry), update, changes };
        self.services.probe.before_append(after.seq).await;
        self.write_to_journal(&append).await?;
        self.services.probe.after_append(after.seq).await;
        if let Some((document, update)) = along.edit {
            let event = trace_event_id(self.leased.run, after.step_of());
            self.workspace.send(Edit { document, update, event, seq: after.seq })?;
        }
        self.state = after;
        Ok(())
    }

    async fn write_to_journal(&self, append: &Append) -> Result<(), Stop> {
        let mut tries = 0;
        loop {
            match runs::append(&self.services.db, &self.leased, append).await {
                Ok(()) => return Ok(()),
                Err(AppendError::NoTokensLeft) => {
                    let message = "the organization's tokens of this month are used up";
                    return Err(failed_stop("ORGANIZATION_BUDGET_EXCEEDED", message));
                }
                // Perhaps by this very call, whose answer was lost.
                Err(AppendError::LeaseLost(_))
                    if tries > 0 && runs::has(&self.services.db, &self.leased, append).await? =>
                {
                    return Ok(());
                }
                Err(AppendError::LeaseLost(_)) => return Err(Stop::LeaseLost),
                Err(AppendError::Db(error)) if error.is_temporary() && tries < DB_TRIES => {
                    tries += 1;
                    tracing::warn!(run = %self.leased.run, %error, tries, "a journal cannot be written");
                    tokio::time::sleep(DB_PAUSE).await;
                }
                Err(AppendError::Db(error)) => return Err(error.into()),
            }
        }
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

/// Ends a run that nobody gets any further, without its documents.
pub(crate) async fn give_up(services: &Services, leased: &Leased, why: &str) -> Result<(), Stop> {
    let mut before = State::new(leased.options.clone());
    for entry in runs::journal(&services.db, leased).await? {
        before.seq = entry.seq;
        // One that cannot be read may be why it is given up.
        if let Ok(noted) = serde_json::from_value(entry.entry) {
            before.apply(&noted);
            before.seq = entry.seq;
        }
    }
    let entry = Entry::Ended(failed("GIVEN_UP", why));
    let mut after = before.clone();
    after.apply(&entry);
    let changes = trace::changes(&before, &after, &entry, services.clock.now());
    let append = Append { seq: after.seq, entry: json!(entry), update: None, changes };
    match runs::append(&services.db, leased, &append).await {
        Ok(()) => Ok(()),
        Err(AppendError::Db(error)) => Err(error.into()),
        Err(AppendError::LeaseLost(_) | AppendError::NoTokensLeft) => Err(Stop::LeaseLost),
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
                tokio::time::sleep(DB_PAUSE).await;
            }
            done => return done,
        }
    }
}
