//! The description of the interface: `OpenAPI` 3.1, generated from the routes.
//!
//! A route describes its success and the problems peculiar to it; what all routes of its sort have in common (no token,
//! no such id, a body that does not fit) is added here.

mod example;
mod headers;

use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::example::Examples;
use crate::Api;
use crate::idempotency::IDEMPOTENCY_KEY;
use crate::problem::{Code, PROBLEM_CONTENT_TYPE, ProblemBody};

/// The name of the security scheme.
const BEARER: &str = "bearer";

const DESCRIPTION: &str = "\
Projects, nodes and documents of GlassBox.

Writing to a node or document is an edit of the living document: everybody who has it open sees it at once, and the
answer comes when it is durable. `ETag` says where the document stands; send it back as `If-Match` to change only
what you have read. To send a creation again safely, give it an `Idempotency-Key`, which is good for that one request:
with another body it is refused, for seven days at least.

Errors are problems (RFC 9457) with a stable `code`; `requestId` names the request in the server's log.";

/// The description as JSON.
pub(crate) fn document_value() -> serde_json::Value {
    serde_json::from_str(&DOCUMENT).expect("the description is JSON")
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let (_, document) = crate::routes::all().split_for_parts();
    completed(document).to_json().expect("the description is made of texts and numbers")
});

/// This description.
#[utoipa::path(get, path = "/openapi.json", tag = "operation", security(()),
    responses((status = OK, description = "The description, OpenAPI 3.1.", body = serde_json::Value)))]
async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT.as_str()).into_response()
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// What is said once for all routes.
pub(crate) fn preamble() -> OpenApi {
    let info = InfoBuilder::new()
        .title("GlassBox")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(utoipa::openapi::License::new("Apache-2.0")));
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(
        "An access token of the configured issuer (in development mode, of /auth/dev-token), or an API key (`sk-…`).",
    ));
    let mut schemas = vec![(ProblemBody::name().into_owned(), ProblemBody::schema())];
    ProblemBody::schemas(&mut schemas);
    let components = headers::all()
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, header)| components.header(name, header))
        .security_scheme(BEARER, SecurityScheme::Http(scheme.build()))
        .schemas_from_iter(schemas)
        .responses_from_iter(Code::ALL.iter().map(|code| (code.as_str(), problem_response(&[*code]))));
    let tag = |name: &str, description: &str| TagBuilder::new().name(name).description(Some(description)).build();
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components.build()))
        .security(Some([SecurityRequirement::new(BEARER, [""; 0])]))
        .tags(Some([
            tag("auth", "Tokens."),
            tag("users", "People."),
            tag("organizations", "The tenants, and who belongs to them."),
            tag("projects", "Projects, and who works in them."),
            tag("nodes", "Nodes of a project's canvas."),
            tag("executions", "Runs of agents on nodes."),
            tag("models", "The models that agents may use."),
            tag("files", "What people and agents upload."),
            tag("search", "Finding nodes and files by what they say."),
            tag("events", "What happens, in pages or as a stream."),
            tag("notifications", "What the caller was told."),
            tag("webhooks", "Other servers that are told what happens."),
            tag("documents", "Free documents, and snapshots of all documents."),
            tag("history", "What documents were, who made them so, and bringing it back."),
            tag("templates", "Nodes to be put onto any canvas."),
            tag("operation", "For machines that watch the server."),
        ]))
        .build()
}

/// An answer that is one of these problems, which have one status.
fn problem_response(codes: &[Code]) -> utoipa::openapi::Response {
    let description: Vec<String> =
        codes.iter().map(|code| format!("`{}`: {}. {}", code.as_str(), code.title(), code.advice())).collect();
    let example = codes.first().copied().map(example_of);
    let content =
        ContentBuilder::new().schema(Some(Ref::from_schema_name(ProblemBody::name()))).example(example).build();
    let response = ResponseBuilder::new().description(description.join("\n\n")).content(PROBLEM_CONTENT_TYPE, content);
    let mut response = response.build();
    if let Some(code) = codes.first() {
        headers::complete(&mut response, code.status().as_str(), true);
    }
    response
}

