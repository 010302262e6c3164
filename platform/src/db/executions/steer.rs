//! Pausing, resuming, cancelling and retrying runs, and answering what they ask.

use schema::ids::{OrgId, RunId};
use serde_json::{Value, json};

use super::{Execution, changed, parse, read_one, record, word};
use crate::db::audit::{Action, Actor};
use crate::db::{Db, DbError, OrgTx, runs};
use crate::executions::{Answer, Control, Question, Status};

/// What somebody wants of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// That it stops for a while.
    Pause,
    /// That it goes on.
    Resume,
    /// That it stops for good.
    Cancel,
    /// That it is tried again from where it failed.
    Retry,
}

impl Wish {
    /// What the audit log calls it.
    const fn action(self) -> Action {
        match self {
            Self::Pause => Action::ExecutionPaused,
            Self::Resume => Action::ExecutionResumed,
            Self::Cancel => Action::ExecutionCancelled,
            Self::Retry => Action::ExecutionRetried,
        }
    }
}

/// What became of such a wish.
#[derive(Debug, Clone, PartialEq)]
pub enum Steered {
    /// The run does it, now or within a moment.
    Done(Box<Execution>),
    /// It cannot from where it stands.
    Illegal(Status),
    /// There is no such run.
    Unknown,
}

/// How a wish is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It was already.
    Nothing,
    /// Nobody drives the run, so that it is changed at once.
    Become(Status),
    /// Whoever drives it, or takes it up, does it; `None`: what was asked before is taken back.
    Ask(Option<Control>),
}

/// How a run is brought to do what is wanted, from where it stands; `None` when it cannot be.
fn step(wish: Wish, status: Status, control: Option<Control>) -> Option<Step> {
    use Status::{Cancelled, Failed, Paused, Pending, Running};
    match (wish, control) {
        (Wish::Cancel, Some(Control::Cancel)) | (Wish::Pause, Some(Control::Pause)) => Some(Step::Nothing),
        (Wish::Cancel, _) if status == Pending => Some(Step::Become(Cancelled)),
        // What it has begun to write is brought to an end by a worker.
        (Wish::Cancel, _) => status.may_become(Cancelled).then_some(Step::Ask(Some(Control::Cancel))),
        (_, Some(Control::Cancel)) => None,
        (Wish::Pause, None) => status.may_become(Paused).then_some(Step::Ask(Some(Control::Pause))),
        (Wish::Resume, Some(Control::Pause)) => Some(Step::Ask(None)),
        (Wish::Resume, None) => (status == Paused).then_some(Step::Become(Running)),
        (Wish::Retry, _) => (status == Failed && status.may_become(Pending)).then_some(Step::Become(Pending)),
    }
}

/// Does what somebody wants of a run, or has the worker do it that drives it.
pub async fn steer(db: &Db, org: OrgId, by: &Actor, run: RunId, wish: Wish) -> Result<Steered, DbError> {
    let mut tx = db.org(org).await?;
    let steered = steer_in(&mut tx, by, run, wish).await?;
    tx.commit().await?;
    Ok(steered)
}

