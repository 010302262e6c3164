//! Which crate may depend on which. Dev-dependencies are free: tests may reach anywhere.

use serde_json::Value;

/// What a crate of the workspace may use.
struct Wall {
    name: &'static str,
    /// The crates of the workspace that it may depend on.
    may_use: &'static [&'static str],
    /// The crates from outside, of those reserved below, that it may depend on.
    may_import: &'static [&'static str],
}

/// The table of the architecture page.
const WALLS: &[Wall] = &[
    Wall { name: "web-protocol", may_use: &[], may_import: &["tokio"] },
    Wall { name: "schema", may_use: &[], may_import: &["yrs"] },
    Wall { name: "platform", may_use: &["schema"], may_import: &["sqlx", "redis", "aws-", "tokio", "rand", "reqwest"] },
    Wall { name: "documents", may_use: &["schema", "platform"], may_import: &["yrs", "tokio"] },
    Wall {
        name: "sync-server",
        may_use: &["web-protocol", "schema", "platform", "documents"],
        may_import: &["axum", "tokio"],
    },
    Wall {
        name: "api",
        may_use: &["web-protocol", "schema", "platform", "documents"],
        may_import: &["axum", "tokio", "yrs"],
    },
    Wall {
        name: "agent-runner",
        may_use: &["web-protocol", "schema", "platform"],
        may_import: &["async-openai", "reqwest", "tokio", "yrs"],
    },
    Wall {
        name: "glassbox",
        may_use: &["web-protocol", "schema", "platform", "documents", "sync-server", "api", "agent-runner"],
        may_import: &["axum", "tokio"],
    },
    Wall {
        name: "bench",
        may_use: &["web-protocol", "schema", "platform", "documents"],
        may_import: &["axum", "rand", "reqwest", "tokio", "yrs"],
    },
];

/// Crates from outside that only those may import that say so. One that ends in `-` is a prefix.
const RESERVED: &[&str] = &["async-openai", "aws-", "axum", "rand", "redis", "reqwest", "sqlx", "tokio", "yrs"];

pub(crate) struct Package {
    name: String,
    dependencies: Vec<Dependency>,
    /// The features and what each turns on.
    features: Vec<(String, Vec<String>)>,
}

struct Dependency {
    name: String,
    optional: bool,
}

impl Package {
    /// The packages of `cargo metadata --no-deps`, without their dev-dependencies.
    pub(crate) fn all_in(metadata: &Value) -> Vec<Self> {
        let packages = metadata["packages"].as_array().expect("packages");
        packages.iter().map(Self::from_metadata).collect()
    }

    fn from_metadata(package: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a string").to_owned();
        let texts = |value: &Value| value.as_array().expect("a list").iter().map(text).collect();
        Self {
            name: text(&package["name"]),
            dependencies: package["dependencies"]
                .as_array()
                .expect("dependencies")
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| Dependency {
                    name: text(&dependency["name"]),
                    optional: dependency["optional"] == true,
                })
                .collect(),
            features: package["features"]
                .as_object()
                .expect("features")
                .iter()
                .map(|(name, enables)| (name.clone(), texts(enables)))
                .collect(),
        }
    }
}

pub(crate) fn violations(packages: &[Package]) -> Vec<String> {
    let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut found = Vec::new();
    for package in packages {
        let file = format!("{}/Cargo.toml", package.name);
        match WALLS.iter().find(|wall| wall.name == package.name) {
            None => found.push(format!("{}: {file}: a new crate needs a row in the table of walls", package.name)),
            Some(wall) => {
                for broken in broken_rules(package, wall, &names) {
                    found.push(format!("{}: {file}: {broken}", package.name));
                }
            }
        }
    }
    found
}

fn broken_rules(package: &Package, wall: &Wall, workspace: &[&str]) -> Vec<String> {
    let mut broken = Vec::new();
    for Dependency { name, optional } in &package.dependencies {
        if workspace.contains(&name.as_str()) {
            if !wall.may_use.contains(&name.as_str()) {
                broken.push(format!("must not depend on the crate {name}"));
            }
        } else if reservation(name).is_some_and(|reserved| !wall.may_import.contains(&reserved)) {
            broken.push(format!("must not depend on {name}"));
        }
        if wall.name == "web-protocol" && name == "tokio" && !(*optional && only_client(package)) {
            broken.push("may use tokio only behind its feature `client`".to_owned());
        }
    }
    broken
}

fn reservation(dependency: &str) -> Option<&'static str> {
    RESERVED
        .iter()
        .copied()
        .find(|reserved| *reserved == dependency || (reserved.ends_with('-') && dependency.starts_with(reserved)))
}

/// Whether no feature but `client` turns tokio on, and `client` is not on by default.
fn only_client(package: &Package) -> bool {
    package.features.iter().all(|(feature, enables)| {
        enables.iter().all(|enabled| {
            let turns_tokio_on = enabled == "dep:tokio" || enabled == "tokio" || enabled.starts_with("tokio/");
            (feature == "client" || !turns_tokio_on) && (feature != "default" || enabled != "client")
        })
    })
}

mod tests {
    use super::*;
    use serde_json::json;

    fn workspace(packages: &[Value]) -> Vec<String> {
        violations(&Package::all_in(&json!({ "packages": packages })))
    }

    fn package(name: &str, dependencies: &[Value]) -> Value {
        json!({ "name": name, "dependencies": dependencies, "features": {} })
    }

    fn normal(name: &str) -> Value {
        json!({ "name": name, "kind": null, "optional": false })
    }

    #[test]
    fn a_crate_above_is_found() {
        let found = workspace(&[
            package("documents", &[normal("api"), normal("schema")]),
            package("api", &[]),
            package("schema", &[]),
        ]);
        assert_eq!(found, ["documents: documents/Cargo.toml: must not depend on the crate api"]);
    }

    #[test]
    fn sql_outside_platform_is_found() {
        let found = workspace(&[
            package("platform", &[normal("sqlx"), normal("aws-sdk-s3")]),
            package("api", &[normal("sqlx"), normal("aws-sdk-s3")]),
        ]);
        assert_eq!(
            found,
            ["api: api/Cargo.toml: must not depend on sqlx", "api: api/Cargo.toml: must not depend on aws-sdk-s3",]
        );
    }

    #[test]
    fn a_dependency_for_tests_is_free() {
        let dev = json!({ "name": "tokio", "kind": "dev", "optional": false });
        assert!(workspace(&[package("schema", &[dev])]).is_empty());
    }

    #[test]
    fn a_crate_without_a_row_is_found() {
        assert_eq!(workspace(&[package("shortcut", &[])]).len(), 1);
    }

    #[test]
    fn the_protocol_uses_tokio_only_behind_its_feature() {
        let with = |optional: bool, features: Value| {
            workspace(&[json!({
                "name": "web-protocol",
                "dependencies": [{ "name": "tokio", "kind": null, "optional": optional }],
                "features": features,
            })])
            .len()
        };
        assert_eq!(with(true, json!({ "client": ["dep:tokio"] })), 0);
        assert_eq!(with(false, json!({})), 1);
        assert_eq!(with(true, json!({ "codec": ["dep:tokio"] })), 1);
        assert_eq!(with(true, json!({ "client": ["dep:tokio"], "default": ["client"] })), 1);
    }
}
