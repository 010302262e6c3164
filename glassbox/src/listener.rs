//! The listening socket.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted. When a server comes back, all its clients do so at once, and one that finds
/// the queue full loses a second.
const BACKLOG: u32 = 4096;

/// Binds the address that clients connect to.
pub(crate) fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    let advice = || {
        format!(
            "{address} cannot be listened on; is another server running there? \
             Choose another address with GLASSBOX_SERVER_LISTEN, such as 127.0.0.1:9000"
        )
    };
    socket.bind(address).with_context(advice)?;
    socket.listen(BACKLOG).with_context(advice)
}
