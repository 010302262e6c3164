//! The REST interface over a real database and real living documents, as a client sees it.

#![expect(clippy::unwrap_used, reason = "a test that finds something else fails")]

mod api_keys;
mod audit;
mod auth;
mod authors;
mod conditions;
mod demo;
mod documents;
mod erasure;
mod event_source;
mod events;
mod executions;
mod file_access;
mod files;
mod graph;
mod history;
mod idempotency;
mod invitations;
mod isolation;
mod items;
mod limits;
mod lists;
mod locks;
mod matrix;
mod members;
mod nodes;
mod notifications;
mod organizations;
mod pages;
mod presence;
mod projects;
mod proposals;
mod requests;
mod search;
mod server;
mod templates;
mod undo;
mod users;
mod webhooks;
