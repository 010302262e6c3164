//! Schemas, in words.

use serde_json::Value;

use super::html::{Html, code_spans};
use super::{list, resolve, text};

const SCHEMA_PREFIX: &str = "#/components/schemas/";

/// All schemas that have a name.
pub(super) fn all(html: &mut Html, document: &Value) {
    html.raw("<section><h2 id=\"schemas\">Schemas</h2>");
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        html.raw("<article id=\"schema-").text(name).raw("\"><h3>").text(name).raw("</h3>");
        code_spans(html, text(&schema["description"]));
        body(html, document, schema);
        html.raw("</article>");
    }
    html.raw("</section>");
}

/// What a body holds, a row for each member.
pub(super) fn body(html: &mut Html, document: &Value, schema: &Value) {
    let schema = resolve(document, schema);
    let parts = list(&schema["allOf"]);
    if schema["properties"].is_null() && parts.is_empty() {
        html.raw("<p>");
        inline(html, schema);
        html.raw("</p>");
        return;
    }
    html.raw("<table>");
    for part in std::iter::once(schema).chain(parts.iter().map(|part| resolve(document, part))) {
        members(html, part);
    }
    html.raw("</table>");
}

fn members(html: &mut Html, schema: &Value) {
    let required = list(&schema["required"]);
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        html.raw("<tr><td><code>").text(name).raw("</code>");
        if !required.iter().any(|it| text(it) == name) {
            html.raw("<br><small>may be left out</small>");
        }
        html.raw("</td><td>");
        code_spans(html, text(&member["description"]));
        inline(html, member);
        if let Some(example) = member.get("example").or_else(|| member["examples"].get(0)) {
            html.raw(" <small>such as <code>").text(&example.to_string()).raw("</code></small>");
        }
        html.raw("</td></tr>");
    }
}

/// A schema within a line.
pub(super) fn inline(html: &mut Html, schema: &Value) {
    html.raw(" <small class=\"type\">");
    name(html, schema);
    for (word, sign) in [("minimum", "≥"), ("maximum", "≤"), ("minLength", "length ≥"), ("maxLength", "length ≤")]
    {
        if let Some(bound) = schema.get(word) {
            html.raw(", ").text(sign).raw(" ").text(&bound.to_string());
        }
    }
    if let Some(default) = schema.get("default") {
        html.raw(", otherwise ").text(&default.to_string());
    }
    html.raw("</small>");
}

/// What sort of value it is.
fn name(html: &mut Html, schema: &Value) {
    if let Some(target) = schema["$ref"].as_str().and_then(|target| target.strip_prefix(SCHEMA_PREFIX)) {
        html.link(&format!("#schema-{target}"), target);
        return;
    }
    let alternatives = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|word| schema[word].as_array());
    if let Some(alternatives) = alternatives {
        for (at, alternative) in alternatives.iter().enumerate() {
            html.raw(if at == 0 { "" } else { " or " });
            name(html, alternative);
        }
    } else if let Some(words) = schema["enum"].as_array() {
        for (at, word) in words.iter().enumerate() {
            html.raw(if at == 0 { "" } else { ", " }).raw("<code>").text(&word.to_string()).raw("</code>");
        }
    } else if !schema["items"].is_null() {
        html.raw("list of ");
        name(html, &schema["items"]);
    } else {
        let types = match &schema["type"] {
            Value::Array(types) => types.iter().map(text).collect::<Vec<_>>().join(" or "),
            other => text(other).to_owned(),
        };
        html.text(if types.is_empty() { "anything" } else { &types });
        if let Some(format) = schema["format"].as_str() {
            html.raw(" (").text(format).raw(")");
        }
    }
}
