//! Texts with their authors, in answers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use documents::history::{Authorship, Block, Change, Span, TextHistory};
use platform::auth::PrincipalRef;
use platform::db::log::Provenance;
use schema::ids::RunId;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// What became of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = TextChange)]
pub(super) enum ChangeBody {
    /// It is at both places.
    Kept,
    /// It is new.
    Inserted,
    /// It is gone.
    Deleted,
}

/// Who did something, and when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Authorship)]
pub(super) struct AuthorshipBody {
    /// Who, as in `authors`.
    #[schema(example = "user:0192d3e0-5b7a-7c3e-8f00-3f2a9f1c4d5e")]
    principal: String,
    /// The agent's run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Uuid>, nullable = false)]
    run: Option<RunId>,
    /// The step of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    trace_event: Option<Uuid>,
    /// Whether the principal did not write it, but brought it back for whoever did, after a crash.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    carried: bool,
    /// When it began.
    from: DateTime<Utc>,
    /// When it was done.
    until: DateTime<Utc>,
    /// The first update of it.
    first_seq: u64,
    /// The last.
    last_seq: u64,
}

/// A stretch of text of the same history.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = TextSpan)]
pub(super) struct SpanBody {
    /// The text; U+FFFC stands for something else, such as a line break or an image.
    text: String,
    /// What became of it.
    change: ChangeBody,
    /// Who wrote it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    inserted: Option<AuthorshipBody>,
    /// Who deleted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    deleted: Option<AuthorshipBody>,
}

/// A block of a text: what is shown on lines of its own.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TextBlock)]
pub(super) struct BlockBody {
    /// The elements that it is inside of, itself the last. Empty for a plain text.
    #[schema(example = json!(["bulletList", "listItem", "paragraph"]))]
    path: Vec<String>,
    /// The attributes of the last of them.
    #[schema(example = json!({"level": "1"}))]
    attributes: BTreeMap<String, String>,
    /// What became of the block.
    change: ChangeBody,
    /// Its text.
    spans: Vec<SpanBody>,
}

/// A text of a document.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TextHistory)]
pub(super) struct TextBody {
    /// Where it is: the root's name, and the keys below it, parted by slashes.
    #[schema(example = "body")]
    part: String,
    /// Its blocks, in order.
    blocks: Vec<BlockBody>,
}

impl TextBody {
    pub(super) fn of(text: TextHistory) -> Self {
        Self { part: text.part, blocks: text.blocks.into_iter().map(BlockBody::of).collect() }
    }
}

impl BlockBody {
    fn of(block: Block) -> Self {
        Self {
            path: block.path,
            attributes: block.attributes.into_iter().collect(),
            change: block.change.into(),
            spans: block.spans.into_iter().map(SpanBody::of).collect(),
        }
    }
}

impl SpanBody {
    fn of(span: Span) -> Self {
        let [inserted, deleted] = [span.inserted, span.deleted].map(|by| by.as_ref().map(AuthorshipBody::of));
        Self { text: span.text, change: span.change.into(), inserted, deleted }
    }
}

impl AuthorshipBody {
    pub(super) fn of(by: &Authorship) -> Self {
        Self {
            principal: by.actor.principal.to_string(),
            run: by.actor.run,
            trace_event: by.actor.trace_event,
            carried: by.actor.provenance == Provenance::Carried,
            from: by.from,
            until: by.until,
            first_seq: by.first.get(),
            last_seq: by.last.get(),
        }
    }
}

impl From<Change> for ChangeBody {
    fn from(change: Change) -> Self {
        match change {
            Change::Kept => Self::Kept,
            Change::Inserted => Self::Inserted,
            Change::Deleted => Self::Deleted,
        }
    }
}

/// All who acted on texts.
pub(super) fn acted(texts: &[TextHistory]) -> Vec<PrincipalRef> {
    let spans = texts.iter().flat_map(|text| &text.blocks).flat_map(|block| &block.spans);
    spans.flat_map(|span| [&span.inserted, &span.deleted]).flatten().map(|by| by.actor.principal).collect()
}
