//! The configuration: `glassbox.default.toml`, then a file, then the environment. Everything that is wrong with it is
//! found before the server starts, and reported at once.

mod agents;
mod check;
mod embeddings;
mod error;
mod files;
mod layers;
mod read;
mod roles;
mod secret;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use agents::{AgentQueueConfig, AgentsConfig, ServerModelConfig, parse_price, price_text};
pub use embeddings::EmbeddingsConfig;
pub use error::{ConfigError, Problem, Source};
pub use files::{BlobFolderConfig, BlobPlace, BucketConfig, Choice, FilesConfig};
pub use roles::{ParseRolesError, Role, Roles};
pub use secret::Secret;

use crate::ingress::TrustedProxies;
use crate::limits::Limits;
use crate::webhooks::Networks;
use layers::Layers;
use read::Reader;

/// The defaults, with comments for people.
pub const DEFAULT_CONFIG: &str = include_str!("../../glassbox.default.toml");

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// HTTP.
    pub server: ServerConfig,
    /// The database.
    pub database: DatabaseConfig,
    /// The embedded Postgres.
    pub postgres: PostgresConfig,
    /// Redis; `None` for an instance that serves alone.
    pub redis: Option<RedisConfig>,
    /// Who may come in.
    pub auth: AuthConfig,
    /// Logs.
    pub log: LogConfig,
    /// Webhooks.
    pub webhooks: WebhookConfig,
    /// Agents.
    pub agents: AgentsConfig,
    /// Files.
    pub files: FilesConfig,
    /// What tells how near texts are to each other; `None`: what is built in.
    pub embeddings: Option<EmbeddingsConfig>,
    /// Limits.
    pub limits: Limits,
}

/// Section `webhooks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookConfig {
    networks: Networks,
}

impl WebhookConfig {
    /// Where webhooks may be.
    #[must_use]
    pub const fn networks(self) -> Networks {
        self.networks
    }
}

/// How much the server trusts its surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// For one's own machine: development tokens, scratch documents, embedded Postgres.
    Development,
    /// For everything else.
    Production,
}

/// Section `server`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// Address and port to serve on.
    pub listen: SocketAddr,
    /// Where browsers reach the server, without a trailing slash.
    pub public_url: String,
    /// Development or production.
    pub mode: Mode,
    /// What this instance serves.
    pub roles: Roles,
    /// Seconds between a signal to stop and its beginning.
    pub leave_seconds: u64,
    /// Seconds that a shutdown may take.
    pub shutdown_grace_seconds: u64,
    /// Other origins whose pages may call the API.
    pub cors_origins: Vec<String>,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
}

/// Section `database`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseConfig {
    /// The database, or `None` for the embedded Postgres.
    pub url: Option<Secret>,
    /// The same database, for the role that its tables belong to and that migrates them; `None`: the role of `url` does.
    pub owner_url: Option<Secret>,
    /// Connections that this instance holds, at most.
    pub max_connections: u32,
    /// Seconds to wait for a connection.
    pub connect_timeout_seconds: u64,
}

/// Section `postgres`: the embedded one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresConfig {
    /// The folder that holds `bin/postgres`, `lib` and `share`.
    pub install_dir: Option<PathBuf>,
    /// The folder of its data.
    pub data_dir: PathBuf,
}

/// Section `redis`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Where it is.
    pub url: Secret,
    /// The certificate of the authority to trust, instead of those that the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// What the names of all channels start with.
    pub prefix: String,
    /// Messages that wait to be sent, at most.
    pub queue_messages: usize,
    /// Bytes of these messages, at most.
    pub queue_bytes: usize,
    /// Updates of more bytes are not sent along.
    pub inline_update_bytes: usize,
}

/// Section `auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Signs the server's own tokens; `None` only in development mode.
    pub token_secret: Option<Secret>,
    /// The folder in which a secret that was made in development mode is kept.
    pub data_dir: PathBuf,
    /// Seconds until a development token runs out.
    pub token_ttl_seconds: u64,
    /// The issuer of users' access tokens; `None` only in development mode.
    pub oidc: Option<OidcConfig>,
}

