//! Searching by words and by meaning in a project of many nodes, beside a bare handler that does one indexed query; how
//! fast nodes are indexed, and how soon a search finds what has just been written.

mod delay;
mod filling;

use std::collections::HashSet;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use serde_json::{Value, json};

use self::delay::delays;
use self::filling::{furnish, index, start_without_indexer};
use crate::corpus::Corpus;
use crate::latency::Latency;
use crate::project::Project;
use crate::report::{Report, Table};
use crate::requests::{COLUMNS, Load, Measured, Meter, Request};
use crate::system::{Bench, System};

/// A word in no more nodes than these is rare.
const RARE_NODES: usize = 5;
/// Rare words that are asked for.
const RARE_WORDS: usize = 50;
/// What somebody has typed of a word when a search shows something at last.
const BEGINNING_LETTERS: usize = 2;
/// Items of a page when somebody reads all pages: as many as a page can have.
const PAGE_ITEMS: usize = 50;

/// Measure searching by words and by meaning, indexing, and how soon what is written is found
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  bench search\n  bench search --clients 1,8,64 --seconds 10 --json > search.json\n  bench search --nodes 500 --seconds 1 --edits 5   # rough figures, soon"
)]
pub(crate) struct Search {
    /// Nodes of the project, of some 120 words each
    #[arg(long, default_value_t = 10_000)]
    nodes: usize,

    /// How long each sort of search is measured, with each number of clients
    #[arg(long, default_value_t = 3)]
    seconds: u64,

    /// Searches under way at the same time
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16])]
    clients: Vec<usize>,

    /// Edits that are looked for, over /ws and as many over REST
    #[arg(long, default_value_t = 20)]
    edits: usize,
}

/// All that is asked, and who answers.
struct Stage {
    corpus: Corpus,
    project: Project,
    system: System,
    handler: System,
}

/// The question of each request, by its number.
type Questions<'a> = Box<dyn Fn(usize) -> Request + 'a>;

/// What somebody found who has read all pages.
struct Walk {
    measured: Measured,
    /// Where each page but the first begins.
    cursors: Vec<String>,
    found: Vec<String>,
}

impl Search {
    pub(crate) async fn run(&self, bench: &Bench) -> Result<Report> {
        ensure!(bench.server.server.is_none(), "this scenario starts a server of its own: it needs its database");
        ensure!(self.nodes > 1 && self.edits > 0, "there is nothing to search for");
        let corpus = Corpus::new(bench.seed, self.nodes);
        let system = start_without_indexer(bench).await?;
        let mut project = furnish(&system, &corpus, self.nodes).await?;
        let (system, indexed) = index(bench, system, &mut project).await?;
        let handler = bench.bare_handler().await?;
        let stage = Stage { corpus, project, system, handler };

        let mut report = Report::new("search");
        indexed.tell(&mut report);
        let walk = stage.page_through(stage.corpus.most_frequent()).await?;
        stage.check(&walk, &mut report).await?;
        for &clients in &self.clients {
            report.table(self.ask(&stage, &walk, clients).await?);
        }
        let mut table = Table::new("Somebody who reads on and on, pages of 50", COLUMNS);
        table.row(walk.measured.row("word in most nodes, all pages"));
        report.table(table);
        delays(&stage.system, &stage.project, self.edits, &mut report).await?;
        report.note("CPU is that of the server's process; what Postgres needs for it stands beside it.");
        Ok(report)
    }

    async fn ask(&self, stage: &Stage, walk: &Walk, clients: usize) -> Result<Table> {
        let mut table = Table::new(format!("Searching, {} nodes, {clients} clients", self.nodes), COLUMNS);
        let node = |at: usize| &stage.project.nodes[at % stage.project.nodes.len()];
        let address = stage.handler.address;
        let bare = |at: usize| Request::Get(format!("http://{address}/{}/{}", stage.project.org, node(at)));
        let load = Load { clients, seconds: self.seconds };
        let measured = load.measure(&stage.handler, &stage.system, &stage.project, bare).await?;
        table.row(measured.row("bare handler, one query"));
        for (name, question) in stage.questions(walk) {
            let measured = load.measure(&stage.system, &stage.system, &stage.project, question).await;
            table.row(measured.with_context(|| name.to_owned())?.row(name));
        }
        Ok(table)
    }
}

impl Stage {
    fn by_words(&self, question: Value) -> Request {
        let address = self.system.address;
        Request::Post(format!("http://{address}/api/v1/orgs/{}/search", self.project.org), question)
    }

