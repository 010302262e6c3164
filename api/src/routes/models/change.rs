//! `POST /orgs/{orgId}/models`, `PATCH` and `DELETE /orgs/{orgId}/models/{modelId}`

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use platform::access::OrgAction;
use platform::db::DbError;
use platform::db::models::{self, MODELS_MAX, NAME_TAKEN, OrgModel, TOO_MANY_MODELS};
use schema::ids::OrgId;
use uuid::Uuid;

use super::fields::{ModelChanges, NewModel};
use super::{ModelBody, Reader};
use crate::Api;
use crate::authenticate::Caller;
use crate::etag::{ContentTag, answer_with_digest, if_match, require};
use crate::extract::{self, Id, Ids};
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemBody};

fn explain(error: DbError) -> Problem {
    match error {
        DbError::Conflict { constraint } if constraint == TOO_MANY_MODELS => Problem::new(Code::LimitReached)
            .detail(format!("An organization may have {MODELS_MAX} models. Delete one that is not needed any more.")),
        DbError::Conflict { constraint } if constraint == NAME_TAKEN => {
            Problem::new(Code::Conflict).detail("The organization has a model of this name. Choose another name.")
        }
        other => other.into(),
    }
}

/// Set up a model
///
/// For owners and admins. Any API that is compatible with `OpenAI`'s will do. Its key is not told here: it is kept by the
/// server's operator, and named.
#[utoipa::path(post, path = "/orgs/{orgId}/models", tag = "models", operation_id = "createModel",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to send the request again."),
    ),
    request_body = NewModel,
    responses(
        (status = CREATED, description = "Set up.", body = ModelBody),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: there is a model of this name. `LIMIT_REACHED`: there are as many \
            as there may be.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn create(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(org): Id<OrgId>,
    key: IdempotencyKey,
    extract::Json(request): extract::Json<NewModel>,
) -> Result<(StatusCode, Json<ModelBody>), Problem> {
    api.organization(&caller, org, OrgAction::Configure).await?;
    let fields = request.read(&api)?;
    let id = key.new_id(&api, caller.user, &format!("models of {org}")).await?;
    let model = models::create(&api.db, org, &caller.actor, id, &fields).await.map_err(explain)?;
    Ok((StatusCode::CREATED, Json(ModelBody::of(model, Reader::Administrator))))
}

/// Change a model
///
/// For owners and admins. Runs that have begun go on with it as it was.
#[utoipa::path(patch, path = "/orgs/{orgId}/models/{modelId}", tag = "models", operation_id = "updateModel",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("modelId" = Uuid, Path, description = "The model's id."),
        ("If-Match" = Option<String>, Header, description = "An ETag: change it only if it is still as it was then."),
    ),
    request_body = ModelChanges,
    responses(
        (status = OK, description = "As it is now.", body = ModelBody,
            headers(("ETag" = String, description = "Another one for every change."))),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = CONFLICT, description = "`CONFLICT`: there is a model of this name.",
            body = ProblemBody, content_type = "application/problem+json"),
        (status = PRECONDITION_FAILED, description = "`PRECONDITION_FAILED`: the model has changed; ETag says what it is now.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn update(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
    headers: HeaderMap,
    extract::Json(request): extract::Json<ModelChanges>,
) -> Result<Response, Problem> {
    let condition = if_match(&headers)?;
    api.organization(&caller, org, OrgAction::Configure).await?;
    let of = |model| ModelBody::of(model, Reader::Administrator);
    let change = |present: OrgModel| {
        require(condition.as_ref(), &ContentTag::of(&of(present.clone())))?;
        Ok::<_, Refused>(request.apply(present).read(&api)?)
    };
    let updated = models::update(&api.db, org, &caller.actor, id, change).await;
    let model = updated.map_err(|Refused(problem)| problem)?.ok_or_else(|| Problem::not_found("model"))?;
    Ok(answer_with_digest(None, of(model)))
}

/// Why a model was not changed.
struct Refused(Problem);

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<DbError> for Refused {
    fn from(error: DbError) -> Self {
        Self(explain(error))
    }
}

/// Delete a model
///
/// For owners and admins. Runs that have begun go on with it.
#[utoipa::path(delete, path = "/orgs/{orgId}/models/{modelId}", tag = "models", operation_id = "deleteModel",
    params(
        ("orgId" = Uuid, Path, description = "The organization's id."),
        ("modelId" = Uuid, Path, description = "The model's id."),
    ),
    responses(
        (status = NO_CONTENT, description = "Deleted."),
        (status = FORBIDDEN, description = "`FORBIDDEN`: the caller's role does not allow it.",
            body = ProblemBody, content_type = "application/problem+json"),
    ))]
pub(super) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Ids(org, id): Ids<OrgId, Uuid>,
) -> Result<StatusCode, Problem> {
    api.organization(&caller, org, OrgAction::Configure).await?;
    if models::delete(&api.db, org, &caller.actor, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found("model"))
    }
}
