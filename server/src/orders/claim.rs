//! A claim: a page says that its order was paid. It brings the browser's signals and asks
//! whether that is so; it proves nothing.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use sha2::Sha256;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::custom_data::CustomData;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Contact, Order, PurchaseState, WithholdReason};
use tandem_core::user_data::UserData;

use super::service::{OrderError, Orders};
use super::step::{Changed, Step};
use super::watch::Waiting;
use crate::config::BrowserPolicy;
use crate::outbox::{Ask, OrderUpdated, StepAnswer, StoreError};

/// A page's claim.
#[derive(Debug)]
pub struct Claim {
    /// The order.
    pub order: OrderId,
    /// The pixel of the page.
    pub pixel: PixelId,
    /// What the browser says of itself and of the order.
    pub contact: Arc<Contact>,
    /// What the page gives as the shop's proof that the order is its own; may be empty.
    pub claim_key: String,
    /// Where it comes from.
    pub address: Option<IpAddr>,
}

/// What a claim is told.
#[derive(Debug, Default)]
pub struct ClaimAnswer {
    /// The order is paid. Nothing else about it is a stranger's business.
    pub is_verified: bool,
    /// The order was claimed before.
    pub duplicate: bool,
    /// What the page should fire now, if it should.
    pub page_copy: Option<CustomData>,
    /// Stable code of why a verified Purchase must not be fired; empty if it may.
    pub suppressed_reason: &'static str,
    /// How long the call waited for a proof of payment.
    pub waited: Duration,
}

/// What a claim may cause.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    /// It is stored.
    is_kept: bool,
    /// The payment provider may be asked about it.
    may_ask: bool,
}

impl Orders {
    /// Takes a claim, and waits up to `patience` for a proof of its payment.
    ///
    /// # Errors
    /// When the store does not accept.
    pub async fn claim(&self, claim: Claim, patience: Duration) -> Result<ClaimAnswer, OrderError> {
        let is_proven = self.is_proven(&claim.order, &claim.claim_key);
        if self.settings.claim_secret.is_some() && !is_proven {
            // Without the proof nothing is learnt, and nothing is kept.
            return Ok(ClaimAnswer::default());
        }
        // Taken before the order is looked at, so that no proof is missed in between.
        let waiting = self.watch.wait_for(&claim.order);
        let before = self.store.order(claim.order.clone()).await?;
        let allowance = self.allowance(&claim, is_proven, before.as_ref());
        if !allowance.is_kept {
            return Ok(ClaimAnswer::default());
        }
        let updated = self.note_claim(&claim, is_proven, allowance.may_ask, before.as_ref()).await?;
        let started = Instant::now();
        let duplicate = matches!(updated.answer, StepAnswer::Contact { is_known: true });
        let order = self.wait_for_proof(updated.order, waiting, patience).await?;
        let mut answer = self.answer_claim(&claim.contact, &order, is_proven);
        answer.duplicate = duplicate;
        answer.waited = started.elapsed();
        Ok(answer)
    }

    /// Writes the claim to its order.
    async fn note_claim(
        &self,
        claim: &Claim,
        is_proven: bool,
        may_ask: bool,
        before: Option<&Order>,
    ) -> Result<OrderUpdated, StoreError> {
        let contact = Arc::clone(&claim.contact);
        // A copy is to be expected only of the page that will be told to fire.
        let expects_browser = before.is_none_or(|order| order.is_owned_by(&contact.user_data));
        let now_ms = self.clock.now_ms();
        let now_s = now_ms.div_euclid(1000);
        let step = Step { expects_browser, ..Step::on(claim.order.clone(), claim.pixel.clone()) };
        let change = move |order: &mut Order| {
            let asks = may_ask && order.wants_question(now_s);
            if asks {
                order.mark_asked(now_s);
            }
            let is_known = if is_proven { order.proven_contact(&contact) } else { order.contact(&contact) };
            let ask = if asks { Ask::At(now_ms) } else { Ask::AsPlanned };
            Changed { answer: StepAnswer::Contact { is_known }, ask }
        };
        let updated = self.step(step, Box::new(change)).await?;
        updated.ok_or_else(|| StoreError::Unavailable("the claim was not stored".into()))
    }

