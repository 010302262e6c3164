//! Files as outputs: passed on from the inputs, or made of a text.

use bytes::Bytes;
use platform::blob::is_media_type;
use schema::ids::FileId;
use schema::node::{self, NodeView};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{Refused, read};
use crate::files::is_text;
use crate::model::ToolCall;
use crate::run::Run;
use crate::run::files::TextFile;
use crate::tools::ToolError;

/// The longest name of a file, in characters.
const NAME_CHARS_MAX: usize = 255;
/// The largest file that a run makes, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// A file that a model wants to have made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    filename: String,
    #[serde(default)]
    content_type: Option<String>,
    text: String,
}

impl Run<'_> {
    /// The file that is to be an output: one of the inputs, or one that is made now.
    pub(super) async fn output_file(&mut self, call: &ToolCall, content: &Value) -> Result<Uuid, Refused> {
        if content.get("fileId").is_some() || content.get("text").is_none() {
            return self.file_of_inputs(content);
        }
        let file = self.new_file(call, read(content.clone())?)?;
        let id = file.id.as_uuid();
        // What has begun was made before, and perhaps somebody has deleted it since.
        if self.state.tool.is_none() {
            // Who may not edit the node any more makes no files for it either.
            self.workspace.catch_up()?;
            let stored = self.make_file(file).await?;
            stored.map_err(|error| {
                tracing::warn!(run = %self.leased.run, %error, "a file of a run could not be stored");
                ToolError::new("FILES_UNAVAILABLE", "the file cannot be stored now: try it later, or add a text")
            })?;
        }
        Ok(id)
    }

    fn file_of_inputs(&self, content: &Value) -> Result<Uuid, Refused> {
        let asked = content.get("fileId").and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
        let view: NodeView = self.workspace.read(&self.node, |txn| node::read(txn))?;
        let is_there = |file: &Uuid| view.inputs.iter().any(|input| input.file_id == Some(*file));
        asked.filter(is_there).ok_or_else(|| {
            let message = "content must be {\"fileId\": …} of a file among the node's inputs, or {\"filename\": …, \
                           \"text\": …} of a new one";
            ToolError::invalid(message).into()
        })
    }

    fn new_file(&self, call: &ToolCall, written: Written) -> Result<TextFile, ToolError> {
        let filename = name_of(&written.filename)?;
        let content_type = written.content_type.unwrap_or_else(|| type_of(&filename).to_owned());
        if !is_media_type(&content_type) || !is_text(&content_type) {
            return Err(ToolError::invalid("contentType must be the media type of a text, such as text/markdown"));
        }
        if written.text.len() > FILE_BYTES_MAX {
            return Err(ToolError::invalid(format!("a file has at most {FILE_BYTES_MAX} bytes")));
        }
        // It follows from the run, and from which use of a tool it is: whoever resumes the run makes the same one.
        let place = format!("file/{}/{}", self.state.tool_uses(), call.id);
        let id = FileId::from(Uuid::new_v5(&self.leased.run.as_uuid(), place.as_bytes()));
        Ok(TextFile { id, filename, content_type, bytes: Bytes::from(written.text) })
    }
}

/// A name, and no path.
fn name_of(asked: &str) -> Result<String, ToolError> {
    let name = asked.trim();
    let is_path = name.contains(['/', '\\']) || matches!(name, "." | "..");
    if name.is_empty() || is_path || name.chars().any(char::is_control) || name.chars().count() > NAME_CHARS_MAX {
        let message = format!("filename must be a name without slashes, of at most {NAME_CHARS_MAX} characters");
        return Err(ToolError::invalid(message));
    }
    Ok(name.to_owned())
}

/// What sort of text it is, by its name.
fn type_of(filename: &str) -> &'static str {
    let ending = filename.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    match ending.as_deref() {
        Some("md" | "markdown") => "text/markdown",
        Some("csv") => "text/csv",
        Some("html" | "htm") => "text/html",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        _ => "text/plain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_and_no_path() {
        assert_eq!(name_of(" Report (1).md ").unwrap(), "Report (1).md");
        let long = "a".repeat(NAME_CHARS_MAX + 1);
        for name in ["", "  ", "a/b", "a\\b", "..", "a\nb", "a\0", &long] {
            assert_eq!(name_of(name).unwrap_err().code, "INVALID_ARGUMENTS", "{name:?}");
        }
    }

    #[test]
    fn every_type_that_follows_from_a_name_is_text() {
        for name in ["a.md", "b.CSV", "c.html", "d.json", "e.xml", "f", "g.exe"] {
            assert!(is_text(type_of(name)), "{name}");
        }
    }
}
