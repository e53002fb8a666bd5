//! A TCP relay between a client and its server. It can fall silent or close.

use std::{
    future::pending,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinHandle,
};

/// Passes connections on to a server of this machine. A drop ends the relay.
pub struct Relay {
    address: SocketAddr,
    silence: Arc<Notify>,
    is_open: watch::Sender<bool>,
    turned_away: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

// === impl Relay ===

impl Relay {
    pub async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (silence, is_open) = (Arc::new(Notify::new()), watch::Sender::new(true));
        let turned_away = Arc::new(AtomicUsize::new(0));
        let (silenced, opened, turning_away) =
            (Arc::clone(&silence), is_open.subscribe(), Arc::clone(&turned_away));
        let mut connections = tokio::task::JoinSet::new();
        let task = tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let (silenced, mut opened) = (Arc::clone(&silenced), opened.clone());
                if !*opened.borrow() {
                    turning_away.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                connections.spawn(async move {
                    let fallen_silent = silenced.notified();
                    let mut server = TcpStream::connect(server).await.unwrap();
                    tokio::select! {
                        _ = copy_bidirectional(&mut client, &mut server) => {}
                        // Both connections stay open, and the relay passes no bytes.
                        () = fallen_silent => pending().await,
                        () = async { drop(opened.wait_for(|is_open| !is_open).await) } => {}
                    }
                });
            }
        });
        Self { address, silence, is_open, turned_away, task }
    }

    /// The address of the relay.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops all bytes on the open connections, without closing them. New connections work.
    pub fn fall_silent(&self) {
        self.silence.notify_waiters();
    }

    /// Closes all connections, and each new connection at once.
    pub fn close(&self) {
        self.is_open.send_replace(false);
    }

    /// Accepts connections again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// The number of new connections that the relay closed at once.
    pub fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
