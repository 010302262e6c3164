//! The audit log: who did what to an organization, when, and from where. Rows are added and never changed; the database
//! refuses everything else.
//!
//! What is done and that it was done go into the same transaction: whoever writes to a tenant's tables takes an
//! [`Actor`] and ends with [`record`].

mod list;
mod names;

use std::net::IpAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use schema::ids::{OrgId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Db, DbError, OrgTx, principal};
use crate::auth::{Principal, PrincipalRef};

#[cfg(feature = "testing")]
pub(super) use list::of_org;
pub use list::{AuditSort, list};
pub use names::{Action, ResourceKind};

/// What of a client's description of itself is kept, in characters.
const USER_AGENT_LENGTH_MAX: usize = 512;

/// On whose behalf something is done, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who acts.
    pub principal: PrincipalRef,
    /// The person whose rights hold, if there is one.
    pub user: Option<UserId>,
    /// The address that they act from, if it is known.
    pub ip: Option<IpAddr>,
    /// What their program calls itself.
    pub user_agent: Option<Arc<str>>,
}

impl Actor {
    /// The server itself.
    pub const SYSTEM: Self = Self { principal: PrincipalRef::SYSTEM, user: None, ip: None, user_agent: None };

    /// Somebody, from nowhere in particular.
    #[must_use]
    pub const fn new(principal: &Principal) -> Self {
        Self { principal: principal.reference(), user: principal.user, ip: None, user_agent: None }
    }

    /// What they did, to be [`record`]ed.
    #[must_use]
    pub fn did(&self, action: Action, kind: ResourceKind, id: impl Into<Uuid>) -> Entry {
        Entry { actor: self.clone(), action, resource: (kind, Some(id.into())), run: None, details: json!({}) }
    }
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what.
    pub resource: (ResourceKind, Option<Uuid>),
    /// The run of an agent that it was part of.
    pub run: Option<Uuid>,
    /// What else is to be known: an object of names and ids, without content of documents and without secrets.
    pub details: Value,
}

impl Entry {
    /// The same with details.
    #[must_use]
    pub fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

/// Notes what is done in the same transaction.
pub async fn record(tx: &mut OrgTx, entry: Entry) -> Result<(), DbError> {
    let id = entry.resource.1;
    insert(tx, entry, &[id]).await
}

/// Notes what was done elsewhere than in tables: in a document, which has it already.
pub async fn note(db: &Db, org: OrgId, entry: Entry) -> Result<(), DbError> {
    let mut tx = db.org(org).await?;
    record(&mut tx, entry).await?;
    tx.commit().await
}

/// Notes that the same is done to each of several resources, whatever the entry says which it is.
pub(super) async fn record_of_each(tx: &mut OrgTx, entry: Entry, resources: &[Uuid]) -> Result<(), DbError> {
    let resources: Vec<Option<Uuid>> = resources.iter().copied().map(Some).collect();
    insert(tx, entry, &resources).await
}

async fn insert(tx: &mut OrgTx, entry: Entry, resources: &[Option<Uuid>]) -> Result<(), DbError> {
    let Entry { actor, action, resource: (kind, _), run, details } = entry;
    let user_agent: Option<String> =
        actor.user_agent.map(|text| text.replace('\0', "\u{fffd}").chars().take(USER_AGENT_LENGTH_MAX).collect());
    sqlx::query!(
        "INSERT INTO audit_log (org_id, principal_kind, principal_id, user_id, run_id, action, resource_type, resource_id,
             details, ip_address, user_agent)
         SELECT $1, $2, $3, $4, $5, $6, $7, resource, $9, $10::text::inet, $11 FROM unnest($8::uuid[]) AS resource",
        tx.org().as_uuid(),
        principal::kind_to_number(actor.principal.kind),
        actor.principal.id,
        actor.user.map(|user| user.as_uuid()),
        run,
        action.as_str(),
        kind.as_str(),
        resources as &[Option<Uuid>],
        details,
        actor.ip.map(|ip| ip.to_string()),
        user_agent
    )
    .execute(&mut *tx.inner)
    .await?;
    Ok(())
}

/// An entry of the log, as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its id.
    pub id: Uuid,
    /// When it was done.
    pub at: DateTime<Utc>,
    /// Who did it.
    pub principal: PrincipalRef,
    /// The person whose rights held.
    pub user: Option<UserId>,
    /// What that person is called now.
    pub user_name: Option<String>,
    /// The run of an agent that it was part of.
    pub run: Option<Uuid>,
    /// What was done: the name of an [`Action`], of this build or a later one.
    pub action: String,
    /// To what: the name of a [`ResourceKind`].
    pub resource_type: String,
    /// Which.
    pub resource_id: Option<Uuid>,
    /// What else is to be known.
    pub details: Value,
    /// The address that they acted from.
    pub ip: Option<String>,
    /// What their program called itself.
    pub user_agent: Option<String>,
}

/// Which entries are asked for: those to which all of it applies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// Done by this principal. For a user: or by a program on their behalf.
    pub actor: Option<PrincipalRef>,
    /// This was done.
    pub action: Option<Action>,
    /// To a resource of this kind.
    pub resource_kind: Option<ResourceKind>,
    /// To this resource.
    pub resource: Option<Uuid>,
    /// Then or later.
    pub since: Option<DateTime<Utc>>,
    /// Before then.
    pub until: Option<DateTime<Utc>>,
}
