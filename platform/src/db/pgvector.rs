//! Which pgvector the server can be run with.

use super::DbError;

/// The first version that goes on looking along its index while rows are left out (`hnsw.iterative_scan`): with an older
/// one, searches would miss what is behind the walls of other organizations.
const VERSION_MIN: (u32, u32) = (0, 8);

/// Refuses a database without it, or with one that is too old. `version` is the one that is installed, or would be.
pub(super) fn check(version: Option<&str>) -> Result<(), DbError> {
    let Some(version) = version else {
        let message = "GlassBox needs the extension pgvector, and this Postgres does not offer it; install pgvector";
        return Err(DbError::Unsuitable(message.to_owned()));
    };
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
    let found = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if found >= VERSION_MIN {
        return Ok(());
    }
    Err(DbError::Unsuitable(format!(
        "GlassBox needs pgvector 0.8 or later, and this database has {version}; install a newer one, and run \
         ALTER EXTENSION vector UPDATE in the database"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        for version in ["0.8.0", "0.8.5", "0.10.1", "1.0"] {
            assert!(check(Some(version)).is_ok(), "{version}");
        }
        for version in ["0.7.4", "0.5.1", "", "new"] {
            assert!(check(Some(version)).unwrap_err().to_string().contains("0.8 or later"), "{version}");
        }
        assert!(check(None).unwrap_err().to_string().contains("install pgvector"));
    }
}
