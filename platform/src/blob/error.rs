//! Why a store did not do what was asked.

use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};

const NOT_FOUND: u16 = 404;
const TOO_MANY_REQUESTS: u16 = 429;

/// Why the store of blobs did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("there is no such blob")]
    NotFound,
    /// The blob has more bytes than were asked for, or may be stored.
    #[error("the blob has more than {max_bytes} bytes")]
    TooLarge {
        /// How many it might have had.
        max_bytes: u64,
    },
    /// What should be the key of a blob is none.
    #[error("that is no key of a blob")]
    BadKey,
    /// It will not: the bucket, the region, the permissions or the folder are wrong.
    #[error("the store of blobs refuses: {0}")]
    Refused(String),
    /// It cannot now.
    #[error("the store of blobs cannot be used now: {0}")]
    Unavailable(String),
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Refused(error.to_string())
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl<E> From<SdkError<E>> for BlobError
where
    E: std::error::Error + Send + Sync + 'static,
{
    fn from(error: SdkError<E>) -> Self {
        let status = error.raw_response().map(HttpResponse::status);
        let words = DisplayErrorContext(&error).to_string();
        match status {
            Some(status) if status.as_u16() == NOT_FOUND => Self::NotFound,
            Some(status) if status.as_u16() == TOO_MANY_REQUESTS => Self::Unavailable(words),
            // A bucket of another region leads there, which helps nobody who signs for this one.
            Some(status) if status.is_client_error() || status.as_u16() / 100 == 3 => Self::Refused(words),
            None if matches!(error, SdkError::ConstructionFailure(_)) => Self::Refused(words),
            _ => Self::Unavailable(words),
        }
    }
}
