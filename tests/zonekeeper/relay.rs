//! What stands between a client and its server, and can fall silent.

use std::{
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinHandle,
};

/// Passes connections on to a server of this machine. It ends when it is dropped.
pub struct Relay {
    address: SocketAddr,
    silence: Arc<Notify>,
    task: JoinHandle<()>,
}

// === impl Relay ===

impl Relay {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let silence = Arc::new(Notify::new());
        let (silenced, mut connections) = (Arc::clone(&silence), tokio::task::JoinSet::new());
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let silenced = Arc::clone(&silenced);
                connections.spawn(async move {
                    let fallen_silent = silenced.notified();
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Both ends stay open, and nothing passes any more.
                        () = fallen_silent => pending().await,
                    }
                });
            }
        });
        Self { address, silence, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more over the connections that are open; they are not closed. New ones are as ever.
    pub fn fall_silent(&self) {
        self.silence.notify_waiters();
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
