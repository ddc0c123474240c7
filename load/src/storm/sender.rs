//! Cashfree as a load generator: sends signed webhooks, and retries each on Cashfree's schedule until it gets 200.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use tandem_tests::cashfree::Webhook;
use tandem_tests::webhook_sender::{WebhookAnswer, WebhookSender};

/// Cashfree's default retries: after 2, 10 and 30 minutes.
const RETRIES: [Duration; 3] =
    [Duration::from_secs(120), Duration::from_secs(600), Duration::from_secs(1800)];
/// Longest measured answer, in microseconds. The client gives up long before.
const LONGEST_US: u64 = 60_000_000;

/// The results of the webhooks.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Answers by HTTP status; 0 if none came.
    pub(super) by_status: BTreeMap<u16, u64>,
    /// Genuine webhooks that were answered with 200.
    pub(super) taken: u64,
    /// Genuine webhooks that Cashfree gave up on.
    pub(super) given_up: u64,
    /// Forged webhooks that were answered with 401.
    pub(super) refused: u64,
    /// Answers that were wrong.
    pub(super) complaints: Vec<String>,
    /// Times until each 200 since the last call of [`Sender::take_times`], in microseconds.
    pub(super) accepted: Times,
    /// Longest time until an answer of any status.
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

    /// The `share`-th of the times (0.99 for the 99th percentile), in milliseconds.
    pub(super) fn percentile_ms(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }
}

/// Sends webhooks to one gateway and retries them. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    webhooks: WebhookSender,
    compression: u32,
    tally: Arc<Mutex<Tally>>,
}

impl Sender {
    /// A sender to the gateway at this address. Its retries are `compression` times faster than Cashfree's.
    pub(super) fn new(gateway: &str, compression: u32) -> Self {
        Self { webhooks: WebhookSender::new(gateway), compression: compression.max(1), tally: Arc::default() }
    }

    /// Delivers a webhook as Cashfree does: retries until 200 or until the schedule ends.
    pub(super) async fn deliver(&self, message: Message) {
        for attempt in 0..=RETRIES.len() {
            let answer = self.webhooks.post(&message.webhook).await;
            if self.note(&message, answer) {
                return;
            }
            if let Some(delay) = RETRIES.get(attempt) {
                tokio::time::sleep(*delay / self.compression).await;
            }
        }
        self.look(|tally| {
            // A forged webhook that met only outages did no harm.
            tally.given_up += u64::from(!message.is_forged);
        });
    }

    /// Records an answer. Returns whether the deliveries end with it.
    fn note(&self, message: &Message, answer: WebhookAnswer) -> bool {
        self.look(|tally| {
            *tally.by_status.entry(answer.status).or_default() += 1;
            tally.slowest = tally.slowest.max(answer.took);
            match (answer.status, message.is_forged) {
                (200, false) => {
                    tally.taken += 1;
                    tally
                        .accepted
                        .0
                        .saturating_record(u64::try_from(answer.took.as_micros()).unwrap_or(u64::MAX));
                    true
                }
                (401, true) => {
                    tally.refused += 1;
                    true
                }
                (503, _) if answer.has_retry_after => false,
                // The gateway is down.
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

    pub(super) fn look<T>(&self, look: impl FnOnce(&mut Tally) -> T) -> T {
        look(&mut self.tally.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The times of the accepted webhooks since the last call.
    pub(super) fn take_times(&self) -> Times {
        self.look(|tally| std::mem::take(&mut tally.accepted))
    }

    /// Starts to deliver a webhook in the background.
    pub(super) fn launch(&self, deliveries: &mut JoinSet<()>, message: Message) {
        let sender = self.clone();
        deliveries.spawn(async move { sender.deliver(message).await });
    }
}

#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) webhook: Webhook,
    /// Whether a wrong secret signed the webhook. The gateway must answer 401.
    pub(super) is_forged: bool,
}
