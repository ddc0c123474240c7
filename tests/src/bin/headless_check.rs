//! Buys something in a running demo with headless Chromium, and shows that browser and server reported the same
//! events under the same IDs.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;
use tandem_tests::browser::{Session, Shop};
use tandem_tests::cashfree::now_ms;
use tandem_tests::{Person, Sandbox, eventually, http};

/// Visits the demo shop in headless Chromium: leaves a lead, buys, and compares what the
/// pixel and the server reported. Exits 0 when every event came from both sides under one
/// ID and was deduplicated.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address of tandem-sandbox, e.g. http://127.0.0.1:8090
    #[arg(long)]
    sandbox: String,
    /// Address of tandem-server's HTTP port, e.g. http://127.0.0.1:9090
    #[arg(long)]
    server_http: String,
    /// Folder for pictures of the pages visited
    #[arg(long)]
    screenshots: Option<PathBuf>,
}

/// The events of a purchase.
const EVENTS: [&str; 3] = ["Lead", "InitiateCheckout", "Purchase"];

struct Row {
    name: &'static str,
    browser: String,
    server: String,
    deduplicated: bool,
}

impl Row {
    fn equal(&self) -> bool {
        !self.browser.is_empty() && self.browser == self.server
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    match check(&Arguments::parse()).await {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("headless check failed: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn check(arguments: &Arguments) -> anyhow::Result<bool> {
    let (sandbox, started_ms) = (Sandbox::at(&arguments.sandbox), now_ms());
    let album = Album::open(arguments.screenshots.as_deref())?;
    let session = Session::start().await?;
    visit(&session, &sandbox, &album).await?;

    // Delivery waits to fill its batches, and the page's report follows the visit, so this polls.
    let settled = eventually("every event on both sides", async || {
        let rows = rows(&sandbox, started_ms).await?;
        Ok(Some(rows).filter(|rows| rows.iter().all(|row| row.equal() && row.deduplicated)))
    })
    .await;
    let rows = match settled {
        Ok(rows) => rows,
        Err(_) => rows(&sandbox, started_ms).await?,
    };
    let server_http = arguments.server_http.trim_end_matches('/');
    let shop = Shop::new(&session, &sandbox.url);
    shop.open("/events-manager").await?;
    album.add(&session, "events-manager").await?;
    Shop::new(&session, server_http).open("/").await?;
    album.add(&session, "dashboard").await?;

    print_table(&rows);
    print_health(server_http).await?;
    Ok(rows.iter().all(|row| row.equal() && row.deduplicated))
}

async fn visit(session: &Session, sandbox: &Sandbox, album: &Album<'_>) -> anyhow::Result<()> {
    let (shop, person) = (Shop::new(session, &sandbox.url), demo_person());
    shop.open("/shop/?fbclid=IwAR0demo-Click_ID").await?;
    album.add(session, "shop").await?;
    shop.submit_lead(&person).await?;
    shop.lead_done().await?;
    shop.open("/shop/product").await?;
    album.add(session, "product").await?;
    shop.open("/shop/checkout").await?;
    album.add(session, "checkout").await?;
    shop.check_out(&person).await?;
    album.add(session, "payment").await?;
    shop.pay().await?;
    shop.purchase_done().await?;
    album.add(session, "thank-you").await
}

/// A person with a readable name. No other run uses the person's address and number.
fn demo_person() -> Person {
    let unique = Person::unique();
    Person {
        email: format!("asha.{}@example.com", &unique.phone[4..]),
        phone: unique.phone,
        first_name: "Asha".to_owned(),
        last_name: "Rao".to_owned(),
    }
}

/// The events that both sides have reported since `started_ms` (Unix milliseconds).
async fn rows(sandbox: &Sandbox, started_ms: u64) -> anyhow::Result<Vec<Row>> {
    let (pixel, matches) = (sandbox.pixel_events().await?, sandbox.matches().await?);
    let mut rows = Vec::new();
    for name in EVENTS {
        let since = |at: &Value| at.as_u64().is_some_and(|at| at >= started_ms);
        let fired = pixel.iter().find(|row| row["ev"] == name && since(&row["at_ms"]));
        let browser = fired.and_then(|row| row["eid"].as_str()).unwrap_or_default().to_owned();
        let received = sandbox.server_events_since(name, started_ms).await?;
        let server = received.first().map(|event| event.event_id().to_owned()).unwrap_or_default();
        let deduplicated = matches.iter().any(|row| {
            row["event_name"] == name && row["event_id"] == browser.as_str() && row["deduplicated"] == true
        });
        rows.push(Row { name, browser, server, deduplicated });
    }
    Ok(rows)
}

fn print_table(rows: &[Row]) {
    let widest = |pick: fn(&Row) -> &str, head: &str| {
        rows.iter().map(|row| pick(row).len()).chain([head.len()]).max().unwrap_or_default()
    };
    let name = widest(|row| row.name, "event");
    let browser = widest(|row| &row.browser, "browser ID");
    let server = widest(|row| &row.server, "server ID");
    let yes = |is: bool| if is { "yes" } else { "no" };
    let head = ["event", "browser ID", "server ID"];
    println!("{:name$} | {:browser$} | {:server$} | equal | deduplicated", head[0], head[1], head[2]);
    println!("{:-<name$}-+-{:-<browser$}-+-{:-<server$}-+-------+-------------", "", "", "");
    for row in rows {
        println!(
            "{:name$} | {:browser$} | {:server$} | {:5} | {}",
            row.name,
            row.browser,
            row.server,
            yes(row.equal()),
            yes(row.deduplicated)
        );
    }
}

async fn print_health(server_http: &str) -> anyhow::Result<()> {
    let health: Value = http::client()
        .get(format!("{server_http}/api/tracking-health"))
        .send()
        .await
        .context("asking the server for its health")?
        .json()
        .await?;
    let figures = &health["last_24h"];
    println!(
        "health: {}, leads {}, purchases {}, deduplication rate {}",
        health["status"].as_str().unwrap_or("unknown"),
        figures["lead_events"],
        figures["purchase_events"],
        figures["deduplication_rate"]
    );
    Ok(())
}

/// The folder for pictures, if one was given.
struct Album<'a>(Option<&'a Path>);

impl<'a> Album<'a> {
    fn open(folder: Option<&'a Path>) -> anyhow::Result<Self> {
        if let Some(folder) = folder {
            std::fs::create_dir_all(folder).with_context(|| format!("creating {}", folder.display()))?;
        }
        Ok(Self(folder))
    }

    async fn add(&self, session: &Session, name: &str) -> anyhow::Result<()> {
        match self.0 {
            Some(folder) => session.screenshot(&folder.join(format!("{name}.png"))).await,
            None => Ok(()),
        }
    }
}
