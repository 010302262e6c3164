//! Markdown: `CommonMark` with GitHub's tables, task lists and strikethrough, and `<u>` for underlined words.
//!
//! `parse(render(blocks)) == normalized(blocks)`: what is rendered reads back the same, except for what Markdown cannot
//! say. A mark that Markdown's delimiters cannot express at its place is written as a tag (`<em>`, `<strong>`, `<s>`,
//! `<code>`), a line break likewise (`<br>`), and all other HTML is text.

mod escape;
mod inline;
mod normal;
mod parse;
mod render;

/// A piece of HTML that is read as nothing.
const SAYS_NOTHING: &str = "<!-- -->";

pub use normal::normalized;
pub use parse::parse;
pub use render::render;
