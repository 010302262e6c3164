//! Markdown: CommonMark with GitHub's tables, task lists and strikethrough. Underlining is `<u>`, as Markdown has none.

mod html;
mod inline;
mod parse;
mod render;

pub use parse::parse;
pub use render::render;

use pulldown_cmark::Options;

const OPTIONS: Options = Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS);

#[cfg(test)]
pub(super) mod tests;
