//! A project to look at: what `glassbox serve --demo` shows. Written through the same edits as REST.

mod story;

use platform::access::OrgRole;
use platform::auth::{Authenticated, Principal};
use platform::db::audit::Actor;
use platform::db::documents as document_rows;
use platform::db::organizations as organization_rows;
use platform::db::projects::{NewProject, Settings};
use platform::db::{DbError, members, users};
use schema::canvas::CanvasPatch;
use schema::ids::{NodeId, OrgId, ProjectId, UserId};
use uuid::Uuid;

use crate::Api;
use crate::authenticate::Caller;
use crate::content::NodeDocuments;
use crate::problem::{Code, Problem};
use crate::routes::auth::development_identity;
use crate::routes::{organizations, projects};
use story::Chapter;

/// The person whose demo it is; sign in with this address.
pub const DEMO_EMAIL: &str = "demo@glassbox.dev";

/// The namespace of the demo's ids. With the same ids, a second start finds what the first one made.
const NAMESPACE: Uuid = Uuid::from_u128(0x1f0e_8b5c_57a9_5c1d_8d36_40d3_5b1f_92a4);

/// The demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Demo {
    /// The organization "Demo".
    pub org: OrgId,
    /// The project "Launch plan".
    pub project: ProjectId,
}

/// Why the demo could not be made.
#[derive(Debug, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct DemoError {
    title: &'static str,
    detail: String,
}

impl From<Problem> for DemoError {
    fn from(problem: Problem) -> Self {
        let detail = problem.cause().unwrap_or_else(|| problem.code().advice().to_owned());
        Self { title: problem.code().title(), detail }
    }
}

/// Makes the demo, or what is missing of it. What people did with it since stays: `None` when they deleted it.
pub async fn seed_demo(api: &Api) -> Result<Option<Demo>, DemoError> {
    match seed(api).await {
        Ok(demo) => Ok(Some(demo)),
        Err(problem) if matches!(problem.code(), Code::Conflict | Code::NotFound) => Ok(None),
        Err(problem) => Err(problem.into()),
    }
}

/// Makes a person who signs in a member of the demo's organization, if there is a demo: whoever opens the address that
/// the server prints is to find something there.
pub(crate) async fn join(api: &Api, user: UserId) -> Result<(), DbError> {
    let org = OrgId::new(demo_id("org"));
    let is_member = organization_rows::find(&api.db, user, org).await?.is_some();
    if is_member || !members::has_any(&api.db, org).await? {
        return Ok(());
    }
    members::set_org_role(&api.db, org, &Actor::SYSTEM, user, OrgRole::Member, |_| Ok(())).await
}

async fn seed(api: &Api) -> Result<Demo, Problem> {
    let caller = sign_in(api).await?;
    let org = OrgId::new(demo_id("org"));
    let project = ProjectId::new(demo_id("project"));
    organizations::create(api, &caller, org, "Demo", None).await?;
    let new = NewProject {
        id: project,
        name: story::NAME.into(),
        description: story::DESCRIPTION.into(),
        workflow_states: Vec::new(),
        settings: Settings::default(),
    };
    projects::create(api, &caller, org, new).await?;
    write_story(api, &caller, project).await?;
    Ok(Demo { org, project })
}

async fn sign_in(api: &Api) -> Result<Caller, Problem> {
    let identity = development_identity(DEMO_EMAIL, Some("Demo".to_owned()));
    let new_id = UserId::new(api.random.uuid_v7(api.clock.now()));
    let user = users::sign_in(&api.db, new_id, &identity).await?;
    let principal = Principal::user(user.id, user.name);
    let authenticated = Authenticated { principal, expires_at: api.clock.now(), subject: identity.sub, key: None };
    Caller::new(authenticated).ok_or_else(|| Problem::new(Code::Internal))
}

/// Writes what is in the nodes, then all nodes and edges on the canvas at once: whoever finds the first node there
/// finds all of them.
async fn write_story(api: &Api, caller: &Caller, project: ProjectId) -> Result<(), Problem> {
    let canvas = api.project(caller, project, platform::access::Access::Write).await?.document;
    let (view, _) = api.live_canvas(&canvas).await?;
    let chapters = story::chapters();
    if chapters.iter().any(|chapter| view.nodes.contains_key(&node_id(chapter.key))) {
        return Ok(());
    }
    for chapter in &chapters {
        let id = node_id(chapter.key);
        let node = document_rows::ensure_node(&api.db, canvas.org, project, id).await?;
        let node = node.ok_or_else(|| Problem::not_found("node"))?;
        write_chapter(api, caller, &NodeDocuments { canvas, project, node }, chapter).await?;
    }
    let now = api.clock.now();
    let mut patches: Vec<CanvasPatch> = chapters.iter().map(|chapter| chapter.on_canvas(caller.user, now)).collect();
    patches.extend(story::edges());
    api.edit_canvas(&canvas, &caller.principal, None, patches).await?;
    Ok(())
}

async fn write_chapter(
    api: &Api,
    caller: &Caller,
    documents: &NodeDocuments,
    chapter: &Chapter,
) -> Result<(), Problem> {
    let patches = chapter.content();
    let patch = Box::new(move |txn: &mut yrs::TransactionMut<'_>| {
        // Written by an earlier start that did not come to its end.
        let is_written = !schema::node::read(txn).body.is_empty();
        if is_written { Ok(()) } else { patches.iter().try_for_each(|patch| schema::node::apply(patch, txn)) }
    });
    api.edit(&documents.node, &caller.principal, None, patch).await?;
    Ok(())
}

fn demo_id(key: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, key.as_bytes())
}

fn node_id(key: &str) -> NodeId {
    NodeId::new(demo_id(key))
}
