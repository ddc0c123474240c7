//! The oldest notification (`CASHFREE_LEGACY_WEBHOOKS`): a form whose signature covers its fields
//! without separators. A captured form could be split into other fields with the same signature. So
//! even a verified form is only a hint that an order may be paid, and the Orders API must confirm
//! it.

use tandem_core::cashfree::legacy::{LEGACY_KIND, LegacyForm, LegacyNotice};
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::cashfree::signature::{SignatureError, SignedHeaders};
use tandem_core::cashfree::{Extract, MessageError, WebhookError};
use tandem_core::currency::Currency;
use tandem_core::hash::Sha256Hex;

use crate::orders::provider::{SignedMessage, Verification, VerifiedWebhook, WebhookVerdict};
use crate::orders::reconcile::question;
use crate::orders::service::{OrderError, Orders};
use crate::outbox::WebhookRecord;

const FORM: &str = "application/x-www-form-urlencoded";

impl Orders {
    /// Whether a message is a legacy notification.
    pub(in crate::orders) fn is_legacy(&self, message: &SignedMessage) -> bool {
        let kind = message.content_type.split(';').next().unwrap_or_default().trim();
        self.settings.cashfree.legacy_webhooks
            && kind.eq_ignore_ascii_case(FORM)
            && SignedHeaders::of(|name| message.headers.contains_key(name)).is_none()
    }

    pub(in crate::orders) fn verify_legacy(
        &self,
        body: &[u8],
        secrets: &[&[u8]],
        now_ms: i64,
    ) -> Result<Verification, OrderError> {
        // A body that is no form has no signature either.
        let Ok(form) = LegacyForm::parse(body) else {
            return Ok(Verification::Refused(
                WebhookVerdict::InvalidSignature,
                SignatureError::Missing.code(),
            ));
        };
        match form.verify(secrets) {
            Ok(_) => {}
            Err(SignatureError::NoSecret) => return Err(OrderError::NoSecret),
            Err(error) => {
                return Ok(Verification::Refused(WebhookVerdict::InvalidSignature, error.code()));
            }
        }
        // The form names no currency. It dates from the time when Cashfree supported only INR.
        let webhook = match form.read(Currency::INR) {
            Ok(notice) if orders_api_id_ok(notice.order_id.as_str()) => self.hint(&notice, body, now_ms),
            // The Orders API can never confirm an order whose ID it does not accept.
            Ok(_) => self.unusable_form(MessageError::BadOrderId, body, now_ms),
            Err(error) => self.unusable_form(error, body, now_ms),
        };
        Ok(Verification::Genuine(Box::new(webhook)))
    }

    /// Stores a verified notification. A notice of success causes a question to the Orders API. Any
    /// other notice changes nothing.
    fn hint(&self, notice: &LegacyNotice, body: &[u8], now_ms: i64) -> VerifiedWebhook {
        let order = &notice.order_id;
        let record = WebhookRecord {
            account: self.account(),
            event_key: notice.event_key(),
            kind: LEGACY_KIND.to_owned(),
            order_id: Some(order.as_str().to_owned()),
            received_ms: now_ms,
            dead_letter: None,
            extract: serde_json::to_string(&notice.extract()).unwrap_or_default(),
            body_sha256: Sha256Hex::of_bytes(body).to_hex(),
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        };
        let is_success = notice.status == "SUCCESS";
        let change = is_success.then(|| (order.clone(), question(now_ms)));
        let verdict = WebhookVerdict::Accepted;
        VerifiedWebhook { record, change, proves_payment: is_success, verdict }
    }

    fn unusable_form(&self, error: MessageError, body: &[u8], now_ms: i64) -> VerifiedWebhook {
        let extract = Extract { webhook_type: LEGACY_KIND.to_owned(), ..Extract::default() };
        let error = WebhookError { reason: error, offset: None, extract: Box::new(extract) };
        self.unusable(&error, body, now_ms)
    }
}
