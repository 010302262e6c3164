//! What runs share: the world, and what is known of models.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use platform::access::AccessNews;
use platform::agent_queue::AgentQueue;
use platform::auth::Authenticator;
use platform::blob::BlobStore;
use platform::clock::Clock;
use platform::config::{AgentsConfig, Mode, Secret};
use platform::db::Db;
use platform::http_client;
use platform::lifecycle::Lifecycle;
use platform::metrics::Metrics;
use platform::outbound::{self, Encryption, Networks, Resolver};
use platform::random::Random;
use schema::ids::OrgId;
use tokio::time::Instant;

use crate::metrics::RunMetrics;
use crate::model::{ErrorKind, KeyRef, Model, ModelError, ModelSpec, OpenAi, ServerModel};
use crate::probe::Probe;

/// How long a provider's whole answer may take.
const ANSWER_TIME_MAX: Duration = Duration::from_mins(15);
/// The longest key, in bytes.
const KEY_BYTES_MAX: u64 = 8 * 1024;
/// Models that are known to keep failing, at most; of more, the oldest are forgotten.
const COOLING_MAX: usize = 1_000;

/// What runs share.
pub(crate) struct Services {
    pub(crate) db: Db,
    pub(crate) blobs: BlobStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) authenticator: Authenticator,
    pub(crate) access_news: AccessNews,
    pub(crate) queue: Option<AgentQueue>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) server_url: String,
    pub(crate) lease: Duration,
    pub(crate) unreachable_time: Duration,
    pub(crate) tool_time: Duration,
    pub(crate) server_model: Option<ServerModel>,
    pub(crate) probe: Probe,
    pub(crate) metrics: RunMetrics,
    mode: Mode,
    networks: Networks,
    keys_dir: Option<PathBuf>,
    /// Reaches what tenants may name.
    to_tenants: reqwest::Client,
    /// Reaches what the operator has named.
    to_operators: reqwest::Client,
    cooling: Mutex<HashMap<(OrgId, String), Instant>>,
}

/// The parts of the world.
pub struct World {
    /// The database.
    pub db: Db,
    /// The bytes of files.
    pub blobs: BlobStore,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Random,
    /// Issues the tokens of runs.
    pub authenticator: Authenticator,
    /// Where it is told that a lease was taken.
    pub access_news: AccessNews,
    /// Tells of runs that have something to do; `None`: the database does.
    pub queue: Option<AgentQueue>,
    /// Where tasks are spawned.
    pub lifecycle: Lifecycle,
    /// Where it is counted what runs do.
    pub metrics: Metrics,
}

impl Services {
    pub(crate) fn new(
        world: World,
        config: &AgentsConfig,
        mode: Mode,
        server_url: String,
        probe: Probe,
    ) -> Result<Self, reqwest::Error> {
        let World { db, blobs, clock, random, authenticator, access_news, queue, lifecycle, metrics } = world;
        Ok(Self {
            db,
            blobs,
            clock,
            random,
            authenticator,
            access_news,
            queue,
            lifecycle,
            server_url,
            lease: Duration::from_secs(config.lease_seconds),
            unreachable_time: Duration::from_secs(config.unreachable_seconds),
            tool_time: Duration::from_secs(config.tool_seconds),
            server_model: config.model.as_ref().map(ServerModel::new),
            probe,
            metrics: RunMetrics::register(&metrics),
            mode,
            networks: config.networks,
            keys_dir: config.keys_dir.clone(),
            to_tenants: http_client::client_to(ANSWER_TIME_MAX, Resolver(config.networks))?,
            to_operators: http_client::client(ANSWER_TIME_MAX)?,
            cooling: Mutex::default(),
        })
    }

    /// A model that can be asked.
    pub(crate) async fn model(&self, org: OrgId, spec: &ModelSpec) -> Result<Model, ModelError> {
        if spec.is_demo {
            return Ok(Model::Demo);
        }
        match &spec.key {
            KeyRef::Server => {
                let server = self.server_model.as_ref().filter(|server| server.spec.base_url == spec.base_url);
                let server = server.ok_or_else(|| unauthorized("the server's model is another one now"))?;
                Ok(self.at_provider(&self.to_operators, spec, server.key.clone()))
            }
            KeyRef::None => self.tenants_model(spec, None),
            KeyRef::Organization(name) => {
                let key = self.key(org, name).await?;
                self.tenants_model(spec, Some(key))
            }
        }
    }

    fn tenants_model(&self, spec: &ModelSpec, key: Option<Secret>) -> Result<Model, ModelError> {
        let encryption = Encryption::of_models(self.mode, self.networks);
        if let Err(error) = outbound::check_url(&spec.base_url, encryption, self.networks) {
            let message = format!("the address of the model {} {error}", spec.name);
            return Err(ModelError { kind: ErrorKind::Refused, message, retry_after: None });
        }
        Ok(self.at_provider(&self.to_tenants, spec, key))
    }

    fn at_provider(&self, http: &reqwest::Client, spec: &ModelSpec, key: Option<Secret>) -> Model {
        Model::OpenAi(Box::new(OpenAi::new(http.clone(), spec, key, Arc::clone(&self.clock))))
    }

    /// An organization's key: a file of its folder. Names are checked when models are set up, and once more here.
    async fn key(&self, org: OrgId, name: &str) -> Result<Secret, ModelError> {
        let is_plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let missing = || unauthorized(&format!("the key {name:?} of this organization is not on this server"));
        let folder = self.keys_dir.as_ref().filter(|_| is_plain).ok_or_else(missing)?;
        let path = folder.join(org.to_string()).join(name);
        let is_small = tokio::fs::metadata(&path).await.is_ok_and(|found| found.len() <= KEY_BYTES_MAX);
        if !is_small {
            return Err(missing());
        }
        let key = tokio::fs::read_to_string(&path).await.map_err(|_| missing())?;
        Ok(Secret::new(key.trim().to_owned()))
    }

    /// Whether a model has kept failing lately, for whoever has another one.
    pub(crate) fn is_cooling_down(&self, org: OrgId, model: &str) -> bool {
        let cooling = self.cooling.lock().unwrap_or_else(PoisonError::into_inner);
        cooling.get(&(org, model.to_owned())).is_some_and(|until| *until > Instant::now())
    }

    /// A model has kept failing.
    pub(crate) fn cool_down(&self, org: OrgId, model: &str, time: Duration) {
        let now = Instant::now();
        let mut cooling = self.cooling.lock().unwrap_or_else(PoisonError::into_inner);
        if cooling.len() >= COOLING_MAX {
            cooling.retain(|_, until| *until > now);
        }
        cooling.insert((org, model.to_owned()), now + time);
    }
}

fn unauthorized(message: &str) -> ModelError {
    ModelError { kind: ErrorKind::Unauthorized, message: message.to_owned(), retry_after: None }
}
