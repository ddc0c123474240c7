//! The oldest notification (`CASHFREE_LEGACY_WEBHOOKS`): a form that signs its fields
//! without anything between them, so that a captured one can be cut anew. Even a verified
//! one is a hint that an order may be paid; the Orders API alone makes it a fact.

use tandem_core::cashfree::legacy::{LEGACY_KIND, LegacyForm, LegacyNotice};
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::cashfree::signature::{SIGNATURE_HEADER, SignatureProblem};
use tandem_core::cashfree::{Extract, Problem, Unusable};
use tandem_core::currency::Currency;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::EventId;
use tandem_proto::v1::{self, Verdict};

use super::Purchases;
use super::webhook::{answer, named};
use crate::ingest::Reject;
use crate::outbox::{Ask, WebhookRecord};

const FORM: &str = "application/x-www-form-urlencoded";

impl Purchases {
    /// Whether a message is to be read as a legacy notification.
    pub(super) fn is_legacy(&self, request: &v1::VerifyWebhookRequest) -> bool {
        let kind = request.content_type.split(';').next().unwrap_or_default().trim();
        self.cashfree.legacy_webhooks
            && kind.eq_ignore_ascii_case(FORM)
            && !request.headers.contains_key(SIGNATURE_HEADER)
    }

    pub(super) async fn judge_legacy(
        &self,
        body: &[u8],
        secrets: &[&[u8]],
        now_ms: i64,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        // Without its fields it has no signature either.
        let Ok(form) = LegacyForm::parse(body) else {
            return Ok(answer(Verdict::InvalidSignature, SignatureProblem::Missing.code()));
        };
        match form.verify(secrets) {
            Ok(_) => {}
            Err(SignatureProblem::NoSecret) => return Err(Reject::NoSecret),
            Err(problem) => return Ok(answer(Verdict::InvalidSignature, problem.code())),
        }
        // The form names no currency: it is of the time when Cashfree knew only one.
        match form.read(Currency::INR) {
            Ok(notice) if orders_api_id_ok(notice.order_id.as_str()) => {
                self.take_hint(&notice, body, now_ms).await
            }
            // An order that the Orders API cannot know can never be confirmed.
            Ok(_) => self.keep_legacy(Problem::BadOrderId, body, now_ms).await,
            Err(problem) => self.keep_legacy(problem, body, now_ms).await,
        }
    }

    /// Keeps the notification, and asks the Orders API when it speaks of success.
    async fn take_hint(
        &self,
        notice: &LegacyNotice,
        body: &[u8],
        now_ms: i64,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let order = &notice.order_id;
        let extract = serde_json::to_string(&notice.extract()).unwrap_or_default();
        let record = WebhookRecord {
            account: self.account(),
            event_key: notice.event_key(),
            kind: LEGACY_KIND.to_owned(),
            order_id: Some(order.as_str().to_owned()),
            received_ms: now_ms,
            dead_letter: None,
            extract,
            body_sha256: Sha256Hex::of_bytes(body).to_hex(),
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        };
        if notice.status != "SUCCESS" {
            // A hint that nothing was paid changes nothing.
            let is_new = self.ingest.outbox.record_webhook(record).await?;
            let verdict = if is_new { Verdict::Accepted } else { Verdict::Duplicate };
            return Ok(named(answer(verdict, ""), LEGACY_KIND, order.as_str()));
        }
        let (updated, _) = self
            .step(order, &self.default_pixel(), Some(record), false, move |order| {
                order.hint(now_ms.div_euclid(1000));
                ((), if order.paid().is_none() { Ask::At(now_ms) } else { Ask::AsPlanned })
            })
            .await?;
        self.ask_now.notify_one();
        let verdict = if updated.applied { Verdict::Accepted } else { Verdict::Duplicate };
        let mut answer = named(answer(verdict, ""), LEGACY_KIND, order.as_str());
        answer.event_id = EventId::of_purchase(order).into();
        Ok(answer)
    }

    async fn keep_legacy(
        &self,
        problem: Problem,
        body: &[u8],
        now_ms: i64,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let extract = Extract { webhook_type: LEGACY_KIND.to_owned(), ..Extract::default() };
        let unusable = Unusable { problem, offset: None, extract: Box::new(extract) };
        self.keep_unusable(&unusable, body, now_ms).await
    }
}
