//! A second provider is one file like this one: it verifies, it reads, and the rest follows.

use std::sync::Arc;

use tandem_core::currency::Currency;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::money::Money;
use tandem_core::order::{Paid, PaymentSource};
use tandem_core::user_data::UserData;

use super::webhook::*;
use super::*;
use crate::clock::Clock;
use crate::outbox::EventKey;
use tandem_core::id::EventId;
use tandem_proto::v1::{Verdict, VerifyWebhookRequest};

/// Says "ORDER PAYMENT RUPEES" in plain text, and proves itself with a word.
#[derive(Debug)]
struct Cowrie;

const COWRIE: i32 = 99;

impl Provider for Cowrie {
    fn number(&self) -> i32 {
        COWRIE
    }

    fn judge(
        &self,
        purchases: &Purchases,
        request: &VerifyWebhookRequest,
        now_ms: i64,
    ) -> Result<Judged, Reject> {
        if request.headers.get("x-cowrie").map(String::as_str) != Some("open sesame") {
            return Ok(Judged::Refused(Verdict::InvalidSignature, "signature_mismatch"));
        }
        let text = String::from_utf8_lossy(&request.raw_body).into_owned();
        let mut words = text.split(' ');
        let mut word = || words.next().unwrap_or_default();
        let (order, payment, amount) = (OrderId::parse(word()), word().to_owned(), word());
        let money = Money::parse(amount, Currency::INR);
        let (step, dead_letter): (Option<(OrderId, Step)>, _) = match (&order, money) {
            (Ok(order), Ok(money)) => {
                let paid = Paid {
                    payment_id: Some(payment.clone()),
                    money,
                    at_s: now_ms / 1000,
                    seen_at_s: now_ms / 1000,
                    source: PaymentSource::Webhook,
                    action_source: ActionSource::Website,
                    user_data: purchases.hashed(Default::default(), now_ms),
                    custom_data: CustomData::default(),
                    listed: CustomData::default(),
                    page: Page::default(),
                    consent: Consent::default(),
                };
                let step: Step = Box::new(move |order| {
                    order.pay(paid.clone());
                    Ask::Never
                });
                (Some((order.clone(), step)), None)
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
            body_sha256: Sha256Hex::of_bytes(&request.raw_body).to_hex(),
            body_bytes: 0,
        };
        let verdict = if step.is_some() { Verdict::Accepted } else { Verdict::DeadLettered };
        Ok(Judged::Genuine(Box::new(Genuine { record, proves_payment: step.is_some(), step, verdict })))
    }
}

fn purchases(dir: &std::path::Path) -> Arc<Purchases> {
    testing::purchases(dir, Clock::system(), &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_provider_is_one_file_and_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let purchases = purchases(dir.path());
    let told = async |word: &str, body: &str| {
        let request = VerifyWebhookRequest {
            provider: COWRIE,
            raw_body: body.as_bytes().to_vec(),
            headers: [("x-cowrie".to_owned(), word.to_owned())].into(),
            ..VerifyWebhookRequest::default()
        };
        purchases
            .verify_webhook_of(&[&super::providers::cashfree::CashfreeWebhooks, &Cowrie], &request)
            .await
            .unwrap()
    };
    assert_eq!(told("sesame", "KB-1 p1 10.50").await.verdict(), Verdict::InvalidSignature);
    let first = told("open sesame", "KB-1 p1 10.50").await;
    assert_eq!((first.verdict(), first.order_id.as_str()), (Verdict::Accepted, "KB-1"));
    assert_eq!(first.event_id, "purchase_KB-1");
    assert_eq!(told("open sesame", "KB-1 p1 10.50").await.verdict(), Verdict::Duplicate);
    let unusable = told("open sesame", "KB-2 p2 much").await;
    assert_eq!((unusable.verdict(), unusable.detail.as_str()), (Verdict::DeadLettered, "bad_amount"));

    let id = EventId::parse("purchase_KB-1").unwrap();
    let key = EventKey { id, name: None, pixel: None };
    assert_eq!(purchases.ingest.outbox.operators.find(key).await.unwrap().len(), 1, "one Purchase");
    let order = purchases.ingest.outbox.orders.order(OrderId::parse("KB-1").unwrap()).await.unwrap().unwrap();
    assert_eq!(order.paid().map(|paid| paid.user_data.clone()), Some(UserData::default()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_provider_is_the_callers_mistake() {
    let dir = tempfile::tempdir().unwrap();
    let request = VerifyWebhookRequest { provider: COWRIE, ..VerifyWebhookRequest::default() };
    let refused = purchases(dir.path()).verify_webhook(request).await.expect_err("is unknown");
    assert_eq!(refused.grpc(), tonic::Code::InvalidArgument);
}
