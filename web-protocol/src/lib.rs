//! web-protocol
