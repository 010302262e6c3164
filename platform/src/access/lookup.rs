//! What the tables say of who may do what.

use std::collections::BTreeSet;

use schema::ids::{DocumentName, ScratchName};

use super::{Access, Granted, Means, ProjectRole, document_access_of};
use crate::auth::{Principal, PrincipalKind};
use crate::config::Mode;
use crate::db::access::{self, Asker, Rights};
use crate::db::documents::{self, DocumentRef};
use crate::db::{Db, DbError};

/// What a principal may do with a document. `None` when it may not see it, or there is none: the two are not told apart.
///
/// API keys may do what of it their scopes include that the person may for whom they act. Runs of agents may read what
/// the person may read of their project, and write what the person may write of its canvas, their node, and nodes that
/// they have made; all of that only while the worker holds the lease. In development mode anybody may write `scratch:`
/// documents, which come to be when they are first opened; in production there are none.
pub async fn document_access(
    db: &Db,
    principal: &Principal,
    name: &DocumentName,
    mode: Mode,
) -> Result<Option<Granted>, DbError> {
    let answers = answer(db, &[Question::new(principal, name.clone())], mode).await?;
    Ok(answers.into_iter().next().flatten())
}

/// What somebody may do with a document.
#[derive(Debug)]
pub(super) struct Question {
    kind: PrincipalKind,
    /// For whom the principal acts, and by which key, if by any.
    asker: Option<Asker>,
    document: DocumentName,
}

impl Question {
    pub(super) fn new(principal: &Principal, document: DocumentName) -> Self {
        let user = match principal.kind {
            PrincipalKind::User | PrincipalKind::Agent | PrincipalKind::ApiKey => principal.user,
            PrincipalKind::Anonymous | PrincipalKind::System => None,
        };
        let key = (principal.kind == PrincipalKind::ApiKey).then_some(principal.id);
        let run = principal.lease.filter(|_| principal.kind == PrincipalKind::Agent).map(|lease| (principal.id, lease));
        Self { kind: principal.kind, asker: user.map(|user| Asker { user, key, run }), document }
    }
}

/// Answers in the order of the questions.
pub(super) async fn answer(db: &Db, questions: &[Question], mode: Mode) -> Result<Vec<Option<Granted>>, DbError> {
    let mut answers = of_members(db, questions).await?;
    if mode == Mode::Development {
        let scratch = |question: &Question| match &question.document {
            DocumentName::Scratch(name) => Some(name.clone()),
            _ => None,
        };
        let names: BTreeSet<ScratchName> = questions.iter().filter_map(scratch).collect();
        if !names.is_empty() {
            documents::ensure_scratch(db, &names).await?;
        }
        for (answer, name) in answers.iter_mut().zip(questions.iter().map(scratch)) {
            if let Some(name) = name {
                let document = DocumentRef::scratch(name);
                *answer = Some(Granted { document, access: Access::Write, role: ProjectRole::Member });
            }
        }
    }
    Ok(answers)
}

async fn of_members(db: &Db, questions: &[Question]) -> Result<Vec<Option<Granted>>, DbError> {
    let is_asked = |question: &Question| !matches!(question.document, DocumentName::Scratch(_));
    let asked: Vec<(Asker, &DocumentName)> = questions
        .iter()
        .filter(|question| is_asked(question))
        .filter_map(|question| Some((question.asker?, &question.document)))
        .collect();
    if asked.is_empty() {
        return Ok(vec![None; questions.len()]);
    }
    let mut rights = access::rights(db, &asked).await?.into_iter();
    let mut answer = |question: &Question| {
        question.asker.filter(|_| is_asked(question))?;
        let Rights { document, role, scope, reach } = rights.next().flatten()?;
        let access = document_access_of(role, Means::of(question.kind, scope)?)?;
        let access = if question.kind == PrincipalKind::Agent { access.min(reach?) } else { access };
        Some(Granted { document, access, role })
    };
    Ok(questions.iter().map(&mut answer).collect())
}
