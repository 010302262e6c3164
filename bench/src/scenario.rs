//! The scenarios, a module each.

pub(crate) mod agents;
pub(crate) mod cold_open;
pub(crate) mod compare;
pub(crate) mod crowd;
pub(crate) mod durability;
pub(crate) mod events;
pub(crate) mod fan_out;
pub(crate) mod hostile;
pub(crate) mod idle_memory;
pub(crate) mod large_document;
pub(crate) mod partitions;
pub(crate) mod receipts;
pub(crate) mod replay;
pub(crate) mod rest;
pub(crate) mod search;
pub(crate) mod soak;
pub(crate) mod storage;
