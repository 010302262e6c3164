//! Other servers for Yjs documents, as their registries offer them: installing them into a folder, and starting them.
//!
//! Versions are pinned, so that a table says what it compares with. Nothing of a peer is part of this repository.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;

use crate::process::server::{Launch, free_address};
use crate::system::Subject;

const HOCUSPOCUS: &str = "4.7.0";
const Y_WEBSOCKET_SERVER: &str = "0.1.5";
const Y_SWEET: &str = "0.9.1";
/// How much of an install's log is shown when it fails, in lines.
const LOG_LINES: usize = 12;

/// Where peers are installed, and what runs those that need Node.js.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    pub(crate) folder: PathBuf,
    pub(crate) node: String,
}

/// Whether a peer keeps documents beyond its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// As it comes: in memory.
    Memory,
    /// In a file or folder of its own.
    Files,
}

/// A peer's name in its registry, its version, and what its install brings.
struct Package {
    version: &'static str,
    /// Present when it is installed.
    installed: &'static str,
    source: Source,
}

enum Source {
    /// Packages with their versions, and those that they need beside them; the peer is the first.
    Npm(&'static [(&'static str, &'static str)]),
    Cargo(&'static str),
}

fn package(subject: Subject) -> Option<Package> {
    Some(match subject {
        Subject::GlassBox | Subject::Relay => return None,
        Subject::Hocuspocus => Package {
            version: HOCUSPOCUS,
            installed: "node_modules/better-sqlite3/build/Release/better_sqlite3.node",
            source: Source::Npm(&[
                ("@hocuspocus/server", HOCUSPOCUS),
                ("@hocuspocus/extension-sqlite", HOCUSPOCUS),
                ("y-protocols", "1.0.7"),
                ("yjs", "13.6.33"),
            ]),
        },
        // Newer @y/protocols import @y/y, of which this version knows nothing.
        Subject::YWebsocketServer => Package {
            version: Y_WEBSOCKET_SERVER,
            installed: "node_modules/@y/websocket-server/src/server.js",
            source: Source::Npm(&[
                ("@y/websocket-server", Y_WEBSOCKET_SERVER),
                ("@y/protocols", "1.0.6-1"),
                ("yjs", "14.0.0-16"),
            ]),
        },
        Subject::YSweet => Package { version: Y_SWEET, installed: "bin/y-sweet", source: Source::Cargo("y-sweet") },
    })
}

/// The folder for peers in the user's cache.
pub(crate) fn default_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("glassbox-bench").join("peers")
}

impl Peers {
    /// The version that is measured; `None` for what is not a peer.
    pub(crate) fn version(subject: Subject) -> Option<&'static str> {
        package(subject).map(|package| package.version)
    }

    fn folder_of(&self, subject: Subject) -> PathBuf {
        let version = Self::version(subject).unwrap_or_default();
        self.folder.join(format!("{}-{version}", subject.name()))
    }

