//! Cuts texts into the words by which they are found. Entries and queries are cut by the same rules, in Rust, so that
//! what can be found does not depend on the database's dictionaries and languages.
//!
//! A word is a run of letters, digits and the marks on them, in Unicode's compatible composed form (NFKC) and in lower
//! case. Scripts that put no spaces between words are cut into overlapping pairs of characters.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Characters of a text that are looked at, at most.
pub const TEXT_CHARS_MAX: usize = 200_000;
/// Words of an entry, at most. The first ones are taken.
pub const ENTRY_WORDS_MAX: usize = 20_000;
/// Words of a query, at most. The first ones are taken.
pub const QUERY_WORDS_MAX: usize = 32;
/// Bytes of a word, at most: of longer ones the beginning is taken.
pub const WORD_BYTES_MAX: usize = 200;

/// What being in the title adds to a word's weight. What the text can add is less than the other third, so that a title
/// always comes before a text.
const TITLE_WEIGHT: f32 = 2.0 / 3.0;
const TEXT_WEIGHT_MAX: f32 = 1.0 / 3.0;
/// So often a word is in a text that its weight is half of what it can be.
const HALF_WEIGHT_COUNT: f32 = 2.0;

/// How often each word is in a text.
#[must_use]
pub fn count(text: &str) -> BTreeMap<String, u32> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    cut(text, Purpose::Query, &mut |word| {
        let count = counts.entry(word).or_default();
        *count = count.saturating_add(1);
    });
    counts
}

/// The words of an entry, each with how much the entry is about it: more than 0 and less than 1.
#[must_use]
pub fn of_entry(title: &str, text: &str) -> BTreeMap<String, f32> {
    let mut counts: BTreeMap<String, (bool, u32)> = BTreeMap::new();
    let mut count = |text: &str, is_title: bool| {
        cut(text, Purpose::Entry, &mut |word| {
            if counts.len() >= ENTRY_WORDS_MAX && !counts.contains_key(&word) {
                return;
            }
            let (in_title, in_text) = counts.entry(word).or_default();
            if is_title {
                *in_title = true;
            } else {
                *in_text = in_text.saturating_add(1);
            }
        });
    };
    count(title, true);
    count(text, false);
    counts.into_iter().map(|(word, (in_title, in_text))| (word, weight(in_title, in_text))).collect()
}

fn weight(in_title: bool, in_text: u32) -> f32 {
    let title = if in_title { TITLE_WEIGHT } else { 0.0 };
    // Texts have at most TEXT_CHARS_MAX words, which any f32 holds.
    #[expect(clippy::cast_precision_loss)]
    let count = in_text as f32;
    title + TEXT_WEIGHT_MAX * count / (count + HALF_WEIGHT_COUNT)
}

/// The beginnings of words that all have to be in an entry, each once, in the order of the query.
#[must_use]
pub fn of_query(query: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    cut(query, Purpose::Query, &mut |word| {
        if words.len() < QUERY_WORDS_MAX && !words.contains(&word) {
            words.push(word);
        }
    });
    words
}

/// For each word of a query, what all words that it stands for come before, in the order of bytes: those that begin with it.
/// Single letters and digits stand for themselves alone: with each of them a good part of all words begins. Characters that
/// are syllables or words do not.
#[must_use]
pub fn ends_of_ranges(words: &[String]) -> Vec<String> {
    // No word has a control character.
    let end_of = |word: &String| format!("{word}{}", if is_letter(word) { '\u{1}' } else { char::MAX });
    words.iter().map(end_of).collect()
}

fn is_letter(word: &str) -> bool {
    let is_hangul = |character| matches!(character, '\u{ac00}'..='\u{d7a3}');
    let is_only = |character| !is_unspaced(character) && !is_hangul(character) && word.len() == character.len_utf8();
    word.chars().next().is_some_and(is_only)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Entry,
    Query,
}

/// Calls `take` with each word of a text.
fn cut(text: &str, purpose: Purpose, take: &mut impl FnMut(String)) {
    let mut word = String::new();
    let mut unspaced = Vec::new();
    for character in text.chars().take(TEXT_CHARS_MAX).nfkc().flat_map(lower_case) {
        if is_unspaced(character) {
            end_word(&mut word, take);
            unspaced.push(character);
        } else if character.is_alphanumeric() || is_combining_mark(character) && !word.is_empty() {
            end_unspaced(&mut unspaced, purpose, take);
            // Of a long word nothing but its beginning is kept.
            if word.len() + character.len_utf8() <= WORD_BYTES_MAX {
                word.push(character);
            }
        } else {
            end_word(&mut word, take);
            end_unspaced(&mut unspaced, purpose, take);
        }
    }
    end_word(&mut word, take);
    end_unspaced(&mut unspaced, purpose, take);
}

fn end_word(word: &mut String, take: &mut impl FnMut(String)) {
    if !word.is_empty() {
        take(std::mem::take(word));
    }
}

/// Pairs of neighbours. The last character of an entry's run stands alone, too, so that each begins a word: a query of
/// one character finds it wherever it is.
fn end_unspaced(run: &mut Vec<char>, purpose: Purpose, take: &mut impl FnMut(String)) {
    for pair in run.windows(2) {
        take(pair.iter().collect());
    }
    if let Some(last) = run.last()
        && (purpose == Purpose::Entry || run.len() == 1)
    {
        take(last.to_string());
    }
    run.clear();
}

