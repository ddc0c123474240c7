//! An event that names its order, such as a checkout. In one step, it counts as a separate event
//! and adds its browser's signals to the order.

use std::net::IpAddr;

use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::event::{Consent, Event};
use tandem_core::hash::Sha256Hex;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Contact, ContactProof};

use super::claim_rules::PageWord;
use super::service::{OrderError, Orders};
use super::step::{ChangeOutcome, Step};
use crate::ingest::Accepted;
use crate::outbox::{Ask, Lane, StepAnswer, StoreError};

/// Who sent an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactSource {
    /// One of the shop's own services.
    Internal,
    Page {
        address: Option<IpAddr>,
        proof: PageProof,
    },
}

/// The pixel that a request names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedPixel {
    pub pixel: Option<PixelId>,
    /// The caller's page is on one of the pixel's own origins.
    pub is_own_origin: bool,
}

impl NamedPixel {
    /// The pixel, if this caller may say to which one an order belongs: with a proof, or as a page of
    /// the pixel's own.
    pub(super) fn by(&self, proof: ContactProof) -> Option<PixelId> {
        let may_name = self.is_own_origin || proof != ContactProof::Nothing;
        self.pixel.clone().filter(|_| may_name)
    }
}

/// What a page gives to show that an order is its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageProof {
    /// The shop's proof; may be empty.
    pub claim_key: String,
    /// Digest of the order's payment session.
    pub session: Option<Sha256Hex>,
}

impl Orders {
    /// Takes an event that names `order`. `named`: the pixel that its caller names; `now_ms`: Unix
    /// milliseconds.
    ///
    /// # Errors
    /// When the store refuses it; nothing was written then.
    pub async fn take_event(
        &self,
        mut event: Event,
        order: OrderId,
        consent: Consent,
        source: ContactSource,
        named: NamedPixel,
        now_ms: i64,
    ) -> Result<Accepted, OrderError> {
        let is_internal = source == ContactSource::Internal;
        let (address, is_contact, word, session) = match source {
            ContactSource::Internal => (None, false, PageWord::Unproven, None),
            ContactSource::Page { address, proof } => {
                (address, true, self.page_word(&order, &proof.claim_key), proof.session)
            }
        };
        let is_proven = word == PageWord::Proven;
        let proof = match word {
            _ if is_internal => ContactProof::Internal,
            PageWord::Proven => ContactProof::ClaimKey,
            PageWord::Unproven | PageWord::Nothing => ContactProof::Nothing,
        };
        // The shop proves its pages, and this one has no proof. The event counts, the order is not touched.
        if word == PageWord::Nothing {
            return Ok(self.ingest.take(event, consent.ads, is_contact, now_ms).await?);
        }
        // The address has used up its quota of new orders: the event counts, the order is not stored.
        if !is_proven
            && !self.quotas.may_name(address)
            && self.store.order(self.key(order.clone())).await?.is_none()
        {
            self.metrics.count_unnoted_order();
            return Ok(self.ingest.take(event, consent.ads, is_contact, now_ms).await?);
        }
        let new = self.ingest.prepare(&mut event, consent.ads, is_contact, now_ms);
        let contact = Contact {
            at_s: event.time_s,
            is_claim: false,
            proof,
            pixel: named.by(proof),
            consent,
            browser: None,
            user_data: std::mem::take(&mut event.user_data),
            page: std::mem::take(&mut event.page),
            custom_data: event.custom_data.clone(),
        };
        let may_ask = self.can_ask() && orders_api_id_ok(order.as_str());
        let session = session.filter(|_| may_ask);
        // The provider's word about the session is worth a question at once.
        let asks_now = session.is_some() && self.quotas.take_question(address);
        let offered = Contact { pixel: named.pixel, ..contact.clone() };
        let salt = self.settings.confirm_keys.browser_salt();
        let lane = if is_internal { Lane::Shop } else { Lane::Page };
        let step = Step { event: Some(new), lane, ..Step::on(order) };
        let updated = self
            .step(
                step,
                Box::new(move |order| {
                    let is_known = order.add_contact(&contact, &salt);
                    let now_s = now_ms.div_euclid(1000);
                    session.into_iter().for_each(|session| order.offer_session(session, &offered, &salt));
                    if asks_now && order.awaits_session() && order.wants_question(now_s) {
                        order.mark_asked(now_s);
                        return ChangeOutcome::answered(StepAnswer::Contact { is_known }, Ask::At(now_ms));
                    }
                    let ask_s = if may_ask { order.plan_first_question(now_s) } else { None };
                    let ask = ask_s.map_or(Ask::AsPlanned, |at_s| Ask::At(at_s.saturating_mul(1000)));
                    ChangeOutcome::answered(StepAnswer::Contact { is_known }, ask)
                }),
            )
            .await?;
        let (is_new, appended) = updated.map(|updated| (updated.is_new, updated.event)).unwrap_or_default();
        if is_new && !is_proven {
            self.quotas.note_named(address);
        }
        let appended = appended.ok_or_else(|| StoreError::Unavailable("the event was not stored".into()))?;
        Ok(self.ingest.accept(event, consent.ads, appended))
    }
}
