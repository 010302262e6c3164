//! The keys of a node's document.

pub(super) const BODY: &str = "body";
pub(super) const INPUTS: &str = "inputs";
pub(super) const OUTPUTS: &str = "outputs";
pub(super) const PROPOSALS: &str = "proposals";
pub(super) const QUESTIONS: &str = "questions";

pub(super) const ID: &str = "id";
pub(super) const TYPE: &str = "type";
pub(super) const LABEL: &str = "label";
pub(super) const METADATA: &str = "metadata";
pub(super) const SORT_ORDER: &str = "sortOrder";
pub(super) const PROVENANCE: &str = "provenance";
pub(super) const TEXT: &str = "text";
pub(super) const DATA: &str = "data";
pub(super) const FILE_ID: &str = "fileId";
pub(super) const SOURCE_NODE_ID: &str = "sourceNodeId";
pub(super) const SOURCE_VERSION: &str = "sourceVersion";
pub(super) const URL: &str = "url";

pub(super) const KIND: &str = "kind";
pub(super) const PART: &str = "part";
pub(super) const PLACE: &str = "place";
pub(super) const BEFORE: &str = "before";
pub(super) const RUN_ID: &str = "runId";
pub(super) const STATUS: &str = "status";
pub(super) const CREATED_AT: &str = "createdAt";
pub(super) const DECIDED_AT: &str = "decidedAt";
pub(super) const DECIDED_BY: &str = "decidedBy";

pub(super) const QUESTION: &str = "question";
pub(super) const OPTIONS: &str = "options";
pub(super) const CONTEXT: &str = "context";
pub(super) const ASKED_AT: &str = "askedAt";
pub(super) const EXPIRES_AT: &str = "expiresAt";
pub(super) const ANSWER: &str = "answer";
pub(super) const ANSWERED_BY: &str = "answeredBy";
pub(super) const ANSWERED_AT: &str = "answeredAt";
