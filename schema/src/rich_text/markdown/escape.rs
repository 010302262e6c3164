//! Text that Markdown reads as itself.

/// Where a text stands.
#[derive(Clone, Copy, Default)]
pub(super) struct Edges {
    /// It begins its line.
    pub(super) starts_line: bool,
    /// It ends its line.
    pub(super) ends_line: bool,
    /// And that is a heading.
    pub(super) ends_heading: bool,
}

/// Words, so that no character of them means anything else.
pub(super) fn text(words: &str, edges: Edges, out: &mut String) {
    let mut before = None;
    let mut characters = words.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let after = characters.peek().map(|(_, after)| *after);
        let is_edge = (edges.starts_line && before.is_none()) || (edges.ends_line && after.is_none());
        if needs_entity(character) || (is_edge && character.is_whitespace()) {
            entity(character, out);
        } else {
            let begins = edges.starts_line && (at == 0 || is_list_number(&words[..at], character));
            if has_meaning(character, before, after, edges) || (begins && has_meaning_at_start(character, at)) {
                out.push('\\');
            }
            out.push(character);
        }
        before = Some(character);
    }
}

fn needs_entity(character: char) -> bool {
    character.is_control()
}

fn entity(character: char, out: &mut String) {
    out.push_str("&#");
    out.push_str(&u32::from(character).to_string());
    out.push(';');
}

fn has_meaning(character: char, before: Option<char>, after: Option<char>, edges: Edges) -> bool {
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    match character {
        '\\' | '`' | '*' | '[' | ']' | '<' | '~' | '|' => true,
        '_' => !(is_word(before) && is_word(after)),
        '&' => after.is_some_and(|after| after.is_ascii_alphanumeric() || after == '#'),
        '#' => after.is_none() && edges.ends_heading,
        // A link may follow, which would be an image.
        '!' => after.is_none() && !edges.ends_line,
        _ => false,
    }
}

fn has_meaning_at_start(character: char, at: usize) -> bool {
    match character {
        '#' | '+' | '-' | '=' | '>' | ':' => at == 0,
        '.' | ')' => at > 0,
        _ => false,
    }
}

fn is_list_number(before: &str, character: char) -> bool {
    const DIGITS_MAX: usize = 9;
    matches!(character, '.' | ')') && before.len() <= DIGITS_MAX && before.bytes().all(|byte| byte.is_ascii_digit())
}

/// Where a link leads.
pub(super) fn destination(url: &str, out: &mut String) {
    let is_simple = |byte: u8| byte.is_ascii_alphanumeric() || b"/:.?&=#%+_~@!$,;-".contains(&byte);
    let is_bare = !url.is_empty() && url.bytes().all(is_simple);
    if !is_bare {
        out.push('<');
    }
    quoted(url, &['<', '>', '\\'], out);
    if !is_bare {
        out.push('>');
    }
}

/// The title of a link.
pub(super) fn title(title: &str, out: &mut String) {
    out.push('"');
    quoted(title, &['"', '\\'], out);
    out.push('"');
}

/// What a fence says of its code.
pub(super) fn info(language: &str, out: &mut String) {
    quoted(language, &['\\', '`'], out);
}

fn quoted(text: &str, meaningful: &[char], out: &mut String) {
    for (at, character) in text.char_indices() {
        let is_entity = character == '&' && reads_as_entity(&text[at + 1..]);
        if is_entity || meaningful.contains(&character) || character == '|' || needs_entity(character) {
            entity(character, out);
        } else {
            out.push(character);
        }
    }
}

fn reads_as_entity(after: &str) -> bool {
    let name = after.trim_start_matches(|character: char| character.is_ascii_alphanumeric() || character == '#');
    name.starts_with(';')
}
