//! The table of problems. A code, once published, keeps its meaning.

use std::borrow::Cow;

use http::StatusCode;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

const TYPE_PREFIX: &str = "https://glassbox.dev/problems/";

macro_rules! codes {
    ($($variant:ident, $code:literal, $status:ident, $title:literal, $advice:literal;)+) => {
        /// What sort of problem it is. Stable: programs may depend on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        pub enum Code {
            $(
                #[doc = concat!($title, ". ", $advice)]
                #[serde(rename = $code)]
                $variant,
            )+
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code as it is on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// What happened, in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }

            /// What to do about it.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice),+ }
            }
        }
    };
}

codes! {
    InvalidJson, "INVALID_JSON", BAD_REQUEST, "The body is not JSON",
        "Send a JSON object as the body.";
    InvalidId, "INVALID_ID", BAD_REQUEST, "The address holds no valid id",
        "Use ids and document names as the server gave them.";
    InvalidParameter, "INVALID_PARAMETER", BAD_REQUEST, "A parameter or header is not valid",
        "Compare the query and the headers with the description of the endpoint.";
    Unauthenticated, "UNAUTHENTICATED", UNAUTHORIZED, "Sign in first",
        "Send an access token in the header Authorization: Bearer <token>.";
    InvalidToken, "INVALID_TOKEN", UNAUTHORIZED, "The token is not accepted",
        "Sign in again to get another token.";
    TokenExpired, "TOKEN_EXPIRED", UNAUTHORIZED, "The token has run out",
        "Sign in again to get another token.";
    AccountRefused, "ACCOUNT_REFUSED", FORBIDDEN, "The account may not be used",
        "Use another account, or ask whoever runs this server.";
    Forbidden, "FORBIDDEN", FORBIDDEN, "You may not do this",
        "Ask an administrator of the project or organization for a role that may.";
    InsufficientScope, "INSUFFICIENT_SCOPE", FORBIDDEN, "The API key's scopes do not include this",
        "Use a key with the scope that the header WWW-Authenticate names.";
    PersonRequired, "PERSON_REQUIRED", FORBIDDEN, "Only somebody who has signed in may do this",
        "Sign in and use an access token: this cannot be done with an API key.";
    NotFound, "NOT_FOUND", NOT_FOUND, "Not found",
        "It does not exist, or you may not see it.";
    ServedByApi, "SERVED_BY_API", NOT_FOUND, "Not served here, but by instances with the role api",
        "Send the request to an instance that runs with the role api (server.roles).";
    ServedBySync, "SERVED_BY_SYNC", NOT_FOUND, "Not served here, but by instances with the role sync",
        "Open the socket at an instance that runs with the role sync (server.roles).";
    UserNotFound, "USER_NOT_FOUND", NOT_FOUND, "No such user",
        "The person has to sign in once before they can be added; check the e-mail address.";
    ExecutionNotFound, "EXECUTION_NOT_FOUND", NOT_FOUND, "No agent was ever run on this node",
        "Run one: POST /nodes/{nodeId}/execute.";
    MethodNotAllowed, "METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED, "The address does not offer this method",
        "The header Allow names the methods that it offers.";
    NotAcceptable, "NOT_ACCEPTABLE", NOT_ACCEPTABLE, "Not available in this form",
        "Ask for another form, by the header Accept or the parameter format.";
    SlugTaken, "SLUG_TAKEN", CONFLICT, "The slug is in use",
        "Choose another slug, or leave it out to get one that is free.";
    LastOwner, "LAST_OWNER", CONFLICT, "An organization needs an owner",
        "Make somebody else an owner first.";
    LimitReached, "LIMIT_REACHED", CONFLICT, "There are as many as there may be",
        "Delete some that are not needed any more.";
    Cycle, "CYCLE", CONFLICT, "This would close a cycle",
        "Choose another node: a node cannot depend on, or lie in, itself.";
    LockHeld, "LOCK_HELD", CONFLICT, "Somebody else has locked this",
        "Wait until the lock is free, or ask its holder; the member lock says who that is.";
    ExecutionActive, "EXECUTION_ACTIVE", CONFLICT, "Another run works on this node, or is about to",
        "Wait until it is over, cancel it, or have this one wait for its turn with ifBusy: enqueue.";
    ExecutionState, "EXECUTION_STATE", CONFLICT, "The run cannot do this from where it stands",
        "Read the run again; the member status says where it stands.";
    NoQuestion, "NO_QUESTION", CONFLICT, "The run does not wait for an answer to this",
        "It was answered already, or the run is over. Read the run again.";
    FileNotUploaded, "FILE_NOT_UPLOADED", CONFLICT, "No bytes of the file have come yet",
        "Send them to uploadUrl first, then confirm the file.";
    Conflict, "CONFLICT", CONFLICT, "This conflicts with what is there",
        "Read it again and decide anew.";
    HistoryNotKept, "HISTORY_NOT_KEPT", GONE, "This part of the history is not kept",
        "Take a place of the log that is kept; GET /documents/{name}/history names them.";
    TooMuchHistory, "TOO_MUCH_HISTORY", PAYLOAD_TOO_LARGE, "Too much history at once",
        "Take a shorter part of the log.";
    EventsGone, "EVENTS_GONE", GONE, "Events after this one are no longer kept",
        "Read what you need anew, and go on from there without lastEventId.";
    PreconditionFailed, "PRECONDITION_FAILED", PRECONDITION_FAILED, "It has changed since you read it",
        "Read it again, apply your change to what is there now, and send it with the new ETag.";
    BodyTooLarge, "BODY_TOO_LARGE", PAYLOAD_TOO_LARGE, "The body is too large",
        "Send less at once.";
    FileTooLarge, "FILE_TOO_LARGE", PAYLOAD_TOO_LARGE, "The file is too large",
        "Send a smaller file, or several.";
    DocumentTooLarge, "DOCUMENT_TOO_LARGE", PAYLOAD_TOO_LARGE, "The document would become too large",
        "Delete something in the document to make room, or use another one.";
    BodyTooSlow, "BODY_TOO_SLOW", REQUEST_TIMEOUT, "The body did not arrive in time",
        "Send it again, in parts if the connection is slow.";
    Locked, "LOCKED", LOCKED, "Somebody else has locked this, and the project has others kept out",
        "Send it again once the lock is free; GET /nodes/{nodeId}/lock says who holds it.";
    UnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE, "The body is of the wrong type",
        "Send JSON, with the header Content-Type: application/json.";
    ValidationFailed, "VALIDATION_FAILED", UNPROCESSABLE_ENTITY, "Fields are not valid",
        "Correct the fields that errors names.";
    IdempotencyKeyReused, "IDEMPOTENCY_KEY_REUSED", UNPROCESSABLE_ENTITY, "The Idempotency-Key was used for another request",
        "Send the request as it was the first time, or with another key.";
    EditRefused, "EDIT_REFUSED", UNPROCESSABLE_ENTITY, "The document does not take this edit",
        "Read the document again and send an edit that fits it.";
    TooManyRequests, "TOO_MANY_REQUESTS", TOO_MANY_REQUESTS, "Too many requests",
        "Wait as long as the header Retry-After says.";
    Internal, "INTERNAL", INTERNAL_SERVER_ERROR, "The server made a mistake",
        "Try again; if it stays, report it with the request's id.";
    Unavailable, "UNAVAILABLE", SERVICE_UNAVAILABLE, "Not possible for now",
        "Nothing that was confirmed is lost. Try again in a few seconds.";
}

/// Written out: the macro that derives schemas does not see names that another macro gives.
impl PartialSchema for Code {
    fn schema() -> RefOr<Schema> {
        let meanings = Self::ALL.iter().map(|code| format!("`{}`: {}.", code.as_str(), code.title()));
        let schema = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Self::ALL.iter().map(|code| code.as_str())))
            .description(Some(format!("What sort of problem it is. {}", meanings.collect::<Vec<_>>().join(" "))));
        RefOr::T(Schema::Object(schema.build()))
    }
}

impl ToSchema for Code {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Code")
    }
}

impl Code {
    /// The URI that names this sort of problem.
    #[must_use]
    pub fn type_uri(self) -> String {
        format!("{TYPE_PREFIX}{}", self.as_str().to_ascii_lowercase().replace('_', "-"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_say_what_happened_and_what_to_do() {
        let distinct: HashSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(distinct.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(code.status().is_client_error() || code.status().is_server_error(), "{code:?}");
            assert!(!code.title().ends_with('.') && code.advice().ends_with('.'), "{code:?}");
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert_eq!(Code::NotFound.type_uri(), "https://glassbox.dev/problems/not-found");
    }
}
