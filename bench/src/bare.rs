//! A bare handler, the yardstick of reading over REST: axum, one indexed query in a transaction of its tenant, the row as
//! JSON. No token, no access, no log, no limits: what GlassBox needs beyond this is the price of these.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Result;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use clap::Args;
use platform::config::{Config, DatabaseConfig, Mode};
use platform::db::{Db, nodes};
use schema::ids::{NodeId, OrgId};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Run the bare handler that reading over REST is compared with
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Example:\n  bench bare --listen 127.0.0.1:9001 --database-url postgres://…   # GET /<org>/<node>"
)]
pub(crate) struct Bare {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:9001")]
    listen: SocketAddr,

    /// A database that GlassBox has filled
    #[arg(long)]
    database_url: String,
}

impl Bare {
    /// Serves `/{org}/{node}` until the process ends.
    pub(crate) async fn serve(self) -> Result<()> {
        let config: DatabaseConfig = Config::default().database;
        let db = Db::connect(&self.database_url, &config, Mode::Development).await?;
        let listener = TcpListener::bind(self.listen).await?.tap_io(|stream| {
            // Without it the handler is merely slower.
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().route("/{org}/{node}", get(read)).with_state(Arc::new(db));
        axum::serve(listener, router).await?;
        Ok(())
    }
}

async fn read(State(db): State<Arc<Db>>, Path((org, node)): Path<(OrgId, NodeId)>) -> Result<Json<Value>, StatusCode> {
    let found = nodes::find(&db, org, node).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let row = found.ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({
        "id": row.node.id,
        "projectId": row.project,
        "title": row.node.title,
        "status": row.node.status,
        "body": row.description,
        "metadata": row.node.metadata,
        "x": row.node.x,
        "y": row.node.y,
        "version": row.version,
        "createdAt": row.created_at,
        "updatedAt": row.updated_at,
    })))
}
