//! `cargo xtask demo`: builds everything and starts the sandbox, the server and the gateway.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};

use crate::command::{cargo, run, step};
use crate::files::{root, target};
use crate::{browser, package};

const READY_WITHIN: Duration = Duration::from_secs(30);
const STOP_WITHIN: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Buy something in headless Chromium, print what matched, and stop
    #[arg(long)]
    headless_check: bool,
    /// Folder for screenshots of the pages that the check visits
    #[arg(long, requires = "headless_check")]
    screenshots: Option<PathBuf>,
}

/// A started program. Dropping it stops it.
struct Program {
    name: &'static str,
    child: Child,
    ready: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Some(pid) = rustix::process::Pid::from_raw(self.child.id().cast_signed()) {
            // An error means that the program has stopped already.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        let until = Instant::now() + STOP_WITHIN;
        while Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Program {
    /// Starts a program and waits for the line that says it is ready.
    fn start(name: &'static str, environment: &[(&str, String)]) -> anyhow::Result<Self> {
        let path = target().join("debug").join(name);
        let mut child = Command::new(&path)
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("starting {}", path.display()))?;
        let out = child.stdout.take().ok_or_else(|| anyhow!("{name} has no output"))?;
        let (send, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    return;
                }
            }
        });
        let mut program = Self { name, child, ready: String::new() };
        let until = Instant::now() + READY_WITHIN;
        while Instant::now() < until {
            match lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) if line.starts_with(&format!("{name} ready")) => {
                    program.ready = line;
                    // Later lines are read and dropped: a full pipe would block the program.
                    std::thread::spawn(move || while lines.recv().is_ok() {});
                    return Ok(program);
                }
                Ok(line) => eprintln!("    {name}: {line}"),
                Err(_) => {
                    if let Some(status) = program.child.try_wait()? {
                        bail!("{name} ended with {status} before it was ready");
                    }
                }
            }
        }
        bail!("{name} was not ready within {} s", READY_WITHIN.as_secs())
    }

    /// An address from the program's ready line.
    fn address(&self, key: &str) -> anyhow::Result<String> {
        self.ready
            .split_whitespace()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
            .map(str::to_owned)
            .ok_or_else(|| anyhow!("the ready line of {} has no {key}: {}", self.name, self.ready))
    }
}

pub(crate) fn run_demo(options: &Options) -> anyhow::Result<()> {
    let began = Instant::now();
    let (stop, stopped) = mpsc::channel();
    ctrlc::set_handler(move || {
        // Sending fails when the demo is already over.
        let _ = stop.send(());
    })
    .context("listening for Ctrl-C")?;
    eprintln!("Building the sandbox, the server, the gateway and the browser package.");
    eprintln!("The first build takes some minutes. cargo shows its progress.\n");
    if options.headless_check {
        browser::ensure_chromium()?;
    }
    build(options.headless_check)?;
    let (sandbox, server, gateway) = step("start the programs", start)?;
    let (shop, dashboard) = (sandbox.address("http")?, server.address("http")?);
    if options.headless_check {
        let mut check = Command::new(target().join("debug/headless-check"));
        check.args(["--sandbox", &shop, "--server-http", &dashboard]);
        if let Some(folder) = &options.screenshots {
            check.arg("--screenshots").arg(folder);
        }
        eprintln!();
        run(&mut check).context("the shop in headless Chromium")?;
        eprintln!("\nUp and checked after {:.0} s.", began.elapsed().as_secs_f64());
        return Ok(());
    }
    eprintln!("\nUp after {:.0} s. Open:\n", began.elapsed().as_secs_f64());
    eprintln!("  the shop              {shop}/shop/");
    eprintln!("  its Events Manager    {shop}/events-manager");
    eprintln!("  Tandem's dashboard    {dashboard}/");
    eprintln!("\n  gRPC and gRPC-web     {}", server.address("grpc")?);
    eprintln!("  webhooks              {}/webhooks/cashfree", gateway.address("http")?);
    eprintln!("\nCtrl-C stops everything.");
    stopped.recv().context("waiting for Ctrl-C")?;
    eprintln!("\nStopping.");
    Ok(())
}

