//! Why somebody is not let in.

use std::io;
use std::path::PathBuf;

/// Why a token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// It proves nothing.
    #[error("the token is not valid: {0}")]
    Invalid(#[from] InvalidToken),
    /// It did once.
    #[error("the token has run out: get a new one")]
    Expired,
    /// The person may not come in.
    #[error("this account may not be used: {0}")]
    Refused(String),
    /// It cannot be told now.
    #[error("tokens cannot be checked right now, try again soon: {0}")]
    Unavailable(String),
}

impl AuthError {
    /// The stable code that clients see.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_TOKEN",
            Self::Expired => "TOKEN_EXPIRED",
            Self::Refused(_) => "ACCOUNT_REFUSED",
            Self::Unavailable(_) => "AUTH_UNAVAILABLE",
        }
    }
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Longer than any token.
    #[error("it is too long")]
    TooLong,
    /// Not a JWT, or without a claim that it needs.
    #[error("it cannot be read")]
    Malformed,
    /// Another algorithm than those that are accepted, `none` among them.
    #[error("its algorithm is not accepted")]
    Algorithm,
    /// The key that it names is not its issuer's.
    #[error("its key is unknown")]
    UnknownKey,
    /// Not signed by the one whom it names.
    #[error("its signature is wrong")]
    Signature,
    /// From somebody else.
    #[error("its issuer is not accepted")]
    Issuer,
    /// For somebody or something else.
    #[error("it is meant for something else")]
    Audience,
    /// Not yet.
    #[error("it is not valid yet")]
    NotYet,
}

/// Why authentication cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum AuthSetupError {
    /// The HTTP client could not be made.
    #[error("the client that fetches the issuer's keys could not be made: {0}")]
    HttpClient(#[from] reqwest::Error),
    /// Production without a secret.
    #[error("auth.token_secret is not set, which only development mode makes up for")]
    NoTokenSecret,
    /// The kept secret cannot be used.
    #[error("the token secret in {}: {reason}", path.display())]
    TokenSecretFile {
        /// The file.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },
    /// The file system.
    #[error("the token secret in {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: io::Error,
    },
}
