//! What a person does to a text, as an editor that is bound to it would.

use platform::random::Random;
use yrs::types::Attrs;
use yrs::{
    Any, Text, TransactionMut, XmlElementPrelim, XmlElementRef, XmlFragment, XmlFragmentRef, XmlOut, XmlTextPrelim,
    XmlTextRef,
};

use super::{CHARACTERS_EACH, Human, plain, texts_of};

/// The longest word that is typed, and the longest range that is deleted or made bold.
const WORD_MAX: usize = 4;
const RANGE_MAX: u32 = 12;

impl Human {
    /// Types a word, deletes a range, or makes one bold: where the run writes as often as anywhere else.
    pub(crate) fn edit_somewhere(&mut self, random: &Random) {
        match random.below(4) {
            0 => self.delete_range(random),
            1 => self.make_bold(random),
            _ => self.type_word(random),
        }
    }

    fn type_word(&mut self, random: &Random) {
        let (place, typed) = (self.place, self.typed.len());
        assert!(typed + WORD_MAX <= CHARACTERS_EACH as usize, "there are no characters left");
        let word: String = (0..=below(random, WORD_MAX)).filter_map(|more| self.character(typed + more)).collect();
        let is_typed = self.edit(|txn| {
            let (text, at) = place.fragment(txn).and_then(|fragment| spot(&fragment, txn, random))?;
            text.insert(txn, at, &word);
            Some(())
        });
        self.typed.extend(is_typed.iter().flat_map(|()| word.chars()));
    }

    fn character(&self, number: usize) -> Option<char> {
        char::from_u32(self.first + u32::try_from(number).unwrap())
    }

    fn delete_range(&mut self, random: &Random) {
        let place = self.place;
        let deleted = self.edit(|txn| {
            let (text, at) = place.fragment(txn).and_then(|fragment| spot(&fragment, txn, random))?;
            let before = plain(&text, txn);
            text.remove_range(txn, at, range(&text, at, txn, random));
            Some((before, plain(&text, txn)))
        });
        if let Some((before, after)) = deleted {
            self.deleted.extend(before.chars().filter(|character| is_typed(*character) && !after.contains(*character)));
        }
    }

    fn make_bold(&mut self, random: &Random) {
        let place = self.place;
        self.edit(|txn| {
            let (text, at) = place.fragment(txn).and_then(|fragment| spot(&fragment, txn, random))?;
            let length = range(&text, at, txn, random);
            let bold = Attrs::from([("bold".into(), Any::from_json("{}").unwrap())]);
            text.format(txn, at, length, bold);
            Some(())
        });
    }

    /// Splits a block in two, or joins one with the one before. What moves is written anew by this person, as editors do it:
    /// nobody else may be typing into it.
    pub(crate) fn split_or_join(&mut self, random: &Random) {
        let place = self.place;
        let moved = self.edit(|txn| {
            let fragment = place.fragment(txn)?;
            let blocks = blocks_of(&fragment, txn);
            let which = below(random, blocks.len().max(1));
            if random.below(2) == 0 {
                Some(split(&fragment, blocks.get(which)?, txn, random))
            } else {
                join(&fragment, blocks.get(which.checked_sub(1)?)?, blocks.get(which)?, txn)
            }
        });
        self.moved.extend(moved);
    }
}

/// A block that holds nothing but text, and its place among the others.
struct Block {
    place: u32,
    element: XmlElementRef,
    text: XmlTextRef,
}

fn blocks_of(fragment: &XmlFragmentRef, txn: &TransactionMut<'_>) -> Vec<Block> {
    let block = |place| match fragment.get(txn, place)? {
        XmlOut::Element(element) if element.len(txn) == 1 => match element.get(txn, 0)? {
            XmlOut::Text(text) => Some(Block { place, element, text }),
            _ => None,
        },
        _ => None,
    };
    (0..fragment.len(txn)).filter_map(block).collect()
}

fn split(fragment: &XmlFragmentRef, block: &Block, txn: &mut TransactionMut<'_>, random: &Random) -> String {
    let length = block.text.len(txn);
    let at = u32::try_from(below(random, length as usize + 1)).unwrap();
    let tail: String = plain(&block.text, txn).chars().skip(at as usize).collect();
    block.text.remove_range(txn, at, length - at);
    let second = fragment.insert(txn, block.place + 1, XmlElementPrelim::empty(block.element.tag().clone()));
    second.insert(txn, 0, XmlTextPrelim::new(&tail));
    tail
}

fn join(fragment: &XmlFragmentRef, first: &Block, second: &Block, txn: &mut TransactionMut<'_>) -> Option<String> {
    (first.place + 1 == second.place).then_some(())?;
    let tail = plain(&second.text, txn);
    let end = first.text.len(txn);
    first.text.insert(txn, end, &tail);
    fragment.remove_range(txn, second.place, 1);
    Some(tail)
}

/// A place in one of the texts: every other time in the last, which is where the run writes.
fn spot(fragment: &XmlFragmentRef, txn: &TransactionMut<'_>, random: &Random) -> Option<(XmlTextRef, u32)> {
    let mut texts = texts_of(fragment, txn);
    let last = texts.len().checked_sub(1)?;
    let which = if random.below(2) == 0 { last } else { below(random, texts.len()) };
    let text = texts.swap_remove(which);
    let at = below(random, text.len(txn) as usize + 1);
    Some((text, u32::try_from(at).unwrap()))
}

fn range(text: &XmlTextRef, at: u32, txn: &TransactionMut<'_>, random: &Random) -> u32 {
    (text.len(txn) - at).min(u32::try_from(random.below(u64::from(RANGE_MAX))).unwrap())
}

fn below(random: &Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).unwrap()
}

/// Whether people have typed it, and no run has written it.
fn is_typed(character: char) -> bool {
    ('\u{E000}'..='\u{F8FF}').contains(&character)
}
