//! `VerifyWebhook`: the signature over the raw bytes first, then the age, then the
//! payload; the outcome is on disk before the answer.

use secrecy::ExposeSecret as _;
use tandem_core::cashfree::signature::{self, SIGNATURE_HEADER, SignatureProblem, TIMESTAMP_HEADER};
use tandem_core::cashfree::{self, Effect, Notice, Proof, Unusable, Webhook};
use tandem_core::event::{ActionSource, Consent, Page};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{EventId, OrderId};
use tandem_core::normalise::MatchKey;
use tandem_core::order::{Order, Paid, PaymentSource, Refund};
use tandem_core::personal::Raw;
use tandem_core::user_data::UserData;
use tandem_proto::v1::{self, Verdict};

use super::Purchases;
use crate::ingest::Reject;
use crate::outbox::{Ask, WebhookRecord};

/// How far ahead of our clock a webhook may be signed, milliseconds.
const AHEAD_MAX_MS: i64 = 10 * 60 * 1000;

/// What a webhook means, owned, so that it can become a step on the order.
enum Meaning {
    Paid(Box<Paid>),
    Failed,
    Voided(String, i64),
    Refunded(Refund),
    /// Nothing but its note.
    Noted,
}

impl Meaning {
    fn happen_to(&self, order: &mut Order) -> Ask {
        match self {
            Self::Paid(paid) => {
                order.pay((**paid).clone());
                return Ask::Never;
            }
            Self::Failed => order.fail(),
            Self::Voided(payment_id, at_s) => order.void(payment_id, *at_s),
            Self::Refunded(refund) => {
                order.refund(refund.clone());
            }
            Self::Noted => {}
        }
        Ask::AsPlanned
    }
}

impl Purchases {
    pub(crate) async fn verify_webhook(
        &self,
        request: v1::VerifyWebhookRequest,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let result = self.judge(&request).await;
        match &result {
            Ok(answer) => {
                let verdict = answer.verdict().as_str_name();
                self.ingest.metrics.webhook(verdict.trim_start_matches("VERDICT_").to_lowercase().as_str());
                tracing::info!(
                    webhook.verdict = verdict,
                    webhook.r#type = answer.webhook_type,
                    order.id = answer.order_id,
                    detail = answer.detail,
                    "webhook"
                );
            }
            Err(reject) => tracing::warn!(code = reject.code(), "webhook could not be judged"),
        }
        result
    }

    async fn judge(&self, request: &v1::VerifyWebhookRequest) -> Result<v1::VerifyWebhookResponse, Reject> {
        if request.provider() != v1::Provider::Cashfree {
            return Err(Reject::field("provider", "must be PROVIDER_CASHFREE"));
        }
        let secrets =
            self.cashfree.secrets.as_ref().map(crate::config::SecretSource::list).unwrap_or_default();
        let secrets: Vec<&[u8]> = secrets.iter().map(|secret| secret.expose_secret().as_bytes()).collect();
        let header = |name: &str| request.headers.get(name).map(String::as_str).unwrap_or_default();
        if self.is_legacy(request) {
            return self.judge_legacy(&request.raw_body, &secrets, self.ingest.clock.now_ms()).await;
        }
        let timestamp = header(TIMESTAMP_HEADER);
        match signature::verify(&secrets, timestamp, &request.raw_body, header(SIGNATURE_HEADER)) {
            Ok(_) => {}
            Err(SignatureProblem::NoSecret) => return Err(Reject::NoSecret),
            Err(problem) => return Ok(answer(Verdict::InvalidSignature, problem.code())),
        }
        let now_ms = self.ingest.clock.now_ms();
        let Some(signed_ms) = signature::timestamp_ms(timestamp) else {
            return Ok(answer(Verdict::InvalidSignature, "timestamp_malformed"));
        };
        let max_age_ms = i64::try_from(self.cashfree.webhook_max_age.as_millis()).unwrap_or(i64::MAX);
        // Its age counts at the gateway; what waited between the two of us is not its fault.
        let received_ms =
            request.received_at.as_ref().map_or(now_ms, |at| at.seconds.saturating_mul(1000).min(now_ms));
        if let Err(problem) = signature::check_age(signed_ms, received_ms, max_age_ms, AHEAD_MAX_MS) {
            return Ok(answer(Verdict::Stale, problem.code()));
        }
        match Webhook::parse(&request.raw_body, self.ingest.settings.default_currency) {
            Ok(webhook) => self.act(&webhook, &request.raw_body, signed_ms, now_ms).await,
            Err(unusable) => self.keep_unusable(&unusable, &request.raw_body, now_ms).await,
        }
    }

