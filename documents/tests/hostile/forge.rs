//! Updates whose structure is sound and whose meaning is not: origins, parents and deletions that point anywhere.

use super::wire::{Content, Deletes, Id, Item, Parent, Section, Struct, Update};

/// Draws a number below a bound.
pub type Pick<'a> = dyn FnMut(u64) -> u64 + 'a;

/// Client ids, and how far their content is known.
pub type Clocks = [(u64, u64)];

const ROOTS: [&str; 6] = ["text", "body", "project", "nodes", "edges", "inputs"];
const KEYS: [&str; 5] = ["name", "title", "id", "text", "bold"];
const TAGS: [&str; 5] = ["paragraph", "bulletList", "listItem", "table", "image"];
const TEXTS: [&str; 6] = ["a", "bc", "\u{e9}", "d\u{20ac}e", "\u{1f642}", "0b8e3f5c-7a41-4c7e-9d57-3f1f5a0c2b11"];
const JSONS: [&str; 5] = ["null", "true", "{}", r#"{"href":"x"}"#, "[1]"];

/// Makes an update under these client ids that refers to anything.
pub fn update(pick: &mut Pick<'_>, clocks: &Clocks) -> Update {
    let first = below(pick, clocks.len());
    let sections = (0..=pick(2))
        .map(|section| {
            let (client, known) = clocks[(first + section as usize) % clocks.len()];
            let clock = if pick(4) > 0 { known } else { pick(known + 4) };
            let structs = (0..=pick(5)).map(|_| one_struct(pick, clocks)).collect();
            Section { client, clock, structs }
        })
        .collect();
    Update { sections, deletes: deletes(pick, clocks) }
}

/// Changes a few fields of an update.
pub fn mutate(pick: &mut Pick<'_>, clocks: &Clocks, update: &mut Update) {
    for _ in 0..=pick(3) {
        match pick(16) {
            0 => update.deletes = deletes(pick, clocks),
            1 | 2 if !update.sections.is_empty() => {
                let section = below(pick, update.sections.len());
                mutate_section(pick, clocks, &mut update.sections[section]);
            }
            _ => {
                let items = update.items().count();
                if let Some(item) = update.items().nth(below(pick, items)) {
                    mutate_item(pick, clocks, item);
                }
            }
        }
    }
}

fn mutate_section(pick: &mut Pick<'_>, clocks: &Clocks, section: &mut Section) {
    let at = below(pick, section.structs.len());
    match pick(6) {
        0 => section.clock = (section.clock + pick(3)).saturating_sub(1),
        1 => section.structs[at] = Struct::Garbage(1 + pick(3)),
        2 => section.structs.insert(at, Struct::Gap(1 + pick(3))),
        3 => section.structs.insert(at, one_struct(pick, clocks)),
        4 if section.structs.len() > 1 => drop(section.structs.remove(at)),
        _ => {
            let other = below(pick, section.structs.len());
            section.structs.swap(at, other);
        }
    }
}

fn mutate_item(pick: &mut Pick<'_>, clocks: &Clocks, item: &mut Item) {
    match pick(10) {
        0 | 1 => item.origin = origin(pick, clocks),
        2..5 => item.right_origin = origin(pick, clocks),
        5 => std::mem::swap(&mut item.origin, &mut item.right_origin),
        6 => {
            (item.origin, item.right_origin) = (None, None);
            item.parent = parent(pick, clocks);
        }
        7 => item.parent = parent(pick, clocks),
        8 => item.key = key(pick),
        _ => item.content = content(pick),
    }
}

fn one_struct(pick: &mut Pick<'_>, clocks: &Clocks) -> Struct {
    match pick(24) {
        0 => Struct::Garbage(1 + pick(3)),
        1 => Struct::Gap(1 + pick(3)),
        _ => {
            let (origin, right_origin) = (origin(pick, clocks), origin(pick, clocks));
            Struct::Item(Item {
                origin,
                right_origin,
                parent: parent(pick, clocks),
                key: key(pick),
                content: content(pick),
            })
        }
    }
}

fn origin(pick: &mut Pick<'_>, clocks: &Clocks) -> Option<Id> {
    (pick(3) > 0).then(|| id(pick, clocks))
}

fn parent(pick: &mut Pick<'_>, clocks: &Clocks) -> Parent {
    match pick(2) {
        0 => Parent::Root(one_of(pick, &ROOTS)),
        _ => Parent::Type(id(pick, clocks)),
    }
}

fn key(pick: &mut Pick<'_>) -> Option<String> {
    (pick(3) == 0).then(|| one_of(pick, &KEYS))
}

fn content(pick: &mut Pick<'_>) -> Content {
    match pick(9) {
        0 => Content::Deleted(1 + pick(4)),
        1 => Content::Binary(vec![pick(256) as u8]),
        2..4 => Content::Text(one_of(pick, &TEXTS)),
        4 => Content::Embed(one_of(pick, &JSONS)),
        5 => Content::Format(one_of(pick, &KEYS), one_of(pick, &JSONS)),
        6 | 7 => {
            let kind = [0, 1, 2, 3, 4, 6][below(pick, 6)];
            Content::Type(kind, (kind == 3).then(|| one_of(pick, &TAGS)))
        }
        _ => Content::Values((0..=pick(3)).map(|_| vec![125, pick(64) as u8]).collect()),
    }
}

fn deletes(pick: &mut Pick<'_>, clocks: &Clocks) -> Vec<Deletes> {
    let first = below(pick, clocks.len());
    let sections = pick(3).min(clocks.len() as u64);
    (0..sections)
        .map(|section| {
            let (client, known) = clocks[(first + section as usize) % clocks.len()];
            let mut start = pick(known + 2);
            let ranges = (0..=pick(2))
                .map(|_| {
                    let range = (start, 1 + pick(3));
                    start += range.1 + 1 + pick(2);
                    range
                })
                .collect();
            Deletes { client, ranges }
        })
        .collect()
}

fn id(pick: &mut Pick<'_>, clocks: &Clocks) -> Id {
    let (client, known) = clocks[below(pick, clocks.len())];
    (client, pick(known + 2))
}

fn one_of(pick: &mut Pick<'_>, words: &[&str]) -> String {
    words[below(pick, words.len())].to_owned()
}

fn below(pick: &mut Pick<'_>, bound: usize) -> usize {
    pick(bound as u64) as usize
}