    /// Installs a peer if it is not there yet.
    pub(crate) fn install(&self, subject: Subject) -> Result<()> {
        let Some(package) = package(subject) else { return Ok(()) };
        let folder = self.folder_of(subject);
        if folder.join(package.installed).exists() {
            return Ok(());
        }
        fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
        let log = folder.join("install.log");
        let (name, version) = (subject.name(), package.version);
        let mut command = match package.source {
            Source::Npm(packages) => {
                eprintln!("Installing {name} {version} with npm; follow it in {}", log.display());
                let dependencies: BTreeMap<_, _> = packages.iter().copied().collect();
                let manifest = json!({ "private": true, "type": "module", "dependencies": dependencies });
                fs::write(folder.join("package.json"), manifest.to_string())?;
                // Peers of prereleases are never satisfied by the rules of stable versions: all are named above.
                tool("npm", ["install", "--no-audit", "--no-fund", "--legacy-peer-deps"])
            }
            Source::Cargo(name) => {
                eprintln!("Compiling {name} {version} with cargo, which takes a while; follow it in {}", log.display());
                let mut command = tool("cargo", ["install", name, "--version", version, "--locked", "--root"]);
                command.arg(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
                command
            }
        };
        let output = File::create(&log)?;
        command.current_dir(&folder).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let program = command.get_program().to_string_lossy().into_owned();
        let status = command.status().with_context(|| format!("running {program}; is it installed?"))?;
        if !status.success() {
            bail!("{program} failed ({status})\nThe end of {}:\n{}", log.display(), last_lines(&log));
        }
        ensure!(folder.join(package.installed).exists(), "{program} did not bring {}", package.installed);
        let _ = fs::remove_dir_all(folder.join("target"));
        Ok(())
    }

    /// How to start a peer on an address that is free now. What it stores and logs goes into `data`.
    pub(crate) fn launch(&self, subject: Subject, storage: Storage, data: &Path) -> Result<Launch> {
        let folder = self.folder_of(subject);
        let address = free_address()?;
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut environment = vec![("HOST", host.clone()), ("PORT", port.clone())];
        let command = match subject {
            Subject::Hocuspocus => {
                let script = folder.join("server.mjs");
                fs::write(&script, include_str!("peers/hocuspocus.mjs"))?;
                if storage == Storage::Files {
                    environment.push(("DATABASE", data.join("hocuspocus.sqlite").display().to_string()));
                }
                format!("'{}' '{}'", self.node, script.display())
            }
            Subject::YWebsocketServer => {
                ensure!(storage == Storage::Memory, "y-websocket-server {Y_WEBSOCKET_SERVER} keeps nothing on disk");
                format!("'{}' '{}/node_modules/@y/websocket-server/src/server.js'", self.node, folder.display())
            }
            Subject::YSweet => {
                let store = data.join("y-sweet");
                let store = if storage == Storage::Files { format!("'{}'", store.display()) } else { String::new() };
                format!("'{}/bin/y-sweet' serve {store} --host {host} --port {port}", folder.display())
            }
            Subject::GlassBox | Subject::Relay => bail!("{} is not a peer", subject.name()),
        };
        let log = data.join(format!("{}.log", subject.name()));
        Ok(Launch { command, address, environment, log })
    }

    /// What runs the peers of Node.js: its version.
    pub(crate) fn node_version(&self) -> Option<String> {
        let output = Command::new(&self.node).arg("--version").output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    }
}

fn tool<'a>(program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(program);
    command.args(arguments.into_iter().map(OsStr::new));
    command
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_is_there_is_not_installed_again_and_one_that_is_not_says_why() {
        let folder = std::env::temp_dir().join(format!("glassbox-bench-peers-{}", std::process::id()));
        let peers = Peers { folder: folder.clone(), node: "node".to_owned() };
        let there = peers.folder_of(Subject::YSweet).join("bin");
        fs::create_dir_all(&there).unwrap();
        fs::write(there.join("y-sweet"), "").unwrap();
        peers.install(Subject::YSweet).unwrap();
        assert!(peers.install(Subject::GlassBox).is_ok(), "nothing to install");
        // A file stands where the folder should be.
        fs::write(peers.folder_of(Subject::Hocuspocus), "").unwrap();
        let error = peers.install(Subject::Hocuspocus).unwrap_err();
        assert!(error.to_string().contains("hocuspocus"), "{error:#}");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn only_what_can_keep_documents_is_asked_to() {
        let peers = Peers { folder: "/nowhere".into(), node: "node".to_owned() };
        assert!(peers.launch(Subject::YWebsocketServer, Storage::Files, Path::new("/tmp")).is_err());
        let launch = peers.launch(Subject::YSweet, Storage::Files, Path::new("/data")).unwrap();
        assert!(launch.command.contains(" serve '/data/y-sweet' --host 127.0.0.1 --port "), "{}", launch.command);
        let launch = peers.launch(Subject::YSweet, Storage::Memory, Path::new("/data")).unwrap();
        assert!(launch.command.contains(" serve  --host"), "{}", launch.command);
    }
}