    /// Does what a genuine and readable webhook asks for.
    async fn act(
        &self,
        webhook: &Webhook,
        body: &[u8],
        signed_ms: i64,
        now_ms: i64,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let record = self.record_of(webhook, body, now_ms);
        let now_s = now_ms.div_euclid(1000);
        let note = webhook.note(now_s);
        let (order, meaning, is_paid) = match webhook.effect() {
            Effect::Paid(proof) => {
                let paid = self.paid(&proof, signed_ms, now_ms);
                (proof.order_id.clone(), Meaning::Paid(Box::new(paid)), true)
            }
            Effect::Failed { order_id } => (order_id.clone(), Meaning::Failed, false),
            Effect::Voided { order_id, payment_id, at_s } => {
                let at_s = at_s.unwrap_or(now_s).min(now_s);
                (order_id.clone(), Meaning::Voided(payment_id.as_str().to_owned(), at_s), false)
            }
            Effect::Refunded { order_id: Some(order_id), payment_id, refund_id, money, at_s } => {
                let payment_id = payment_id.map(|id| id.as_str().to_owned());
                let at_s = at_s.unwrap_or(now_s).min(now_s);
                let refund = Refund::new(refund_id.as_str().to_owned(), payment_id, money, at_s);
                (order_id.clone(), Meaning::Refunded(refund), false)
            }
            Effect::Nothing if let (Some(order_id), Some(_)) = (&webhook.extract().order_id, &note) => {
                (order_id.clone(), Meaning::Noted, false)
            }
            Effect::Refunded { order_id: None, .. } | Effect::Nothing => {
                let order_id = record.order_id.clone().unwrap_or_default();
                let is_new = self.ingest.outbox.record_webhook(record).await?;
                let verdict = match webhook.notice() {
                    _ if !is_new => Verdict::Duplicate,
                    Notice::Ping | Notice::Unknown => Verdict::Ignored,
                    _ => Verdict::Accepted,
                };
                return Ok(named(answer(verdict, ""), webhook.webhook_type(), &order_id));
            }
        };
        let (updated, _) = self
            .step(&order, &self.default_pixel(), Some(record), false, move |order| {
                let ask = meaning.happen_to(order);
                // A payment leaves its note by itself.
                if let (Some(note), false) = (&note, is_paid) {
                    order.note(note.clone());
                }
                ((), ask)
            })
            .await?;
        let verdict = if updated.applied { Verdict::Accepted } else { Verdict::Duplicate };
        let mut answer = named(answer(verdict, ""), webhook.webhook_type(), order.as_str());
        if is_paid {
            answer.event_id = EventId::of_purchase(&order).into();
        }
        Ok(answer)
    }

    /// Keeps what is genuine and cannot be used: its reason, its digest, no body.
    pub(super) async fn keep_unusable(
        &self,
        unusable: &Unusable,
        body: &[u8],
        now_ms: i64,
    ) -> Result<v1::VerifyWebhookResponse, Reject> {
        let digest = Sha256Hex::of_bytes(body).to_hex();
        let code = unusable.problem.code();
        let order_id = unusable.extract.order_id.as_ref().map(|id| id.as_str().to_owned());
        let extract = serde_json::json!({ "extract": &*unusable.extract, "fault_at_byte": unusable.offset });
        let record = WebhookRecord {
            account: self.account(),
            event_key: format!("unusable:{digest}"),
            kind: unusable.extract.webhook_type.clone(),
            order_id: order_id.clone(),
            received_ms: now_ms,
            dead_letter: Some(code.to_owned()),
            extract: extract.to_string(),
            body_sha256: digest,
            body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        };
        let is_new = self.ingest.outbox.record_webhook(record).await?;
        let verdict = if is_new { Verdict::DeadLettered } else { Verdict::Duplicate };
        Ok(named(answer(verdict, code), &unusable.extract.webhook_type, &order_id.unwrap_or_default()))
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

    /// Whose webhook it is. Rotation changes the secret, not the account.
    pub(super) fn account(&self) -> String {
        format!("cashfree:{}", self.cashfree.environment.name())
    }

    /// The proof as the order takes it: the customer hashed, money and time as paid.
    fn paid(&self, proof: &Proof<'_>, signed_ms: i64, now_ms: i64) -> Paid {
        for _ in 0..proof.customer.dummies_dropped {
            self.ingest.metrics.key_dropped("dummy");
        }
        let fields = proof.match_fields();
        Paid {
            payment_id: proof.payment_id.map(|id| id.as_str().to_owned()),
            money: proof.money,
            at_s: proof.paid_at_s.unwrap_or(signed_ms.div_euclid(1000)),
            seen_at_s: now_ms.div_euclid(1000),
            source: PaymentSource::Webhook,
            action_source: ActionSource::Website,
            user_data: self.hashed(fields, now_ms),
            custom_data: tandem_core::custom_data::CustomData::default(),
            listed: self.listed(proof.order_id, proof.money, proof.order_tags),
            page: Page::default(),
            consent: Consent::default(),
        }
    }

    /// Hashes a provider's customer. Nobody can correct what cannot be normalised, so it
    /// is dropped and counted.
    pub(super) fn hashed(&self, fields: cashfree::MatchFields, now_ms: i64) -> UserData {
        let values: Vec<(MatchKey, Raw)> = [
            (MatchKey::Email, fields.email),
            (MatchKey::Phone, fields.phone),
            (MatchKey::FirstName, fields.first_name),
            (MatchKey::LastName, fields.last_name),
            (MatchKey::ExternalId, fields.external_id),
        ]
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
        .collect();
        self.ingest.user_reader(now_ms).read(values).0
    }
}

pub(super) fn answer(verdict: Verdict, detail: &str) -> v1::VerifyWebhookResponse {
    v1::VerifyWebhookResponse { verdict: verdict.into(), detail: detail.to_owned(), ..Default::default() }
}

pub(super) fn named(
    mut answer: v1::VerifyWebhookResponse,
    kind: &str,
    order_id: &str,
) -> v1::VerifyWebhookResponse {
    answer.webhook_type = kind.to_owned();
    answer.order_id = order_id.to_owned();
    answer
}
