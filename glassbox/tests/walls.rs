//! The walls between the crates, as the architecture page draws them: which crate may depend on
//! which, and what its source must not contain. A violation names the crate, the file and the rule.

mod walls {
    pub(crate) mod dependencies;
    pub(crate) mod sources;
}

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use walls::dependencies::{self, Package};
use walls::sources::{self, Source};

#[test]
fn every_crate_depends_only_on_what_its_wall_allows() {
    let metadata = workspace_metadata();
    let packages = Package::all_in(&metadata);
    assert!(packages.len() > 1, "cargo metadata named no workspace");
    assert_no_violations(&dependencies::violations(&packages));
}

#[test]
fn no_source_reaches_over_a_wall() {
    let metadata = workspace_metadata();
    let sources = workspace_sources(&metadata);
    assert!(sources.len() > 1, "the workspace has no sources");
    assert_no_violations(&sources::violations(&sources));
}

fn assert_no_violations(violations: &[String]) {
    assert!(violations.is_empty(), "{} wall(s) broken:\n{}", violations.len(), violations.join("\n"));
}

fn workspace_metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON")
}

/// All Rust files below the `src` folders of the workspace's packages, with paths relative to its root.
fn workspace_sources(metadata: &Value) -> Vec<Source> {
    let root = Path::new(metadata["workspace_root"].as_str().expect("a root"));
    let mut files = Vec::new();
    for package in metadata["packages"].as_array().expect("packages") {
        let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
        collect_rust_files(&manifest.with_file_name("src"), &mut files);
    }
    files
        .iter()
        .map(|file| Source {
            path: file.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/"),
            text: fs::read_to_string(file).expect("a readable source"),
        })
        .collect()
}

fn collect_rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a package has a src folder") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect_rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
