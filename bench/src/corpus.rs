//! Texts of many nodes, in a language that is made up, with words as frequent as people's are: few of them everywhere,
//! most of them nearly nowhere (Zipf's law, as Mandelbrot has mended it). The same seed makes the same texts.

use std::collections::{BTreeSet, HashSet};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// Words of the language.
const VOCABULARY: usize = 20_000;
/// Mandelbrot's shift: what keeps the most frequent words from being too frequent.
const SHIFT: f64 = 2.7;
/// Words of a title, of a sentence, sentences of a paragraph, and paragraphs.
const TITLE_WORDS: (usize, usize) = (2, 7);
const SENTENCE_WORDS: (usize, usize) = (5, 17);
const SENTENCES: (usize, usize) = (1, 5);
const PARAGRAPHS: (usize, usize) = (1, 6);
/// The most frequent words have one syllable, and so many words at most two.
const WORDS_OF_ONE_SYLLABLE: usize = 150;
const WORDS_OF_TWO_SYLLABLES: usize = 4_000;

const BEGINNINGS: [&str; 20] =
    ["", "b", "br", "c", "d", "f", "g", "gl", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "st", "t", "w"];
const VOWELS: [&str; 7] = ["a", "e", "i", "o", "u", "ea", "ou"];
const ENDS: [&str; 9] = ["", "", "l", "n", "nd", "r", "s", "st", "t"];

/// Texts, and in which of them each word is.
#[derive(Debug)]
pub(crate) struct Corpus {
    language: Language,
    texts: Vec<Text>,
    /// In how many of the texts each word is.
    spread: Vec<usize>,
}

/// What a node says.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) title: String,
    /// Paragraphs, as Markdown.
    pub(crate) body: String,
    words: BTreeSet<usize>,
}

#[derive(Debug)]
struct Language {
    /// The most frequent first.
    words: Vec<String>,
    /// How much of all texts the words up to each make up, in parts of the last.
    shares: Vec<f64>,
}

impl Corpus {
    /// So many texts.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let language = Language::new(&mut rng);
        let texts: Vec<_> = (0..count).map(|_| language.text(&mut rng)).collect();
        let mut spread = vec![0; language.words.len()];
        for word in texts.iter().flat_map(|text| &text.words) {
            spread[*word] += 1;
        }
        Self { language, texts, spread }
    }

    /// One of the texts.
    pub(crate) fn text(&self, number: usize) -> &Text {
        &self.texts[number]
    }

    /// The word that most texts have.
    pub(crate) fn most_frequent(&self) -> &str {
        self.spread_nearest_to(usize::MAX)
    }

    /// The word that is in about so many texts.
    pub(crate) fn spread_nearest_to(&self, texts: usize) -> &str {
        let nearest = (0..self.spread.len()).min_by_key(|word| self.spread[*word].abs_diff(texts));
        nearest.map_or("", |word| &self.language.words[word])
    }

    /// Words that are in some texts, but in no more than so many.
    pub(crate) fn rare(&self, most: usize) -> impl Iterator<Item = &str> {
        let words = self.language.words.iter().zip(&self.spread);
        words.filter(move |(_, spread)| (1..=most).contains(*spread)).map(|(word, _)| word.as_str())
    }

    /// In how many texts a word begins so.
    pub(crate) fn count_with(&self, beginning: &str) -> usize {
        let is_one = |word: &usize| self.language.words[*word].starts_with(beginning);
        self.texts.iter().filter(|text| text.words.iter().any(is_one)).count()
    }

    /// Words that somebody may ask with, drawn as those of the texts are; the same for the same number.
    pub(crate) fn question(&self, number: usize) -> String {
        let mut rng = StdRng::seed_from_u64(number as u64);
        let (words, _) = self.language.sentence(&mut rng, TITLE_WORDS);
        words
    }
}

