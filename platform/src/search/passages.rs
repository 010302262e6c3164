//! Cuts texts into passages: pieces of a size that a meaning can be given to.

/// Characters of a passage, at most.
pub const PASSAGE_CHARS_MAX: usize = 1_200;
/// Passages of an entry, at most: of longer texts the beginning is taken.
pub const PASSAGES_MAX: usize = 200;

/// What a passage may end with, the best first: paragraphs, then lines and sentences, then words.
const ENDS: &[&[&str]] = &[&["\n\n"], &["\n", ". ", "! ", "? ", "。", "！", "？"], &[" ", "\t"]];

/// The passages of a text, in its order, without white space around. They do not overlap.
#[must_use]
pub fn cut(text: &str) -> Vec<&str> {
    let mut passages = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() && passages.len() < PASSAGES_MAX {
        let (passage, after) = rest.split_at(end_of_first(rest));
        passages.push(passage.trim_end());
        rest = after.trim_start();
    }
    passages
}

/// What is given to an embedder for a passage: with the title of its entry, without which it may be about anything.
#[must_use]
pub fn with_title(title: &str, passage: &str) -> String {
    format!("{title}\n\n{passage}").trim().to_owned()
}

/// Where the first passage of a text ends, in bytes: after the best end in the second half of the longest one.
fn end_of_first(text: &str) -> usize {
    let byte_of = |nth: usize| text.char_indices().nth(nth).map(|(at, _)| at);
    let Some(longest) = byte_of(PASSAGE_CHARS_MAX) else { return text.len() };
    let half = byte_of(PASSAGE_CHARS_MAX / 2).unwrap_or(0);
    let window = &text[half..longest];
    let last_end = |ends: &&[&str]| ends.iter().filter_map(|end| window.rfind(end).map(|at| at + end.len())).max();
    ENDS.iter().find_map(last_end).map_or(longest, |at| half + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn passages_end_where_paragraphs_do() {
        let paragraph = "One sentence of some words. ".repeat(25);
        let text = format!("{paragraph}\n\n{paragraph}\n\n{paragraph}");
        let passages = cut(&text);
        assert_eq!(passages, [paragraph.trim(); 3]);
    }

    #[test]
    fn passages_end_where_sentences_and_words_do() {
        let sentences = "One sentence of some words. ".repeat(100);
        assert!(cut(&sentences).iter().all(|passage| passage.starts_with("One") && passage.ends_with('.')));
        let words = "word ".repeat(1_000);
        assert!(cut(&words).iter().all(|passage| passage.starts_with("word") && passage.ends_with("word")));
        let nothing = "x".repeat(3_000);
        assert_eq!(cut(&nothing).iter().map(|passage| passage.len()).collect::<Vec<_>>(), [1_200, 1_200, 600]);
    }

    #[test]
    fn there_is_an_end_to_passages() {
        assert!(cut(" \n\n ").is_empty());
        assert_eq!(cut(&"word ".repeat(200_000)).len(), PASSAGES_MAX);
        assert_eq!(with_title("Title", ""), "Title");
        assert_eq!(with_title("", "Text"), "Text");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_is_long(text in "([a-zé世]{1,30}[ .\n。]{1,3}){0,400}") {
            let passages = cut(&text);
            let solid = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(passages.iter().map(|passage| solid(passage)).collect::<String>(), solid(&text));
            for passage in passages {
                prop_assert!(!passage.is_empty() && passage.chars().count() <= PASSAGE_CHARS_MAX);
            }
        }
    }
}