/// Section `auth.oidc`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcConfig {
    /// As in the tokens' `iss`.
    pub issuer: String,
    /// As in the tokens' `aud`, or `client_id` where there is no `aud`.
    pub audience: String,
    /// Where the issuer publishes its keys; `None`: the discovery document says.
    pub jwks_url: Option<String>,
    /// Seconds until the keys are fetched anew.
    pub jwks_max_age_seconds: u64,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// One JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Section `log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// What is logged, as filter directives of `tracing`.
    pub level: String,
}

impl Config {
    /// Reads the configuration. `env` looks up an environment variable.
    ///
    /// # Errors
    /// All that is wrong, each with its key, source and what is allowed; a secret's value is never part of it.
    pub fn load(file: Option<&Path>, env: &impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(Layers::load(file, env)?);
        let config = Self::read(&mut reader);
        check::check(&config, &mut reader);
        reader.finish().map(|()| config)
    }

    fn read(reader: &mut Reader) -> Self {
        Self {
            server: ServerConfig {
                listen: reader.socket_address("server.listen"),
                public_url: reader.origin("server.public_url"),
                mode: reader
                    .choice("server.mode", &[("development", Mode::Development), ("production", Mode::Production)]),
                roles: reader.roles("server.roles"),
                leave_seconds: reader.integer("server.leave_seconds", 0..=600),
                shutdown_grace_seconds: reader.integer("server.shutdown_grace_seconds", 1..=3600),
                cors_origins: reader.origins("server.cors_origins"),
                trusted_proxies: reader.proxies("server.trusted_proxies"),
            },
            database: DatabaseConfig {
                url: reader.optional_secret("database.url"),
                owner_url: reader.optional_secret("database.owner_url"),
                max_connections: reader.integer("database.max_connections", 2..=1000),
                connect_timeout_seconds: reader.integer("database.connect_timeout_seconds", 1..=300),
            },
            postgres: PostgresConfig {
                install_dir: reader.optional_text("postgres.install_dir").map(PathBuf::from),
                data_dir: reader.path("postgres.data_dir"),
            },
            redis: read_redis(reader),
            auth: AuthConfig {
                token_secret: reader.optional_secret("auth.token_secret"),
                data_dir: reader.path("auth.data_dir"),
                token_ttl_seconds: reader.integer("auth.token_ttl_seconds", 60..=31_536_000),
                oidc: read_oidc(reader),
            },
            log: LogConfig {
                format: reader.choice(
                    "log.format",
                    &[("auto", LogFormat::Auto), ("json", LogFormat::Json), ("text", LogFormat::Text)],
                ),
                level: reader.log_filter("log.level"),
            },
            webhooks: WebhookConfig {
                networks: reader.choice("webhooks.networks", &[("public", Networks::Public), ("all", Networks::All)]),
            },
            agents: agents::read_agents(reader),
            files: files::read_files(reader),
            embeddings: embeddings::read_embeddings(reader),
            limits: read_limits(reader),
        }
    }
}

impl Default for Config {
    /// `glassbox.default.toml` alone.
    fn default() -> Self {
        Self::load(None, &|_| None).expect("the defaults are checked by a test")
    }
}

fn read_oidc(reader: &mut Reader) -> Option<OidcConfig> {
    let issuer = reader.optional_url("auth.oidc.issuer");
    let audience = reader.optional_text("auth.oidc.audience");
    let jwks_url = reader.optional_url("auth.oidc.jwks_url");
    let jwks_max_age_seconds = reader.integer("auth.oidc.jwks_max_age_seconds", 60..=86_400);
    if issuer.is_none() && (audience.is_some() || jwks_url.is_some()) {
        reader.refuse("auth.oidc.issuer", "required when another key of auth.oidc is set");
    }
    if issuer.is_some() && audience.is_none() {
        reader.refuse("auth.oidc.audience", "required when auth.oidc.issuer is set");
    }
    Some(OidcConfig { issuer: issuer?, audience: audience?, jwks_url, jwks_max_age_seconds })
}

