//! Finds settings that are each valid but do not fit together.

use std::net::SocketAddr;

use tandem_core::code;
use tandem_core::cookie::CookieDomain;
use tandem_core::order::Environment;
use url::Url;

use super::finding::Finding;
use crate::config::{Origin, Origins, Pixel, SettingAdvice, Settings, SettingsReview};
use crate::delivery::{PixelState, PixelStatus};
use crate::insight::health::ORDER_IDS_GUESSABLE;

/// The settings that are judged, as they were at the start.
#[derive(Debug)]
pub struct Deployment {
    /// Whether any pixel is configured.
    pub configured: bool,
    pub(super) environment: Environment,
    has_cashfree_secret: bool,
    is_real_meta: bool,
    origins: Origins,
    shop_url: Option<Url>,
    pub(super) cookie_domain: Option<CookieDomain>,
    grpc_addr: SocketAddr,
    has_tls: bool,
}

impl Deployment {
    /// Copies the judged settings.
    pub fn of(settings: &Settings, configured: bool) -> Self {
        Self {
            configured,
            environment: settings.cashfree.environment,
            has_cashfree_secret: settings.cashfree.secrets.is_some(),
            is_real_meta: settings.meta.is_real(),
            origins: settings.allowed_origins.clone(),
            shop_url: settings.shop_url.clone(),
            cookie_domain: settings.cookie_domain.clone(),
            grpc_addr: settings.grpc_addr,
            has_tls: settings.tls.is_some(),
        }
    }
}

