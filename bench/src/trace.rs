//! Recorded editing: who typed what where, and the Yjs updates that say so.
//!
//! The format is that of the public collection `josephg/editing-traces`, of which only traces with one author can be
//! replayed: transactions that are applied in order.

pub(crate) mod encoder;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use encoder::Encoder;

/// A recorded editing session.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Trace {
    start_content: String,
    /// What the text must be in the end.
    pub(crate) end_content: String,
    txns: Vec<Transaction>,
}

/// What was done at once.
#[derive(Debug, Clone, Deserialize)]
struct Transaction {
    patches: Vec<Patch>,
}

/// Position and deleted length in Unicode code points, and what was inserted.
#[derive(Debug, Clone, Deserialize)]
struct Patch(usize, usize, String);

/// Reads a file of JSON, gzipped or not.
pub(crate) fn parse<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = || File::open(path).with_context(|| format!("opening the trace {}", path.display()));
    let mut magic = [0; 2];
    file()?.read_exact(&mut magic)?;
    let file = BufReader::new(file()?);
    if magic == [0x1f, 0x8b] {
        serde_json::from_reader(BufReader::new(GzDecoder::new(file)))
    } else {
        serde_json::from_reader(file)
    }
    .with_context(|| format!("reading the trace {}", path.display()))
}

impl Trace {
    /// Reads a trace, gzipped or not.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let trace: Self = parse(path)?;
        ensure!(!trace.txns.is_empty(), "the trace {} has no transactions", path.display());
        Ok(trace)
    }

    /// All that was typed as one update, as a client sends it who was offline meanwhile.
    pub(crate) fn whole(&self, client: u64, root: &'static str) -> Result<Vec<u8>> {
        let mut encoder = Encoder::new(client, root);
        if !self.start_content.is_empty() {
            encoder.replace(0, 0, &self.start_content)?;
        }
        for Patch(position, deleted, inserted) in self.txns.iter().flat_map(|transaction| &transaction.patches) {
            encoder.replace(*position, *deleted, inserted)?;
        }
        Ok(encoder.finish_update())
    }

    /// The text after so many updates (as [`Self::updates`] makes them), for each of these numbers.
    pub(crate) fn texts(&self, after: &BTreeSet<usize>) -> Result<BTreeMap<usize, String>> {
        let mut encoder = Encoder::new(1, "text");
        let mut texts = BTreeMap::new();
        let mut made = 0;
        let mut made_one = |encoder: &Encoder| {
            made += 1;
            if after.contains(&made) {
                texts.insert(made, encoder.text());
            }
        };
        if !self.start_content.is_empty() {
            encoder.replace(0, 0, &self.start_content)?;
            made_one(&encoder);
        }
        for transaction in &self.txns {
            for Patch(position, deleted, inserted) in &transaction.patches {
                encoder.replace(*position, *deleted, inserted)?;
            }
            made_one(&encoder);
        }
        Ok(texts)
    }

    /// How many transactions it has.
    pub(crate) fn len(&self) -> usize {
        self.txns.len()
    }

    /// One update for each of the first `limit` transactions, of a client with this id, into the root text `root`;
    /// and the text that results.
    pub(crate) fn updates(&self, client: u64, root: &'static str, limit: usize) -> Result<(Vec<Vec<u8>>, String)> {
        let mut encoder = Encoder::new(client, root);
        let mut updates = Vec::with_capacity(self.txns.len() + 1);
        if !self.start_content.is_empty() {
            encoder.replace(0, 0, &self.start_content)?;
            updates.push(encoder.finish_update());
        }
        for transaction in self.txns.iter().take(limit) {
            for Patch(position, deleted, inserted) in &transaction.patches {
                encoder.replace(*position, *deleted, inserted)?;
            }
            updates.push(encoder.finish_update());
        }
        Ok((updates, encoder.text()))
    }
}
