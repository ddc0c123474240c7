//! A real nginx in front of a shop and of Tandem, with the configuration that the documents give.

use std::path::PathBuf;

use anyhow::Context as _;
use tempfile::TempDir;

use crate::process::{Environment, Process};
use crate::wait::eventually;

/// Where nginx is. Debian keeps it out of a user's `PATH`.
const PLACES: [&str; 4] =
    ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx", "/opt/homebrew/bin/nginx"];

/// The installed program, if there is one.
#[must_use]
pub fn installed() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|place| place.exists())
}

/// The running proxy. It ends when it is dropped.
#[derive(Debug)]
pub struct Nginx {
    pub url: String,
    _process: Process,
    _folder: TempDir,
}

impl Nginx {
    /// Starts `program` on `port`. `locations` stand in its only `server` block.
    ///
    /// # Errors
    /// When it does not start or refuses the configuration.
    pub async fn start(program: &std::path::Path, port: u16, locations: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
            .collect();
        // One process, so that it reads its folder under the same user who made it.
        let configuration = format!(
            "daemon off;\nmaster_process off;\npid {at}/pid;\nevents {{}}\nhttp {{\n{temporary}access_log off;\n\
             server {{\nlisten 127.0.0.1:{port};\n{locations}\n}}\n}}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration)?;
        let file = file.to_string_lossy().into_owned();
        let prefix = at.to_string();
        let arguments = ["-e", "stderr", "-p", &prefix, "-c", &file];
        let mut process = Process::start(program, "nginx", folder.path(), &Environment::new(), &arguments)?;
        let listens = eventually("nginx to listen", async || {
            anyhow::ensure!(process.runs()?, "nginx has ended");
            Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop))
        })
        .await;
        listens.with_context(|| process.log_tail(20))?;
        Ok(Self { url: format!("http://127.0.0.1:{port}"), _process: process, _folder: folder })
    }
}

/// A port that nothing uses at the moment. nginx cannot take one by itself.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}
