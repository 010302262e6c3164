//! The rules that concern more than one key.

use super::read::Reader;
use super::{BlobPlace, Choice, Config, Mode, Role};
use crate::bus::Address;

/// Shorter secrets can be guessed.
const TOKEN_SECRET_BYTES_MIN: usize = 32;

pub(super) fn check(config: &Config, reader: &mut Reader) {
    if config.auth.token_secret.as_ref().is_some_and(|secret| secret.expose().len() < TOKEN_SECRET_BYTES_MIN) {
        reader.refuse("auth.token_secret", format!("must have at least {TOKEN_SECRET_BYTES_MIN} bytes"));
    }
    let database = &config.database;
    for (key, url) in [("database.url", &database.url), ("database.owner_url", &database.owner_url)] {
        if let Some(url) = url
            && !["postgres://", "postgresql://"].iter().any(|scheme| url.expose().starts_with(scheme))
        {
            reader.refuse(key, "must start with postgres://");
        }
    }
    if database.owner_url.is_some() && database.url.is_none() {
        reader.refuse("database.owner_url", "is for a database.url: the embedded Postgres has an owner of its own");
    }
    if let Some(redis) = &config.redis {
        if let Err(error) = Address::parse(&redis.url) {
            reader.refuse("redis.url", error.to_string());
        }
        if redis.ca_file.is_some() && !redis.url.expose().starts_with("rediss://") {
            reader.refuse("redis.ca_file", "is for a redis.url that starts with rediss://");
        }
        if redis.inline_update_bytes > redis.queue_bytes {
            reader.refuse("redis.inline_update_bytes", "must not be above redis.queue_bytes");
        }
    }
    let limits = &config.limits;
    if limits.update_bytes > limits.frame_bytes {
        reader.refuse("limits.update_bytes", "must not be above limits.frame_bytes: an update comes in one frame");
    }
    if limits.update_bytes > limits.unsaved_bytes_per_document {
        let allowed = "must not be below limits.update_bytes: the largest update must fit";
        reader.refuse("limits.unsaved_bytes_per_document", allowed);
    }
    if limits.unsaved_bytes_per_document > limits.unsaved_bytes {
        reader.refuse("limits.unsaved_bytes", "must not be below limits.unsaved_bytes_per_document");
    }
    if config.server.mode == Mode::Production {
        check_production(config, reader);
    }
}

fn check_production(config: &Config, reader: &mut Reader) {
    if config.database.url.is_none() {
        reader.refuse("database.url", "required in production mode, where there is no embedded Postgres");
    }
    if config.auth.token_secret.is_none() {
        let allowed = format!("required in production mode: at least {TOKEN_SECRET_BYTES_MIN} random bytes");
        reader.refuse("auth.token_secret", allowed);
    }
    let keeps_files = config.server.roles.has(Role::Api) || config.server.roles.has(Role::Agent);
    if let BlobPlace::Folder(folder) = &config.files.place
        && folder.choice == Choice::Default
        && keeps_files
    {
        let allowed = "required in production mode, unless files.dir names a folder that lasts, for all instances";
        reader.refuse("files.bucket", allowed);
    }
    match &config.auth.oidc {
        None => {
            let allowed = "required in production mode, with auth.oidc.audience: there are no development tokens";
            reader.refuse("auth.oidc.issuer", allowed);
        }
        Some(oidc) => {
            if !oidc.issuer.starts_with("https://") {
                reader.refuse("auth.oidc.issuer", "must start with https:// in production mode");
            }
            if oidc.jwks_url.as_ref().is_some_and(|url| !url.starts_with("https://")) {
                reader.refuse("auth.oidc.jwks_url", "must start with https:// in production mode");
            }
        }
    }
}
