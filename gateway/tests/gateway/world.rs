//! A gateway and its fake server, on free ports.

use std::net::SocketAddr;
use std::time::Duration;

use tandem_gateway::settings::Settings;
use tandem_gateway::{Limits, run};
use tandem_settings::Source;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::fake_server::{Fake, Running};
use crate::http_client::{Reply, send};

pub(crate) const TOKEN: &str = "internal-token-of-the-tests";

pub(crate) struct World {
    pub(crate) fake: Fake,
    pub(crate) server: SocketAddr,
    pub(crate) gateway: SocketAddr,
    running: Option<Running>,
    stop: Option<oneshot::Sender<()>>,
    pub(crate) gateway_task: JoinHandle<()>,
}

impl World {
    /// A gateway with a token and the default limits.
    pub(crate) async fn new() -> Self {
        Self::with(&[("TANDEM_INTERNAL_TOKEN", TOKEN)], Limits::default()).await
    }

    /// A gateway with a token and these limits.
    pub(crate) async fn limited(limits: Limits) -> Self {
        Self::with(&[("TANDEM_INTERNAL_TOKEN", TOKEN)], limits).await
    }

    /// A gateway with these settings and limits.
    pub(crate) async fn with(settings: &[(&str, &str)], limits: Limits) -> Self {
        let fake = Fake::new();
        let running = fake.start(any_port()).await;
        let server = running.addr;
        let url = format!("http://{server}");
        let variables = settings.iter().copied().chain([("TANDEM_SERVER_URL", url.as_str())]);
        let settings =
            Settings::read(&Source::from_pairs(variables), false).expect("the settings are usable");
        let listener = TcpListener::bind(any_port()).await.expect("the gateway can listen");
        let gateway = listener.local_addr().expect("a listener has an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let gateway_task = tokio::spawn(run(listener, settings, limits, async move {
            let _ = stopped.await;
        }));
        Self { fake, server, gateway, running: Some(running), stop: Some(stop), gateway_task }
    }

    pub(crate) async fn send(&self, bytes: &[u8]) -> Reply {
        send(self.gateway, bytes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: gateway\r\n\r\n").as_bytes()).await
    }

    /// Stops the server, cuts its connections, and waits until it is gone.
    pub(crate) async fn stop_server(&mut self) {
        self.running = None;
        while TcpStream::connect(self.server).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Starts the server again at the same address.
    pub(crate) async fn start_server(&mut self) {
        self.running = Some(self.fake.start(self.server).await);
    }

    pub(crate) fn stop_gateway(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.gateway_task.abort();
    }
}

fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