    /// Waits until the order is paid or patience ends, under the policy that asks for it.
    async fn wait_for_proof(
        &self,
        mut order: Order,
        waiting: Option<Waiting>,
        patience: Duration,
    ) -> Result<Order, StoreError> {
        let until = tokio::time::Instant::now() + patience;
        let waits = self.settings.browser_policy == BrowserPolicy::Verified;
        while let (true, None, Some(waiting)) = (waits, order.paid(), &waiting) {
            let told = waiting.told();
            tokio::pin!(told);
            told.as_mut().enable();
            // It may have been paid since it was looked at.
            if let Some(now) = self.store.order(order.id().clone()).await? {
                order = now;
            }
            if order.paid().is_some() || tokio::time::timeout_at(until, told).await.is_err() {
                break;
            }
        }
        Ok(order)
    }

    /// What a claim may cost. One with a proof is not a stranger's.
    fn allowance(&self, claim: &Claim, is_proven: bool, known: Option<&Order>) -> Allowance {
        let can_ask = self.can_ask() && orders_api_id_ok(claim.order.as_str());
        if is_proven {
            return Allowance { is_kept: true, may_ask: can_ask };
        }
        let wants = known.is_none_or(|order| order.wants_question(self.clock.now_s()));
        if known.is_none() {
            if !self.quotas.may_name(claim.address) {
                self.metrics.order_passed_over();
                return Allowance { is_kept: false, may_ask: false };
            }
            self.quotas.note_named(claim.address);
        }
        Allowance { is_kept: true, may_ask: can_ask && wants && self.quotas.may_ask(claim.address) }
    }

    /// Whether the page holds the shop's proof for the order: hex of HMAC-SHA256(secret,
    /// order ID).
    fn is_proven(&self, order: &OrderId, claim_key: &str) -> bool {
        let Some(secrets) = &self.settings.claim_secret else { return false };
        let Ok(given) = hex::decode(claim_key) else { return false };
        secrets.list().iter().any(|secret| {
            Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
                mac.update(order.as_str().as_bytes());
                mac.verify_slice(&given).is_ok()
            })
        })
    }

    fn answer_claim(&self, contact: &Contact, order: &Order, is_proven: bool) -> ClaimAnswer {
        let is_verified = matches!(order.state(), PurchaseState::Verified | PurchaseState::Refunded);
        if !is_verified {
            return ClaimAnswer { page_copy: self.optimistic(contact, order), ..ClaimAnswer::default() };
        }
        // What was paid is the business of the browser that bought.
        let may_know = is_proven || order.is_owned_by(&contact.user_data);
        let page_copy = order.browser_event(self.clock.now_s()).filter(|_| may_know);
        let suppressed_reason =
            if page_copy.is_none() { withheld_reason(order, &contact.user_data) } else { "" };
        ClaimAnswer { is_verified, page_copy, suppressed_reason, ..ClaimAnswer::default() }
    }

    /// What the page may fire before the payment is known, under the optimistic policy:
    /// its own claim.
    fn optimistic(&self, contact: &Contact, order: &Order) -> Option<CustomData> {
        let open = self.settings.browser_policy == BrowserPolicy::Optimistic
            && order.state() == PurchaseState::Pending
            && !order.is_fired()
            && !contact.consent.denied
            && contact.custom_data.value.is_some();
        open.then(|| contact.custom_data.clone())
    }
}

/// Why the page must not fire, as far as its visitor may know.
fn withheld_reason(order: &Order, caller: &UserData) -> &'static str {
    let is_owner = order.is_owned_by(caller);
    match order.withheld() {
        Some(WithholdReason::ConsentDenied) if is_owner => WithholdReason::ConsentDenied.code(),
        _ if is_owner && order.is_fired() => "already_fired",
        _ => "withheld",
    }
}
