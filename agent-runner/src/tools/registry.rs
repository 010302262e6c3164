//! What tools there are.

use serde_json::{Value, json};

use super::ToolSpec;

/// A tool.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    /// Whether it changes anything, or asks anybody.
    pub(crate) changes: bool,
    description: &'static str,
    parameters: fn() -> Value,
}

impl Tool {
    pub(super) fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            parameters: (self.parameters)(),
        }
    }
}

/// All tools.
pub(crate) const TOOLS: &[Tool] = &[
    Tool {
        name: "create_subnode",
        changes: true,
        description: "Make a node inside this one, for a part of the task: for an agent or for a person.",
        parameters: || {
            object(
                &json!({
                    "title": {"type": "string", "minLength": 1, "maxLength": 500},
                    "description": {"type": "string", "description": "What is to be done, in Markdown.", "maxLength": 100_000},
                    "author_type": {"type": "string", "enum": ["agent", "human"]},
                    "inputs": {"type": "array", "maxItems": 50, "items": {
                        "type": "object",
                        "properties": {
                            "type": {"type": "string", "enum": ["text", "structured_data", "node_reference", "external_link"]},
                            "label": {"type": "string", "maxLength": 255},
                            "content": {"description": "Markdown, JSON, a node's id, or an address, by type."}},
                        "required": ["type", "content"], "additionalProperties": false}},
                }),
                &["title", "author_type"],
            )
        },
    },
    Tool {
        name: "request_human_input",
        changes: false,
        description: "Ask a person, and wait for the answer. Only if you cannot go on without it.",
        parameters: || {
            object(
                &json!({
                    "question": {"type": "string", "minLength": 1, "maxLength": 2000},
                    "options": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 200}, "maxItems": 10},
                    "context": {"type": "string", "maxLength": 5000},
                    "timeout_minutes": {"type": "integer", "minimum": 1, "maximum": 43_200},
                    "default": {"type": "string", "maxLength": 2000, "description": "What counts as the answer after the timeout."},
                }),
                &["question"],
            )
        },
    },
    Tool {
        name: "add_output",
        changes: true,
        description: "Add an output to this node: a text in Markdown, structured data (checked against `schema` if one is given), \
            or a file: one that is among the node's inputs (`content`: {\"fileId\": …}), or a new one that holds a text \
            (`content`: {\"filename\": …, \"text\": …}, with \"contentType\" if the name does not say it). People download \
            files; for what they read and edit here, add a text.",
        parameters: || {
            object(
                &json!({
                    "type": {"type": "string", "enum": ["text", "structured_data", "file"]},
                    "content": {"description": "Markdown, or any JSON, or a file as {\"fileId\": …} or {\"filename\": …, \"text\": …}, by type."},
                    "label": {"type": "string", "maxLength": 255},
                    "schema": {"type": "object", "description": "A JSON Schema that the data is to follow, kept with it: short, and without references ($ref)."},
                }),
                &["type", "content"],
            )
        },
    },
    Tool {
        name: "access_node",
        changes: false,
        description: "Read the inputs, the outputs, or both of another node of this project, and its body: as they are, or as they \
            were at a version of the node.",
        parameters: || {
            object(
                &json!({
                    "node_id": {"type": "string"},
                    "access_type": {"type": "string", "enum": ["inputs", "outputs", "both"]},
                    "version": {"type": "integer", "minimum": 1, "maximum": i32::MAX, "description": "Left out: the node as it is now."},
                }),
                &["node_id"],
            )
        },
    },
    Tool {
        name: "edit_body",
        changes: true,
        description: "Make this node's body read as the given Markdown. Only what differs is edited.",
        parameters: || object(&json!({"markdown": {"type": "string", "maxLength": 200_000}}), &["markdown"]),
    },
    Tool {
        name: "search",
        changes: false,
        description: "Find nodes of this project by words in their titles, bodies, inputs and outputs. All words, or words that begin so, have to be there; what was written in the last seconds may be missing.",
        parameters: || {
            object(
                &json!({
                    "query": {"type": "string", "minLength": 1, "maxLength": 200},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 50},
                }),
                &["query"],
            )
        },
    },
    Tool {
        name: "list_nodes",
        changes: false,
        description: "List nodes of this project: all, those inside a node, or those in a state.",
        parameters: || {
            object(
                &json!({
                    "parent_id": {"type": "string"},
                    "status": {"type": "string", "maxLength": 100},
                    "limit": {"type": "integer", "minimum": 1, "maximum": 200},
                }),
                &[],
            )
        },
    },
    Tool {
        name: "set_status",
        changes: true,
        description: "Set the state of this node, or of a node that you have made, to one of the project's states.",
        parameters: || {
            object(
                &json!({
                    "status": {"type": "string", "minLength": 1, "maxLength": 100},
                    "node_id": {"type": "string", "description": "This node, if not given."},
                }),
                &["status"],
            )
        },
    },
];

fn object(properties: &Value, required: &[&str]) -> Value {
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}
