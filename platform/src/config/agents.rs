//! Section `agents`.

use std::path::PathBuf;

use super::Secret;
use super::read::Reader;
use crate::outbound::Networks;

/// How runs of agents are driven, and with which model unless an organization has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentsConfig {
    /// Where runs join documents, as `ws://` or `wss://`; `None`: at this instance.
    pub server_url: Option<String>,
    /// Runs that this instance drives at the same time.
    pub runs: usize,
    /// Runs of one organization that are driven at the same time, over all instances.
    pub runs_per_organization: u32,
    /// Tokens that a run may use, unless its organization or whoever begins it says less.
    pub tokens_per_run: u64,
    /// Seconds after which a run whose worker is not heard of is taken up by another one.
    pub lease_seconds: u64,
    /// Seconds for which a run tries to reach its documents before it fails.
    pub unreachable_seconds: u64,
    /// Seconds that a tool may look for something.
    pub tool_seconds: u64,
    /// Where the models of organizations may be.
    pub networks: Networks,
    /// The folder with the keys of organizations: `<organization's id>/<name of the key>`.
    pub keys_dir: Option<PathBuf>,
    /// The queue through which workers are woken; `None`: the database wakes them.
    pub queue: Option<AgentQueueConfig>,
    /// The server's own model; `None`: the built-in demo model.
    pub model: Option<ServerModelConfig>,
}

/// A queue of SQS. Who may use it is found where AWS's own programs look: the environment, a role, a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentQueueConfig {
    /// Of the queue.
    pub url: String,
    /// Where the queue is.
    pub region: String,
    /// Where SQS answers; `None`: at AWS.
    pub endpoint: Option<String>,
    /// Seconds after which a message whose worker is not heard of is given to another one.
    pub visibility_seconds: u64,
}

/// A model that all organizations may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerModelConfig {
    /// What it is called here.
    pub name: String,
    /// Of an OpenAI-compatible API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// What the provider calls it.
    pub model: String,
    /// What it is called with.
    pub api_key: Option<Secret>,
    /// Of a million tokens in, in millionths of a US dollar; `None`: unknown.
    pub price_in: Option<u64>,
    /// Of a million tokens out.
    pub price_out: Option<u64>,
    /// Tokens that it takes in.
    pub context_tokens: u64,
    /// Tokens of one answer.
    pub output_tokens: u64,
}

pub(super) fn read_agents(reader: &mut Reader) -> AgentsConfig {
    AgentsConfig {
        server_url: reader.optional_socket_url("agents.server_url"),
        runs: reader.integer("agents.runs", 1..=10_000),
        runs_per_organization: reader.integer("agents.runs_per_organization", 1..=10_000),
        tokens_per_run: reader.integer("agents.tokens_per_run", 1_000..=1_000_000_000),
        lease_seconds: reader.integer("agents.lease_seconds", 3..=600),
        unreachable_seconds: reader.integer("agents.unreachable_seconds", 10..=86_400),
        tool_seconds: reader.integer("agents.tool_seconds", 1..=600),
        networks: reader.choice("agents.networks", &[("public", Networks::Public), ("all", Networks::All)]),
        keys_dir: reader.optional_text("agents.keys_dir").map(PathBuf::from),
        queue: read_queue(reader),
        model: read_model(reader),
    }
}

fn read_queue(reader: &mut Reader) -> Option<AgentQueueConfig> {
    let url = reader.optional_url("agents.queue.url");
    let region = reader.optional_text("agents.queue.region").or_else(|| region_of(url.as_deref()?));
    let endpoint = reader.optional_url("agents.queue.endpoint");
    let visibility_seconds = reader.integer("agents.queue.visibility_seconds", 30..=43_200);
    if url.is_some() && region.is_none() {
        reader.refuse("agents.queue.region", "required when agents.queue.url does not name it");
    }
    if url.is_none() && (region.is_some() || endpoint.is_some()) {
        reader.refuse("agents.queue.url", "required when another key of agents.queue is set");
    }
    Some(AgentQueueConfig { url: url?, region: region?, endpoint, visibility_seconds })
}

/// The region in `https://sqs.<region>.amazonaws.com/<account>/<name>`.
fn region_of(url: &str) -> Option<String> {
    let host = url.split("://").nth(1)?.split('/').next()?;
    let region = host.strip_prefix("sqs.")?.split_once(".amazonaws.com")?.0;
    (!region.is_empty()).then(|| region.to_owned())
}

fn read_model(reader: &mut Reader) -> Option<ServerModelConfig> {
    let base_url = reader.optional_url("agents.model.base_url");
    let model = reader.optional_text("agents.model.model");
    let name = reader.optional_text("agents.model.name").or_else(|| model.clone());
    let api_key = reader.optional_secret("agents.model.api_key");
    let price_in = reader.optional_price("agents.model.usd_per_million_in");
    let price_out = reader.optional_price("agents.model.usd_per_million_out");
    let context_tokens = reader.integer("agents.model.context_tokens", 1_000..=100_000_000);
    let output_tokens = reader.integer("agents.model.output_tokens", 16..=10_000_000);
    if base_url.is_some() && model.is_none() {
        reader.refuse("agents.model.model", "required when agents.model.base_url is set");
    }
    if base_url.is_none() && (model.is_some() || api_key.is_some()) {
        reader.refuse("agents.model.base_url", "required when another key of agents.model is set");
    }
    Some(ServerModelConfig {
        name: name?,
        base_url: base_url?,
        model: model?,
        api_key,
        price_in,
        price_out,
        context_tokens,
        output_tokens,
    })
}

/// A price in US dollars for a million tokens, such as `2.50`, as millionths of a dollar.
#[must_use]
pub fn parse_price(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 6 || fraction.len() > 6 || !is_digits(whole) || !is_digits(fraction) {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(whole.parse::<u64>().ok()? * 1_000_000 + fraction)
}

/// The same in words: the least digits that say it.
#[must_use]
pub fn price_text(price: u64) -> String {
    let fraction = format!("{:06}", price % 1_000_000);
    let shown = fraction.trim_end_matches('0').len().max(2);
    format!("{}.{}", price / 1_000_000, &fraction[..shown])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_read_exactly() {
        for (text, price, again) in [
            ("2.50", 2_500_000, "2.50"),
            ("0", 0, "0.00"),
            ("15", 15_000_000, "15.00"),
            ("0.000001", 1, "0.000001"),
            ("999999.999999", 999_999_999_999, "999999.999999"),
        ] {
            assert_eq!(parse_price(text), Some(price), "{text}");
            assert_eq!(price_text(price), again);
        }
        for text in ["", ".", ".5", "-1", "1e3", "1,5", "0.0000001", "1000000", " 1"] {
            assert_eq!(parse_price(text), None, "{text}");
        }
    }
}
