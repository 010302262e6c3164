use std::fmt;

/// Why an update is refused. Nothing of it was applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UpdateRefused {
    /// Not what any Yjs client writes.
    #[error("the update is malformed at byte {offset}: {what}")]
    Malformed {
        /// What is wrong.
        what: &'static str,
        /// How far it was read, in bytes.
        offset: usize,
    },
    /// Valid for some Yjs client, but not read alike by all that may share the document.
    #[error("the update holds {0}, which not every Yjs client can read")]
    Unsupported(UnsupportedContent),
    /// Put where no Yjs client would put it, so that replicas would not agree where it is.
    #[error("the update does not fit the document: {0}")]
    Misplaced(Misplaced),
    /// More than is allowed in one update.
    #[error("the update has more than {limit} {what}")]
    OverLimit {
        /// What there is too much of.
        what: &'static str,
        /// How much is allowed.
        limit: usize,
    },
}

/// What is wrong with the place of an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misplaced {
    /// Its parent is there, and is no shared type. yrs fails at it.
    ParentIsNoType,
    /// Its neighbours are in two parents, or under two keys. It would be in the one or the other, depending on what
    /// was deleted before.
    TwoParents,
    /// Its right neighbour was put behind what it does not know to be there: where it ends up would depend on the order
    /// in which updates arrive.
    RightWithinOther,
    /// It claims clocks that are known to be of other content.
    Contradiction,
    /// Several values at once under one key. When somebody writes between them yrs 0.28 keeps the first undeleted, and
    /// reads freed memory once their parent is gone.
    ValuesUnderKey,
    /// Items of the update wait for one another.
    Circle,
    /// Text between the values of an array or the children of an XML node. yrs 0.28 reads such a list without end.
    TextInList,
}

impl fmt::Display for Misplaced {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::ParentIsNoType => "the parent of an item is no shared type",
            Self::TwoParents => "the neighbours of an item have different parents",
            Self::RightWithinOther => "the neighbours of an item were never side by side",
            Self::Contradiction => "an item is known to be somewhere else",
            Self::ValuesUnderKey => "several values are put under one key at once",
            Self::Circle => "items wait for one another",
            Self::TextInList => "text stands in a list of values or nodes",
        })
    }
}

impl From<Misplaced> for UpdateRefused {
    fn from(misplaced: Misplaced) -> Self {
        Self::Misplaced(misplaced)
    }
}

/// Content that stock clients cannot read, or that yjs and yrs read differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnsupportedContent {
    /// Content kind 2, of yjs before 13; yrs reads one value more than is there.
    LegacyJson,
    /// Content kind 9: a document within the document, which nobody here would serve.
    SubDocument,
    /// Content kind 11: a move, on which yjs 13 throws.
    Move,
    /// A content kind that yjs 13 does not have.
    ContentKind(u8),
    /// Type 5: the name of such a hook is not read by yrs.
    XmlHook,
    /// Type 7 in yrs: a weak link, on which yjs 13 throws.
    WeakLink,
    /// A shared type that yjs 13 does not have.
    TypeRef(u8),
}

impl fmt::Display for UnsupportedContent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LegacyJson => formatter.write_str("JSON content of yjs 12"),
            Self::SubDocument => formatter.write_str("a sub-document"),
            Self::Move => formatter.write_str("a move"),
            Self::ContentKind(kind) => write!(formatter, "content of kind {kind}"),
            Self::XmlHook => formatter.write_str("an XML hook"),
            Self::WeakLink => formatter.write_str("a weak link"),
            Self::TypeRef(type_ref) => write!(formatter, "a shared type of kind {type_ref}"),
        }
    }
}