fn example_of(code: Code) -> serde_json::Value {
    serde_json::json!({
        "type": code.type_uri(),
        "title": code.title(),
        "status": code.status().as_u16(),
        "detail": code.advice(),
        "code": code.as_str(),
        "requestId": "0192d3e05b7a7c3e8f003f2a9f1c4d5e",
    })
}

/// Gives a problem that a route describes itself an example: of the first code that the description names.
fn complete_problem(response: &mut utoipa::openapi::Response) {
    let description = &response.description;
    let named = Code::ALL.iter().filter_map(|code| Some((description.find(&format!("`{}`", code.as_str()))?, *code)));
    let first = named.min_by_key(|(place, _)| *place);
    if let (Some((_, code)), Some(RefOr::T(content))) = (first, response.content.get_mut(PROBLEM_CONTENT_TYPE)) {
        content.example.get_or_insert_with(|| example_of(code));
    }
}

/// Adds the problems that routes of a sort have in common, and examples.
fn completed(mut document: OpenApi) -> OpenApi {
    let examples = Examples::of(document.components.as_ref());
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            examples.complete(operation);
            let mut codes = common_codes(operation);
            codes.sort_by_key(|code| code.status().as_u16());
            for of_status in codes.chunk_by(|one, other| one.status() == other.status()) {
                let status = of_status[0].status().as_str().to_owned();
                let response = match of_status {
                    [code] => RefOr::Ref(Ref::from_response_name(code.as_str())),
                    several => RefOr::T(problem_response(several)),
                };
                // What a route says itself says more.
                operation.responses.responses.entry(status).or_insert(response);
            }
            complete_responses(operation);
        }
    }
    document
}

