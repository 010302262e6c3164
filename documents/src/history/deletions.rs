//! Deletions that are to be taken back, but for those that were before: what came back once does not come back again.

use platform::db::history::TakenBack;
use schema::ids::Seq;
use yrs::IdSet;
use yrs::updates::decoder::Decode;

use super::index::Index;
use super::is_in;

/// Deletions that are to be taken back.
pub(super) struct Deletions {
    everywhere: IdSet,
    /// Parts of the document, with what is back already in each.
    back: Vec<(String, IdSet)>,
}

impl Deletions {
    /// Those of which none was taken back before.
    pub(super) fn new(everywhere: IdSet) -> Self {
        Self { everywhere, back: Vec::new() }
    }

    /// These, but for those that edits that stand took back: not one that was taken back itself, nor one that is to be
    /// now.
    pub(super) fn not_back_already(mut everywhere: IdSet, index: &Index, taken: &[TakenBack], meant: &[Seq]) -> Self {
        let mut back = Vec::new();
        for taken in standing(index, taken, meant) {
            let deletions = IdSet::decode_v1(&taken.deletions).unwrap_or_default();
            match &taken.part {
                Some(part) => back.push((part.clone(), deletions)),
                None => everywhere.diff_with(&deletions),
            }
        }
        Self { everywhere, back }
    }

    /// Those that are to be taken back in some part.
    pub(super) const fn everywhere(&self) -> &IdSet {
        &self.everywhere
    }

    /// Whether something is back already in this part that is not in others.
    pub(super) fn are_fewer_in(&self, part: &str) -> bool {
        self.back_in(part).next().is_some()
    }

    /// Those that are to be taken back in this part.
    pub(super) fn within(&self, part: &str) -> IdSet {
        let mut left = self.everywhere.clone();
        self.back_in(part).for_each(|back| left.diff_with(back));
        left
    }

    fn back_in(&self, part: &str) -> impl Iterator<Item = &IdSet> {
        let concerns = move |(of, _): &&(String, IdSet)| is_in(of, part) || is_in(part, of);
        self.back.iter().filter(concerns).map(|(_, back)| back)
    }
}

fn standing<'a>(index: &Index, taken: &'a [TakenBack], meant: &[Seq]) -> Vec<&'a TakenBack> {
    let insertions = index.insertions();
    let mut made: Vec<(Seq, &TakenBack)> =
        taken.iter().filter_map(|it| Some((it.seq.or_else(|| insertions.at(it.client, 0))?, it))).collect();
    made.sort_by_key(|(seq, _)| std::cmp::Reverse(*seq));
    let mut standing: Vec<&TakenBack> = Vec::new();
    for (seq, taken) in made {
        let is_taken_back = standing.iter().any(|later| later.updates.iter().any(|row| row.contains(&seq)));
        if !is_taken_back && meant.binary_search(&seq).is_err() {
            standing.push(taken);
        }
    }
    standing
}
