use std::collections::BTreeSet;

/// A block of rich text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Block {
    /// Plain text with marks.
    Paragraph(Vec<Inline>),
    /// A heading.
    Heading {
        /// 1 to 6.
        level: u8,
        /// Its text.
        content: Vec<Inline>,
    },
    /// A list with bullets.
    BulletList(Vec<Vec<Block>>),
    /// A list with numbers.
    OrderedList {
        /// The first number.
        start: u32,
        /// What is in each item.
        items: Vec<Vec<Block>>,
    },
    /// A list with boxes to tick.
    TaskList(Vec<TaskItem>),
    /// A quotation.
    Blockquote(Vec<Block>),
    /// Preformatted text.
    CodeBlock {
        /// The language, for highlighting.
        language: Option<String>,
        /// The text, lines separated by newlines.
        text: String,
    },
    /// A line across.
    HorizontalRule,
    /// A picture.
    Image(Image),
    /// A table: rows of cells, all rows of one length. The first row holds the headings.
    Table(Vec<Vec<Vec<Inline>>>),
}

/// An item of a task list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TaskItem {
    /// Whether it is done.
    pub checked: bool,
    /// What is in it.
    pub blocks: Vec<Block>,
}

/// A picture by its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Image {
    /// The address.
    pub src: String,
    /// What stands for it where it cannot be seen.
    pub alt: Option<String>,
    /// What shows when pointed at.
    pub title: Option<String>,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Inline {
    /// Text in which all has the same marks.
    Text {
        /// The text; not empty.
        text: String,
        /// Its marks.
        marks: Marks,
    },
    /// A new line in the same paragraph.
    HardBreak,
    /// A picture. In the normal form only in cells of tables; elsewhere pictures are blocks.
    Image(Image),
}

impl Inline {
    /// Text without marks.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), marks: Marks::new() }
    }
}

/// The marks of a text.
pub type Marks = BTreeSet<Mark>;

/// How a text is set off. The order is that of nesting, outermost first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Leads to an address.
    Link {
        /// The address; not empty.
        href: String,
        /// What shows when pointed at.
        title: Option<String>,
    },
    /// Important.
    Bold,
    /// Stressed.
    Italic,
    /// No longer valid.
    Strike,
    /// Underlined.
    Underline,
    /// Code. Excludes all others.
    Code,
}
