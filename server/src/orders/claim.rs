//! A claim: a page says that its order was paid, and asks whether that is true. A claim brings the
//! browser's signals and proves nothing.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Contact, ContactProof, Order};
use tokio_util::sync::CancellationToken;

use super::claim_rules::{self, Allowance, Circumstances, ClaimAnswer, PageWord, Question};
use super::contact::NamedPixel;
use super::service::{OrderError, Orders};
use super::step::{ChangeOutcome, Step};
use super::watch::Waiter;
use crate::config::BrowserPolicy;
use crate::outbox::{Ask, Lane, OrderUpdated, StepAnswer, StoreError};

#[derive(Debug)]
pub struct Claim {
    pub order: OrderId,
    /// The pixel of the page.
    pub pixel: PixelId,
    /// The pixel that the page names.
    pub named: NamedPixel,
    /// What the browser says of itself and of the order.
    pub contact: Contact,
    /// What the page gives as the shop's proof that the order is its own; may be empty.
    pub claim_key: String,
    /// Digest of the payment session that the page gives.
    pub session: Option<Sha256Hex>,
    /// Address of the client.
    pub address: Option<IpAddr>,
}

/// How long a claim waits for a proof.
#[derive(Debug, Default)]
pub struct Patience {
    pub max: Duration,
    /// Nobody waits for the answer any more.
    pub caller_gone: CancellationToken,
}

impl Orders {
    /// Stores a claim and waits up to `wait_max` for a proof of its payment.
    ///
    /// # Errors
    /// When the store does not accept.
    pub async fn claim(&self, mut claim: Claim, patience: Patience) -> Result<ClaimAnswer, OrderError> {
        let word = self.page_word(&claim.order, &claim.claim_key);
        let is_proven = word == PageWord::Proven;
        if word == PageWord::Nothing {
            // Without the shop's proof the page learns nothing, and nothing is stored.
            return Ok(ClaimAnswer::default());
        }
        if is_proven {
            claim.contact.proof = ContactProof::ClaimKey;
        }
        claim.contact.pixel = claim.named.by(claim.contact.proof);
        // Waits from before the order is read, so that no proof is missed in between.
        let waiting = self.watch.wait_for(&claim.order);
        let before = self.store.order(self.key(claim.order.clone())).await?;
        let Some(may_ask) = self.take_allowance(&claim, before.as_ref()) else {
            return Ok(ClaimAnswer::default());
        };
        let updated = self.note_claim(&claim, may_ask, before.as_ref()).await?;
        let started = Instant::now();
        let duplicate = matches!(updated.answer, StepAnswer::Contact { is_known: true });
        let order = self.wait_for_proof(updated.order, waiting, &patience).await?;
        let (policy, now_s) = (self.settings.browser_policy, self.clock.now_s());
        let answer = claim_rules::answer(&self.rules, policy, &claim.pixel, &claim.contact, &order, now_s);
        let confirm_key = self.settings.confirm_keys.key_with(answer.page_copy.as_ref(), &order);
        Ok(ClaimAnswer { duplicate, confirm_key, waited: started.elapsed(), ..answer })
    }

    async fn note_claim(
        &self,
        claim: &Claim,
        may_ask: bool,
        before: Option<&Order>,
    ) -> Result<OrderUpdated, StoreError> {
        let contact = claim.contact.clone();
        let session = claim.session.filter(|_| self.can_ask());
        let offered = Contact { pixel: claim.named.pixel.clone(), ..contact.clone() };
        // A copy is to be expected only of the page that will be told to fire.
        let expects_browser = before.is_none_or(|order| order.is_owned_by(&contact));
        let now_ms = self.clock.now_ms();
        let now_s = now_ms.div_euclid(1000);
        let salt = self.settings.confirm_keys.browser_salt();
        let step = Step { expects_browser, lane: Lane::Page, ..Step::on(claim.order.clone()) };
        let change = move |order: &mut Order| {
            let asks = may_ask && order.wants_question(now_s);
            if asks {
                order.mark_asked(now_s);
            }
            let is_known = order.add_contact(&contact, &salt);
            session.into_iter().for_each(|session| order.offer_session(session, &offered, &salt));
            let ask = if asks { Ask::At(now_ms) } else { Ask::AsPlanned };
            ChangeOutcome::answered(StepAnswer::Contact { is_known }, ask)
        };
        let updated = self.step(step, Box::new(change)).await?;
        updated.ok_or_else(|| StoreError::Unavailable("the claim was not stored".into()))
    }

    /// Waits until the order is paid or the time is over. Only the `verified` policy waits.
    async fn wait_for_proof(
        &self,
        mut order: Order,
        waiting: Option<Waiter>,
        patience: &Patience,
    ) -> Result<Order, StoreError> {
        let until = tokio::time::Instant::now() + patience.max;
        let waits = self.settings.browser_policy == BrowserPolicy::Verified;
        while let (true, None, Some(waiting)) = (waits, order.paid(), &waiting) {
            let told = waiting.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            // It may have been paid since the last read.
            if let Some(now) = self.store.order(self.key(order.id().clone())).await? {
                order = now;
            }
            if order.paid().is_some() {
                break;
            }
            tokio::select! {
                () = told => {}
                () = tokio::time::sleep_until(until) => break,
                () = patience.caller_gone.cancelled() => break,
            }
        }
        Ok(order)
    }

    /// What a claim may cost, taken from its address's quotas. `None`: it is not stored. Otherwise whether the
    /// payment provider may be asked about it.
    fn take_allowance(&self, claim: &Claim, known: Option<&Order>) -> Option<bool> {
        let circumstances = Circumstances {
            is_proven: claim.contact.is_proven(),
            can_ask: self.can_ask() && orders_api_id_ok(claim.order.as_str()),
            may_name: self.quotas.may_name(claim.address),
            now_s: self.clock.now_s(),
        };
        match claim_rules::allowance(circumstances, known) {
            Allowance::Nothing => {
                self.metrics.count_unnoted_order();
                None
            }
            Allowance::Kept { names_order, question } => {
                if names_order {
                    self.quotas.note_named(claim.address);
                }
                Some(match question {
                    Question::Refused => false,
                    Question::WithinQuota => self.quotas.take_question(claim.address),
                    Question::Free => true,
                })
            }
        }
    }
}
