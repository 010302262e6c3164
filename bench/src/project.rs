//! A project with many nodes, made over REST as clients make it: by templates.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::client::Api;
use crate::system::System;

/// Who made it and reads it.
const PERSON: &str = "reader@bench.example";
/// Nodes that one template makes.
const NODES_PER_TEMPLATE: usize = 100;

/// A project, and a person who may read and write it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) api: Api,
    pub(crate) token: String,
    pub(crate) org: String,
    pub(crate) id: String,
    /// Their ids, in the order in which they were made.
    pub(crate) nodes: Vec<String>,
}

impl Project {
    /// Makes a project with so many nodes; `node` says what each is, as templates put it, but for its key and place.
    pub(crate) async fn furnish(system: &System, count: usize, node: impl Fn(usize) -> Value) -> Result<Self> {
        let api = system.api()?;
        let token = api.token(PERSON).await?;
        let post = async |path: &str, body: Value| api.post(path, &token, &body).await;
        let org = text(&post("/orgs", json!({"name": "Bench"})).await?["id"])?;
        let id = text(&post(&format!("/orgs/{org}/projects"), json!({"name": "Bench"})).await?["id"])?;
        let mut nodes = Vec::with_capacity(count);
        while nodes.len() < count {
            let range = nodes.len()..count.min(nodes.len() + NODES_PER_TEMPLATE);
            let made: Vec<_> = range.map(|number| placed(node(number), number)).collect();
            let template = json!({"name": "Nodes", "structure": {"nodes": made}});
            let template = text(&post(&format!("/orgs/{org}/templates"), template).await?["id"])?;
            let applied = post(&format!("/templates/{template}/apply"), json!({"projectId": id})).await?;
            for node in applied["nodes"].as_array().context("nodes")? {
                nodes.push(text(&node["id"])?);
            }
        }
        Ok(Self { api, token, org, id, nodes })
    }

    /// Goes on with the server that has been started anew.
    pub(crate) async fn reconnect(&mut self, system: &System) -> Result<()> {
        self.api = system.api()?;
        self.token = self.api.token(PERSON).await?;
        Ok(())
    }
}

fn placed(mut node: Value, number: usize) -> Value {
    node["key"] = json!(format!("n{number}"));
    node["x"] = json!(number);
    node
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("an id")
}
