//! A TCP proxy between a page and the server. A test can make it slow.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Most bytes that are passed on at once.
const CHUNK_BYTES: usize = 16 * 1024;

/// Passes bytes on to the server. If the server does not listen, the proxy closes the caller's connection, as a
/// shop's proxy does.
#[derive(Debug)]
pub struct DelayProxy {
    /// Address for the page, without a trailing slash.
    pub url: String,
    delay_ms: Arc<AtomicU64>,
    accepting: JoinHandle<()>,
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl DelayProxy {
    /// A proxy to the server at `url`.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn to(url: &str) -> anyhow::Result<Self> {
        let server = url.split("://").last().unwrap_or_default().trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let delay_ms = Arc::new(AtomicU64::new(0));
        let delay = Arc::clone(&delay_ms);
        let accepting = tokio::spawn(async move {
            while let Ok((page, _)) = listener.accept().await {
                let (server, delay) = (server.clone(), Arc::clone(&delay));
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(&server).await {
                        carry(page, server, &delay).await;
                    }
                });
            }
        });
        Ok(Self { url, delay_ms, accepting })
    }

    /// Delays each answer by this time from now on.
    pub fn delay_answers(&self, delay: Duration) {
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay_ms.store(delay_ms, Ordering::Relaxed);
    }
}

/// Copies bytes both ways until one side closes.
async fn carry(page: TcpStream, server: TcpStream, delay_ms: &AtomicU64) {
    let (mut from_page, mut to_page) = page.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let questions = tokio::io::copy(&mut from_page, &mut to_server);
    let answers = async {
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = from_server.read(&mut chunk).await?;
            if length == 0 {
                return std::io::Result::Ok(());
            }
            tokio::time::sleep(Duration::from_millis(delay_ms.load(Ordering::Relaxed))).await;
            to_page.write_all(&chunk[..length]).await?;
        }
    };
    tokio::select! {
        _ = questions => {}
        _ = answers => {}
    }
}
