//! `RecordPurchase` of a stranger: a claim. It brings the browser's signals and asks
//! whether the order is paid; it proves nothing.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::custom_data::CustomData;
use tandem_core::id::{EventId, EventName, OrderId};
use tandem_core::order::{Contact, Order, PurchaseState, Withheld};
use tandem_core::user_data::UserData;
use tandem_proto::v1;
use tonic::metadata::MetadataMap;

use super::Purchases;
use crate::api::access::Caller;
use crate::api::decode::Keys;
use crate::api::encode;
use crate::api::{Reject, Violation};
use crate::config::BrowserPolicy;
use crate::outbox::{Ask, OrderUpdated, StepAnswer};

/// Longest a call waits for a verdict.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is left of the caller's own deadline for the way back.
const WAY_BACK: Duration = Duration::from_millis(250);

/// How long a call may wait: five seconds, and no longer than the caller does (gRPC,
/// `grpc-timeout`: digits and a unit).
pub fn patience(metadata: &MetadataMap) -> Duration {
    let deadline = metadata.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(|text| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        let n: u64 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(n.saturating_mul(3600)),
            "M" => Duration::from_secs(n.saturating_mul(60)),
            "S" => Duration::from_secs(n),
            "m" => Duration::from_millis(n),
            "u" => Duration::from_micros(n),
            "n" => Duration::from_nanos(n),
            _ => return None,
        })
    });
    deadline.map_or(PATIENCE, |deadline| deadline.saturating_sub(WAY_BACK).min(PATIENCE))
}

/// A claim after reading.
struct Claim {
    order: OrderId,
    contact: Contact,
    /// The page holds a proof from the shop that the order is its own.
    proven: bool,
}

/// What a claim may cause.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// It is stored.
    is_kept: bool,
    /// The payment provider may be asked about it.
    may_ask: bool,
}

impl Purchases {
    /// Takes a claim or a fact. `waited` gets the time spent on waiting for a verdict.
    pub(crate) async fn record(
        &self,
        caller: &Caller,
        request: v1::RecordPurchaseRequest,
        patience: Duration,
        waited: &mut Duration,
    ) -> Result<v1::RecordPurchaseResponse, Reject> {
        match caller {
            Caller::Internal => self.fact(caller, request).await,
            Caller::Stranger(_) => self.claim(caller, request, patience, waited).await,
        }
    }

    async fn claim(
        &self,
        caller: &Caller,
        request: v1::RecordPurchaseRequest,
        patience: Duration,
        waited: &mut Duration,
    ) -> Result<v1::RecordPurchaseResponse, Reject> {
        let pixel = self.ingest.pixel(&request.pixel_id, caller)?.id.clone();
        let claim = self.read_claim(caller, request)?;
        if self.ingest.settings.claim_secret.is_some() && !claim.proven {
            // Without the proof nothing is learnt, and nothing is kept.
            return Ok(pending(&claim.order));
        }
        // Taken before the order is looked at, so that no verdict is missed in between.
        let waiting = self.ingest.watch.wait_for(&claim.order);
        let before = self.ingest.outbox.orders.order(claim.order.clone()).await?;
        let allowance = self.allowance(caller, &claim, before.as_ref());
        if !allowance.is_kept {
            return Ok(pending(&claim.order));
        }
        let (contact, proven) = (claim.contact.clone(), claim.proven);
        let (now_ms, now_s) = (self.ingest.clock.now_ms(), self.ingest.clock.now_s());
        // A copy is to be expected only of the page that will be told to fire.
        let may_fire = before.as_ref().is_none_or(|order| order.is_owned_by(&contact.user_data));
        let updated = self
            .step(&claim.order, &pixel, None, may_fire, move |order| {
                let asks = allowance.may_ask && order.wants_question(now_s);
                if asks {
                    order.ask(now_s);
                }
                let contact = contact.clone();
                let is_known = if proven { order.proven_contact(contact) } else { order.contact(contact) };
                (StepAnswer::Contact { is_known }, if asks { Ask::At(now_ms) } else { Ask::AsPlanned })
            })
            .await?;
        let Some(OrderUpdated { mut order, ask, answer: StepAnswer::Contact { is_known }, .. }) = updated
        else {
            return Err(Reject::StoreUnavailable);
        };
        if matches!(ask, Ask::At(_)) {
            self.ask_now.notify_one();
        }
        let until = tokio::time::Instant::now() + patience;
        let started = Instant::now();
        let waits = self.ingest.settings.browser_policy == BrowserPolicy::Verified;
        while let (true, None, Some(waiting)) = (waits, order.paid(), &waiting) {
            let told = waiting.told();
            tokio::pin!(told);
            told.as_mut().enable();
            // It may have been paid since it was looked at.
            if let Some(now) = self.ingest.outbox.orders.order(claim.order.clone()).await? {
                order = now;
            }
            if order.paid().is_some() || tokio::time::timeout_at(until, told).await.is_err() {
                break;
            }
        }
        *waited = started.elapsed();
        Ok(self.answer_claim(&claim, &order, is_known))
    }

