//! Who may call what: every endpoint of the description, by every role, in one's own organization and in another's.
//!
//! [`rows`] says what each endpoint takes; what follows from that is tried. An endpoint without a row fails the test.

mod rows;
mod world;

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use platform::access::{Denied, Means, OrgRole, ProjectRole, Scope, effective_role};
use platform::limits::Limits;
use serde_json::Value;

use crate::server::{Answer, Client, Server};
use rows::{ROWS, Row, Takes};
use world::{Others, People, World};

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    /// Nobody who has signed in.
    Nobody,
    /// Somebody with a role in the organization, and perhaps one in its project.
    Of(OrgRole, Option<ProjectRole>),
    /// A program with a key of the organization's owner.
    Key(Scope),
    /// The owner of another organization.
    Stranger,
    /// A program with a key of that owner.
    StrangersKey,
    /// A program with a key of this organization's owner, of another organization of theirs.
    KeyOfAnother,
    /// A program with a key of this organization's owner that was revoked.
    RevokedKey,
    /// The same with one that has run out.
    ExpiredKey,
}

const EVERYBODY: [Who; 17] = [
    Who::Nobody,
    Who::RevokedKey,
    Who::ExpiredKey,
    Who::Stranger,
    Who::StrangersKey,
    Who::KeyOfAnother,
    Who::Of(OrgRole::Guest, None),
    Who::Of(OrgRole::Guest, Some(ProjectRole::Viewer)),
    Who::Of(OrgRole::Guest, Some(ProjectRole::Member)),
    Who::Of(OrgRole::Guest, Some(ProjectRole::Admin)),
    Who::Of(OrgRole::Member, None),
    Who::Of(OrgRole::Member, Some(ProjectRole::Viewer)),
    Who::Of(OrgRole::Member, Some(ProjectRole::Admin)),
    Who::Of(OrgRole::Admin, None),
    Who::Of(OrgRole::Owner, None),
    Who::Key(Scope::Read),
    Who::Key(Scope::Write),
];

impl Who {
    fn means(self) -> Means {
        match self {
            Self::Key(scope) => Means::Program(scope),
            Self::StrangersKey | Self::KeyOfAnother | Self::RevokedKey | Self::ExpiredKey => {
                Means::Program(Scope::Write)
            }
            Self::Nobody | Self::Of(..) | Self::Stranger => Means::InPerson,
        }
    }

    fn org_role(self) -> Option<OrgRole> {
        match self {
            Self::Of(role, _) => Some(role),
            Self::Key(_) => Some(OrgRole::Owner),
            Self::Nobody
            | Self::Stranger
            | Self::StrangersKey
            | Self::KeyOfAnother
            | Self::RevokedKey
            | Self::ExpiredKey => None,
        }
    }

    /// Why nobody knows who that is.
    fn unknown(self) -> Option<&'static str> {
        match self {
            Self::Nobody => Some("UNAUTHENTICATED"),
            Self::RevokedKey => Some("INVALID_TOKEN"),
            Self::ExpiredKey => Some("TOKEN_EXPIRED"),
            Self::Of(..) | Self::Key(_) | Self::Stranger | Self::StrangersKey | Self::KeyOfAnother => None,
        }
    }

    /// Whether nothing of the organization may be told.
    fn is_foreign(self) -> bool {
        self.org_role().is_none() && self != Self::Nobody
    }

    fn project_role(self) -> Option<ProjectRole> {
        let named = if let Self::Of(_, named) = self { named } else { None };
        effective_role(self.org_role(), named)
    }
}

/// What is to come of a call.
fn expected(row: &Row, who: Who) -> (StatusCode, Option<&'static str>) {
    let success = (row.success, None);
    if let Some(code) = who.unknown() {
        return match row.takes {
            Takes::Nothing => success,
            _ => (StatusCode::UNAUTHORIZED, Some(code)),
        };
    }
    let means = who.means();
    let checked = match row.takes {
        Takes::Nothing => Some(Ok(())),
        Takes::SignIn(action) => Some(action.check(means)),
        Takes::InOrg(action) => who.org_role().map(|role| action.check(role, means)),
        Takes::InProject(action) => who.project_role().map(|role| action.check(role, means)),
        Takes::InBoth(action, there) => who.org_role().and_then(|role| match action.check(role, means) {
            Ok(()) => who.project_role().map(|role| there.check(role, means)),
            denied => Some(denied),
        }),
    };
    let Some(checked) = checked else { return (StatusCode::NOT_FOUND, Some("NOT_FOUND")) };
    match checked {
        Ok(()) => success,
        Err(Denied::OrgRole(_) | Denied::ProjectRole(_)) => (StatusCode::FORBIDDEN, Some("FORBIDDEN")),
        Err(Denied::Scope(_)) => (StatusCode::FORBIDDEN, Some("INSUFFICIENT_SCOPE")),
        Err(Denied::Program) => (StatusCode::FORBIDDEN, Some("PERSON_REQUIRED")),
    }
}