fn read_redis(reader: &mut Reader) -> Option<RedisConfig> {
    let url = reader.optional_secret("redis.url");
    let ca_file = reader.optional_text("redis.ca_file").map(PathBuf::from);
    let prefix = reader.channel_prefix("redis.prefix");
    let queue_messages = reader.integer("redis.queue_messages", 16..=10_000_000);
    let queue_bytes = reader.integer("redis.queue_bytes", 65_536..=1 << 30);
    let inline_update_bytes = reader.integer("redis.inline_update_bytes", 0..=16 << 20);
    Some(RedisConfig { url: url?, ca_file, prefix, queue_messages, queue_bytes, inline_update_bytes })
}

fn read_limits(reader: &mut Reader) -> Limits {
    const MIB: i64 = 1 << 20;
    const GIB: i64 = 1 << 30;
    const MILLION: i64 = 1_000_000;
    Limits {
        frame_bytes: reader.integer("limits.frame_bytes", 65_536..=GIB),
        unfinished_bytes: reader.integer("limits.unfinished_bytes", MIB..=1024 * GIB),
        update_bytes: reader.integer("limits.update_bytes", 1024..=GIB),
        document_bytes: reader.integer("limits.document_bytes", 1024..=GIB),
        channels_per_socket: reader.integer("limits.channels_per_socket", 1..=65_536),
        anonymous_sockets_per_address: reader.integer("limits.anonymous_sockets_per_address", 1..=MILLION),
        anonymous_documents_per_address: reader.integer("limits.anonymous_documents_per_address", 1..=MILLION),
        sockets_per_principal: reader.integer("limits.sockets_per_principal", 1..=MILLION),
        documents_per_principal: reader.integer("limits.documents_per_principal", 1..=MILLION),
        messages_per_second: reader.integer("limits.messages_per_second", 1..=MILLION),
        messages_burst: reader.integer("limits.messages_burst", 1..=MILLION),
        message_bytes_per_second: reader.integer("limits.message_bytes_per_second", 1024..=GIB),
        message_bytes_burst: reader.integer("limits.message_bytes_burst", 1024..=GIB),
        busy_sockets_per_principal: reader.integer("limits.busy_sockets_per_principal", 1..=MILLION),
        flood_seconds: reader.integer("limits.flood_seconds", 1..=86_400),
        upgrades_per_minute_per_address: reader.integer("limits.upgrades_per_minute_per_address", 1..=MILLION),
        upgrades_per_minute_per_principal: reader.integer("limits.upgrades_per_minute_per_principal", 1..=MILLION),
        dev_tokens_per_minute_per_address: reader.integer("limits.dev_tokens_per_minute_per_address", 1..=MILLION),
        requests_per_minute_per_person: reader.integer("limits.requests_per_minute_per_person", 1..=MILLION),
        ws_tokens_per_minute_per_principal: reader.integer("limits.ws_tokens_per_minute_per_principal", 1..=MILLION),
        executions_per_minute_per_person: reader.integer("limits.executions_per_minute_per_person", 1..=MILLION),
        searches_per_minute_per_person: reader.integer("limits.searches_per_minute_per_person", 1..=MILLION),
        outbox_bytes: reader.integer("limits.outbox_bytes", 16_384..=GIB),
        unsaved_bytes_per_document: reader.integer("limits.unsaved_bytes_per_document", 65_536..=GIB),
        unsaved_bytes: reader.integer("limits.unsaved_bytes", MIB..=1024 * GIB),
        idle_room_seconds: reader.integer("limits.idle_room_seconds", 0..=86_400),
        presence_state_bytes: reader.integer("limits.presence_state_bytes", 256..=MIB),
        presence_clients_per_session: reader.integer("limits.presence_clients_per_session", 1..=64),
        presence_messages_per_second: reader.integer("limits.presence_messages_per_second", 1..=1_000_000),
        presence_messages_burst: reader.integer("limits.presence_messages_burst", 1..=1_000_000),
        presence_tick_ms: reader.integer("limits.presence_tick_ms", 1..=10_000),
        presence_timeout_seconds: reader.integer("limits.presence_timeout_seconds", 5..=3600),
        lock_seconds: reader.integer("limits.lock_seconds", 10..=86_400),
        snapshot_every_updates: reader.integer("limits.snapshot_every_updates", 1..=1_000_000),
        snapshot_every_bytes: reader.integer("limits.snapshot_every_bytes", 1024..=GIB),
        log_dense_days: reader.integer("limits.log_dense_days", 0..=36_500),
        retention_check_seconds: reader.integer("limits.retention_check_seconds", 1..=86_400),
        heartbeat_seconds: reader.integer("limits.heartbeat_seconds", 1..=3600),
        access_check_seconds: reader.integer("limits.access_check_seconds", 1..=3600),
        head_check_ms: reader.integer("limits.head_check_ms", 10..=3_600_000),
        head_check_with_redis_ms: reader.integer("limits.head_check_with_redis_ms", 10..=3_600_000),
        projection_check_ms: reader.integer("limits.projection_check_ms", 10..=86_400_000),
        request_head_bytes: reader.integer("limits.request_head_bytes", 8192..=MIB),
        request_head_seconds: reader.integer("limits.request_head_seconds", 1..=3600),
        request_body_bytes: reader.integer("limits.request_body_bytes", 1024..=GIB),
        request_body_seconds: reader.integer("limits.request_body_seconds", 1..=60),
        connections_per_address_per_second: reader.integer("limits.connections_per_address_per_second", 1..=MILLION),
        connections_per_address_burst: reader.integer("limits.connections_per_address_burst", 1..=MILLION),
        unauthenticated_connections_per_address: reader
            .integer("limits.unauthenticated_connections_per_address", 1..=MILLION),
        unauthenticated_connections: reader.integer("limits.unauthenticated_connections", 1..=MILLION),
        authentication_seconds: reader.integer("limits.authentication_seconds", 1..=3600),
        unauthenticated_frame_bytes: reader.integer("limits.unauthenticated_frame_bytes", 1024..=GIB),
        unauthenticated_frames: reader.integer("limits.unauthenticated_frames", 1..=MILLION),
        unauthenticated_bytes: reader.integer("limits.unauthenticated_bytes", 65_536..=1024 * GIB),
        log_batch_updates: reader.integer("limits.log_batch_updates", 1..=20_000),
        log_batch_bytes: reader.integer("limits.log_batch_bytes", 65_536..=GIB),
        log_lanes: reader.integer("limits.log_lanes", 1..=64),
        log_pause_ms: reader.integer("limits.log_pause_ms", 0..=1_000),
        log_hurry_updates: reader.integer("limits.log_hurry_updates", 1..=20_000),
        quarantine_updates_per_sender: reader.integer("limits.quarantine_updates_per_sender", 0..=1000),
        quarantine_bytes: reader.integer("limits.quarantine_bytes", 0..=64 * GIB),
        quarantine_days: reader.integer("limits.quarantine_days", 1..=36_500),
        event_days: reader.integer("limits.event_days", 1..=3_650),
        event_streams_per_principal: reader.integer("limits.event_streams_per_principal", 1..=1_000_000),
        event_streams: reader.integer("limits.event_streams", 1..=1_000_000),
        event_heartbeat_seconds: reader.integer("limits.event_heartbeat_seconds", 1..=3_600),
        webhooks_per_organization: reader.integer("limits.webhooks_per_organization", 0..=10_000),
        webhook_timeout_seconds: reader.integer("limits.webhook_timeout_seconds", 1..=60),
        webhook_retry_first_seconds: reader.integer("limits.webhook_retry_first_seconds", 1..=3_600),
        webhook_retry_longest_seconds: reader.integer("limits.webhook_retry_longest_seconds", 1..=86_400),
        webhook_give_up_hours: reader.integer("limits.webhook_give_up_hours", 1..=240),
        webhook_failing_days: reader.integer("limits.webhook_failing_days", 1..=365),
        webhook_log_days: reader.integer("limits.webhook_log_days", 1..=365),
        file_bytes: reader.integer("limits.file_bytes", 1..=5 * GIB),
        files_unconfirmed_hours: reader.integer("limits.files_unconfirmed_hours", 1..=8_760),
    }
}

#[cfg(test)]
mod tests;
