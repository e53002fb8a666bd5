//! What stands between a client and its server, and can fall silent or close.

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

/// Passes connections on to a server of this machine. It ends when it is dropped.
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
                        // Both ends stay open, and nothing passes any more.
                        () = fallen_silent => pending().await,
                        () = async { drop(opened.wait_for(|is_open| !is_open).await) } => {}
                    }
                });
            }
        });
        Self { address, silence, is_open, turned_away, task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more over the connections that are open; they are not closed. New ones are as ever.
    pub fn fall_silent(&self) {
        self.silence.notify_waiters();
    }

    /// All connections are closed, and new ones at once.
    pub fn close(&self) {
        self.is_open.send_replace(false);
    }

    /// It passes connections on again.
    pub fn open(&self) {
        self.is_open.send_replace(true);
    }

    /// How many connections were closed at once.
    pub fn turned_away(&self) -> usize {
        self.turned_away.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
