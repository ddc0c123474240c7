//! Cashfree as a load generator: sends signed webhooks, and repeats each on its schedule until 200.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::cashfree::Webhook;
use crate::http;

/// Cashfree's default retries: after 2, 10 and 30 minutes.
const RETRIES: [Duration; 3] =
    [Duration::from_secs(120), Duration::from_secs(600), Duration::from_secs(1800)];
/// Most webhooks on the wire at once: more than the gateway holds, fewer than a process may open files.
const ON_THE_WIRE_MAX: usize = 700;

/// Longest time that is told apart, microseconds; the client gives up long before.
const LONGEST_US: u64 = 60_000_000;

/// One delivery and its answer.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// HTTP status; 0: no answer came.
    pub status: u16,
    /// Until the answer's end.
    pub took: Duration,
    /// Whether it said when to come again.
    pub has_retry_after: bool,
}

/// What came of the webhooks.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers by HTTP status; 0: none came.
    pub(super) by_status: BTreeMap<u16, u64>,
    /// Genuine webhooks that were answered with 200.
    pub(super) taken: u64,
    /// Genuine webhooks that Cashfree gave up.
    pub(super) given_up: u64,
    /// Forged ones that were answered with 401.
    pub(super) refused: u64,
    /// What should not have been answered so.
    pub(super) complaints: Vec<String>,
    /// Microseconds to each 200 since the last look.
    pub(super) accepted: Times,
    /// Longest wait for an answer of any kind.
    pub(super) slowest: Duration,
}

/// Times in microseconds.
#[derive(Debug)]
pub(super) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_max(LONGEST_US, 3).expect("three digits are a precision"))
    }
}

impl Times {
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The `share`-th of the times (0.99 for the 99th percentile), milliseconds.
    pub(super) fn percentile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }
}

/// Sends webhooks to one gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sender {
    url: String,
    http: reqwest::Client,
    compression: u32,
    tally: Arc<Mutex<Tally>>,
    wire: Arc<Semaphore>,
}

impl Sender {
    /// A sender to the gateway at this address, whose retries come so many times faster than Cashfree's.
    #[must_use]
    pub fn new(gateway: &str, compression: u32) -> Self {
        Self {
            url: format!("{gateway}/webhooks/cashfree"),
            http: http::client(),
            compression: compression.max(1),
            tally: Arc::default(),
            wire: Arc::new(Semaphore::new(ON_THE_WIRE_MAX)),
        }
    }

    /// Sends a webhook once.
    pub async fn post(&self, webhook: &Webhook) -> Sent {
        let _wire = self.wire.acquire().await;
        let started = Instant::now();
        let request = self
            .http
            .post(&self.url)
            .header("content-type", "application/json")
            .header("x-webhook-version", "2025-01-01")
            .header("x-webhook-signature", &webhook.signature)
            .header("x-webhook-timestamp", &webhook.timestamp)
            .body(webhook.body.clone());
        let (status, has_retry_after) = match request.send().await {
            Ok(response) => {
                let head = (response.status().as_u16(), response.headers().contains_key("retry-after"));
                // An answer that breaks off is none.
                response.bytes().await.map_or((0, false), |_| head)
            }
            Err(_) => (0, false),
        };
        Sent { status, took: started.elapsed(), has_retry_after }
    }

    /// Delivers a webhook as Cashfree does: again and again until 200 or until it gives up.
    pub(super) async fn deliver(&self, message: Message) {
        for attempt in 0..=RETRIES.len() {
            let sent = self.post(&message.webhook).await;
            if self.note(&message, sent) {
                return;
            }
            if let Some(delay) = RETRIES.get(attempt) {
                tokio::time::sleep(*delay / self.compression).await;
            }
        }
        self.look(|tally| {
            // A forged one that met outages only did no harm.
            tally.given_up += u64::from(!message.is_forged);
        });
    }

    /// Notes an answer. Returns whether it is the last one.
    fn note(&self, message: &Message, sent: Sent) -> bool {
        self.look(|tally| {
            *tally.by_status.entry(sent.status).or_default() += 1;
            tally.slowest = tally.slowest.max(sent.took);
            match (sent.status, message.is_forged) {
                (200, false) => {
                    tally.taken += 1;
                    tally
                        .accepted
                        .0
                        .saturating_record(u64::try_from(sent.took.as_micros()).unwrap_or(u64::MAX));
                    true
                }
                (401, true) => {
                    tally.refused += 1;
                    true
                }
                (503, _) if sent.has_retry_after => false,
                // The gateway is away.
                (0, _) => false,
                (status, is_forged) => {
                    tally
                        .complaints
                        .push(format!("a webhook (forged: {is_forged}) was answered with {status}"));
                    is_forged
                }
            }
        })
    }

    /// Looks at the tally.
    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The times of what was accepted since the last call.
    pub(super) fn take_times(&self) -> Times {
        self.look(|tally| std::mem::take(&mut tally.accepted))
    }

    /// Sends a webhook on its way, retries included.
    pub(super) fn launch(&self, deliveries: &mut JoinSet<()>, message: Message) {
        let sender = self.clone();
        deliveries.spawn(async move { sender.deliver(message).await });
    }
}

/// A webhook and whether it is genuine.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) webhook: Webhook,
    /// Not signed with Cashfree's secret: to be answered with 401.
    pub(super) is_forged: bool,
}