    fn by_meaning(&self, question: Value) -> Request {
        let address = self.system.address;
        Request::Post(format!("http://{address}/api/v1/orgs/{}/search/semantic", self.project.org), question)
    }

    fn questions<'a>(&'a self, walk: &'a Walk) -> Vec<(&'static str, Questions<'a>)> {
        let corpus = &self.corpus;
        let rare: Vec<_> = corpus.rare(RARE_NODES).take(RARE_WORDS).collect();
        let frequent = corpus.most_frequent();
        let tenth = corpus.spread_nearest_to(self.project.nodes.len() / 10);
        let beginning: String = tenth.chars().take(BEGINNING_LETTERS).collect();
        let two = format!("{tenth} {frequent}");
        let filtered = json!({
            "query": two, "types": ["node"], "projectId": self.project.id, "status": ["draft"], "tags": ["t7"],
            "updatedSince": "2020-01-01T00:00:00Z",
        });
        vec![
            ("word in at most 5 nodes", Box::new(move |at| self.by_words(json!({"query": rare[at % rare.len()]})))),
            ("word in a tenth of the nodes", Box::new(move |_| self.by_words(json!({"query": tenth})))),
            ("word in most nodes", Box::new(move |_| self.by_words(json!({"query": frequent})))),
            ("two letters of a word", Box::new(move |_| self.by_words(json!({"query": beginning})))),
            ("both words", Box::new(move |_| self.by_words(json!({"query": two})))),
            ("both words, filtered", Box::new(move |_| self.by_words(filtered.clone()))),
            ("word in most nodes, next pages", Box::new(move |at| self.by_words(walk.next(frequent, at)))),
            ("by meaning", Box::new(|at| self.by_meaning(json!({"query": corpus.question(at)})))),
            (
                "by meaning, filtered",
                Box::new(|at| {
                    let filter = json!({"query": corpus.question(at), "types": ["node"], "status": ["draft"]});
                    self.by_meaning(filter)
                }),
            ),
        ]
    }

    /// One reader, who reads all that has a word, by its cursors.
    async fn page_through(&self, word: &str) -> Result<Walk> {
        let meter = Meter::start(&self.system, &self.system);
        let (mut latency, mut found, mut cursors) = (Latency::new(), Vec::new(), Vec::new());
        let mut question = json!({"query": word, "limit": PAGE_ITEMS});
        loop {
            let sent = Instant::now();
            let page: Value = serde_json::from_slice(&self.by_words(question).answer(&self.project).await?)?;
            latency.record(sent.elapsed());
            found.extend(ids(&page));
            ensure!(found.len() <= 2 * self.project.nodes.len(), "the pages of {word:?} do not end");
            let Some(next) = page["nextCursor"].as_str() else { break };
            question = json!({"query": word, "limit": PAGE_ITEMS, "cursor": next});
            cursors.push(next.to_owned());
        }
        Ok(Walk { measured: meter.stop(latency), cursors, found })
    }

    /// Compares what is found with what was written.
    async fn check(&self, walk: &Walk, report: &mut Report) -> Result<()> {
        let written = self.corpus.count_with(self.corpus.most_frequent());
        let different = walk.found.iter().collect::<HashSet<_>>().len();
        let measured = format!("{} found, {different} of them different, {written} written", walk.found.len());
        let met = walk.found.len() == written && different == written;
        report.must("all pages together have each node with a frequent word, once", measured, met);

        let (mut asked, mut right) = (0_u64, 0_u64);
        for word in self.corpus.rare(RARE_NODES).take(RARE_WORDS) {
            let question = self.by_words(json!({"query": word, "limit": PAGE_ITEMS}));
            let page: Value = serde_json::from_slice(&question.answer(&self.project).await?)?;
            asked += 1;
            right += u64::from(ids(&page).count() == self.corpus.count_with(word).min(PAGE_ITEMS));
        }
        let met = asked > 0 && right == asked;
        report.must("rare words are found in as many nodes as have them", format!("{right} of {asked} words"), met);
        Ok(())
    }
}

impl Walk {
    /// The question for one of the pages after the first.
    fn next(&self, word: &str, at: usize) -> Value {
        // Of neighbouring numbers, pages far from each other.
        let cursor = self.cursors.get(at * 7919 % self.cursors.len().max(1));
        json!({"query": word, "limit": PAGE_ITEMS, "cursor": cursor})
    }
}

fn ids(page: &Value) -> impl Iterator<Item = String> {
    let items = page["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item["id"].as_str().map(str::to_owned))
}
