//! The texts of a document, found wherever they lie in it.

use yrs::branch::{Branch, BranchPtr};
use yrs::{
    Any, Array, ArrayRef, BranchID, GetString, Map, MapRef, Out, ReadTxn, TextRef, XmlFragment, XmlFragmentRef, XmlOut,
};

/// How deep shared types are looked for in one another.
const DEPTH_MAX: usize = 8;

/// A text of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it is: the root's name, and the keys below it, parted by slashes. Items of lists go by their `id`, or their
    /// place.
    pub(super) path: String,
    pub(super) content: Content,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// Plain or formatted text.
    Text(BranchID),
    /// Rich text.
    Xml(Vec<Tree>),
}

/// A piece of rich text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree {
    Text(BranchID),
    Element { id: BranchID, name: String, attributes: Vec<(String, String)>, children: Vec<Tree> },
}

impl Tree {
    pub(super) const fn id(&self) -> &BranchID {
        match self {
            Self::Text(id) | Self::Element { id, .. } => id,
        }
    }
}

/// All texts of a document, by root.
pub(super) fn parts<T: ReadTxn>(txn: &T) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut roots: Vec<_> = txn.root_refs().map(|(name, root)| (name.to_owned(), root)).collect();
    roots.sort_by_key(|(name, _)| name.clone());
    for (name, root) in roots {
        look(txn, name, root, 0, &mut parts);
    }
    parts
}

fn look<T: ReadTxn>(txn: &T, path: String, value: Out, depth: usize, parts: &mut Vec<Part>) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Out::YText(text) => parts.push(Part { path, content: Content::Text(id_of(&text)) }),
        Out::YXmlText(text) => parts.push(Part { path, content: Content::Text(id_of(&text)) }),
        Out::YXmlFragment(fragment) => parts.push(xml(txn, path, &fragment)),
        Out::YMap(map) => look_into_map(txn, &path, &map, depth, parts),
        Out::YArray(array) => look_into_array(txn, &path, &array, depth, parts),
        Out::UndefinedRef(branch) => look(txn, path, typed(txn, branch), depth, parts),
        _ => {}
    }
}

/// A root does not say of what type it is: what it holds tells.
pub(super) fn typed<T: ReadTxn>(txn: &T, branch: BranchPtr) -> Out {
    if MapRef::from(branch).len(txn) > 0 {
        return Out::YMap(MapRef::from(branch));
    }
    match ArrayRef::from(branch).iter(txn).next() {
        Some(Out::YXmlElement(_) | Out::YXmlFragment(_) | Out::YXmlText(_)) => Out::YXmlFragment(branch.into()),
        Some(_) if TextRef::from(branch).get_string(txn).is_empty() => Out::YArray(branch.into()),
        _ => Out::YText(branch.into()),
    }
}

fn look_into_map<T: ReadTxn>(txn: &T, path: &str, map: &MapRef, depth: usize, parts: &mut Vec<Part>) {
    let mut values: Vec<_> = map.iter(txn).filter(|(_, value)| !matches!(value, Out::Any(_))).collect();
    values.sort_by_key(|(key, _)| *key);
    for (key, value) in values {
        look(txn, format!("{path}/{key}"), value, depth + 1, parts);
    }
}

fn look_into_array<T: ReadTxn>(txn: &T, path: &str, array: &ArrayRef, depth: usize, parts: &mut Vec<Part>) {
    for (place, value) in array.iter(txn).enumerate() {
        let id = match &value {
            Out::YMap(map) => map.get(txn, "id").and_then(|id| match id {
                Out::Any(Any::String(id)) => Some(id.to_string()),
                _ => None,
            }),
            Out::Any(_) => continue,
            _ => None,
        };
        look(txn, format!("{path}/{}", id.unwrap_or_else(|| place.to_string())), value, depth + 1, parts);
    }
}

fn xml<T: ReadTxn>(txn: &T, path: String, fragment: &XmlFragmentRef) -> Part {
    let trees = fragment.children(txn).map(|child| tree(txn, child, 0)).collect();
    Part { path, content: Content::Xml(trees) }
}

fn tree<T: ReadTxn>(txn: &T, node: XmlOut, depth: usize) -> Tree {
    /// Deeper ones are left out; updates that nest deeper are refused.
    const NESTING_MAX: usize = 256;
    match node {
        XmlOut::Text(text) => Tree::Text(id_of(&text)),
        XmlOut::Element(element) => {
            let children = if depth < NESTING_MAX {
                element.children(txn).map(|child| tree(txn, child, depth + 1)).collect()
            } else {
                Vec::new()
            };
            let mut attributes: Vec<_> = yrs::Xml::attributes(&element, txn)
                .map(|(name, value)| (name.to_owned(), value.to_string(txn)))
                .collect();
            attributes.sort_unstable();
            Tree::Element { id: id_of(&element), name: element.tag().to_string(), attributes, children }
        }
        XmlOut::Fragment(fragment) => Tree::Element {
            id: id_of(&fragment),
            name: String::new(),
            attributes: Vec::new(),
            children: fragment.children(txn).map(|child| tree(txn, child, depth + 1)).collect(),
        },
    }
}

fn id_of(shared: &impl AsRef<Branch>) -> BranchID {
    shared.as_ref().id()
}

/// The shared type with this id, of which it is known that it is a text.
pub(super) fn text_of<T: ReadTxn>(txn: &T, id: &BranchID) -> Option<TextRef> {
    let branch = match id {
        BranchID::Root(name) => BranchID::get_root(txn, name.clone()),
        BranchID::Nested(id) => BranchID::get_nested(txn, id),
    };
    branch.map(TextRef::from)
}

/// The shared type that a value is, if it is one.
pub(super) fn branch_of(value: Out) -> Option<BranchPtr> {
    fn pointer(shared: &impl AsRef<Branch>) -> BranchPtr {
        BranchPtr::from(AsRef::<Branch>::as_ref(shared))
    }
    match value {
        Out::UndefinedRef(branch) => Some(branch),
        Out::YText(it) => Some(pointer(&it)),
        Out::YArray(it) => Some(pointer(&it)),
        Out::YMap(it) => Some(pointer(&it)),
        Out::YXmlElement(it) => Some(pointer(&it)),
        Out::YXmlFragment(it) => Some(pointer(&it)),
        Out::YXmlText(it) => Some(pointer(&it)),
        _ => None,
    }
}