async fn steer_in(tx: &mut OrgTx, by: &Actor, run: RunId, wish: Wish) -> Result<Steered, DbError> {
    let row = sqlx::query!(
        "SELECT status, control FROM agent_executions WHERE id = $1 AND org_id = $2 FOR UPDATE",
        run.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    let Some(row) = row else { return Ok(Steered::Unknown) };
    let status = word(&row.status, Status::from_name)?;
    let control = row.control.map(|control| word(&control, Control::from_name)).transpose()?;
    let Some(step) = step(wish, status, control) else { return Ok(Steered::Illegal(status)) };
    if wish == Wish::Retry && is_forgotten(tx, run).await? {
        return Ok(Steered::Illegal(status));
    }
    match step {
        Step::Nothing => {
            let found = read_one(tx, run).await?;
            return Ok(found.map_or(Steered::Unknown, |found| Steered::Done(Box::new(found))));
        }
        Step::Become(next) => {
            sqlx::query!(
                "UPDATE agent_executions SET status = $3, leased_by = NULL, leased_until = NULL, due_at = NULL,
                     attempts = 0, error_code = NULL, error_message = NULL,
                     completed_at = CASE WHEN $4 THEN clock_timestamp() END
                 WHERE id = $1 AND org_id = $2",
                run.as_uuid(),
                tx.org().as_uuid(),
                next.as_str(),
                next.is_over()
            )
            .execute(&mut *tx.inner)
            .await?;
            if next.is_over() {
                runs::forget_ended(tx, run).await?;
            }
            if next == Status::Cancelled {
                Box::pin(cancel_subruns(tx, by, run)).await?;
            }
        }
        Step::Ask(control) => {
            sqlx::query!(
                "UPDATE agent_executions SET control = $3 WHERE id = $1 AND org_id = $2",
                run.as_uuid(),
                tx.org().as_uuid(),
                control.map(Control::as_str)
            )
            .execute(&mut *tx.inner)
            .await?;
        }
    }
    record(tx, by, wish.action(), run, json!({})).await?;
    Ok(Steered::Done(Box::new(changed(tx, by, run).await?)))
}

/// Whether what a run has done was forgotten, so that there is nothing to go on from.
async fn is_forgotten(tx: &mut OrgTx, run: RunId) -> Result<bool, DbError> {
    let is_forgotten = sqlx::query_scalar!(
        r#"SELECT steps > 0 AND NOT EXISTS (SELECT FROM agent_journal WHERE execution_id = $1) AS "is_forgotten!"
           FROM agent_executions WHERE id = $1"#,
        run.as_uuid()
    )
    .fetch_one(&mut *tx.inner)
    .await?;
    Ok(is_forgotten)
}

/// Cancels what a cancelled run has begun. Those that a worker drives cancel theirs when they end.
pub(crate) async fn cancel_subruns(tx: &mut OrgTx, by: &Actor, run: RunId) -> Result<(), DbError> {
    let subruns = sqlx::query_scalar!(
        "SELECT id FROM agent_executions WHERE parent_id = $1 AND org_id = $2 AND completed_at IS NULL ORDER BY id",
        run.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_all(&mut *tx.inner)
    .await?;
    for subrun in subruns {
        steer_in(tx, by, subrun.into(), Wish::Cancel).await?;
    }
    Ok(())
}

/// What became of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Answered {
    /// The run goes on with it.
    Done(Box<Execution>),
    /// The run does not wait for an answer to that.
    NoQuestion,
}

/// Answers what a run has asked, if `may` says of the question that it may be answered.
pub async fn answer<E: From<DbError>>(
    db: &Db,
    org: OrgId,
    by: &Actor,
    run: RunId,
    answer: &Answer,
    may: impl FnOnce(&Question) -> Result<(), E>,
) -> Result<Answered, E> {
    let mut tx = db.org(org).await?;
    let asked = asked(&mut tx, run).await?.filter(|asked| asked.id == answer.question_id);
    let Some(asked) = asked else { return Ok(Answered::NoQuestion) };
    may(&asked)?;
    sqlx::query!(
        "UPDATE agent_executions SET answer = $3 WHERE id = $1 AND org_id = $2",
        run.as_uuid(),
        org.as_uuid(),
        json!(answer)
    )
    .execute(&mut *tx.inner)
    .await
    .map_err(DbError::from)?;
    record(&mut tx, by, Action::ExecutionAnswered, run, told(&asked, answer)).await?;
    let execution = changed(&mut tx, by, run).await?;
    tx.commit().await?;
    Ok(Answered::Done(Box::new(execution)))
}

/// What the audit log is told of an answer. A question for leave and the answers to it are the server's own words; others
/// are content, and stay in the node.
fn told(asked: &Question, answer: &Answer) -> Value {
    let mut told = json!({"questionId": asked.id, "approval": asked.approval});
    if asked.approval {
        told["question"] = json!(asked.question);
        told["answer"] = json!(asked.options.iter().find(|option| **option == answer.response));
    }
    told
}

/// What a run waits to have answered; its row is locked.
async fn asked(tx: &mut OrgTx, run: RunId) -> Result<Option<Question>, DbError> {
    let row = sqlx::query!(
        "SELECT question FROM agent_executions
         WHERE id = $1 AND org_id = $2 AND status = 'awaiting_input' AND answer IS NULL
           AND control IS DISTINCT FROM 'cancel' FOR UPDATE",
        run.as_uuid(),
        tx.org().as_uuid()
    )
    .fetch_optional(&mut *tx.inner)
    .await?;
    row.and_then(|row| row.question).map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_carried_out_only_where_the_table_of_states_lets_it() {
        use Status::{AwaitingInput, Cancelled, Complete, Failed, Paused, Pending, Running};
        let legal = |wish| {
            let all = Status::ALL.iter().copied();
            all.filter_map(|status| Some((status, step(wish, status, None)?))).collect::<Vec<_>>()
        };
        let ask = |control| Step::Ask(Some(control));
        let pause = ask(Control::Pause);
        assert_eq!(legal(Wish::Pause), [(Running, pause), (AwaitingInput, pause)]);
        assert_eq!(legal(Wish::Resume), [(Paused, Step::Become(Running))]);
        let cancel = ask(Control::Cancel);
        let by_worker = [(Running, cancel), (Paused, cancel), (AwaitingInput, cancel)];
        assert_eq!(legal(Wish::Cancel)[0], (Pending, Step::Become(Cancelled)));
        assert_eq!(legal(Wish::Cancel)[1..], by_worker);
        assert_eq!(legal(Wish::Retry), [(Failed, Step::Become(Pending))]);
        for wish in [Wish::Pause, Wish::Resume, Wish::Cancel, Wish::Retry] {
            for status in [Complete, Cancelled] {
                assert_eq!(step(wish, status, None), None, "{wish:?} {status:?}");
            }
            for status in Status::ALL {
                if let Some(Step::Become(next)) = step(wish, *status, None) {
                    assert!(status.may_become(next), "{wish:?} {status:?}");
                }
            }
        }
    }

    #[test]
    fn what_was_asked_already_is_taken_back_by_resuming_and_outdone_by_cancelling() {
        let (pause, cancel) = (Some(Control::Pause), Some(Control::Cancel));
        assert_eq!(step(Wish::Pause, Status::Running, pause), Some(Step::Nothing));
        assert_eq!(step(Wish::Resume, Status::Running, pause), Some(Step::Ask(None)));
        assert_eq!(step(Wish::Cancel, Status::Running, pause), Some(Step::Ask(cancel)));
        assert_eq!(step(Wish::Cancel, Status::Running, cancel), Some(Step::Nothing));
        assert_eq!(step(Wish::Pause, Status::Running, cancel), None);
        assert_eq!(step(Wish::Resume, Status::Paused, cancel), None);
    }
}
