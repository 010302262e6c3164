//! The built-in embedder: words and parts of words, hashed into a vector. Texts are near that share words, or words
//! that are written much alike; what words mean it does not know.

use super::{DIMENSIONS, Embedding};
use crate::search::words;

/// With another way of computing it comes another name.
pub(super) const NAME: &str = "lexical-hash-1";

/// What all parts of a word count together, beside the word itself: as much.
const PARTS_WEIGHT: f32 = 1.0;
/// Words of so many characters count fully, shorter ones less: most of them say little.
const FULL_WEIGHT_CHARS: f32 = 5.0;

pub(super) fn embed(text: &str) -> Embedding {
    let mut vector = vec![0.0_f32; DIMENSIONS];
    for (word, count) in words::count(text) {
        let chars: Vec<char> = word.chars().collect();
        // A word that is there twice as often says less than twice as much.
        let often = 1.0 + float(usize::try_from(count).unwrap_or(usize::MAX)).ln();
        let weight = often * (float(chars.len()) / FULL_WEIGHT_CHARS).min(1.0);
        add(&mut vector, 'w', &chars, weight);
        let bounded: Vec<char> = [' '].into_iter().chain(chars).chain([' ']).collect();
        let parts = bounded.windows(3);
        let part_weight = weight * PARTS_WEIGHT / float(parts.len().max(1)).sqrt();
        for part in parts {
            add(&mut vector, 'p', part, part_weight);
        }
    }
    Embedding::of(vector).unwrap_or_else(without_words)
}

/// What a text without words has: some direction, since it must have one.
fn without_words() -> Embedding {
    let mut vector = vec![0.0; DIMENSIONS];
    vector[0] = 1.0;
    Embedding(vector)
}

/// Features that share a place by chance have the same sign as often as not, so that they do not add up.
fn add(vector: &mut [f32], kind: char, feature: &[char], weight: f32) {
    let hash = hash(kind, feature);
    let place = usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default();
    vector[place] += if hash >> 63 == 0 { weight } else { -weight };
}

/// FNV-1a, and then mixed, since its upper bits hang on the last bytes too little. Part of what is stored: never change
/// it.
fn hash(kind: char, feature: &[char]) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0100_0000_01b3;
    let bytes =
        [kind].into_iter().chain(feature.iter().copied()).flat_map(|character| u32::from(character).to_le_bytes());
    let hash = bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME));
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash ^ (hash >> 29)
}

fn float(count: usize) -> f32 {
    // Counts of words and characters, of which it does not matter what they are exactly.
    #[expect(clippy::cast_precision_loss)]
    let float = count as f32;
    float
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn similarity(one: &str, another: &str) -> f32 {
        embed(one).similarity(&embed(another))
    }

    #[test]
    fn texts_that_share_words_are_nearer_than_those_that_do_not() {
        let asked = "How do we launch the product in spring?";
        let near = "The plan for the launch: the product comes out this spring, with a party.";
        let far = "Servers are patched on Tuesdays, after the backups have ended well.";
        assert!(similarity(asked, near) > similarity(asked, far) + 0.1);
    }

    #[test]
    fn words_that_are_written_alike_are_near() {
        assert!(similarity("launching", "launches") > similarity("launching", "backup") + 0.2);
        assert!(similarity("東京都の天気", "東京の天気予報") > similarity("東京都の天気", "猫は寝ている") + 0.1);
    }

    #[test]
    fn there_is_a_vector_even_without_words() {
        assert!((similarity("", "…!?") - 1.0).abs() < 1e-5);
        assert!(similarity("", "launch").abs() < 0.5);
    }

    #[test]
    fn it_stays_as_it_was_stored() {
        assert_eq!(hash('w', &['a']), hash('w', &['a']));
        assert_ne!(hash('w', &['a']), hash('p', &['a']));
    }

    proptest! {
        #[test]
        fn every_text_has_one_and_always_the_same(text in any::<String>()) {
            prop_assert_eq!(embed(&text), embed(&text));
            prop_assert!((similarity(&text, &text) - 1.0).abs() < 1e-3);
        }
    }
}
