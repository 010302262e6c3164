//! Backslashes before what Markdown would read as markup.

/// Where a text stands, as far as it matters to what needs a backslash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    /// The text begins a line.
    pub(super) at_line_start: bool,
    /// It is the text of a link.
    pub(super) in_link: bool,
    /// A vertical bar would part cells, here or on a line of a paragraph of several.
    pub(super) bars: bool,
    /// The character before it, if any.
    pub(super) before: Option<char>,
    /// A link or a picture is next.
    pub(super) link_follows: bool,
}

/// Escapes a text without newlines.
pub(super) fn text(text: &str, context: Context) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    let characters: Vec<char> = text.chars().collect();
    let marker = if context.at_line_start { line_start(&characters) } else { None };
    for (place, character) in characters.iter().enumerate() {
        let before = if place == 0 { context.before } else { Some(characters[place - 1]) };
        let after = characters.get(place + 1).copied();
        if marker == Some(place) || is_markup(*character, before, after, context) {
            escaped.push('\\');
        }
        escaped.push(*character);
    }
    escaped
}

fn is_markup(character: char, before: Option<char>, after: Option<char>, context: Context) -> bool {
    let is_word = |neighbour: Option<char>| neighbour.is_some_and(char::is_alphanumeric);
    match character {
        '\\' | '`' | '*' | '[' | '<' | '~' => true,
        ']' => context.in_link,
        '|' => context.bars,
        // Within a word an underscore is one.
        '_' => !(is_word(before) && is_word(after)),
        '&' => after.is_some_and(|after| after.is_alphanumeric() || after == '#'),
        // Before a link, it would make a picture of it.
        '!' => after.map_or(context.link_follows, |after| after == '['),
        _ => false,
    }
}

/// The character that would make a line a heading, a list, a quotation or a rule.
fn line_start(line: &[char]) -> Option<usize> {
    let is_end = |place: usize| line.get(place).is_none_or(|character| *character == ' ');
    match line.first()? {
        '#' | '>' | '-' | '=' | ':' => Some(0),
        '+' if is_end(1) => Some(0),
        '0'..='9' => {
            let digits = line.iter().take_while(|character| character.is_ascii_digit()).count();
            let delimited = matches!(line.get(digits), Some('.' | ')')) && is_end(digits + 1);
            delimited.then_some(digits)
        }
        _ => None,
    }
}

/// A heading's closing sequence: `#` at its end.
pub(super) fn heading_end(line: &mut String) {
    if line.ends_with('#') && !line.ends_with("\\#") {
        line.insert(line.len() - 1, '\\');
    }
}

/// An address, as it stands between the parentheses of a link.
pub(super) fn address(address: &str, bars: bool) -> String {
    let mut escaped = String::with_capacity(address.len() + 2);
    let in_brackets = address.is_empty() || address.contains([' ', '(', ')']) || address.starts_with('<');
    let mut characters = address.chars().peekable();
    while let Some(character) = characters.next() {
        let is_markup = match character {
            '\\' | '<' | '>' => true,
            '|' => bars,
            '&' => characters.peek().is_some_and(|after| after.is_alphanumeric() || *after == '#'),
            _ => false,
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    if in_brackets { format!("<{escaped}>") } else { escaped }
}

/// A title, as it stands between quotation marks.
pub(super) fn title(title: &str, bars: bool) -> String {
    let mut escaped = String::with_capacity(title.len());
    for character in title.chars() {
        if matches!(character, '\\' | '"' | '&') || (bars && character == '|') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The language behind a code block's fence.
pub(super) fn info_string(language: &str) -> String {
    let mut escaped = String::with_capacity(language.len());
    for character in language.chars() {
        if matches!(character, '\\' | '&') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
