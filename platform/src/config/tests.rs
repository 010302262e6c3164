use std::collections::HashMap;
use std::fs;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
    let pairs: HashMap<_, _> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    move |name| pairs.get(name).cloned()
}

fn from_environment(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::load(None, &environment(pairs))
}

fn from_file(text: &str, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    Config::load(Some(file.path()), &environment(pairs))
}

fn problems(result: Result<Config, ConfigError>) -> Vec<Problem> {
    match result {
        Err(ConfigError::Invalid(problems)) => problems,
        other => panic!("expected refused values, got {other:?}"),
    }
}

fn refused_keys(result: Result<Config, ConfigError>) -> Vec<String> {
    problems(result).into_iter().map(|problem| problem.key).collect()
}

const PRODUCTION: [(&str, &str); 6] = [
    ("GLASSBOX_SERVER_MODE", "production"),
    ("DATABASE_URL", "postgres://glassbox:hunter2@db/glassbox"),
    ("GLASSBOX_AUTH_TOKEN_SECRET", "0123456789abcdef0123456789abcdef"),
    ("GLASSBOX_AUTH_OIDC_ISSUER", "https://issuer.example"),
    ("GLASSBOX_AUTH_OIDC_AUDIENCE", "glassbox"),
    ("S3_BUCKET", "glassbox-files"),
];

#[test]
fn the_defaults_are_valid_and_those_of_the_protocol() {
    let config = Config::default();
    assert_eq!(config.server.mode, Mode::Development);
    assert_eq!(config.database.url, None);
    assert_eq!(config.auth.oidc, None);
    assert_eq!(config.limits.frame_bytes, 16 << 20);
    assert_eq!(config.limits.channels_per_socket, 256);
    assert_eq!(config.limits.presence_tick_ms, 50);
}

#[test]
fn every_default_is_read_by_somebody() {
    let mut unread = Layers::load(None, &|_| None).unwrap().values;
    let layers = Layers::load(None, &|_| None).unwrap();
    let source = [
        include_str!("../config.rs"),
        include_str!("agents.rs"),
        include_str!("check.rs"),
        include_str!("embeddings.rs"),
        include_str!("files.rs"),
    ]
    .concat();
    unread.retain(|key, _| !source.contains(&format!("\"{key}\"")));
    assert!(unread.is_empty(), "{:?}", unread.keys());
    assert!(!layers.values.is_empty());
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_defaults() {
    let file = "[server]\nlisten = \"0.0.0.0:1\"\nshutdown_grace_seconds = 5\n[limits]\nlog_lanes = 3\n";
    let config = from_file(file, &[("GLASSBOX_SERVER_LISTEN", "[::]:2"), ("GLASSBOX_LIMITS_LOG_LANES", "4")]).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.shutdown_grace_seconds, 5);
    assert_eq!(config.limits.log_lanes, 4);
    assert_eq!(config.database.max_connections, 16);
}

