//! Cutting many texts to a size that they have together.

/// What stands where a text was cut.
const CUT: char = '…';

/// Cuts texts so that they have no more than `chars_max` characters together. The first one, which matters most, has at
/// least half of them if it needs so many. The others share the rest: short ones stay whole, and of the longer ones
/// none is longer than another. Returns whether any was cut.
pub(super) fn fairly(first: &mut String, others: &mut [&mut String], chars_max: usize) -> bool {
    let lengths: Vec<usize> = others.iter().map(|text| text.chars().count()).collect();
    let (first_length, others_length) = (first.chars().count(), lengths.iter().sum::<usize>());
    let of_first = first_length.min(chars_max.saturating_sub(others_length).max(chars_max / 2));
    let longest = longest_share(lengths, chars_max - of_first);
    let mut is_cut = cut(first, of_first);
    for text in others {
        is_cut |= cut(text, longest);
    }
    is_cut
}

/// The greatest length to which texts of these lengths can be cut so that they fit into `chars_max` together.
pub(super) fn longest_share(mut lengths: Vec<usize>, chars_max: usize) -> usize {
    lengths.sort_unstable();
    let (mut left, mut count) = (chars_max, lengths.len());
    for length in lengths {
        let share = left / count;
        if length > share {
            return share;
        }
        left -= length;
        count -= 1;
    }
    usize::MAX
}

/// Cuts one text to so many characters, the mark among them. Returns whether it was longer.
fn cut(text: &mut String, chars_max: usize) -> bool {
    let byte_of = |nth: usize| text.char_indices().nth(nth).map(|(at, _)| at);
    if byte_of(chars_max).is_none() {
        return false;
    }
    let end = chars_max.checked_sub(1).and_then(byte_of);
    text.truncate(end.unwrap_or(0));
    if end.is_some() {
        text.push(CUT);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut_to(texts: &[&str], chars_max: usize) -> (Vec<String>, bool) {
        let mut texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let (first, others) = texts.split_first_mut().unwrap();
        let mut others: Vec<&mut String> = others.iter_mut().collect();
        let is_cut = fairly(first, &mut others, chars_max);
        (texts, is_cut)
    }

    #[test]
    fn what_fits_stays_whole() {
        assert_eq!(cut_to(&["body", "one", "two"], 10), (vec!["body".into(), "one".into(), "two".into()], false));
        assert_eq!(cut_to(&["body"], 4), (vec!["body".into()], false));
    }

    #[test]
    fn short_texts_stay_whole_and_long_ones_share_the_rest() {
        let (texts, is_cut) = cut_to(&["0123456789", "ab", "0123456789", "0123456789"], 20);
        assert_eq!(texts, ["0123456789", "ab", "012…", "012…"]);
        assert!(is_cut);
    }

    #[test]
    fn the_first_has_half_and_what_the_others_leave() {
        assert_eq!(cut_to(&["ééééééééééé", "ab"], 10).0, ["ééééééé…", "ab"]);
        assert_eq!(cut_to(&["0123456789", "0123456789"], 10).0, ["0123…", "0123…"]);
        assert_eq!(cut_to(&["ab", "0123456789"], 10).0, ["ab", "0123456…"]);
        assert_eq!(cut_to(&["", "a", "bc"], 1).0, ["", "", ""]);
    }
}