pub(super) fn findings(deployment: &Deployment, pixels: &[std::sync::Arc<Pixel>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !deployment.configured {
        findings.push(Finding::failed(
            "pixel",
            code::UNCONFIGURED,
            "no pixel is configured; events are stored and wait",
            "set FACEBOOK_PIXEL_ID and FACEBOOK_ACCESS_TOKEN and restart",
        ));
    }
    findings.push(cashfree(deployment));
    findings.extend(pixels.iter().filter_map(|pixel| test_code(deployment, pixel)));
    findings.push(origins(deployment));
    findings.extend(pixels.iter().filter_map(|pixel| page(deployment, pixel)));
    findings.extend(cookies(deployment));
    findings.push(tls(deployment));
    findings
}

/// What a pixel's delivery is doing now.
pub(super) fn delivery(pixel: &Pixel, status: Option<PixelStatus>) -> Finding {
    let finding = match status.map(|status| (status.state, status.reason)) {
        Some((PixelState::Delivering, _)) => Finding::ok("pixel", "delivering", "delivers"),
        Some((PixelState::OpenCircuit, reason)) => Finding::warning(
            "pixel",
            reason,
            "Meta fails or throttles; events wait and are retried",
            "wait some minutes and check again; status.fb.com says whether Meta has trouble",
        ),
        Some((PixelState::Held, code::PAUSED)) => Finding::warning(
            "pixel",
            code::PAUSED,
            "an operator paused delivery; events wait",
            "run tandem resume to continue",
        ),
        Some((PixelState::Held, reason)) => Finding::failed(
            "pixel",
            reason,
            "Meta refuses its events; they wait",
            "read this code's page in docs/codes/; a new token is tried at once, and tandem resume retries",
        ),
        Some((PixelState::Unconfigured, _)) | None => Finding::failed(
            "pixel",
            code::UNCONFIGURED,
            "has no access token: its events wait",
            "set its access token (FACEBOOK_ACCESS_TOKEN, or access_token in the file) and restart",
        ),
    };
    finding.about(pixel.id.as_str())
}

fn cashfree(deployment: &Deployment) -> Finding {
    let name = deployment.environment.name();
    if deployment.has_cashfree_secret {
        return Finding::ok("cashfree", "secret_set", format!("{name}, with a client secret"));
    }
    Finding::warning(
        "cashfree",
        "no_secret",
        format!("no client secret for {name}; webhooks get 503"),
        "set CASHFREE_CLIENT_SECRET (or CASHFREE_CLIENT_SECRET_PRODUCTION) and restart, unless the shop takes no \
         money through Cashfree",
    )
}

/// Finds sandbox payments without a test event code.
fn test_code(deployment: &Deployment, pixel: &Pixel) -> Option<Finding> {
    pixel.money.hold(deployment.environment)?;
    let finding = Finding::failed(
        "cashfree",
        code::SANDBOX_WITHOUT_TEST_CODE,
        "Purchases are held: play money must not count at Meta",
        "set CASHFREE_ENVIRONMENT=PRODUCTION, or FACEBOOK_TEST_EVENT_CODE for a trial",
    );
    Some(finding.about(pixel.id.as_str()))
}

/// The settings that somebody should look at, as health and the log tell them.
pub(super) fn advice(review: &SettingsReview) -> Vec<Finding> {
    let found = review.findings();
    if found.is_empty() {
        return vec![Finding::ok("settings", "settings_fit", "no secret is weak or out of place")];
    }
    let finding = |found: SettingAdvice| {
        Finding::warning("settings", found.code, found.what, found.advice).about(&found.subject)
    };
    found.into_iter().map(finding).collect()
}

fn origins(deployment: &Deployment) -> Finding {
    let shop = deployment.shop_url.as_ref().and_then(Origin::of);
    match (&deployment.origins, shop) {
        (origins, Some(shop)) if !origins.allows(&shop) => Finding::failed(
            "origins",
            "shop_not_listed",
            format!("pages of {shop} (TANDEM_SHOP_URL) are refused"),
            "add the shop's origin to TANDEM_ALLOWED_ORIGINS and restart",
        ),
        (Origins::Loopback, None) if deployment.is_real_meta => Finding::warning(
            "origins",
            "origins_unset",
            "only pages of this machine may call",
            "set TANDEM_ALLOWED_ORIGINS to the shop's origins, such as https://shop.example, and restart",
        ),
        (Origins::Loopback, _) => Finding::ok("origins", "loopback", "pages of this machine"),
        (Origins::Listed(list), _) => {
            let list: Vec<String> = list.iter().map(ToString::to_string).collect();
            Finding::ok("origins", "listed", list.join(", "))
        }
    }
}

/// Website events need a page, and a paid order that no browser named has none of its own.
fn page(deployment: &Deployment, pixel: &Pixel) -> Option<Finding> {
    let finding = match &pixel.page {
        Some(page) => Finding::ok("page", "page_known", format!("{page} where an event names none")),
        None if !deployment.is_real_meta || !deployment.configured => return None,
        None => Finding::warning(
            "page",
            code::PAGE_MISSING,
            "no page is known for events that name none, such as a paid order without a browser; they are held",
            "set TANDEM_SHOP_URL to the shop's address and restart; what is held leaves then",
        ),
    };
    Some(finding.about(pixel.id.as_str()))
}

/// An order's ID is a key to it where pages prove nothing.
pub(super) fn order_ids(are_open: bool) -> Finding {
    if !are_open {
        return Finding::ok("orders", "order_ids", "nobody finds the orders of others by counting");
    }
    Finding::warning(
        "orders",
        ORDER_IDS_GUESSABLE,
        "order IDs count up, so anybody can name the orders of others: see and refuse their Purchases",
        "set TANDEM_CLAIM_SECRET and give pages their claim_key, or make order IDs that cannot be guessed \
         (docs/operating.md, order IDs)",
    )
}

fn cookies(deployment: &Deployment) -> Option<Finding> {
    let domain = deployment.cookie_domain.as_ref()?;
    let is_used = matches!(&deployment.origins,
        Origins::Listed(list) if list.iter().any(|origin| origin.is_under(domain)));
    Some(if is_used {
        Finding::ok("cookies", "set_by_http", format!("set for {domain}"))
    } else {
        Finding::failed(
            "cookies",
            "no_page_on_domain",
            format!("no cookie is ever set: no allowed origin lies on {domain}"),
            "TANDEM_COOKIE_DOMAIN must be the domain of the origins in TANDEM_ALLOWED_ORIGINS",
        )
    })
}

fn tls(deployment: &Deployment) -> Finding {
    if deployment.has_tls {
        Finding::ok("tls", "tls", "the gRPC port speaks TLS")
    } else if deployment.grpc_addr.ip().is_loopback() {
        Finding::ok("tls", "loopback", "the gRPC port is unencrypted, and only this machine can reach it")
    } else {
        Finding::warning(
            "tls",
            "plain_port",
            format!("the gRPC port {} is unencrypted and open to other machines", deployment.grpc_addr),
            "set TANDEM_TLS_CERT and TANDEM_TLS_KEY, or let only the TLS proxy reach it",
        )
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::finding::Level;
    use super::*;
    use crate::config::Source;

    const PIXEL: (&str, &str) = ("FACEBOOK_PIXEL_ID", "123456789012345");
    const SANDBOX: (&str, &str) = ("META_GRAPH_URL", "http://127.0.0.1:8090/graph");

    /// Codes of the findings that are not fine.
    fn codes(pairs: &[(&str, &str)]) -> Vec<&'static str> {
        let mut settings = Settings::read(&Source::from_pairs(pairs.iter().copied())).unwrap();
        let deployment = Deployment::of(&settings, !settings.pixels.is_empty());
        let review = SettingsReview::of(&settings);
        let pixels: Vec<_> = std::mem::take(&mut settings.pixels).into_iter().map(Arc::new).collect();
        let mut found = findings(&deployment, &pixels);
        found.extend(advice(&review));
        for finding in &found {
            assert_eq!(finding.advice.is_empty(), finding.level == Level::Ok, "{finding:?}");
        }
        found.iter().filter(|finding| finding.level != Level::Ok).map(|finding| finding.code).collect()
    }

    #[test]
    fn a_shop_in_production_has_nothing_to_mend() {
        let good = [
            PIXEL,
            ("CASHFREE_ENVIRONMENT", "PRODUCTION"),
            ("CASHFREE_CLIENT_SECRET_PRODUCTION", "s"),
            ("TANDEM_ALLOWED_ORIGINS", "https://shop.example"),
            ("TANDEM_SHOP_URL", "https://shop.example/"),
            ("TANDEM_COOKIE_DOMAIN", "shop.example"),
        ];
        assert_eq!(codes(&good), [""; 0]);
        assert_eq!(codes(&[PIXEL, SANDBOX, ("CASHFREE_CLIENT_SECRET", "s")]), [""; 0], "trying it");
    }

    #[test]
    fn settings_that_do_not_fit_together_are_found() {
        assert_eq!(codes(&[]), ["unconfigured", "no_secret", "origins_unset"]);
        let secret = ("CASHFREE_CLIENT_SECRET", "s");
        let origin = ("TANDEM_ALLOWED_ORIGINS", "https://shop.example");
        assert_eq!(codes(&[PIXEL, secret, origin]), ["sandbox_without_test_code"]);
        let production = [
            ("CASHFREE_ENVIRONMENT", "PRODUCTION"),
            ("CASHFREE_CLIENT_SECRET_PRODUCTION", "s"),
            PIXEL,
            origin,
        ];
        let with = |more: (&'static str, &'static str)| codes(&[&production[..], &[more]].concat());
        assert_eq!(with(("FACEBOOK_TEST_EVENT_CODE", "TEST1")), ["test_event_code_in_production"]);
        assert_eq!(with(("TANDEM_CLAIM_SECRET", "x")), ["secret_short"]);
        assert_eq!(with(("TANDEM_SHOP_URL", "https://www.shop.example/")), ["shop_not_listed"]);
        assert_eq!(with(("TANDEM_COOKIE_DOMAIN", "other.example")), ["no_page_on_domain"]);
        assert_eq!(with(("TANDEM_GRPC_ADDR", "0.0.0.0:50051")), ["plain_port"]);
    }

    #[test]
    fn a_pixel_is_judged_by_what_it_does() {
        let settings = Settings::read(&Source::from_pairs([PIXEL])).unwrap();
        let pixel = &settings.pixels[0];
        let level = |state, reason| {
            let finding = delivery(pixel, Some(PixelStatus { state, reason, since_ms: 0 }));
            assert_eq!(finding.subject, PIXEL.1);
            (finding.level, finding.code)
        };
        assert_eq!(level(PixelState::Delivering, ""), (Level::Ok, "delivering"));
        assert_eq!(level(PixelState::Held, "paused"), (Level::Warning, "paused"));
        assert_eq!(level(PixelState::Held, "token_refused"), (Level::Failed, "token_refused"));
        assert_eq!(level(PixelState::OpenCircuit, "meta_throttled"), (Level::Warning, "meta_throttled"));
        assert_eq!(level(PixelState::Unconfigured, "unconfigured"), (Level::Failed, "unconfigured"));
    }
}