    /// What a claim may cost. One with a proof is not a stranger's.
    fn allowance(&self, caller: &Caller, claim: &Claim, known: Option<&Order>) -> Allowance {
        let can_ask = self.can_ask && orders_api_id_ok(claim.order.as_str());
        let wants = known.is_none_or(|order| order.wants_question(self.ingest.clock.now_s()));
        let Caller::Stranger(stranger) = caller else { return Allowance { is_kept: true, may_ask: can_ask } };
        if claim.proven {
            return Allowance { is_kept: true, may_ask: can_ask };
        }
        let strangers = &self.ingest.strangers;
        if known.is_none() {
            if !strangers.may_name(stranger.address) {
                self.ingest.metrics.order_passed_over();
                return Allowance { is_kept: false, may_ask: false };
            }
            strangers.named(stranger.address);
        }
        Allowance { is_kept: true, may_ask: can_ask && wants && strangers.may_ask(stranger.address) }
    }

    fn read_claim(&self, caller: &Caller, request: v1::RecordPurchaseRequest) -> Result<Claim, Reject> {
        let now_ms = self.ingest.clock.now_ms();
        let rules = self.ingest.pixel(&request.pixel_id, caller)?;
        let mut reader = self.ingest.reader(caller, rules, now_ms);
        let order = reader.order(&request.order_id);
        let mut user_data = reader.user(request.user, Keys::Lenient);
        let page = reader.browser(request.browser, &mut user_data);
        let custom_data = reader.custom_data(request.custom_data, request.experiment, order.as_ref());
        let consent = reader.consent(request.consent);
        let at_s = reader.time_s(request.occurred_at);
        let mut violations = reader.violations.0;
        if !request.action_source.is_empty() {
            violations.push(Violation::new("action_source", "is for internal callers only"));
        }
        match order {
            Some(order) if violations.is_empty() => {
                let proven = self.is_proven(&order, &request.claim_key);
                let contact = Contact {
                    at_s,
                    is_claim: true,
                    is_internal: false,
                    consent,
                    user_data,
                    page,
                    custom_data,
                };
                Ok(Claim { order, contact, proven })
            }
            _ => Err(Reject::Invalid(violations)),
        }
    }

    /// Whether the page holds the shop's proof for the order.
    fn is_proven(&self, order: &OrderId, claim_key: &str) -> bool {
        let Some(secrets) = &self.ingest.settings.claim_secret else { return false };
        let Ok(given) = hex::decode(claim_key) else { return false };
        secrets.list().iter().any(|secret| {
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
                mac.update(order.as_str().as_bytes());
                mac.verify_slice(&given).is_ok()
            })
        })
    }

    fn answer_claim(&self, claim: &Claim, order: &Order, known: bool) -> v1::RecordPurchaseResponse {
        let caller = &claim.contact.user_data;
        let mut answer = pending(&claim.order);
        answer.duplicate = known;
        let is_paid = matches!(order.state(), PurchaseState::Verified | PurchaseState::Refunded);
        let data = if is_paid {
            answer.set_state(v1::PurchaseState::Verified);
            // What was paid is the business of the browser that bought.
            let may_know = claim.proven || order.is_owned_by(caller);
            let data = order.browser_event(self.ingest.clock.now_s()).filter(|_| may_know);
            if data.is_none() {
                answer.suppressed_reason = withheld_reason(order, caller).into();
            }
            data
        } else {
            self.optimistic(claim, order)
        };
        answer.browser_event = data.map(|data| {
            encode::browser_event(&EventName::purchase(), &EventId::of_purchase(&claim.order), &data)
        });
        answer
    }

    /// What the page may fire before the payment is known, under the optimistic policy:
    /// its own claim.
    fn optimistic(&self, claim: &Claim, order: &Order) -> Option<CustomData> {
        let open = self.ingest.settings.browser_policy == BrowserPolicy::Optimistic
            && order.state() == PurchaseState::Pending
            && !order.is_fired()
            && !claim.contact.consent.denied
            && claim.contact.custom_data.value.is_some();
        open.then(|| claim.contact.custom_data.clone())
    }
}

fn pending(order: &OrderId) -> v1::RecordPurchaseResponse {
    v1::RecordPurchaseResponse {
        event_id: EventId::of_purchase(order).into(),
        state: v1::PurchaseState::Pending.into(),
        ..v1::RecordPurchaseResponse::default()
    }
}

/// Why the page must not fire, as far as its visitor may know.
fn withheld_reason(order: &Order, caller: &UserData) -> &'static str {
    let is_owner = order.is_owned_by(caller);
    match order.withheld() {
        Some(Withheld::ConsentDenied) if is_owner => Withheld::ConsentDenied.code(),
        _ if is_owner && order.is_fired() => "already_fired",
        _ => "withheld",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_waits_longer_than_the_caller() {
        let with = |timeout: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", timeout.parse().unwrap());
            patience(&metadata)
        };
        assert_eq!(patience(&MetadataMap::new()), PATIENCE);
        assert_eq!(with("1S"), Duration::from_millis(750));
        assert_eq!(with("1H"), PATIENCE);
        assert_eq!(with("100m"), Duration::ZERO);
        for odd in ["S", "xS", "12", "é"] {
            let mut metadata = MetadataMap::new();
            if let Ok(value) = odd.parse() {
                metadata.insert("grpc-timeout", value);
            }
            assert_eq!(patience(&metadata), PATIENCE, "{odd}");
        }
    }
}
