//! A second provider needs one file like this one: it only verifies and reads.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, OrderId};
use tandem_core::money::Money;
use tandem_core::order::{Order, Payment, PaymentSource};
use tandem_core::user_data::UserData;

use crate::clock::Clock;
use crate::orders::provider::*;
use crate::orders::providers::cashfree::CashfreeWebhooks;
use crate::orders::step::Change;
use crate::orders::testing::{Fixture, fixture};
use crate::orders::{OrderError, Orders};
use crate::outbox::{Ask, EventKey, WebhookRecord};

/// Reads "ORDER PAYMENT RUPEES" in plain text; a fixed word is its signature.
#[derive(Debug)]
struct Cowrie;

impl Provider for Cowrie {
    fn name(&self) -> &'static str {
        "cowrie"
    }

    fn verify(
        &self,
        orders: &Orders,
        message: &SignedMessage,
        now_ms: i64,
    ) -> Result<Verification, OrderError> {
        if message.headers.get("x-cowrie").map(String::as_str) != Some("open sesame") {
            return Ok(Verification::Refused(WebhookVerdict::InvalidSignature, "signature_mismatch"));
        }
        let text = String::from_utf8_lossy(&message.body).into_owned();
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (order, payment, amount) = (OrderId::parse(word()), word().to_owned(), word());
        let money = Money::parse(amount, Currency::INR);
        let (change, dead_letter): (Option<(OrderId, Change)>, _) = match (&order, money) {
            (Ok(order), Ok(money)) => {
                let paid = Payment {
                    payment_id: Some(payment.clone()),
                    account: None,
                    pixel: None,
                    money,
                    at_s: now_ms / 1000,
                    seen_at_s: now_ms / 1000,
                    source: PaymentSource::Webhook,
                    action_source: ActionSource::Website,
                    user_data: orders.hash_customer(Default::default(), None, now_ms),
                    custom_data: CustomData::default(),
                    listed: CustomData::default(),
                    page: Page::default(),
                    consent: Consent::default(),
                };
                let change: Change = Box::new(move |order: &mut Order| {
                    order.pay(paid.clone());
                    Ask::Never.into()
                });
                (Some((order.clone(), change)), None)
            }
            _ => (None, Some("bad_amount".to_owned())),
        };
        let record = WebhookRecord {
            account: "cowrie:TEST".to_owned(),
            event_key: format!("PAID|{payment}"),
            kind: "PAID".to_owned(),
            order_id: order.ok().map(|order| order.as_str().to_owned()),
            received_ms: now_ms,
            dead_letter,
            extract: "{}".to_owned(),
            body_sha256: Sha256Hex::of_bytes(&message.body).to_hex(),
            body_bytes: 0,
        };
        let verdict = if change.is_some() { WebhookVerdict::Accepted } else { WebhookVerdict::DeadLettered };
        let proves_payment = change.is_some();
        Ok(Verification::Genuine(Box::new(VerifiedWebhook { record, change, proves_payment, verdict })))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_provider_is_one_file_and_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let Fixture { orders, outbox } = fixture(dir.path(), Clock::system(), &[], Vec::new());
    let told = async |word: &str, body: &str| {
        let message = SignedMessage {
            provider: "cowrie".to_owned(),
            body: body.as_bytes().to_vec(),
            headers: [("x-cowrie".to_owned(), word.to_owned())].into(),
            ..SignedMessage::default()
        };
        orders.webhook_of(&[&CashfreeWebhooks, &Cowrie], &message).await.unwrap()
    };
    assert_eq!(told("sesame", "KB-1 p1 10.50").await.verdict, WebhookVerdict::InvalidSignature);
    let first = told("open sesame", "KB-1 p1 10.50").await;
    assert_eq!((first.verdict, first.order_id.as_str()), (WebhookVerdict::Accepted, "KB-1"));
    let purchase = EventId::parse("purchase_KB-1").unwrap();
    assert_eq!(first.purchase.as_ref(), Some(&purchase));
    assert_eq!(told("open sesame", "KB-1 p1 10.50").await.verdict, WebhookVerdict::Duplicate);
    let unusable = told("open sesame", "KB-2 p2 much").await;
    assert_eq!((unusable.verdict, unusable.detail.as_str()), (WebhookVerdict::DeadLettered, "bad_amount"));

    let key = EventKey { id: purchase, name: None, pixel: None };
    assert_eq!(outbox.operators.find(key).await.unwrap().len(), 1, "one Purchase");
    let order = outbox.orders.order(orders.key(OrderId::parse("KB-1").unwrap())).await.unwrap().unwrap();
    assert_eq!(order.paid().map(|paid| paid.user_data.clone()), Some(UserData::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn either_pair_of_cashfrees_headers_signs_and_a_mix_does_not() {
    const NOW_MS: i64 = 1_763_942_400_000;
    let secret = "cfsk_ma_test_of_the_suite";
    let dir = tempfile::tempdir().unwrap();
    let variables = [("CASHFREE_CLIENT_SECRET", secret)];
    let Fixture { orders, .. } = fixture(dir.path(), Clock::fixed(NOW_MS), &variables, Vec::new());
    let told = async |payment, names: [(&str, &str); 2]| {
        let mut message = cashfree(secret, payment, NOW_MS);
        for (name, other) in names {
            let value = message.headers.remove(name).unwrap();
            message.headers.insert(other.to_owned(), value);
        }
        orders.webhook(&message).await.map(|answer| answer.verdict).unwrap()
    };
    let signature = ("x-webhook-signature", "x-cashfree-signature");
    let timestamp = ("x-webhook-timestamp", "x-cashfree-timestamp");
    let kept = |(name, _): (&'static str, &'static str)| (name, name);
    assert_eq!(told("1", [kept(signature), kept(timestamp)]).await, WebhookVerdict::Accepted);
    assert_eq!(told("2", [signature, timestamp]).await, WebhookVerdict::Accepted);
    for mixed in [[signature, kept(timestamp)], [kept(signature), timestamp]] {
        assert_eq!(told("3", mixed).await, WebhookVerdict::InvalidSignature);
    }
}

/// Cashfree's webhook of a payment, signed at a time (Unix milliseconds).
fn cashfree(secret: &str, payment: &str, signed_ms: i64) -> SignedMessage {
    cashfree_of(secret, payment, "10.50", signed_ms)
}

fn cashfree_of(secret: &str, payment: &str, amount: &str, signed_ms: i64) -> SignedMessage {
    let body = format!(
        r#"{{"type":"PAYMENT_SUCCESS_WEBHOOK","event_time":"2025-11-24T05:30:00+05:30","data":{{
        "order":{{"order_id":"KB-{payment}","order_amount":10.50,"order_currency":"INR"}},
        "payment":{{"cf_payment_id":"{payment}","payment_status":"SUCCESS","payment_amount":{amount},"payment_currency":"INR",
        "payment_time":"2025-11-24T05:30:00+05:30"}},"customer_details":{{}}}}}}"#
    );
    let timestamp = signed_ms.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(body.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let headers = [("x-webhook-timestamp", timestamp), ("x-webhook-signature", signature)];
    SignedMessage {
        provider: "cashfree".to_owned(),
        body: body.into_bytes(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        ..SignedMessage::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumped_refuses_no_proof_and_a_trusted_one_refuses_old_and_future_ones() {
    const NOW_MS: i64 = 1_763_942_400_000;
    const JUMP_MS: i64 = 40 * 24 * 3600 * 1000;
    let secret = "cfsk_ma_test_of_the_suite";
    for jump_ms in [JUMP_MS, -JUMP_MS] {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW_MS);
        let variables = [("CASHFREE_CLIENT_SECRET", secret)];
        let Fixture { orders, .. } = fixture(dir.path(), clock.clone(), &variables, Vec::new());
        let told = async |payment| {
            orders.webhook(&cashfree(secret, payment, NOW_MS)).await.map(|answer| answer.verdict).unwrap()
        };
        assert_eq!(told("1").await, WebhookVerdict::Accepted);
        clock.jump_ms(jump_ms);
        assert_eq!(told("2").await, WebhookVerdict::Accepted, "after a jump by {jump_ms} ms");
        assert_eq!(told("1").await, WebhookVerdict::Duplicate, "a copy is known by its content");
        let forged = SignedMessage { body: b"{}".to_vec(), ..cashfree(secret, "3", NOW_MS) };
        let forged = orders.webhook(&forged).await.unwrap();
        assert_eq!(forged.verdict, WebhookVerdict::InvalidSignature, "no clock makes it genuine");
        clock.confirm();
        assert_eq!(told("3").await, WebhookVerdict::Stale, "somebody said that the time is right");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_names_a_purchase_only_of_an_order_that_is_paid() {
    const NOW_MS: i64 = 1_763_942_400_000;
    let (secret, dir) = ("cfsk_ma_test_of_the_suite", tempfile::tempdir().unwrap());
    let variables = [("CASHFREE_CLIENT_SECRET", secret)];
    let Fixture { orders, .. } = fixture(dir.path(), Clock::fixed(NOW_MS), &variables, Vec::new());
    for (payment, amount, purchase, detail) in [
        ("1", "0", None, "zero_amount"),
        ("2", "0.00", None, "zero_amount"),
        ("3", "0.01", Some("purchase_KB-3"), ""),
    ] {
        let message = cashfree_of(secret, payment, amount, NOW_MS);
        let purchase = purchase.map(|id| EventId::parse(id).unwrap());
        let first = orders.webhook(&message).await.unwrap();
        assert_eq!((first.verdict, &first.purchase), (WebhookVerdict::Accepted, &purchase), "{amount}");
        assert_eq!(first.detail, detail);
        let copy = orders.webhook(&message).await.unwrap();
        assert_eq!((copy.verdict, &copy.purchase), (WebhookVerdict::Duplicate, &purchase), "{amount} again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_provider_is_the_callers_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let message = SignedMessage { provider: "cowrie".to_owned(), ..SignedMessage::default() };
    let Fixture { orders, .. } = fixture(dir.path(), Clock::system(), &[], Vec::new());
    assert_eq!(orders.webhook(&message).await, Err(OrderError::UnknownProvider));
}
