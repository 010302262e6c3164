mod block;
mod escape;
mod line;

use crate::rich_text::normalize::normalize;
use crate::rich_text::tree::Block;

/// Writes a tree as Markdown, without a newline at the end. [`super::parse`] reads it back as the same normalized tree.
#[must_use]
pub fn render(blocks: &[Block]) -> String {
    block::render_blocks(&normalize(blocks))
}