impl Language {
    fn new(rng: &mut StdRng) -> Self {
        let mut known = HashSet::new();
        let mut words = Vec::with_capacity(VOCABULARY);
        while words.len() < VOCABULARY {
            let syllables = match words.len() {
                0..WORDS_OF_ONE_SYLLABLE => 1,
                WORDS_OF_ONE_SYLLABLE..WORDS_OF_TWO_SYLLABLES => 2,
                _ => rng.random_range(2..=4),
            };
            let word: String = (0..syllables).map(|_| syllable(rng)).collect();
            if known.insert(word.clone()) {
                words.push(word);
            }
        }
        let weights = (0..VOCABULARY).map(|rank| 1.0 / (rank as f64 + SHIFT));
        let shares = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { words, shares: shares.collect() }
    }

    fn draw(&self, rng: &mut StdRng) -> usize {
        let all = self.shares.last().copied().unwrap_or_default();
        let at = rng.random_range(0.0..all);
        self.shares.partition_point(|share| *share <= at)
    }

    fn text(&self, rng: &mut StdRng) -> Text {
        let (title, mut words) = self.sentence(rng, TITLE_WORDS);
        let mut body = String::new();
        for _ in 0..rng.random_range(PARAGRAPHS.0..=PARAGRAPHS.1) {
            for _ in 0..rng.random_range(SENTENCES.0..=SENTENCES.1) {
                let (sentence, of_it) = self.sentence(rng, SENTENCE_WORDS);
                body.push_str(&sentence);
                body.push_str(". ");
                words.extend(of_it);
            }
            body.truncate(body.trim_end().len());
            body.push_str("\n\n");
        }
        body.truncate(body.trim_end().len());
        Text { title, body, words: words.into_iter().collect() }
    }

    /// Words with a capital letter in front, and which they are.
    fn sentence(&self, rng: &mut StdRng, (fewest, most): (usize, usize)) -> (String, Vec<usize>) {
        let drawn: Vec<_> = (0..rng.random_range(fewest..=most)).map(|_| self.draw(rng)).collect();
        let words: Vec<_> = drawn.iter().map(|word| self.words[*word].as_str()).collect();
        let mut sentence = words.join(" ");
        if let Some(first) = sentence.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        (sentence, drawn)
    }
}

fn syllable(rng: &mut StdRng) -> String {
    let mut one_of = |parts: &[&'static str]| parts[rng.random_range(0..parts.len())];
    format!("{}{}{}", one_of(&BEGINNINGS), one_of(&VOWELS), one_of(&ENDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_texts() {
        let (one, same, another) = (Corpus::new(7, 20), Corpus::new(7, 20), Corpus::new(8, 20));
        let said = |corpus: &Corpus| corpus.texts.iter().map(|text| text.body.clone()).collect::<Vec<_>>();
        assert_eq!(said(&one), said(&same));
        assert_ne!(said(&one), said(&another));
        assert_eq!(one.question(3), same.question(3));
    }

    #[test]
    fn few_words_are_everywhere_and_most_nearly_nowhere() {
        let corpus = Corpus::new(1, 500);
        assert!(corpus.count_with(corpus.most_frequent()) > 450);
        let tenth = corpus.spread_nearest_to(50);
        assert!((40..60).contains(&corpus.texts.iter().filter(|text| says(text, tenth)).count()), "{tenth}");
        let known = corpus.spread.iter().filter(|spread| **spread > 0).count();
        assert!(corpus.rare(3).count() > known / 2, "{known} words");
    }

    #[test]
    fn what_is_counted_is_what_is_said() {
        let corpus = Corpus::new(1, 200);
        for beginning in ["st", "be", corpus.most_frequent(), corpus.rare(2).next().unwrap()] {
            let said = corpus.texts.iter().filter(|text| words(text).iter().any(|word| word.starts_with(beginning)));
            assert_eq!(corpus.count_with(beginning), said.count(), "{beginning}");
        }
        assert_eq!(corpus.count_with("x"), 0);
    }

    fn words(text: &Text) -> Vec<String> {
        let all = format!("{} {}", text.title, text.body).to_lowercase();
        all.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    fn says(text: &Text, word: &str) -> bool {
        words(text).iter().any(|said| said == word)
    }
}
