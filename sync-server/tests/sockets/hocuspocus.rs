//! Providers of Hocuspocus (H1–H11).

mod coming_in;
mod staying;
mod syncing;
