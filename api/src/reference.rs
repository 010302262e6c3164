//! `GET /api/v1/docs`: the description of the interface as a page to read, made of the same document as
//! `openapi.json`. It needs no scripts, and nothing from elsewhere.

mod html;
mod schema;

use std::sync::{Arc, LazyLock};

use axum::response::{IntoResponse, Response};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::html::{Html, code_spans, paragraphs};
use crate::problem::Code;
use crate::{Api, openapi};

const STYLE: &str = include_str!("reference/style.css");
/// The page's own style and nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const METHODS: [&str; 5] = ["get", "post", "patch", "put", "delete"];

static PAGE: LazyLock<String> = LazyLock::new(|| page(&openapi::document_value()));

/// This description, to read
#[utoipa::path(get, path = "/docs", tag = "operation", operation_id = "readReference", security(()),
    responses((status = OK, description = "The reference, as a page.", body = String, content_type = "text/html")))]
async fn docs() -> Response {
    respond("text/html; charset=utf-8", PAGE.as_str())
}

/// The style of the reference
#[utoipa::path(get, path = "/docs.css", tag = "operation", operation_id = "readReferenceStyle", security(()),
    responses((status = OK, description = "The style.", body = String, content_type = "text/css")))]
async fn style() -> Response {
    respond("text/css; charset=utf-8", STYLE)
}

fn respond(content_type: &'static str, body: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    (headers, body).into_response()
}

pub(crate) fn routes() -> OpenApiRouter<Arc<Api>> {
    OpenApiRouter::new().routes(routes!(docs)).routes(routes!(style))
}

fn page(document: &Value) -> String {
    let mut html = Html::default();
    html.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<title>GlassBox API</title><link rel=\"stylesheet\" href=\"docs.css\"></head><body>");
    navigation(&mut html, document);
    html.raw("<main>");
    introduction(&mut html, document);
    for tag in list(&document["tags"]) {
        html.raw("<section>").element("h2", &[("id", &tag_id(text(&tag["name"])))], |html| {
            html.text(&capitalized(text(&tag["name"])));
        });
        html.element("p", &[], |html| _ = html.text(text(&tag["description"])));
        for (method, path, operation) in operations(document, text(&tag["name"])) {
            describe_operation(&mut html, document, method, path, operation);
        }
        html.raw("</section>");
    }
    headers(&mut html, document);
    errors(&mut html);
    schema::all(&mut html, document);
    html.raw("</main></body></html>");
    html.into_string()
}

fn navigation(html: &mut Html, document: &Value) {
    html.raw("<nav><p class=\"title\"><a href=\"#top\">GlassBox API</a></p><ul>");
    let sections =
        [("authentication", "Authentication"), ("headers", "Headers"), ("errors", "Errors"), ("schemas", "Schemas")];
    for (target, title) in sections {
        html.raw("<li>").link(&format!("#{target}"), title).raw("</li>");
    }
    html.raw("</ul>");
    for tag in list(&document["tags"]) {
        let name = text(&tag["name"]);
        html.raw("<p>").link(&format!("#{}", tag_id(name)), &capitalized(name)).raw("</p><ul>");
        for (method, _, operation) in operations(document, name) {
            html.raw("<li><a href=\"#").text(text(&operation["operationId"])).raw("\"><b class=\"").text(method);
            html.raw("\">").text(method).raw("</b> ").text(text(&operation["summary"])).raw("</a></li>");
        }
        html.raw("</ul>");
    }
    html.raw("</nav>");
}

fn introduction(html: &mut Html, document: &Value) {
    let info = &document["info"];
    html.raw("<header id=\"top\"><h1>GlassBox API <small>").text(text(&info["version"])).raw("</small></h1>");
    paragraphs(html, text(&info["description"]));
    html.raw("<p>For programs: ").link("openapi.json", "openapi.json").raw(" (OpenAPI 3.1).</p></header>");
    html.raw("<section><h2 id=\"authentication\">Authentication</h2>");
    if let Some(schemes) = document["components"]["securitySchemes"].as_object() {
        for (name, scheme) in schemes {
            html.raw("<p><code>").text(name).raw("</code> ").text(text(&scheme["description"])).raw("</p>");
        }
    }
    html.raw("</section>");
}

/// Operations of a tag: method, path, description.
fn operations<'a>(document: &'a Value, tag: &'a str) -> impl Iterator<Item = (&'static str, &'a str, &'a Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((method, path.as_str(), item.get(method)?)))
    });
    all.filter(move |(_, _, operation)| list(&operation["tags"]).iter().any(|it| text(it) == tag))
}

