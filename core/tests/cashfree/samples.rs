//! Samples of webhooks, unchanged and changed.

use tandem_core::cashfree::{Effect, MessageError, Proof, Webhook, WebhookError};
use tandem_core::currency::Currency;

/// The samples, one per line: a name, then the body.
pub(crate) const SAMPLES: &str = include_str!("../../vectors/cashfree_webhooks.txt");

pub(crate) fn sample(name: &str) -> &'static str {
    SAMPLES
        .lines()
        .filter_map(|line| line.split_once(' '))
        .find(|(known, _)| *known == name)
        .unwrap_or_else(|| panic!("there is a sample {name}"))
        .1
}

pub(crate) fn parse(body: &str) -> Result<Webhook, WebhookError> {
    Webhook::parse(body.as_bytes(), Currency::INR)
}

pub(crate) fn read(name: &str) -> Webhook {
    parse(sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A sample with the text `from` replaced by `to`. The sample must contain `from`.
pub(crate) fn changed(name: &str, from: &str, to: &str) -> String {
    let body = sample(name);
    assert!(body.contains(from), "{name} holds {from}");
    body.replace(from, to)
}

pub(crate) fn message_error(body: &str) -> MessageError {
    parse(body).expect_err("is unusable").reason
}

/// Order, payment, minor units, currency, time.
pub(crate) type PaymentFields = (String, Option<String>, u64, String, Option<i64>);

pub(crate) fn proof(webhook: &Webhook) -> Option<PaymentFields> {
    let Effect::Paid(Proof { order_id, payment_id, money, paid_at_s, .. }) = webhook.effect() else {
        return None;
    };
    let payment_id = payment_id.map(ToString::to_string);
    Some((
        order_id.to_string(),
        payment_id,
        money.amount.get(),
        money.currency.as_str().to_owned(),
        paid_at_s,
    ))
}

pub(crate) fn paid(order: &str, payment: &str, minor: u64, at_s: i64) -> Option<PaymentFields> {
    Some((order.into(), Some(payment.into()), minor, "INR".into(), Some(at_s)))
}
