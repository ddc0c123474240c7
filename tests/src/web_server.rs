//! A shop's real web server, nginx or Caddy, in front of the shop and of Tandem, with the configuration that the
//! documents give.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tempfile::TempDir;

use crate::documents;
use crate::process::{Environment, Process};
use crate::wait::eventually;

/// Folders of programs, those outside of a user's `PATH` too, where Debian has nginx.
const FOLDERS: [&str; 5] =
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin"];
/// Tandem's address in the documents' configuration.
const TANDEM: &str = "127.0.0.1:50051";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Nginx,
    Caddy,
}

impl Kind {
    /// The program's name, which is also the language of its block in the documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// The installed program, if there is one.
    #[must_use]
    pub fn installed(self) -> Option<PathBuf> {
        FOLDERS.iter().map(|folder| Path::new(folder).join(self.name())).find(|program| program.is_file())
    }
}

/// The running server. It ends when it is dropped.
#[derive(Debug)]
pub struct WebServer {
    pub url: String,
    _process: Process,
    _folder: TempDir,
}

impl WebServer {
    /// Starts `program` on `port`. It passes the documents' path to Tandem at `tandem`, and everything else to the
    /// shop at `shop`.
    ///
    /// # Errors
    /// When it does not start or refuses the configuration.
    pub async fn start(
        kind: Kind,
        program: &Path,
        port: u16,
        tandem: &str,
        shop: &str,
    ) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let block = documents::serving_block(kind.name())?;
        anyhow::ensure!(block.contains(TANDEM), "the configuration names Tandem: {block}");
        let block = block.replace(TANDEM, tandem.trim_start_matches("http://"));
        let (configuration, arguments) = match kind {
            Kind::Nginx => nginx(folder.path(), port, &block, shop),
            Kind::Caddy => caddy(port, &block, shop),
        };
        std::fs::write(folder.path().join("configuration"), configuration)?;
        // Caddy keeps a folder in its user's home.
        let home = folder.path().to_string_lossy().into_owned();
        let environment = Environment::from([("HOME".to_owned(), home)]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut process = Process::start(program, kind.name(), folder.path(), &environment, &arguments)?;
        let listens = eventually(format!("{} to listen", kind.name()), async || {
            anyhow::ensure!(process.runs()?, "it has ended");
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop))
        })
        .await;
        listens.with_context(|| process.log_tail(20))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), _process: process, _folder: folder })
    }
}

fn nginx(folder: &Path, port: u16, block: &str, shop: &str) -> (String, Vec<String>) {
    let at = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
        .collect();
    // One process, so that the user who made the folder reads it.
    let configuration = format!(
        "daemon off;\nmaster_process off;\npid {at}/pid;\nevents {{}}\nhttp {{\n{temporary}access_log off;\n\
         server {{\nlisten 127.0.0.1:{port};\n{block}\nlocation / {{ proxy_pass {shop}; }}\n}}\n}}\n"
    );
    let arguments = ["-e", "stderr", "-p", &at.to_string(), "-c", &format!("{at}/configuration")];
    (configuration, arguments.map(str::to_owned).to_vec())
}

fn caddy(port: u16, block: &str, shop: &str) -> (String, Vec<String>) {
    let shop = shop.trim_start_matches("http://").trim_end_matches('/');
    let configuration = format!(
        "{{\n\tadmin off\n\tauto_https off\n}}\nhttp://127.0.0.1:{port} {{\n{block}\nhandle {{\n\treverse_proxy {shop}\n}}\n}}\n"
    );
    let arguments = ["run", "--adapter", "caddyfile", "--config", "configuration"];
    (configuration, arguments.map(str::to_owned).to_vec())
}

/// A port that nothing uses at the moment. These servers cannot take one by themselves.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
