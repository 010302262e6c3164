//! What a stream is about, and whether somebody may still hear of it.

use std::collections::BTreeSet;

use platform::access::{OrgAction, OwnAction, ProjectAction, document_access};
use platform::db::DbError;
use platform::db::events::{self, Event, EventId, EventKind, Kept, Scope};
use platform::db::organizations;
use platform::events::Interest;
use schema::ids::{DocumentName, OrgId, UserId};

use super::position::{Places, Position};
use crate::Api;
use crate::authenticate::Caller;
use crate::problem::Problem;

/// What is listened to.
#[derive(Debug, Clone)]
pub(super) enum Watched {
    /// All of an organization.
    Organization(OrgId),
    /// A project or node of an organization.
    Document(DocumentName, OrgId),
    /// What is for the caller alone, in these organizations.
    Person(BTreeSet<OrgId>),
}

/// Some events after a position.
pub(super) struct Found {
    pub(super) items: Vec<Event>,
    /// Up to here there is nothing else, as far as was looked.
    pub(super) position: Position,
    pub(super) has_more: bool,
}

impl Watched {
    /// All of an organization, for those who may read all of its projects.
    pub(super) async fn organization(api: &Api, caller: &Caller, org: OrgId) -> Result<Self, Problem> {
        api.organization(caller, org, OrgAction::ReadEvents).await?;
        Ok(Self::Organization(org))
    }

    /// What is for the caller alone, in all their organizations.
    pub(super) async fn person(api: &Api, caller: &Caller) -> Result<Self, Problem> {
        caller.check(OwnAction::ReadNotifications)?;
        Ok(Self::Person(organizations_of(api, caller).await?))
    }

    /// The organizations in whose streams it is.
    pub(super) fn orgs(&self) -> Vec<OrgId> {
        match self {
            Self::Organization(org) | Self::Document(_, org) => vec![*org],
            Self::Person(orgs) => orgs.iter().copied().collect(),
        }
    }

    fn scope(&self, user: UserId) -> Scope {
        match self {
            Self::Document(DocumentName::Project(project), _) => Scope::Project(*project),
            Self::Document(DocumentName::Node(node), _) => Scope::Node(*node),
            Self::Person(_) => Scope::Person(user),
            Self::Document(..) | Self::Organization(_) => Scope::Organization(user),
        }
    }

    pub(super) fn interest(&self, user: UserId) -> Interest {
        match self {
            Self::Document(DocumentName::Project(project), _) => Interest::Project(*project),
            Self::Document(DocumentName::Node(node), _) => Interest::Node(*node),
            Self::Person(_) => Interest::User(user),
            Self::Document(..) | Self::Organization(_) => Interest::Organization(user),
        }
    }

    /// A position of these places.
    pub(super) fn position(&self, places: impl IntoIterator<Item = (OrgId, EventId)>) -> Position {
        let mut position = match self {
            Self::Organization(org) | Self::Document(_, org) => Position::In(*org, EventId::NONE),
            Self::Person(_) => Position::OfPerson(Places::default()),
        };
        for (org, place) in places {
            position.set(org, place);
        }
        position
    }

    /// Where to go on after what a client has; where that says nothing, with the oldest that is kept.
    pub(super) async fn resume(&self, api: &Api, after: Option<&Position>) -> Result<Position, Problem> {
        let mut position = self.position([]);
        for org in self.orgs() {
            let kept = events::kept(&api.db, org).await?;
            let place = after.and_then(|after| after.named(org)).unwrap_or(kept.trimmed);
            if !kept.reaches_back_to(place) {
                return Err(super::body::gone(place, kept));
            }
            position.set(org, place);
        }
        Ok(position)
    }

    /// Up to `limit` events after a position, in their order; `None` when some of them are no longer there.
    pub(super) async fn read(
        &self,
        api: &Api,
        user: UserId,
        kinds: &[EventKind],
        after: &Position,
        limit: u32,
    ) -> Result<Option<Found>, DbError> {
        let mut found = Found { items: Vec::new(), position: after.clone(), has_more: false };
        for org in self.orgs() {
            let place = after.of(org);
            let read = events::after(&api.db, org, self.scope(user), kinds, place, limit).await?;
            // Looked up afterwards: what was removed in between may be missing above.
            let Kept { trimmed, .. } = events::kept(&api.db, org).await?;
            if trimmed > place {
                return Ok(None);
            }
            found.has_more |= read.has_more;
            found.position.set(org, read.through);
            found.items.extend(read.items);
        }
        if let Self::Person(_) = self {
            found.merge(limit as usize);
        }
        Ok(Some(found))
    }

    /// Whether the caller may still hear of it, and of nothing else.
    pub(super) async fn is_open_to(&self, api: &Api, caller: &Caller) -> Result<bool, DbError> {
        match self {
            Self::Organization(org) => {
                let found = organizations::find(&api.db, caller.user, *org).await?;
                Ok(found.is_some_and(|(_, role)| OrgAction::ReadEvents.check(role, caller.means()).is_ok()))
            }
            Self::Document(name, _) => {
                let granted = document_access(&api.db, &caller.principal, name, api.mode).await?;
                Ok(granted.is_some_and(|granted| ProjectAction::View.check(granted.role, caller.means()).is_ok()))
            }
            Self::Person(orgs) => Ok(*orgs == organizations_of(api, caller).await?),
        }
    }
}

async fn organizations_of(api: &Api, caller: &Caller) -> Result<BTreeSet<OrgId>, DbError> {
    Ok(organizations::ids_of(&api.db, caller.user).await?.into_iter().collect())
}

impl Found {
    /// Brings several organizations' events into one order, and leaves the first so many; the others come next time.
    fn merge(&mut self, limit: usize) {
        self.items.sort_by_key(|event| event.at);
        for event in self.items.split_off(limit.min(self.items.len())) {
            let before = EventId::new(event.id.get().saturating_sub(1));
            self.position.set(event.org, before.min(self.position.of(event.org)));
            self.has_more = true;
        }
    }
}
