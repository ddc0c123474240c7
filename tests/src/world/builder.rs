//! Sets up and starts a world.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::Context as _;
use serde_json::json;

use super::World;
use crate::metas_name::MetasName;
use crate::process::{Environment, Process};
use crate::{
    CASHFREE_SECRET, GRAPH_TOKEN, INTERNAL_TOKEN, OTHER_PIXEL_ID, PIXEL_ID, SHOP_URL, Sandbox, binaries, http,
};

#[derive(Debug)]
pub struct WorldBuilder {
    server: BTreeMap<String, Option<String>>,
    sandbox: BTreeMap<String, Option<String>>,
    gateway: BTreeMap<String, Option<String>>,
    with_gateway: bool,
    /// Program and arguments through which the server is started.
    server_under: Vec<String>,
    other_pixel_token: Option<String>,
    has_metas_name: bool,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        let empty = BTreeMap::new;
        Self {
            server: empty(),
            sandbox: empty(),
            gateway: empty(),
            with_gateway: true,
            server_under: Vec::new(),
            other_pixel_token: None,
            has_metas_name: false,
        }
    }
}

impl WorldBuilder {
    /// Sets a variable of the server.
    #[must_use]
    pub fn server(mut self, name: &str, value: impl Into<String>) -> Self {
        self.server.insert(name.to_owned(), Some(value.into()));
        self
    }

    /// Removes a variable that the server has by default.
    #[must_use]
    pub fn server_without(mut self, name: &str) -> Self {
        self.server.insert(name.to_owned(), None);
        self
    }

    /// Sets a variable of the gateway.
    #[must_use]
    pub fn gateway(mut self, name: &str, value: impl Into<String>) -> Self {
        self.gateway.insert(name.to_owned(), Some(value.into()));
        self
    }

    /// Removes a variable that the gateway has by default.
    #[must_use]
    pub fn gateway_without(mut self, name: &str) -> Self {
        self.gateway.insert(name.to_owned(), None);
        self
    }

    /// Sets a variable of the sandbox.
    #[must_use]
    pub fn sandbox(mut self, name: &str, value: impl Into<String>) -> Self {
        self.sandbox.insert(name.to_owned(), Some(value.into()));
        self
    }

    /// Gives the server a second pixel, [`OTHER_PIXEL_ID`], with its own token.
    #[must_use]
    pub fn other_pixel(mut self, token: &str) -> Self {
        self.other_pixel_token = Some(token.to_owned());
        self.sandbox("TANDEM_SANDBOX_PIXEL_ID", format!("{PIXEL_ID},{OTHER_PIXEL_ID}"))
    }

    /// Gives the fake Graph API the name of the real one, so that the server believes it speaks to Meta.
    #[must_use]
    pub fn under_metas_name(mut self) -> Self {
        self.has_metas_name = true;
        self
    }

    /// Starts the server through another program, such as a tracer. Its folder is that of the logs.
    #[must_use]
    pub fn server_under(mut self, command: &[&str]) -> Self {
        self.server_under = command.iter().map(|&part| part.to_owned()).collect();
        self
    }

    /// Leaves the gateway out: most flows do not need it.
    #[must_use]
    pub fn without_gateway(mut self) -> Self {
        self.with_gateway = false;
        self
    }

    /// Starts sandbox, server and gateway, and gives the sandbox their addresses.
    ///
    /// # Errors
    /// When a program does not become ready. The message contains the end of its log.
    pub async fn start(self) -> anyhow::Result<World> {
        let folder = tempfile::Builder::new().prefix("tandem-world-").tempdir()?;
        let (data, logs) = (folder.path().join("data"), folder.path().join("logs"));
        std::fs::create_dir(&data)?;
        std::fs::create_dir(&logs)?;

        let environment = overlaid(sandbox_defaults(), self.sandbox);
        let mut sandbox_process = start_program("tandem-sandbox", "sandbox", &logs, &environment)?;
        let sandbox = Sandbox::at(&address(&mut sandbox_process, "http").await?);

        let mut server_environment = overlaid(server_defaults(&data, &sandbox.url), self.server);
        let mut metas_name = None;
        if self.has_metas_name {
            let started = MetasName::start(&sandbox.url, folder.path()).await?;
            server_environment.extend(started.environment.clone());
            metas_name = Some(started);
        }
        if let Some(token) = self.other_pixel_token {
            let file = folder.path().join("tandem.toml");
            std::fs::write(
                &file,
                format!("[[pixels]]\nid = {OTHER_PIXEL_ID:?}\naccess_token = {token:?}\n"),
            )?;
            server_environment.insert("TANDEM_CONFIG".to_owned(), file.display().to_string());
        }
        let mut server = match self.server_under.as_slice() {
            [] => start_program("tandem-server", "server-1", &logs, &server_environment)?,
            [program, arguments @ ..] => {
                let server = binaries::program("tandem-server")?.display().to_string();
                let arguments: Vec<&str> =
                    arguments.iter().map(String::as_str).chain([server.as_str()]).collect();
                Process::start(Path::new(program), "server-1", &logs, &server_environment, &arguments)?
            }
        };
        let addresses = server.ready().await?;
        let grpc = addresses.get("grpc").context("the ready line names the gRPC port")?.clone();
        let http_url = addresses.get("http").context("the ready line names the HTTP port")?.clone();

        let (mut gateway_process, mut gateway) = (None, String::new());
        let gateway_environment = overlaid(gateway_defaults(&data, &grpc), self.gateway);
        if self.with_gateway {
            let mut process = start_program("tandem-gateway", "gateway", &logs, &gateway_environment)?;
            gateway = address(&mut process, "http").await?;
            gateway_process = Some(process);
        }

        let mut whereabouts = json!({ "tandem_url": grpc });
        if self.with_gateway {
            whereabouts["webhook_url"] = json!(format!("{gateway}/webhooks/cashfree"));
        }
        sandbox.configure(whereabouts).await?;
        Ok(World {
            sandbox,
            grpc,
            http_url,
            gateway,
            http: http::client(),
            server_environment,
            gateway_environment,
            server: Some(server),
            gateway_process,
            sandbox_process,
            starts: 1,
            troubled: AtomicBool::new(false),
            _metas_name: metas_name,
            folder,
        })
    }
}

