//! Cashfree's webhooks. The signature over the raw bytes is checked first, then the age, then the
//! payload.

use secrecy::ExposeSecret as _;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::cashfree::signature::{self, SignatureError, SignedHeaders};
use tandem_core::cashfree::{Effect, Notice, Proof, Webhook, WebhookError};
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::OrderId;
use tandem_core::order::{Order, Payment, PaymentOutcome, PaymentSource, Refund};

use crate::config::SecretSource;
use crate::orders::provider::{Provider, SignedMessage, Verification, VerifiedWebhook, WebhookVerdict};
use crate::orders::reconcile::question;
use crate::orders::service::{OrderError, Orders};
use crate::orders::step::{Change, ChangeOutcome};
use crate::outbox::{Ask, StepAnswer, WebhookRecord};

/// Why a webhook is a dead letter whose payment is another merchant account's.
const OTHER_ACCOUNT: &str = "other_account";
/// How far ahead of the server's clock a webhook may be signed, milliseconds.
const AHEAD_MAX_MS: i64 = 10 * 60 * 1000;

#[derive(Debug)]
pub(in crate::orders) struct CashfreeWebhooks;

/// What a webhook means for its order. The values are owned, so that they can become a step.
enum Meaning {
    Paid(Box<Payment>),
    Failed,
    Voided(String, i64),
    Refunded(Refund),
    /// The webhook names the order, so there may be a payment.
    Mentioned,
}

impl Meaning {
    fn apply(&self, order: &mut Order, now_s: i64, may_ask: bool) -> ChangeOutcome {
        match self {
            Self::Paid(paid) => {
                let outcome = order.pay((**paid).clone());
                let dead_letter = (outcome == PaymentOutcome::OtherAccount).then_some(OTHER_ACCOUNT);
                let ask = if order.paid().is_some() { Ask::Never } else { Ask::AsPlanned };
                return ChangeOutcome {
                    dead_letter,
                    ..ChangeOutcome::answered(StepAnswer::Payment(outcome), ask)
                };
            }
            Self::Failed => order.fail(),
            Self::Voided(payment_id, at_s) => order.void(payment_id, *at_s),
            Self::Refunded(refund) => {
                order.refund(refund.clone());
            }
            Self::Mentioned => order.attest(),
        }
        // The webhook that proves the payment may get lost, so a question is planned.
        let ask_s = if may_ask { order.plan_first_question(now_s) } else { None };
        ask_s.map_or(Ask::AsPlanned, |at_s| Ask::At(at_s.saturating_mul(1000))).into()
    }
}

impl Provider for CashfreeWebhooks {
    fn name(&self) -> &'static str {
        "cashfree"
    }

    fn verify(
        &self,
        orders: &Orders,
        message: &SignedMessage,
        now_ms: i64,
    ) -> Result<Verification, OrderError> {
        let cashfree = &orders.settings.cashfree;
        let secrets = cashfree.secrets.as_ref().map(SecretSource::list).unwrap_or_default();
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
        if orders.is_legacy(message) {
            return orders.verify_legacy(&message.body, &secrets, now_ms);
        }
        let header = |name: &str| message.headers.get(name).map(String::as_str).unwrap_or_default();
        let (timestamp, signature) = SignedHeaders::of(|name| message.headers.contains_key(name))
            .map_or_else(Default::default, |names| (header(names.timestamp), header(names.signature)));
        let signed_ms = match signature::verify(&secrets, timestamp, &message.body, signature) {
            Ok(genuine) => genuine.signed_ms,
            Err(SignatureError::NoSecret) => return Err(OrderError::NoSecret),
            Err(error) => {
                return Ok(Verification::Refused(WebhookVerdict::InvalidSignature, error.code()));
            }
        };
        let max_age_ms = i64::try_from(cashfree.webhook_max_age.as_millis()).unwrap_or(i64::MAX);
        // The age counts until the gateway received the webhook, so a wait between gateway and
        // server does not matter.
        let received_ms = message.received_ms.map_or(now_ms, |received_ms| received_ms.min(now_ms));
        // A wrong clock makes a fresh proof look old. Its copies are known by their key all the same.
        let knows_age = orders.clock.trusted().is_some();
        if let Err(error) = signature::check_age(signed_ms, received_ms, max_age_ms, AHEAD_MAX_MS)
            && knows_age
        {
            return Ok(Verification::Refused(WebhookVerdict::Stale, error.code()));
        }
        let webhook = match Webhook::parse(&message.body, orders.settings.default_currency) {
            Ok(webhook) => orders.usable(&webhook, &message.body, signed_ms, now_ms),
            Err(error) => orders.unusable(&error, &message.body, now_ms),
        };
        Ok(Verification::Genuine(Box::new(webhook)))
    }
}

