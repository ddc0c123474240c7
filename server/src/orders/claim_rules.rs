//! What a claim may cause and what it is told. These are decisions without I/O; `claim` carries
//! them out.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tandem_core::code;
use tandem_core::custom_data::CustomData;
use tandem_core::event::{AdsConsent, AdsUse};
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Contact, Order, PurchaseState};

use super::rules::PurchaseRules;
use crate::config::BrowserPolicy;

/// What a claim is told.
#[derive(Debug, Default)]
pub struct ClaimAnswer {
    /// Whether the order is paid. A stranger learns nothing else about it.
    pub is_verified: bool,
    /// Whether the order was claimed before.
    pub duplicate: bool,
    /// What the page should fire now. `None`: it must not fire.
    pub page_copy: Option<CustomData>,
    /// Comes with `page_copy`: proves that a later confirmation is that page's.
    pub confirm_key: String,
    /// Stable code of why a verified Purchase must not be fired; empty if it may.
    pub suppressed_reason: &'static str,
    /// How long the call waited for a proof of payment.
    pub waited: Duration,
}

/// What a claim may cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Nothing is stored: the claim's address has named too many orders that nobody else named.
    Nothing,
    /// The claim is stored.
    Kept {
        /// Whether it counts as one of the new orders that its address named.
        names_order: bool,
        /// Whether the payment provider may be asked about it.
        question: Question,
    },
}

/// Whether a claim may cause a question to the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// No question.
    Refused,
    /// A question, taken from the address's quota.
    WithinQuota,
    /// A question that costs the address nothing.
    Free,
}

/// What a claim's allowance depends on besides its order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// The page holds the shop's proof for the order.
    pub(super) is_proven: bool,
    /// The payment provider can be asked about an order of this ID.
    pub(super) can_ask: bool,
    /// The claim's address may name one more order.
    pub(super) may_name: bool,
    /// Unix seconds.
    pub(super) now_s: i64,
}

/// What a claim may cause. A claim with the shop's proof is not a stranger's. `known`: its order,
/// if anybody named it before.
pub(super) fn allowance(of: Circumstances, known: Option<&Order>) -> Allowance {
    let kept = |names_order, question| Allowance::Kept { names_order, question };
    let when_possible = |question| if of.can_ask { question } else { Question::Refused };
    match known {
        _ if of.is_proven => kept(false, when_possible(Question::Free)),
        None if !of.may_name => Allowance::Nothing,
        None => kept(true, when_possible(Question::WithinQuota)),
        Some(order) if order.wants_question(of.now_s) => kept(false, when_possible(Question::WithinQuota)),
        Some(_) => kept(false, Question::Refused),
    }
}

/// What a page's word about an order is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PageWord {
    /// The page holds the shop's proof for the order.
    Proven,
    /// The shop proves nothing: buyer and stranger look the same.
    Unproven,
    /// The shop proves its pages, and this one has no proof.
    Nothing,
}

/// What a page's word about `order` is worth. `secrets`: those of `TANDEM_CLAIM_SECRET`, if it is set.
pub(super) fn page_word(order: &OrderId, claim_key: &str, secrets: Option<&[SecretString]>) -> PageWord {
    match secrets {
        None => PageWord::Unproven,
        Some(secrets) if is_proven(order, claim_key, secrets) => PageWord::Proven,
        Some(_) => PageWord::Nothing,
    }
}

/// Whether the page holds the shop's proof for the order: hex of HMAC-SHA256(secret, order ID), for any of
/// the secrets.
pub(super) fn is_proven(order: &OrderId, claim_key: &str, secrets: &[SecretString]) -> bool {
    let Ok(given) = hex::decode(claim_key) else { return false };
    secrets.iter().any(|secret| {
        Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).is_ok_and(|mut mac| {
            mac.update(order.as_str().as_bytes());
            mac.verify_slice(&given).is_ok()
        })
    })
}

/// What the page that brought `contact` is told about its order. `pixel`: the page's.
pub(super) fn answer(
    rules: &PurchaseRules,
    policy: BrowserPolicy,
    pixel: &PixelId,
    contact: &Contact,
    order: &Order,
    now_s: i64,
) -> ClaimAnswer {
    let is_verified = matches!(order.state(), PurchaseState::Verified | PurchaseState::Refunded);
    // What was paid, and who fires, is the business of the browser that bought.
    let may_know = contact.is_proven() || order.is_owned_by(contact);
    if !is_verified {
        let may_fire = may_know && rules.hold(pixel).is_none();
        let page_copy = optimistic(policy, contact, order).filter(|_| may_fire);
        return ClaimAnswer { page_copy, ..ClaimAnswer::default() };
    }
    let copy = if may_know { rules.page_copy(order, pixel, now_s) } else { Err("withheld") };
    let suppressed_reason = match &copy {
        // That the shop gave the money back is not told.
        Err(code::REFUNDED_BEFORE_SENT) => "withheld",
        Err(why) => why,
        Ok(_) => "",
    };
    ClaimAnswer { is_verified, page_copy: copy.ok(), suppressed_reason, ..ClaimAnswer::default() }
}

/// What the page may fire before the payment is known. Under the optimistic policy, this is its own
/// claim.
fn optimistic(policy: BrowserPolicy, contact: &Contact, order: &Order) -> Option<CustomData> {
    let open = policy == BrowserPolicy::Optimistic
        && order.state() == PurchaseState::Pending
        && !order.is_fired()
        && order.ads_use() == AdsUse::Full
        && matches!(contact.consent.ads, AdsConsent::Unspecified | AdsConsent::Granted)
        && contact.custom_data.value.is_some();
    open.then(|| contact.custom_data.clone())
}