/// Says of the answers that a route describes itself what is said of all.
fn complete_responses(operation: &mut Operation) {
    let responses = &mut operation.responses.responses;
    let is_counted = responses.contains_key(StatusCode::TOO_MANY_REQUESTS.as_str());
    for (status, response) in responses {
        if let RefOr::T(response) = response {
            headers::complete(response, status, is_counted);
            complete_problem(response);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.patch, &mut item.put, &mut item.delete].into_iter().flatten()
}

fn common_codes(operation: &Operation) -> Vec<Code> {
    let is_for_machines = operation.tags.iter().flatten().any(|tag| tag == "operation");
    if is_for_machines {
        return Vec::new();
    }
    let mut codes = vec![Code::Internal, Code::Unavailable];
    // Without security of its own an operation has that of the whole document.
    if operation.security.is_none() {
        codes.extend([Code::Unauthenticated, Code::InvalidToken, Code::TokenExpired, Code::TooManyRequests]);
    }
    let is_in_path = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == ParameterIn::Path,
        RefOr::Ref(_) => false,
    };
    let is_key = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => IDEMPOTENCY_KEY.as_str().eq_ignore_ascii_case(&parameter.name),
        RefOr::Ref(_) => false,
    };
    let parameters = operation.parameters.as_deref().unwrap_or_default();
    if parameters.iter().any(is_in_path) {
        codes.extend([Code::InvalidId, Code::NotFound]);
    }
    if !parameters.iter().all(is_in_path) {
        codes.push(Code::InvalidParameter);
    }
    if operation.request_body.is_some() {
        codes.extend([Code::InvalidJson, Code::BodyTooLarge, Code::UnsupportedMediaType, Code::ValidationFailed]);
    }
    if parameters.iter().any(is_key) {
        codes.push(Code::IdempotencyKeyReused);
    }
    codes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn document() -> Value {
        serde_json::from_str(&DOCUMENT).unwrap()
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn check(document: &Value, value: &Value, found: &mut usize) {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(target)) = members.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(document.pointer(pointer).is_some(), "{target} leads nowhere");
                        *found += 1;
                    }
                    members.values().for_each(|member| check(document, member, found));
                }
                Value::Array(items) => items.iter().for_each(|item| check(document, item, found)),
                _ => {}
            }
        }
        let document = document();
        let mut found = 0;
        check(&document, &document, &mut found);
        assert!(found > 20, "{found}");
    }

    #[test]
    fn every_operation_says_what_it_does_takes_and_answers() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let at = format!("{method} {path}");
                assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{at}: id in use");
                assert!(operation["summary"].as_str().is_some_and(|text| text.len() > 5), "{at}: no summary");
                let responses = operation["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{at}: no success");
                let in_path = path.matches('{').count();
                let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
                assert_eq!(parameters.iter().filter(|p| p["in"] == "path").count(), in_path, "{at}");
                if !path.starts_with("/api/v1") || path.ends_with("openapi.json") || path.contains("/docs") {
                    continue;
                }
                assert!(responses.contains_key("500") && responses.contains_key("503"), "{at}");
                let is_open = operation["security"]
                    .as_array()
                    .is_some_and(|list| list.iter().any(|s| s == &serde_json::json!({})));
                assert_eq!(responses.contains_key("401"), !is_open, "{at}");
                assert!(in_path == 0 || responses.contains_key("404"), "{at}");
                for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                    let is_problem =
                        response.get("$ref").is_some() || response["content"].get(PROBLEM_CONTENT_TYPE).is_some();
                    assert!(is_problem, "{at}: {status} is no problem");
                }
            }
        }
        assert_eq!(document["components"]["securitySchemes"][BEARER]["scheme"], "bearer");
    }

    /// The answers that are described, with where they are.
    fn responses(document: &Value) -> impl Iterator<Item = (String, &str, &Value)> {
        let items = document["paths"].as_object().unwrap().iter();
        let operations = items.flat_map(|(path, item)| {
            item.as_object().unwrap().iter().map(move |(method, operation)| (format!("{method} {path}"), operation))
        });
        operations.flat_map(|(at, operation)| {
            let responses = operation["responses"].as_object().unwrap().iter();
            responses.map(move |(status, response)| (format!("{at} {status}"), status.as_str(), response))
        })
    }

    #[test]
    fn every_answer_says_which_headers_it_has() {
        let document = document();
        let mut found = 0;
        for (at, status, response) in responses(&document) {
            let response = match response["$ref"].as_str() {
                Some(target) => document.pointer(target.strip_prefix('#').unwrap()).unwrap(),
                None => response,
            };
            let has = |name: &str| {
                let header = &response["headers"][name];
                header.is_object() && *header == serde_json::json!({"$ref": format!("#/components/headers/{name}")})
            };
            assert!(has("X-Request-Id"), "{at}");
            let is_problem = response["content"].get(PROBLEM_CONTENT_TYPE).is_some();
            assert_eq!(has("Retry-After"), is_problem && ["429", "503"].contains(&status), "{at}");
            assert_eq!(has("RateLimit"), has("RateLimit-Policy"), "{at}");
            assert!(status != "429" || has("RateLimit"), "{at}");
            found += usize::from(has("RateLimit"));
        }
        assert!(found > 500, "{found}");
    }

    #[test]
    fn every_json_answer_has_an_example() {
        let document = document();
        let contents = responses(&document).flat_map(|(at, _, response)| {
            let contents = response["content"].as_object().into_iter().flatten();
            contents.map(move |(media_type, content)| (format!("{at} {media_type}"), media_type, content))
        });
        let of_json = contents.filter(|(_, media_type, _)| media_type.ends_with("json"));
        let lacking: Vec<String> =
            of_json.filter(|(_, _, content)| content.get("example").is_none()).map(|(at, ..)| at).collect();
        assert_eq!(lacking, [""; 0]);
    }

    #[test]
    fn every_json_body_that_is_sent_has_an_example() {
        let document = document();
        let (mut found, mut lacking) = (0, Vec::new());
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let contents = operation["requestBody"]["content"].as_object().into_iter().flatten();
                for (media_type, content) in contents.filter(|(media_type, _)| media_type.ends_with("json")) {
                    found += 1;
                    if content.get("example").is_none() {
                        lacking.push(format!("{method} {path} {media_type}: {}", content["schema"]));
                    }
                }
            }
        }
        assert!(found > 30, "{found}");
        assert_eq!(lacking, [""; 0]);
    }
}