impl Orders {
    /// Turns a genuine and readable webhook into its change of the order.
    fn usable(&self, webhook: &Webhook, body: &[u8], signed_ms: i64, now_ms: i64) -> VerifiedWebhook {
        let record = self.record_of(webhook, body, now_ms);
        let now_s = now_ms.div_euclid(1000);
        let note = webhook.note(now_s);
        let verdict = if webhook.is_ignored() { WebhookVerdict::Ignored } else { WebhookVerdict::Accepted };
        let is_subscription = matches!(webhook.notice(), Notice::Subscription(_));
        let effect = match self.settings.cashfree.subscription_purchases && is_subscription {
            true => webhook.subscription_effect(),
            false => webhook.effect(),
        };
        let (effect, proves_payment) = match effect {
            Effect::Paid(proof) => {
                let account = webhook.extract().merchant_id.as_ref().map(|id| id.as_str().to_owned());
                let source = match webhook.notice() {
                    Notice::Link(_) | Notice::Form(_) => PaymentSource::LinkOrForm,
                    _ => PaymentSource::Webhook,
                };
                let mut paid = Payment { account, source, ..self.paid(&proof, signed_ms, now_ms) };
                if is_subscription {
                    // Nobody is on a page when a subscription renews itself.
                    paid.action_source = ActionSource::SystemGenerated;
                }
                (Some((proof.order_id.clone(), Meaning::Paid(Box::new(paid)))), true)
            }
            Effect::Failed { order_id } => (Some((order_id.clone(), Meaning::Failed)), false),
            Effect::Voided { order_id, payment_id, at_s } => {
                let at_s = at_s.unwrap_or(now_s).min(now_s);
                (Some((order_id.clone(), Meaning::Voided(payment_id.as_str().to_owned(), at_s))), false)
            }
            Effect::Refunded(notice) => {
                let refund = notice.of_order(webhook.event_time_s(), now_s).map(Meaning::Refunded);
                (notice.order_id.clone().zip(refund), false)
            }
            Effect::Nothing if let Notice::Charges(charges) = webhook.notice() => {
                (Some((charges.order_id.clone(), Meaning::Mentioned)), false)
            }
            Effect::Nothing if let (Some(order_id), Some(_)) = (&webhook.extract().order_id, &note) => {
                (Some((order_id.clone(), Meaning::Mentioned)), false)
            }
            Effect::Nothing => (None, false),
        };
        let change = effect.map(|(order, meaning)| {
            let may_ask = self.can_ask() && orders_api_id_ok(order.as_str());
            let change: Change = Box::new(move |order: &mut Order| {
                let outcome = meaning.apply(order, now_s, may_ask);
                // A payment leaves its note by itself.
                if let (Some(note), false) = (&note, proves_payment) {
                    order.note(note.clone());
                }
                outcome
            });
            (order, change)
        });
        VerifiedWebhook { record, change, proves_payment, verdict }
    }

    /// Turns a genuine but unusable webhook into a dead letter: its reason and digest are kept, but
    /// no body. If it may have proved a payment, it causes a question to the Orders API.
    pub(in crate::orders) fn unusable(
        &self,
        error: &WebhookError,
        body: &[u8],
        now_ms: i64,
    ) -> VerifiedWebhook {
        let digest = Sha256Hex::of_bytes(body).to_hex();
        let extract = serde_json::json!({ "extract": &*error.extract, "fault_at_byte": error.offset });
        let record = WebhookRecord {
            account: self.account(),
            event_key: format!("unusable:{digest}"),
            kind: error.extract.webhook_type.clone(),
            order_id: error.extract.order_id.as_ref().map(|id| id.as_str().to_owned()),
            received_ms: now_ms,
            dead_letter: Some(error.reason.code().to_owned()),
            extract: extract.to_string(),
            body_sha256: digest,
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        };
        let order = self.answers_for(&record.kind, record.order_id.as_deref());
        let change = order.map(|order| (order, question(now_ms)));
        let verdict = WebhookVerdict::DeadLettered;
        VerifiedWebhook { record, change, proves_payment: false, verdict }
    }

    fn record_of(&self, webhook: &Webhook, body: &[u8], now_ms: i64) -> WebhookRecord {
        WebhookRecord {
            account: self.account(),
            event_key: webhook.event_key().to_owned(),
            kind: webhook.webhook_type().to_owned(),
            order_id: webhook.extract().order_id.as_ref().map(|id: &OrderId| id.as_str().to_owned()),
            received_ms: now_ms,
            dead_letter: None,
            extract: serde_json::to_string(webhook.extract()).unwrap_or_default(),
            body_sha256: Sha256Hex::of_bytes(body).to_hex(),
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        }
    }

    /// The account of the webhook. A rotated secret does not change it.
    pub(in crate::orders) fn account(&self) -> String {
        format!("cashfree:{}", self.settings.cashfree.environment.name())
    }

    /// The proof as the order stores it: the customer hashed, and the money and time of the
    /// payment.
    fn paid(&self, proof: &Proof<'_>, signed_ms: i64, now_ms: i64) -> Payment {
        let fields = proof.match_fields();
        Payment {
            payment_id: proof.payment_id.map(|id| id.as_str().to_owned()),
            account: None,
            pixel: None,
            money: proof.money,
            at_s: proof.paid_at_s.unwrap_or(signed_ms.div_euclid(1000)),
            seen_at_s: now_ms.div_euclid(1000),
            source: PaymentSource::Webhook,
            action_source: ActionSource::Website,
            user_data: self.hash_customer(fields, proof.order_tags, now_ms),
            custom_data: tandem_core::custom_data::CustomData::default(),
            listed: self.catalogue_data(proof.order_id, proof.money, proof.order_tags),
            page: Page::default(),
            consent: Consent::default(),
        }
    }
}