fn build(with_check: bool) -> anyhow::Result<()> {
    // The server embeds the package.
    package::build(false)?;
    step("build the programs", || {
        let mut build = cargo("build");
        build.args(["-p", "tandem-sandbox", "-p", "tandem-server", "-p", "tandem-gateway"]);
        if with_check {
            build.args(["-p", "tandem-tests", "--bins"]);
        }
        run(&mut build)
    })
}

/// Starts the three programs and gives each the addresses of the others.
fn start() -> anyhow::Result<(Program, Program, Program)> {
    const PIXEL: &str = "123456789012345";
    const TOKEN: &str = "sandbox-token";
    const CLIENT: &str = "TEST_sandbox_client";
    const SECRET: &str = "cfsk_ma_test_sandbox_secret";
    let [sandbox_at, grpc_at, http_at, gateway_at] = [8090, 50051, 9090, 8080].map(free_port);
    let own = |text: &str| text.to_owned();
    let local = |port: u16| format!("127.0.0.1:{port}");
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let package = package::folder().to_string_lossy().into_owned();
    let sandbox = Program::start(
        "tandem-sandbox",
        &[
            ("TANDEM_SANDBOX_ADDR", local(sandbox_at)),
            ("TANDEM_SANDBOX_PIXEL_ID", own(PIXEL)),
            ("TANDEM_SANDBOX_TOKEN", own(TOKEN)),
            ("TANDEM_SANDBOX_CLIENT_ID", own(CLIENT)),
            ("TANDEM_SANDBOX_CLIENT_SECRET", own(SECRET)),
            ("TANDEM_SANDBOX_WEBHOOK_URL", format!("{}/webhooks/cashfree", url(gateway_at))),
            ("TANDEM_SANDBOX_TANDEM_URL", url(grpc_at)),
            ("TANDEM_SANDBOX_PKG", package),
            ("TANDEM_SANDBOX_EXAMPLES", root().join("examples").to_string_lossy().into_owned()),
        ],
    )?;
    let data = target().join("demo");
    // Each demo begins with an empty store.
    if data.exists() {
        std::fs::remove_dir_all(&data).with_context(|| format!("emptying {}", data.display()))?;
    }
    let data = data.to_string_lossy().into_owned();
    let server = Program::start(
        "tandem-server",
        &[
            ("TANDEM_GRPC_ADDR", local(grpc_at)),
            ("TANDEM_HTTP_ADDR", local(http_at)),
            ("TANDEM_DATA_DIR", data.clone()),
            ("TANDEM_SHOP_URL", format!("{}/shop/", url(sandbox_at))),
            ("TANDEM_LOG", own("warn")),
            ("FACEBOOK_PIXEL_ID", own(PIXEL)),
            ("FACEBOOK_ACCESS_TOKEN", own(TOKEN)),
            ("META_GRAPH_URL", format!("{}/graph", url(sandbox_at))),
            ("CASHFREE_CLIENT_ID", own(CLIENT)),
            ("CASHFREE_CLIENT_SECRET", own(SECRET)),
            ("CASHFREE_API_URL", format!("{}/cashfree/pg", url(sandbox_at))),
        ],
    )?;
    let gateway = Program::start(
        "tandem-gateway",
        &[
            ("TANDEM_GATEWAY_ADDR", local(gateway_at)),
            ("TANDEM_SERVER_URL", url(grpc_at)),
            ("TANDEM_DATA_DIR", data),
            ("TANDEM_LOG", own("warn")),
        ],
    )?;
    Ok((sandbox, server, gateway))
}

/// The wanted port if it is free, else any free port.
fn free_port(wanted: u16) -> u16 {
    let bound = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)));
    bound.and_then(|listener| listener.local_addr()).map_or(wanted, |address| address.port())
}