fn lower_case(character: char) -> impl Iterator<Item = char> {
    // One letter, however it is written at the end of a word.
    character.to_lowercase().map(|lower| if lower == 'ς' { 'σ' } else { lower })
}

/// Whether the script of a character puts no spaces between words: Thai, Lao, Burmese, Khmer, Japanese and Chinese.
fn is_unspaced(character: char) -> bool {
    let is_of_script = matches!(character,
        '\u{0e01}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    is_of_script && (character.is_alphanumeric() || is_combining_mark(character))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn words(text: &str) -> Vec<String> {
        of_entry("", text).into_keys().collect()
    }

    /// Whether a query finds a text.
    fn finds(query: &str, text: &str) -> bool {
        let words = words(text);
        let asked = of_query(query);
        !asked.is_empty() && asked.iter().all(|asked| words.iter().any(|word| word.starts_with(asked.as_str())))
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        assert_eq!(words("The Launch, of v2.5 -- DON'T!"), ["5", "don", "launch", "of", "t", "the", "v2"]);
        assert_eq!(of_query("launch LAUNCH plan"), ["launch", "plan"]);
        assert_eq!(of_query("& | ! : * ' \" ( ) \\ %"), Vec::<String>::new());
    }

    #[test]
    fn forms_of_the_same_text_are_the_same_words() {
        // Composed and not, full width, a ligature, a sigma at the end.
        assert_eq!(of_query("cafe\u{301}"), of_query("CAF\u{c9}"));
        assert_eq!(of_query("ＡＢＣ１２"), ["abc12"]);
        assert_eq!(of_query("e\u{fb03}cient"), ["efficient"]);
        assert_eq!(of_query("ΣΑΣ"), of_query("σας"));
    }

    #[test]
    fn scripts_without_spaces_are_found_by_any_of_their_parts() {
        let text = "東京都の天気は晴れです。iPhoneで見る";
        for query in ["東京", "京都", "天気", "晴", "都", "す", "iphone", "見る", "天気 東京"] {
            assert!(finds(query, text), "{query}");
        }
        for query in ["京東", "大阪", "天は", "phone"] {
            assert!(!finds(query, text), "{query}");
        }
        assert!(finds("สวัสดี", "ทุกคนสวัสดีครับ"));
        // Korean has spaces.
        assert_eq!(of_query("서울 날씨"), ["서울", "날씨"]);
    }

    #[test]
    fn titles_weigh_more_than_any_text() {
        let entry = of_entry("Launch", &"plan ".repeat(50_000));
        assert!(entry["launch"] * 0.8 > entry["plan"]);
        assert!(of_entry("", "plan plan")["plan"] > of_entry("", "plan")["plan"]);
    }

    #[test]
    fn single_letters_are_no_beginnings_of_words() {
        let ends = ends_of_ranges(&of_query("a launch 2 é p 한"));
        assert!(("a".."a\u{1}") == ("a"..ends[0].as_str()) && !("a"..ends[0].as_str()).contains(&"an"));
        assert!(("launch"..ends[1].as_str()).contains(&"launches"));
        assert!(!("2"..ends[2].as_str()).contains(&"20") && !("é"..ends[3].as_str()).contains(&"école"));
        assert!(("p"..ends[4].as_str()).contains(&"p") && !("p"..ends[4].as_str()).contains(&"plan"));
        assert!(("한"..ends[5].as_str()).contains(&"한국"));
    }

    #[test]
    fn long_texts_are_cut() {
        let many = (0..30_000).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
        assert_eq!(words(&many).len(), ENTRY_WORDS_MAX);
        assert_eq!(of_query(&many).len(), QUERY_WORDS_MAX);
        let long = "é".repeat(500);
        assert_eq!(of_query(&long), ["é".repeat(100)]);
        assert!(words(&"a ".repeat(TEXT_CHARS_MAX)).len() == 1);
    }

    proptest! {
        #[test]
        fn a_text_is_found_by_each_of_its_lines(lines in proptest::collection::vec("\\PC{0,40}", 1..5)) {
            let text = lines.join("\n");
            for line in &lines {
                prop_assert!(of_query(line).is_empty() || finds(line, &text), "{line:?} in {text:?}");
            }
        }

        #[test]
        fn words_fit_into_the_tables(text in any::<String>()) {
            for (word, weight) in of_entry("", &text) {
                prop_assert!(!word.is_empty() && word.len() <= WORD_BYTES_MAX && !word.contains('\0'));
                prop_assert!(weight > 0.0 && weight < 1.0);
                prop_assert!(word < ends_of_ranges(std::slice::from_ref(&word))[0]);
            }
        }

        #[test]
        fn a_range_holds_what_begins_so(beginning in "[한世]|[a-zé世]{2,4}", rest in "[a-z世\u{10fffd}]{0,4}") {
            let word = format!("{beginning}{rest}");
            prop_assert!(word >= beginning && word < ends_of_ranges(&[beginning])[0]);
        }
    }
}
