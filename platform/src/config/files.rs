//! Section `files`.

use std::path::PathBuf;

use super::read::Reader;

/// Where the bytes of files are kept, and for how long addresses of them hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilesConfig {
    /// Where the bytes are.
    pub place: BlobPlace,
    /// Seconds for which a file may be uploaded to the address that was given out for it.
    pub upload_url_seconds: u64,
    /// Seconds for which a file may be downloaded from the address that was given out for it.
    pub download_url_seconds: u64,
}

/// Where blobs are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BlobPlace {
    /// A folder that all instances see.
    Folder(BlobFolderConfig),
    /// A bucket of S3.
    Bucket(BucketConfig),
}

/// A folder for blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobFolderConfig {
    /// The folder.
    pub dir: PathBuf,
    /// Whether somebody chose it.
    pub choice: Choice,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// `glassbox.default.toml`.
    Default,
    /// Whoever runs the server.
    Made,
}

/// A bucket of S3. Who may use it is found where AWS's own programs look: the environment, a role, a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketConfig {
    /// Its name.
    pub name: String,
    /// Where it is; `None`: where AWS's own programs look.
    pub region: Option<String>,
    /// Where S3 answers; `None`: at AWS.
    pub endpoint: Option<String>,
}

pub(super) fn read_files(reader: &mut Reader) -> FilesConfig {
    FilesConfig {
        place: read_place(reader),
        upload_url_seconds: reader.integer("files.upload_url_seconds", 10..=86_400),
        download_url_seconds: reader.integer("files.download_url_seconds", 10..=86_400),
    }
}

fn read_place(reader: &mut Reader) -> BlobPlace {
    let choice = if reader.is_default("files.dir") { Choice::Default } else { Choice::Made };
    let bucket = reader.optional_text("files.bucket");
    let region = reader.optional_text("files.region");
    let endpoint = reader.optional_url("files.endpoint");
    if let Some(name) = bucket {
        if choice == Choice::Made {
            reader.refuse("files.dir", "must not be set together with files.bucket: files are kept in one place");
        }
        if !is_bucket_name(&name) {
            reader.refuse("files.bucket", "must be the name of a bucket: 3 to 63 of a-z 0-9 . -");
        }
        return BlobPlace::Bucket(BucketConfig { name, region, endpoint });
    }
    if region.is_some() || endpoint.is_some() {
        reader.refuse("files.bucket", "required when files.region or files.endpoint is set");
    }
    BlobPlace::Folder(BlobFolderConfig { dir: reader.path("files.dir"), choice })
}

fn is_bucket_name(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
    (3..=63).contains(&text.len()) && text.bytes().all(is_allowed)
}
