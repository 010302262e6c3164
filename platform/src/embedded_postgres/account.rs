//! The user that Postgres runs as, and what that user can reach.

use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use nix::unistd::{User, geteuid};

use super::error::{PostgresError, io_error};

/// As root, Postgres runs as the first of these that exists.
const UNPRIVILEGED_USERS: [&str; 2] = ["postgres", "nobody"];

/// The user that Postgres runs as.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether this is another user than that of this process, which then is root.
    pub(super) is_switched: bool,
}

impl Account {
    pub(super) fn for_postgres() -> Result<Self, PostgresError> {
        let own = geteuid();
        if !own.is_root() {
            let user = User::from_uid(own).ok().flatten();
            let name = user.as_ref().map_or_else(|| own.to_string(), |user| user.name.clone());
            let gid = user.map_or_else(nix::unistd::getegid, |user| user.gid).as_raw();
            return Ok(Self { name, uid: own.as_raw(), gid, is_switched: false });
        }
        let user = UNPRIVILEGED_USERS.iter().find_map(|name| User::from_name(name).ok().flatten());
        let user = user.ok_or(PostgresError::NoAccount)?;
        Ok(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw(), is_switched: true })
    }

    /// Gives `path` to this user.
    pub(super) fn give(&self, path: &Path) -> Result<(), PostgresError> {
        if !self.is_switched {
            return Ok(());
        }
        chown(path, Some(self.uid), Some(self.gid)).map_err(io_error("cannot change the owner of", path))
    }

    /// Checks that this user can enter every folder above `path`, which is absolute.
    pub(super) fn check_can_reach(&self, path: &Path, setting: &'static str) -> Result<(), PostgresError> {
        for dir in path.ancestors().skip(1) {
            let metadata = dir.metadata().map_err(io_error("cannot look at", dir))?;
            if !self.may_enter(&metadata) {
                let (user, mode) = (self.name.clone(), metadata.mode() & 0o7777);
                return Err(PostgresError::Unreachable { user, dir: dir.to_owned(), mode, setting });
            }
        }
        Ok(())
    }

    fn may_enter(&self, dir: &Metadata) -> bool {
        let bit = match dir {
            dir if dir.uid() == self.uid => 0o100,
            dir if dir.gid() == self.gid => 0o010,
            _ => 0o001,
        };
        dir.mode() & bit != 0
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_closed_folder_on_the_way_is_named_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("closed/data");
        fs::create_dir_all(&inner).unwrap();
        let closed = root.path().join("closed");
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&closed, Permissions::from_mode(0o750)).unwrap();

        let (uid, gid) = (u32::MAX - 7, u32::MAX - 7);
        let stranger = Account { name: "stranger".to_owned(), uid, gid, is_switched: true };
        let error = stranger.check_can_reach(&inner, "postgres.data_dir").unwrap_err().to_string();
        for part in ["user stranger", closed.to_str().unwrap(), "750", "postgres.data_dir", "chmod o+x"] {
            assert!(error.contains(part), "{part} is missing in: {error}");
        }

        let of_the_group = Account { gid: closed.metadata().unwrap().gid(), ..stranger.clone() };
        assert!(of_the_group.check_can_reach(&inner, "postgres.data_dir").is_ok());
        fs::set_permissions(&closed, Permissions::from_mode(0o701)).unwrap();
        assert!(stranger.check_can_reach(&inner, "postgres.data_dir").is_ok());
        assert!(of_the_group.check_can_reach(&inner, "postgres.data_dir").is_err());
    }
}
