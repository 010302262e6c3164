//! Examples of bodies, put together from what is said of their members.

use serde_json::{Map, Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Components, Content, RefOr};

const SCHEMAS: &str = "#/components/schemas/";
/// Schemas that are inside one another, at most: one may hold itself.
const DEPTH_MAX: usize = 12;

/// Knows the schemas that have a name.
pub(super) struct Examples {
    schemas: Value,
}

impl Examples {
    /// Of the schemas of a description.
    pub(super) fn of(components: Option<&Components>) -> Self {
        let schemas = components.map(|components| &components.schemas);
        Self { schemas: serde_json::to_value(schemas).expect("schemas are JSON") }
    }

    /// Gives each JSON body of an operation that has no example one, if enough is said of it.
    pub(super) fn complete(&self, operation: &mut Operation) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            self.complete_all(body.content.iter_mut());
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                self.complete_all(response.content.iter_mut());
            }
        }
    }

    fn complete_all<'a>(&self, contents: impl Iterator<Item = (&'a String, &'a mut RefOr<Content>)>) {
        for (media_type, content) in contents {
            let RefOr::T(content) = content else { continue };
            let is_json = media_type == "application/json" || media_type == "application/merge-patch+json";
            if is_json && content.example.is_none() && content.examples.is_empty() {
                let schema = serde_json::to_value(&content.schema).expect("schemas are JSON");
                content.example = self.example(&schema, 0);
            }
        }
    }

    /// An example of a schema; `None` when it has to say something of which nothing is said.
    fn example(&self, schema: &Value, depth: usize) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let said = ["example", "const"].into_iter().find_map(|key| schema.get(key));
        let first = |key: &str| schema.get(key).and_then(|list| list.get(0));
        let said = said.or_else(|| first("examples")).or_else(|| schema.get("default").filter(|it| !it.is_null()));
        if let Some(value) = said.or_else(|| first("enum")) {
            return Some(value.clone());
        }
        if let Some(name) = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix(SCHEMAS)) {
            return self.example(&self.schemas[name], depth + 1);
        }
        for either in ["oneOf", "anyOf"] {
            if let Some(list) = schema.get(either).and_then(Value::as_array) {
                return list.iter().filter(|one| one["type"] != "null").find_map(|one| self.example(one, depth + 1));
            }
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let mut whole = Map::new();
            for part in parts {
                if let Value::Object(members) = self.example(part, depth + 1)? {
                    whole.extend(members);
                }
            }
            return Some(Value::Object(whole));
        }
        match type_of(schema)? {
            "object" => self.object(schema, depth),
            "array" => Some(self.example(&schema["items"], depth + 1).map_or_else(|| json!([]), |item| json!([item]))),
            "string" => text(schema),
            "integer" | "number" => Some(schema.get("minimum").cloned().unwrap_or_else(|| json!(1))),
            "boolean" => Some(json!(true)),
            _ => None,
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Option<Value> {
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let mut members = Map::new();
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            match self.example(member, depth + 1) {
                Some(value) => drop(members.insert(name.clone(), value)),
                None if may_be_null(member) => drop(members.insert(name.clone(), Value::Null)),
                None if required.contains(&name.as_str()) => return None,
                None => {}
            }
        }
        Some(Value::Object(members))
    }
}

/// What a value is, of several the first that is not null.
fn type_of(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        // Anything: a free object is an example.
        _ => Some("object"),
    }
}

fn may_be_null(schema: &Value) -> bool {
    schema["type"].as_array().is_some_and(|names| names.iter().any(|name| name == "null"))
}

fn text(schema: &Value) -> Option<Value> {
    match schema["format"].as_str()? {
        "uuid" => Some(json!("0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")),
        "date-time" => Some(json!("2026-11-21T12:00:00Z")),
        "date" => Some(json!("2026-11-21")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openapi::document_value;

    /// Finds what has a schema and an example side by side, and keeps both under the place where they are.
    fn gather(at: &str, value: &Value, schemas: &mut Map<String, Value>, examples: &mut Map<String, Value>) {
        if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
            // A member of which the schema knows nothing is a mistake, too.
            schemas.insert(at.to_owned(), json!({ "allOf": [schema], "unevaluatedProperties": false }));
            examples.insert(at.to_owned(), example.clone());
        }
        match value {
            Value::Object(members) => members
                .iter()
                .filter(|(name, _)| *name != "example")
                .for_each(|(name, member)| gather(&format!("{at} {name}"), member, schemas, examples)),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| gather(&format!("{at} {index}"), item, schemas, examples)),
            _ => {}
        }
    }

    /// How many examples there are beside schemas, and what is wrong with them.
    fn judged(document: &Value) -> (usize, Vec<String>) {
        let (mut schemas, mut examples) = (Map::new(), Map::new());
        gather("", document, &mut schemas, &mut examples);
        // All at once: what the schemas share is read a single time.
        let schema = json!({ "properties": schemas, "components": document["components"] });
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
        let (found, examples) = (examples.len(), Value::Object(examples));
        let wrong = validator.iter_errors(&examples).map(|error| format!("{}: {error}", error.instance_path()));
        (found, wrong.collect())
    }

    #[test]
    fn every_example_is_what_its_schema_says() {
        let (found, wrong) = judged(&document_value());
        assert!(found > 600, "{found}");
        assert_eq!(wrong, [""; 0]);
    }

    #[test]
    fn an_example_that_is_not_what_its_schema_says_is_found() {
        let time = json!({ "$ref": "#/components/schemas/Time" });
        let schema = json!({ "type": "object", "required": ["due"], "properties": { "due": time } });
        let fits = |example: Value| {
            let document = json!({
                "components": { "schemas": { "Time": { "type": "string", "format": "date-time" } } },
                "content": [{ "schema": schema, "example": example }],
            });
            judged(&document).1.is_empty()
        };
        assert!(fits(json!({ "due": "2026-11-21T12:00:00Z" })));
        for mistaken in [json!({}), json!({ "due": "soon" }), json!({ "due": "2026-11-21T12:00:00Z", "dueAt": null })] {
            assert!(!fits(mistaken.clone()), "{mistaken}");
        }
    }
}
