//! The lock on a data folder: held by the process that uses it, and by its watchdog until Postgres has ended.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::error::{PostgresError, io_error};

/// How long the watchdog of a process that has just ended may take to stop Postgres.
const WAIT: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });
const POLL: Duration = Duration::from_millis(50);

pub(super) async fn acquire(lock_file: &Path, data_dir: &Path) -> Result<File, PostgresError> {
    let options = OpenOptions::new().create(true).truncate(false).write(true).open(lock_file);
    let file = options.map_err(io_error("cannot open", lock_file))?;
    let deadline = Instant::now() + WAIT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(POLL).await,
            Err(TryLockError::WouldBlock) => return Err(PostgresError::InUse { data_dir: data_dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(io_error("cannot lock", lock_file)(source)),
        }
    }
}

/// Whether somebody holds the lock.
pub(super) fn is_held(lock_file: &Path) -> Result<bool, PostgresError> {
    let file = match File::open(lock_file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(io_error("cannot open", lock_file)(error)),
    };
    match file.try_lock() {
        // Let go of at once, with the file.
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(source)) => Err(io_error("cannot lock", lock_file)(source)),
    }
}