#[tokio::test]
async fn every_endpoint_has_a_row_and_every_row_an_endpoint() {
    let server = Server::start().await;
    let description = server.get("/api/v1/openapi.json").await.expect(StatusCode::OK);
    let described: BTreeSet<String> = description["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(move |it| format!("{} {path}", it.to_uppercase()))
        })
        .filter_map(|endpoint| endpoint.contains(" /api/v1").then(|| endpoint.replace(" /api/v1", " ")))
        .collect();
    // What is in the trash has an id of its own here, and what has a history.
    let of_description = |row: &Row| {
        let endpoint = row.endpoint.replace("{trashedProjectId}", "{projectId}");
        endpoint.replace("{nodesName}", "{name}").replace("{trashedName}", "{name}")
    };
    let rows: BTreeSet<String> = ROWS.iter().map(of_description).collect();
    let distinct: BTreeSet<&str> = ROWS.iter().map(|row| row.endpoint).collect();
    assert_eq!(distinct.len(), ROWS.len(), "an endpoint has one row, and what is in the trash another");
    let missing: Vec<_> = described.difference(&rows).collect();
    let superfluous: Vec<_> = rows.difference(&described).collect();
    assert!(missing.is_empty(), "say in matrix/rows.rs who may call {missing:?}");
    assert!(superfluous.is_empty(), "there is no such endpoint: {superfluous:?}");
}

/// Tries a share of the rows, so that several processes do it together.
async fn try_rows(share: usize) {
    // Dropped last: it holds the database.
    let first = Server::start().await;
    let limits = Limits { requests_per_minute_per_person: u64::from(u32::MAX), ..Limits::default() };
    let server = first.with_limits(limits);
    let people = People::sign_in(&server).await;
    let shared = World::new(&server, &people.owner, &people).await;
    let others = Others {
        stranger: World::new(&server, &people.stranger, &people).await,
        another: World::new(&server, &people.owner, &people).await,
        revoked: shared.revoked_key(&people.owner).await,
        expired: shared.expired_key(&people.owner, first.database()).await,
    };
    for row in ROWS.iter().enumerate().filter(|(index, _)| index % SHARES == share).map(|(_, row)| row) {
        for who in EVERYBODY {
            let (status, code) = expected(row, who);
            let uses_up = code.is_none() && row.uses_up();
            let fresh = if uses_up { Some(World::new(&server, &people.owner, &people).await) } else { None };
            let world = fresh.as_ref().unwrap_or(&shared);
            let caller = world.caller(&server, &people, &others, who);
            let answer = call(&caller, row, &(world.path(row.path()) + &row.query(world)), world).await;
            let body = String::from_utf8_lossy(&answer.body);
            assert_eq!(answer.status, status, "{} as {who:?}: {body}", row.endpoint);
            if let Some(code) = code {
                assert_eq!(answer.json()["code"], code, "{} as {who:?}", row.endpoint);
            }
            if who.is_foreign() && row.path().contains('{') {
                assert!(!body.contains(world::SECRET), "{} tells a stranger: {body}", row.endpoint);
            }
        }
        mixed(&people.stranger, &others.stranger, row, &shared).await;
    }
}

/// What belongs to one organization is not found through the address of another, even by the owner of that.
async fn mixed(owner: &Client, theirs: &World, row: &Row, world: &World) {
    let path = row.path();
    // People belong to no organization, and numbers to everybody.
    if path.matches('{').count() < 2 || path.ends_with("{userId}") || path.ends_with("{version}") {
        return;
    }
    let (first, rest) = path.split_once('}').unwrap();
    let mixed = format!("{}{}", theirs.path(&format!("{first}}}")), world.path(rest));
    let answer = call(owner, row, &mixed, world).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{} {mixed}", row.endpoint);
}

async fn call(caller: &Client, row: &Row, path: &str, world: &World) -> Answer {
    let method: Method = row.endpoint.split(' ').next().unwrap().parse().unwrap();
    match (row.body)(world) {
        Value::Null => caller.send(caller.request(method, path), axum::body::Body::empty()).await,
        body => caller.send(caller.json(method, path), body.to_string()).await,
    }
}

const SHARES: usize = 4;

#[tokio::test]
async fn everybody_gets_what_their_role_gives_and_strangers_nothing_0() {
    try_rows(0).await;
}

#[tokio::test]
async fn everybody_gets_what_their_role_gives_and_strangers_nothing_1() {
    try_rows(1).await;
}

#[tokio::test]
async fn everybody_gets_what_their_role_gives_and_strangers_nothing_2() {
    try_rows(2).await;
}

#[tokio::test]
async fn everybody_gets_what_their_role_gives_and_strangers_nothing_3() {
    try_rows(3).await;
}
