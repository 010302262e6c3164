//! Updates whose structure is sound and whose meaning is not: origins, parents and deletions that point anywhere.

use super::world::{HONEST, HOSTILE};

/// Draws a number below a bound.
pub type Pick<'a> = dyn FnMut(u64) -> u64 + 'a;

const ROOTS: [&str; 6] = ["text", "body", "project", "nodes", "edges", "inputs"];
const KEYS: [&str; 5] = ["name", "title", "id", "text", "bold"];
const TAGS: [&str; 5] = ["paragraph", "bulletList", "listItem", "table", "image"];
/// Nothing beyond the basic plane: yrs 0.28 reads an array without end that holds such a text (`ItemContent::read`
/// counts characters, `content_len` UTF-16 units).
const TEXTS: [&str; 5] = ["a", "bc", "\u{e9}", "d\u{20ac}e", "0b8e3f5c-7a41-4c7e-9d57-3f1f5a0c2b11"];
const JSONS: [&str; 5] = ["null", "true", "{}", r#"{"href":"x"}"#, "[1]"];
/// Client ids: those of the hostile ones, one that nobody has, the honest client's.
const CLIENTS: [u64; 6] = [HOSTILE[0], HOSTILE[0] + 100, HOSTILE[1], HOSTILE[1] + 100, 1 << 40, HONEST];

/// Makes an update. `clock_of` says how far a client's content is known.
pub fn update(pick: &mut Pick<'_>, clock_of: &mut dyn FnMut(u64) -> u32) -> Vec<u8> {
    let clocks = CLIENTS.map(|client| (client, u64::from(clock_of(client))));
    let mut out = Vec::new();
    let first = pick(CLIENTS.len() as u64) as usize;
    let sections = 1 + pick(2) as usize;
    uint(&mut out, sections as u64);
    for section in 0..sections {
        let (client, known) = clocks[(first + section) % CLIENTS.len()];
        let structs = 1 + pick(5);
        let start = if pick(4) > 0 { known } else { pick(known + 4) };
        uint(&mut out, structs);
        uint(&mut out, client);
        uint(&mut out, start);
        for _ in 0..structs {
            one_struct(&mut out, pick, &clocks);
        }
    }
    delete_set(&mut out, pick, &clocks);
    out
}

fn one_struct(out: &mut Vec<u8>, pick: &mut Pick<'_>, clocks: &[(u64, u64)]) {
    match pick(16) {
        0 => {
            out.push(0);
            uint(out, 1 + pick(3));
        }
        1 => {
            out.push(10);
            uint(out, 1 + pick(3));
        }
        _ => item(out, pick, clocks),
    }
}

fn item(out: &mut Vec<u8>, pick: &mut Pick<'_>, clocks: &[(u64, u64)]) {
    const KINDS: [u8; 8] = [4, 7, 8, 4, 7, 6, 1, 5];
    let kind = if pick(24) == 0 { 3 } else { KINDS[pick(KINDS.len() as u64) as usize] };
    let origins = (pick(4) as u8) << 6;
    let has_key = pick(3) == 0;
    out.push(kind | origins | if has_key { 0x20 } else { 0 });
    if origins & 0x80 != 0 {
        id(out, pick, clocks);
    }
    if origins & 0x40 != 0 {
        id(out, pick, clocks);
    }
    if origins == 0 {
        if pick(2) == 0 {
            uint(out, 1);
            text(out, one_of(pick, &ROOTS));
        } else {
            uint(out, 0);
            id(out, pick, clocks);
        }
        if has_key {
            text(out, one_of(pick, &KEYS));
        }
    }
    content(out, pick, kind);
}

fn content(out: &mut Vec<u8>, pick: &mut Pick<'_>, kind: u8) {
    match kind {
        1 => uint(out, 1 + pick(4)),
        3 => text(out, one_of(pick, &TEXTS)),
        4 => text(out, one_of(pick, &TEXTS)),
        5 => text(out, one_of(pick, &JSONS)),
        6 => {
            text(out, one_of(pick, &KEYS));
            text(out, one_of(pick, &JSONS));
        }
        7 => {
            let type_ref = [0, 1, 2, 3, 4, 6][pick(6) as usize];
            out.push(type_ref);
            if type_ref == 3 {
                text(out, one_of(pick, &TAGS));
            }
        }
        _ => {
            let count = 1 + pick(3);
            uint(out, count);
            for _ in 0..count {
                match pick(3) {
                    0 => out.push(126),
                    1 => {
                        out.push(119);
                        text(out, one_of(pick, &TEXTS));
                    }
                    _ => out.extend([125, pick(64) as u8]),
                }
            }
        }
    }
}

fn delete_set(out: &mut Vec<u8>, pick: &mut Pick<'_>, clocks: &[(u64, u64)]) {
    let first = pick(clocks.len() as u64) as usize;
    let sections = pick(3) as usize;
    uint(out, sections as u64);
    for section in 0..sections {
        let (client, known) = clocks[(first + section) % clocks.len()];
        let ranges = 1 + pick(2);
        uint(out, client);
        uint(out, ranges);
        let mut start = pick(known + 2);
        for _ in 0..ranges {
            let length = 1 + pick(3);
            uint(out, start);
            uint(out, length);
            start += length + 1 + pick(2);
        }
    }
}

fn id(out: &mut Vec<u8>, pick: &mut Pick<'_>, clocks: &[(u64, u64)]) {
    let (client, known) = clocks[pick(clocks.len() as u64) as usize];
    uint(out, client);
    uint(out, pick(known + 3));
}

fn one_of<'a>(pick: &mut Pick<'_>, words: &[&'a str]) -> &'a str {
    words[pick(words.len() as u64) as usize]
}

fn text(out: &mut Vec<u8>, text: &str) {
    uint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn uint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
