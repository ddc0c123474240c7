//! `Diagnose`: what the server finds about its own deployment. The judgements are pure
//! ([`settings`], [`token`], [`clock`]). This file asks Meta and collects the findings.
//!
//! No text here contains a token, a secret or personal data.

mod clock;
mod finding;
mod settings;
mod test_event;
mod token;

use std::sync::Arc;

use futures_util::future::join_all;
use tandem_core::cookie::CookieDomain;
use tandem_core::id::PixelId;
use tandem_core::order::Environment;

use super::health::Insight;
use crate::clock::Clock;
use crate::config::{Pixel, SettingsReview};
use crate::delivery::{Graph, ask_about_token};

pub use finding::{Finding, Level};
pub use settings::Deployment;

/// The answer of `Diagnose`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// When the checks ran, Unix milliseconds.
    pub at_ms: i64,
    pub pixels: Vec<PixelId>,
    /// Whose payments are believed.
    pub environment: Environment,
    /// Domain of the cookies that the server sets, if it does.
    pub cookie_domain: Option<CookieDomain>,
    pub findings: Vec<Finding>,
}

/// What `Diagnose` needs to check the server's deployment.
#[derive(Debug)]
pub struct Diagnosis {
    /// The settings that are judged.
    pub deployment: Deployment,
    /// Settings that somebody should look at.
    pub review: SettingsReview,
    /// The pixels. Where none is configured, this holds one placeholder.
    pub pixels: Vec<Arc<Pixel>>,
    pub graph: Graph,
    pub clock: Clock,
}

impl Diagnosis {
    /// Runs every check. Meta is asked about all pixels in parallel, so all checks take the time of
    /// two Graph calls at most.
    pub async fn run(&self, insight: &Insight, send_test_event: bool) -> Report {
        let pixels: &[Arc<Pixel>] = if self.deployment.configured { &self.pixels } else { &[] };
        let mut findings = settings::findings(&self.deployment, pixels);
        findings.extend(settings::advice(&self.review));
        for pixel in pixels {
            findings.push(settings::delivery(pixel, insight.board.get(&pixel.id)));
        }
        findings.push(settings::order_ids(insight.has_open_orders(&insight.snapshot().await.figures)));
        let mut meta_clock = None;
        for (pixel, answer) in pixels.iter().zip(join_all(pixels.iter().map(|p| self.token(p))).await) {
            let (found, off_s) = answer;
            findings.extend(found.into_iter().map(|finding| finding.about(pixel.id.as_str())));
            meta_clock = meta_clock.or(off_s);
        }
        findings.push(clock::finding(meta_clock));
        // Meta's answers above may have ended a doubt.
        findings.push(clock::trust(self.clock.trust_view()));
        if send_test_event {
            let sent = pixels.iter().map(|pixel| test_event::send(&self.graph, &self.clock, pixel));
            findings.extend(join_all(sent).await);
        } else {
            findings.push(test_event::not_asked_for());
        }
        Report {
            at_ms: self.clock.now_ms(),
            pixels: pixels.iter().map(|pixel| pixel.id.clone()).collect(),
            environment: self.deployment.environment,
            cookie_domain: self.deployment.cookie_domain.clone(),
            findings,
        }
    }

    /// What Meta says about a pixel's token, and by how many seconds the server's clock is ahead of
    /// Meta's.
    async fn token(&self, pixel: &Pixel) -> (Vec<Finding>, Option<i64>) {
        match ask_about_token(&self.graph, pixel, self.clock.now_s()).await {
            None => (vec![Finding::skipped("token", "no_token", "no access token is configured")], None),
            Some((answer, date_s)) => {
                let now_s = self.clock.now_s();
                (token::findings(&answer, now_s), date_s.map(|date_s| now_s.saturating_sub(date_s)))
            }
        }
    }
}
