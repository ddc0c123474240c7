//! `tandem doctor`: checks a deployment. Each family of checks has its own file. All checks run, whatever the
//! others find.

mod clock;
mod cookies;
mod cors;
mod deduplication;
mod finding;
mod gateway;
mod page;
mod server;
mod web;

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use tandem_proto::v1::DiagnoseResponse;
use url::Url;

use self::finding::Finding;
use crate::error::CliError;
use crate::report::Report;
use crate::server::Server;
use crate::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The gateway's address
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = web_url)]
    gateway_url: Url,
    /// Skip the checks of the gateway and webhooks
    #[arg(long)]
    skip_gateway: bool,
    /// A page of the shop: checks its pixel, and that it may call the server
    #[arg(long, value_name = "URL", value_parser = web_url)]
    shop_url: Option<Url>,
    /// The server's address as pages know it [the server's URL]
    #[arg(long, value_name = "URL", value_parser = web_url)]
    public_url: Option<Url>,
    /// Send a test event to each pixel that has a test event code; its name is TandemDoctor
    #[arg(long)]
    send_test_event: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

fn web_url(text: &str) -> Result<Url, String> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host().is_some() => Ok(url),
        _ => Err("must be an address such as https://shop.example/".to_owned()),
    }
}

pub(crate) async fn run(
    server: &Server,
    settings: &Settings,
    arguments: &Arguments,
) -> Result<Report, CliError> {
    let ca = settings.server.ca_pem();
    let (strict, browsing) = (web::strict(ca.as_deref())?, web::browsing(ca.as_deref())?);
    let (answers, error) = server::ask(server, arguments.send_test_event).await;
    let here_ms = now_ms();
    let mut findings: Vec<Finding> = error.into_iter().collect();
    if let Some(diagnosis) = &answers.diagnosis {
        findings.extend(server::findings(diagnosis, settings.server.url()));
        findings.extend(server_ms(diagnosis).map(|server_ms| clock::finding(server_ms, here_ms)));
    }
    if arguments.skip_gateway {
        findings.push(Finding::skipped("gateway", "left_out", "--skip-gateway"));
    } else {
        let environment = answers.diagnosis.as_ref().map_or("", |told| told.cashfree_environment.as_str());
        let secret = settings.cashfree_secret(environment)?;
        findings.extend(gateway::check(&strict, &arguments.gateway_url, secret.as_ref()).await);
    }
    match &arguments.shop_url {
        None => {
            let detail = "not checked: --shop-url is not given";
            findings.push(Finding::skipped("cors", "no_shop_url", detail));
            findings.push(Finding::skipped("page", "no_shop_url", detail));
        }
        Some(shop) => {
            let public = arguments.public_url.as_ref().unwrap_or(settings.server.url());
            let (domain, pixels) = answers
                .diagnosis
                .as_ref()
                .map_or(("", &[][..]), |told| (told.cookie_domain.as_str(), told.pixel_ids.as_slice()));
            findings.extend(cors::check(&strict, public, shop, domain).await);
            findings.extend(page::check(&browsing, shop, pixels).await);
        }
    }
    if answers.diagnosis.is_some() {
        findings.push(deduplication::finding(answers.day.as_ref()));
    }
    let text = if arguments.json { finding::as_json(&findings) } else { finding::text(&findings) };
    Ok(Report { is_bad: finding::has_failed(&findings), ..Report::plain(text) })
}

fn server_ms(diagnosis: &DiagnoseResponse) -> Option<i64> {
    let time = diagnosis.server_time.as_ref()?;
    Some(time.seconds.saturating_mul(1000).saturating_add(i64::from(time.nanos) / 1_000_000))
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
