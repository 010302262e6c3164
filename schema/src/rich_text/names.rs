//! The names of elements, attributes and marks, as Tiptap spells them.

pub(super) const PARAGRAPH: &str = "paragraph";
pub(super) const HEADING: &str = "heading";
pub(super) const BULLET_LIST: &str = "bulletList";
pub(super) const ORDERED_LIST: &str = "orderedList";
pub(super) const LIST_ITEM: &str = "listItem";
pub(super) const TASK_LIST: &str = "taskList";
pub(super) const TASK_ITEM: &str = "taskItem";
pub(super) const BLOCKQUOTE: &str = "blockquote";
pub(super) const CODE_BLOCK: &str = "codeBlock";
pub(super) const HORIZONTAL_RULE: &str = "horizontalRule";
pub(super) const HARD_BREAK: &str = "hardBreak";
pub(super) const IMAGE: &str = "image";
pub(super) const TABLE: &str = "table";
pub(super) const TABLE_ROW: &str = "tableRow";
pub(super) const TABLE_HEADER: &str = "tableHeader";
pub(super) const TABLE_CELL: &str = "tableCell";

pub(super) const LEVEL: &str = "level";
pub(super) const START: &str = "start";
pub(super) const CHECKED: &str = "checked";
pub(super) const LANGUAGE: &str = "language";
pub(super) const SRC: &str = "src";
pub(super) const ALT: &str = "alt";
pub(super) const TITLE: &str = "title";
pub(super) const HREF: &str = "href";
pub(super) const COLSPAN: &str = "colspan";
pub(super) const ROWSPAN: &str = "rowspan";

pub(super) const BOLD: &str = "bold";
pub(super) const ITALIC: &str = "italic";
pub(super) const STRIKE: &str = "strike";
pub(super) const UNDERLINE: &str = "underline";
pub(super) const CODE: &str = "code";
pub(super) const LINK: &str = "link";