#[test]
fn all_problems_are_reported_at_once_with_key_source_value_and_what_is_allowed() {
    let file = "[server]\nlisten = 8080\nmode = \"prod\"\nport = 1\n[limits]\nlog_lanes = 0\n";
    let error = from_file(file, &[("GLASSBOX_DATABASE_MAX_CONNECTIONS", "many")]).unwrap_err();
    let text = error.to_string();
    assert_eq!(text.lines().count(), 6, "{text}");
    for expected in [
        "server.port = … (from /",
        "server.listen = 8080 (from /",
        "must be a text, not a whole number",
        "server.mode = \"prod\" (from /",
        "must be one of development, production",
        "limits.log_lanes = 0 (from /",
        "must be from 1 to 64",
        "database.max_connections = \"many\" (from the environment variable GLASSBOX_DATABASE_MAX_CONNECTIONS): must be a whole number",
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[test]
fn a_secret_is_never_shown() {
    let refused = from_environment(&[("GLASSBOX_AUTH_TOKEN_SECRET", "hunter2"), ("DATABASE_URL", "mysql://hunter2")]);
    let error = refused.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    let wrong_type = from_file("[auth]\ntoken_secret = [\"hunter2\"]", &[]).unwrap_err();
    assert!(!format!("{wrong_type} {wrong_type:?}").contains("hunter2"), "{wrong_type}");
    let malformed = from_file("[auth]\ntoken_secret = hunter2", &[]).unwrap_err();
    assert!(!format!("{malformed} {malformed:?}").contains("hunter2"), "{malformed}");
    assert!(malformed.to_string().contains("line 2"), "{malformed}");
    let config = from_environment(&PRODUCTION).unwrap();
    let text = format!("{config:?}");
    assert!(!text.contains("hunter2") && !text.contains("0123456789abcdef"), "{text}");
}

#[test]
fn production_needs_a_database_a_secret_a_place_for_files_and_an_issuer() {
    assert!(from_environment(&PRODUCTION).is_ok());
    let bare = from_environment(&[("GLASSBOX_SERVER_MODE", "production")]);
    assert_eq!(refused_keys(bare), ["database.url", "auth.token_secret", "files.bucket", "auth.oidc.issuer"]);
    let mut plain_http = PRODUCTION;
    plain_http[3].1 = "http://issuer.example";
    assert_eq!(refused_keys(from_environment(&plain_http)), ["auth.oidc.issuer"]);
}

#[test]
fn an_issuer_needs_an_audience_and_the_reverse() {
    let issuer = [("GLASSBOX_AUTH_OIDC_ISSUER", "https://issuer.example")];
    assert_eq!(refused_keys(from_environment(&issuer)), ["auth.oidc.audience"]);
    assert_eq!(refused_keys(from_environment(&[("GLASSBOX_AUTH_OIDC_AUDIENCE", "x")])), ["auth.oidc.issuer"]);
}

#[test]
fn redis_is_optional_and_its_address_is_checked_and_never_shown() {
    assert_eq!(Config::default().redis, None);
    let config = from_environment(&[("REDIS_URL", "rediss://:hunter2@redis.example:6380")]).unwrap();
    let redis = config.redis.as_ref().unwrap();
    assert_eq!((redis.prefix.as_str(), redis.inline_update_bytes), ("glassbox:", 65_536));
    assert!(!format!("{config:?}").contains("hunter2"));
    for url in ["redis.example", "http://hunter2@redis.example", "rediss://hunter2@redis.example/#insecure"] {
        let refused = problems(from_environment(&[("GLASSBOX_REDIS_URL", url)]));
        assert_eq!((refused.len(), refused[0].key.as_str()), (1, "redis.url"), "{url}");
        assert!(!refused[0].to_string().contains("hunter2"), "{}", refused[0]);
    }
    let needless = [("REDIS_URL", "redis://redis.example"), ("GLASSBOX_REDIS_CA_FILE", "/ca.pem")];
    assert_eq!(refused_keys(from_environment(&needless)), ["redis.ca_file"]);
    for prefix in ["", "a b", "*", &"a".repeat(65)] {
        assert_eq!(refused_keys(from_environment(&[("GLASSBOX_REDIS_PREFIX", prefix)])), ["redis.prefix"], "{prefix}");
    }
}

#[test]
fn a_queue_of_agents_names_its_region_itself_or_is_told_one() {
    let aws = "https://sqs.eu-central-1.amazonaws.com/123456789012/glassbox-prod-agent-jobs";
    let queue = from_environment(&[("SQS_AGENT_QUEUE_URL", aws)]).unwrap().agents.queue.unwrap();
    assert_eq!((queue.url.as_str(), queue.region.as_str(), queue.visibility_seconds), (aws, "eu-central-1", 600));
    let elsewhere = ("GLASSBOX_AGENTS_QUEUE_URL", "http://queues.example:9324/1/agents");
    assert_eq!(refused_keys(from_environment(&[elsewhere])), ["agents.queue.region"]);
    let told = from_environment(&[elsewhere, ("GLASSBOX_AGENTS_QUEUE_REGION", "us-east-1")]).unwrap();
    assert_eq!(told.agents.queue.unwrap().region, "us-east-1");
    let needless = ("GLASSBOX_AGENTS_QUEUE_REGION", "us-east-1");
    assert_eq!(refused_keys(from_environment(&[needless])), ["agents.queue.url"]);
    let no_address = from_environment(&[("SQS_AGENT_QUEUE_URL", "queue")]);
    assert_eq!(refused_keys(no_address), ["agents.queue.url", "agents.queue.region"]);
}

#[test]
fn files_are_kept_in_a_folder_or_in_a_bucket() {
    let place = |pairs: &[(&str, &str)]| from_environment(pairs).unwrap().files.place;
    let folder = |dir: &str, choice| BlobPlace::Folder(BlobFolderConfig { dir: dir.into(), choice });
    assert_eq!(place(&[]), folder(".dev/files", Choice::Default));
    assert_eq!(place(&[("GLASSBOX_FILES_DIR", "/srv/files")]), folder("/srv/files", Choice::Made));
    let bucket = BucketConfig { name: "glassbox-files".to_owned(), region: None, endpoint: None };
    assert_eq!(place(&[("S3_BUCKET", "glassbox-files")]), BlobPlace::Bucket(bucket.clone()));
    let elsewhere = BucketConfig {
        region: Some("us-east-1".to_owned()),
        endpoint: Some("http://127.0.0.1:9000".to_owned()),
        ..bucket
    };
    let elsewhere_set = [
        ("GLASSBOX_FILES_BUCKET", "glassbox-files"),
        ("GLASSBOX_FILES_REGION", "us-east-1"),
        ("GLASSBOX_FILES_ENDPOINT", "http://127.0.0.1:9000"),
    ];
    assert_eq!(place(&elsewhere_set), BlobPlace::Bucket(elsewhere));
}

#[test]
fn places_for_files_that_contradict_each_other_are_refused() {
    let refused = |pairs: &[(&str, &str)]| refused_keys(from_environment(pairs));
    let both = [("S3_BUCKET", "glassbox-files"), ("GLASSBOX_FILES_DIR", "/srv/files")];
    assert_eq!(refused(&both), ["files.dir"]);
    assert_eq!(refused(&[("GLASSBOX_FILES_REGION", "us-east-1")]), ["files.bucket"]);
    assert_eq!(refused(&[("GLASSBOX_FILES_ENDPOINT", "http://127.0.0.1:9000")]), ["files.bucket"]);
    assert_eq!(refused(&[("GLASSBOX_FILES_DIR", "")]), ["files.dir"]);
    for name in ["ab", "Files", "arn:aws:s3:::files", "https://files.example", "a/b"] {
        assert_eq!(refused(&[("S3_BUCKET", name)]), ["files.bucket"], "{name}");
    }
    assert_eq!(refused(&[("GLASSBOX_FILES_UPLOAD_URL_SECONDS", "0")]), ["files.upload_url_seconds"]);
}

#[test]
fn in_production_files_are_in_a_folder_only_if_it_was_chosen_and_sockets_need_none() {
    let but_for_the_bucket = &PRODUCTION[..5];
    let with = |pair| [but_for_the_bucket, &[pair]].concat();
    assert_eq!(refused_keys(from_environment(but_for_the_bucket)), ["files.bucket"]);
    assert!(from_environment(&with(("GLASSBOX_FILES_DIR", "/srv/files"))).is_ok());
    assert!(from_environment(&with(("GLASSBOX_SERVER_ROLES", "sync"))).is_ok());
    assert_eq!(refused_keys(from_environment(&with(("GLASSBOX_SERVER_ROLES", "agent")))), ["files.bucket"]);
}

#[test]
fn embeddings_are_built_in_unless_an_address_is_set_and_a_key_needs_one() {
    assert_eq!(Config::default().embeddings, None);
    let address = ("GLASSBOX_EMBEDDINGS_BASE_URL", "https://embeddings.example/v1");
    let key = ("GLASSBOX_EMBEDDINGS_API_KEY", "hunter2");
    let config = from_environment(&[address, key]).unwrap();
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(config.embeddings.unwrap().model, "text-embedding-3-small");
    assert_eq!(refused_keys(from_environment(&[key])), ["embeddings.base_url"]);
    let no_model = ("GLASSBOX_EMBEDDINGS_MODEL", " ");
    assert_eq!(refused_keys(from_environment(&[address, no_model])), ["embeddings.model"]);
    let problems = problems(from_environment(&[("GLASSBOX_EMBEDDINGS_BASE_URL", "nowhere"), key]));
    assert!(problems.iter().all(|problem| !problem.to_string().contains("hunter2")));
}

#[test]
fn limits_that_contradict_each_other_are_refused() {
    assert_eq!(refused_keys(from_environment(&[("GLASSBOX_LIMITS_FRAME_BYTES", "65536")])), ["limits.update_bytes"]);
    let small = from_environment(&[("GLASSBOX_LIMITS_UNSAVED_BYTES", "1048576")]);
    assert_eq!(refused_keys(small), ["limits.unsaved_bytes"]);
}

#[test]
fn origins_are_bare_and_lists_come_separated_by_commas() {
    let pairs = [("GLASSBOX_SERVER_CORS_ORIGINS", "https://a.example, http://b.example:81/"), ("DATABASE_URL", "")];
    let config = from_environment(&pairs).unwrap();
    assert_eq!(config.server.cors_origins, ["https://a.example", "http://b.example:81"]);
    for refused in ["https://a.example/path", "a.example", "ftp://a.example", "https://user@a.example", "*"] {
        let keys = refused_keys(from_environment(&[("GLASSBOX_SERVER_PUBLIC_URL", refused)]));
        assert_eq!(keys, ["server.public_url"], "{refused}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(Some(Path::new("/nonexistent/glassbox.toml")), &|_| None).unwrap_err();
    assert!(error.to_string().contains("/nonexistent/glassbox.toml"), "{error}");
}

#[test]
fn log_filters_are_checked() {
    assert!(from_environment(&[("GLASSBOX_LOG_LEVEL", "info,documents=debug")]).is_ok());
    assert_eq!(refused_keys(from_environment(&[("GLASSBOX_LOG_LEVEL", "documents=loud")])), ["log.level"]);
}

#[test]
fn roles_that_there_are_not_are_refused() {
    assert_eq!(Config::default().server.roles, Roles::ALL);
    let sync = from_environment(&[("GLASSBOX_SERVER_ROLES", "sync")]).unwrap().server.roles;
    assert!(sync.has(Role::Sync) && !sync.has(Role::Api));
    for wrong in ["sync,gui", ","] {
        assert_eq!(refused_keys(from_environment(&[("GLASSBOX_SERVER_ROLES", wrong)])), ["server.roles"], "{wrong}");
    }
    assert_eq!(refused_keys(from_file("[server]\nroles = [1]\n", &[])), ["server.roles"]);
}