fn describe_operation(html: &mut Html, document: &Value, method: &str, path: &str, operation: &Value) {
    let id = text(&operation["operationId"]);
    html.raw("<article id=\"").text(id).raw("\"><h3>").text(text(&operation["summary"])).raw("</h3>");
    html.raw("<p class=\"address\"><b class=\"").text(method).raw("\">").text(method).raw("</b> <code>");
    html.text(path).raw("</code></p>");
    paragraphs(html, text(&operation["description"]));
    let parameters = list(&operation["parameters"]);
    if !parameters.is_empty() {
        html.raw("<h4>Parameters</h4><table>");
        for parameter in parameters {
            html.raw("<tr><td><code>").text(text(&parameter["name"])).raw("</code><br><small>");
            html.text(text(&parameter["in"])).raw("</small></td><td>");
            code_spans(html, text(&parameter["description"]));
            schema::inline(html, &parameter["schema"]);
            html.raw("</td></tr>");
        }
        html.raw("</table>");
    }
    if let Some((media_type, content)) = first_content(&operation["requestBody"]) {
        html.raw("<h4>Body <small>").text(media_type).raw("</small></h4>");
        schema::body(html, document, &content["schema"]);
    }
    html.raw("<h4>Answers</h4><table>");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let response = resolve(document, response);
        html.raw("<tr><td><code>").text(status).raw("</code></td><td>");
        code_spans(html, text(&response["description"]));
        // What answers have in common is told once.
        let own = response["headers"].as_object().into_iter().flatten().filter(|(_, it)| it.get("$ref").is_none());
        for (name, _) in own {
            html.raw(" <small>Header <code>").text(name).raw("</code></small>");
        }
        if let Some((_, content)) = first_content(response).filter(|_| !status.starts_with(['4', '5'])) {
            html.raw(" ");
            schema::inline(html, &content["schema"]);
        }
        html.raw("</td></tr>");
    }
    html.raw("</table></article>");
}

fn headers(html: &mut Html, document: &Value) {
    html.raw("<section><h2 id=\"headers\">Headers</h2><p>What answers have in common.</p><table>");
    for (name, header) in document["components"]["headers"].as_object().into_iter().flatten() {
        html.raw("<tr><td><code>").text(name).raw("</code></td><td>");
        code_spans(html, text(&header["description"]));
        html.raw(" <code>").text(text(&header["example"])).raw("</code></td></tr>");
    }
    html.raw("</table></section>");
}

fn errors(html: &mut Html) {
    html.raw("<section><h2 id=\"errors\">Errors</h2><p>Problems (RFC 9457). The code is stable; programs may depend on it.</p>");
    html.raw("<table><tr><th>Code</th><th>Status</th><th>What happened, and what to do</th></tr>");
    let mut codes = Code::ALL.to_vec();
    codes.sort_by_key(|code| (code.status().as_u16(), code.as_str()));
    for code in codes {
        html.raw("<tr id=\"").text(code.as_str()).raw("\"><td><code>").text(code.as_str()).raw("</code></td><td>");
        html.text(code.status().as_str()).raw("</td><td>").text(code.title()).raw(". ");
        html.text(code.advice()).raw("</td></tr>");
    }
    html.raw("</table></section>");
}

fn first_content(of: &Value) -> Option<(&str, &Value)> {
    let (media_type, content) = of["content"].as_object()?.iter().next()?;
    Some((media_type, content))
}

/// Follows a reference within the document.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|target| document.pointer(target.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn tag_id(name: &str) -> String {
    format!("tag-{name}")
}

fn capitalized(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_every_operation_code_and_schema_and_leads_nowhere_else() {
        let document = openapi::document_value();
        let page = page(&document);
        for (path, item) in document["paths"].as_object().unwrap() {
            for operation in item.as_object().unwrap().values() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(page.contains(&format!("<article id=\"{id}\">")), "{path}: {id}");
            }
        }
        for code in Code::ALL {
            assert!(page.contains(&format!("<tr id=\"{}\">", code.as_str())), "{code:?}");
        }
        for link in page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let leads = link
                .strip_prefix('#')
                .map_or(link == "docs.css" || link == "openapi.json", |id| page.contains(&format!("id=\"{id}\"")));
            assert!(leads, "{link} leads nowhere");
        }
        assert!(!page.contains("<script") && !page.contains(" style=") && !page.contains("http-equiv"));
    }
}