/// Starts one of the programs under test.
pub(super) fn start_program(
    program: &str,
    name: &str,
    logs: &Path,
    environment: &Environment,
) -> anyhow::Result<Process> {
    Process::start(&binaries::program(program)?, name, logs, environment, &[])
}

async fn address(process: &mut Process, key: &str) -> anyhow::Result<String> {
    process.ready().await?.remove(key).with_context(|| format!("the ready line has {key}="))
}

fn overlaid(defaults: Environment, changes: BTreeMap<String, Option<String>>) -> Environment {
    let mut environment = defaults;
    for (name, value) in changes {
        match value {
            Some(value) => environment.insert(name, value),
            None => environment.remove(&name),
        };
    }
    environment
}

fn environment<const N: usize>(pairs: [(&str, String); N]) -> Environment {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn sandbox_defaults() -> Environment {
    let package = binaries::workspace_root().join("web-client/pkg");
    let examples = binaries::workspace_root().join("examples");
    environment([
        ("TANDEM_SANDBOX_ADDR", "127.0.0.1:0".to_owned()),
        ("TANDEM_SANDBOX_PIXEL_ID", PIXEL_ID.to_owned()),
        ("TANDEM_SANDBOX_TOKEN", GRAPH_TOKEN.to_owned()),
        ("TANDEM_SANDBOX_CLIENT_SECRET", CASHFREE_SECRET.to_owned()),
        ("TANDEM_SANDBOX_PKG", package.display().to_string()),
        ("TANDEM_SANDBOX_EXAMPLES", examples.display().to_string()),
        // Cashfree's retries after 2, 10 and 30 minutes become 0.2, 1 and 3 s.
        ("TANDEM_SANDBOX_TIME_SCALE", "600".to_owned()),
    ])
}

fn server_defaults(data: &Path, sandbox: &str) -> Environment {
    environment([
        ("TANDEM_GRPC_ADDR", "127.0.0.1:0".to_owned()),
        ("TANDEM_HTTP_ADDR", "127.0.0.1:0".to_owned()),
        ("TANDEM_DATA_DIR", data.display().to_string()),
        ("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN.to_owned()),
        ("TANDEM_RATE_LIMIT", "off".to_owned()),
        ("TANDEM_JOIN_WAIT", "1s".to_owned()),
        ("TANDEM_SHOP_URL", SHOP_URL.to_owned()),
        // The suites act as a proxy, so that visitors can have their own addresses.
        ("TANDEM_TRUSTED_PROXIES", "127.0.0.0/8".to_owned()),
        ("TANDEM_LOG", "trace".to_owned()),
        ("FACEBOOK_PIXEL_ID", PIXEL_ID.to_owned()),
        ("FACEBOOK_ACCESS_TOKEN", GRAPH_TOKEN.to_owned()),
        ("META_GRAPH_URL", format!("{sandbox}/graph")),
        ("CASHFREE_CLIENT_SECRET", CASHFREE_SECRET.to_owned()),
    ])
}

fn gateway_defaults(data: &Path, server: &str) -> Environment {
    environment([
        ("TANDEM_GATEWAY_ADDR", "127.0.0.1:0".to_owned()),
        ("TANDEM_SERVER_URL", server.to_owned()),
        ("TANDEM_DATA_DIR", data.display().to_string()),
        ("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN.to_owned()),
        ("TANDEM_LOG", "trace".to_owned()),
    ])
}
