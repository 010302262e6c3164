//! What can go wrong between the server and its database.

use std::io;

use uuid::Uuid;

/// Why the database did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Not now: no connection, no room for one more, shutting down, disk full, or beaten by a concurrent
    /// transaction. The same call may succeed later.
    #[error("the database is not available now ({0}); try again later")]
    Unavailable(#[source] sqlx::Error),
    /// Something of this name or id exists already, or what is referred to does not.
    #[error("this conflicts with what is stored (constraint {constraint})")]
    Conflict {
        /// The violated constraint's name, as in the migrations.
        constraint: String,
    },
    /// A value that the tables do not accept.
    #[error("the database refused a value: {0}")]
    Invalid(String),
    /// What is stored of a document contradicts itself. It must not be opened, let alone written.
    #[error("document {document} is damaged: {reason}; restore it from a backup")]
    Corrupt {
        /// The document.
        document: Uuid,
        /// What was found.
        reason: String,
    },
    /// The asked part of a document's log has let go of its content: load the document anew.
    #[error("the log of document {document} was compacted past the asked place; load the document anew")]
    Trimmed {
        /// The document.
        document: Uuid,
    },
    /// The server cannot be run on this database.
    #[error("{0}")]
    Unsuitable(String),
    /// A mistake in the server or its schema.
    #[error("the database answered unexpectedly: {0}")]
    Internal(#[source] sqlx::Error),
}

impl DbError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_temporary(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether the database looked at what it was given and refuses it, and so has done nothing of it. To ask the same
    /// again is no use as long as the tables are what they are.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Conflict { .. } | Self::Invalid(_) => true,
            Self::Internal(error) => matches!(error, sqlx::Error::Database(_) | sqlx::Error::Encode(_)),
            Self::Unavailable(_) | Self::Corrupt { .. } | Self::Trimmed { .. } | Self::Unsuitable(_) => false,
        }
    }

    /// What the server sent makes no sense: a mistake in one of them.
    pub(crate) fn unexpected(answer: String) -> Self {
        Self::Internal(sqlx::Error::Protocol(answer))
    }

    pub(crate) fn timed_out(what: &str) -> Self {
        let message = format!("{what} did not end in time");
        Self::Unavailable(sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, message)))
    }
}

impl From<sqlx::Error> for DbError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error),
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().unwrap_or_default();
                match classify(&code) {
                    Class::Unavailable => Self::Unavailable(error),
                    Class::Conflict => {
                        Self::Conflict { constraint: refusal.constraint().unwrap_or("unknown").to_owned() }
                    }
                    Class::Invalid => Self::Invalid(refusal.message().to_owned()),
                    Class::Internal => Self::Internal(error),
                }
            }
            _ => Self::Internal(error),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Unavailable,
    Conflict,
    Invalid,
    Internal,
}

/// Sorts SQLSTATE codes (PostgreSQL manual, appendix A).
fn classify(sqlstate: &str) -> Class {
    match sqlstate {
        // Serialization failure, deadlock, lock timeout, statement timeout, a standby after a failover, session timeouts.
        "40001" | "40P01" | "55P03" | "57014" | "25006" | "25P03" | "25P04" => Class::Unavailable,
        "23505" | "23503" | "23P01" => Class::Conflict,
        _ => match sqlstate.get(..2) {
            // Connection, resources (disk full, too many connections), operator intervention, system (I/O) errors.
            Some("08" | "53" | "57" | "58") => Class::Unavailable,
            Some("22" | "23") => Class::Invalid,
            _ => Class::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_by_itself_is_told_from_what_will_not() {
        // Disk full, out of memory, too many connections, shut down by an administrator, a standby, ...
        for code in
            ["08006", "53100", "53200", "53300", "57P01", "57P03", "58030", "40001", "40P01", "25006", "57014", "55P03"]
        {
            assert_eq!(classify(code), Class::Unavailable, "{code}");
        }
        assert_eq!(classify("23505"), Class::Conflict);
        assert_eq!(classify("23514"), Class::Invalid);
        assert_eq!(classify("22001"), Class::Invalid);
        assert_eq!(classify("42501"), Class::Internal);
        assert_eq!(classify(""), Class::Internal);
    }

    #[test]
    fn a_lost_connection_is_temporary() {
        let lost = sqlx::Error::Io(io::Error::from(io::ErrorKind::ConnectionReset));
        assert!(DbError::from(lost).is_temporary());
        assert!(DbError::timed_out("a commit").is_temporary());
        assert!(!DbError::from(sqlx::Error::RowNotFound).is_temporary());
    }
}
