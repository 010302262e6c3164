//! The secret that signs the server's own tokens.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::error::AuthSetupError;
use crate::config::{AuthConfig, Mode, Secret};
use crate::random::Random;

const FILE_NAME: &str = "token-secret";
const SECRET_BYTES: usize = 32;

/// The configured secret. In development mode, when there is none, the one in `auth.data_dir`, which is made at the
/// first start.
///
/// # Errors
/// When there is none in production mode, or the file cannot be used.
pub fn token_secret(config: &AuthConfig, mode: Mode, random: &Random) -> Result<Secret, AuthSetupError> {
    if let Some(secret) = &config.token_secret {
        return Ok(secret.clone());
    }
    if mode == Mode::Production {
        return Err(AuthSetupError::NoTokenSecret);
    }
    let path = config.data_dir.join(FILE_NAME);
    if !path.exists() {
        create(&path, random).map_err(|source| AuthSetupError::Io { path: path.clone(), source })?;
    }
    read(&path)
}

/// Two processes that start at once end up with one secret: the file appears whole or not at all, and only once.
fn create(path: &Path, random: &Random) -> std::io::Result<()> {
    let secret: [u128; 2] = [random.bytes(), random.bytes()].map(u128::from_be_bytes);
    let secret = format!("{:032x}{:032x}", secret[0], secret[1]);
    let draft = path.with_extension(random.uuid_v4().to_string());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir)?;
    }
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?.write_all(secret.as_bytes())?;
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft)?;
    linked.or_else(|error| if error.kind() == ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
}

fn read(path: &Path) -> Result<Secret, AuthSetupError> {
    let io = |source| AuthSetupError::Io { path: path.to_owned(), source };
    let refuse = |reason: String| AuthSetupError::TokenSecretFile { path: path.to_owned(), reason };
    let mode = fs::metadata(path).map_err(io)?.mode();
    if mode & 0o077 != 0 {
        return Err(refuse(format!("others may read it (mode {:o}): chmod 600, or delete it", mode & 0o777)));
    }
    let secret = fs::read_to_string(path).map_err(io)?;
    if secret.trim().len() < SECRET_BYTES {
        return Err(refuse("it is too short: delete it, and the next start makes a new one".to_owned()));
    }
    Ok(Secret::new(secret.trim()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::config::Config;

    fn config(dir: &Path) -> AuthConfig {
        AuthConfig { data_dir: dir.join("made"), ..Config::default().auth }
    }

    #[test]
    fn a_secret_is_made_once_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        let secret = token_secret(&config, Mode::Development, &Random::from_seed(1)).unwrap();
        assert!(secret.expose().len() >= SECRET_BYTES);
        let again = token_secret(&config, Mode::Development, &Random::from_seed(2)).unwrap();
        assert_eq!(secret, again);
        let files: Vec<_> = fs::read_dir(&config.data_dir).unwrap().map(|file| file.unwrap()).collect();
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].metadata().unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_others_may_read_or_that_is_short_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let config = config(dir.path());
        token_secret(&config, Mode::Development, &Random::from_seed(1)).unwrap();
        let path = config.data_dir.join(FILE_NAME);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = token_secret(&config, Mode::Development, &Random::from_seed(1)).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "short").unwrap();
        let error = token_secret(&config, Mode::Development, &Random::from_seed(1)).unwrap_err();
        assert!(error.to_string().contains("too short"), "{error}");
    }

    #[test]
    fn production_never_makes_one_up() {
        let dir = tempfile::tempdir().unwrap();
        let made = token_secret(&config(dir.path()), Mode::Production, &Random::from_seed(1));
        assert!(matches!(made, Err(AuthSetupError::NoTokenSecret)));
        let configured = AuthConfig { token_secret: Some(Secret::new("s")), ..config(dir.path()) };
        assert_eq!(token_secret(&configured, Mode::Production, &Random::from_seed(1)).unwrap(), Secret::new("s"));
    }
}
