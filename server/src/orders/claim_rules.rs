//! What a claim may cause, and what it is told: decisions without I/O, which `claim` carries out.

use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use tandem_core::custom_data::CustomData;
use tandem_core::id::OrderId;
use tandem_core::order::{Contact, Order, PurchaseState, WithholdReason};
use tandem_core::user_data::UserData;

use crate::config::BrowserPolicy;

/// What a claim is told.
#[derive(Debug, Default)]
pub struct ClaimAnswer {
    /// The order is paid. Nothing else about it is a stranger's business.
    pub is_verified: bool,
    /// The order was claimed before.
    pub duplicate: bool,
    /// What the page should fire now, if it should.
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
    /// Nothing: its address named too many orders that nobody else spoke of.
    Nothing,
    /// It is stored.
    Kept {
        /// Whether it counts among the orders that its address named first.
        names_order: bool,
        /// Whether the payment provider may be asked about it.
        question: Question,
    },
}

/// Whether a claim may cause a question to the payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// None.
    Refused,
    /// One that its address's allowance pays for.
    WithinQuota,
    /// One that costs its address nothing.
    Free,
}

/// What a claim's allowance depends on, beside its order.
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

/// What a claim may cost. One with a proof is not a stranger's. `known`: its order, if anybody spoke of it.
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

/// What the page that brought `contact` is told about its order.
pub(super) fn answer(
    policy: BrowserPolicy,
    contact: &Contact,
    order: &Order,
    is_proven: bool,
    now_s: i64,
) -> ClaimAnswer {
    let is_verified = matches!(order.state(), PurchaseState::Verified | PurchaseState::Refunded);
    // What was paid, and who fires, is the business of the browser that bought.
    let may_know = is_proven || order.is_owned_by(&contact.user_data);
    if !is_verified {
        let page_copy = optimistic(policy, contact, order).filter(|_| may_know);
        return ClaimAnswer { page_copy, ..ClaimAnswer::default() };
    }
    let page_copy = order.browser_event(now_s).filter(|_| may_know);
    let suppressed_reason = if page_copy.is_none() { withheld_reason(order, &contact.user_data) } else { "" };
    ClaimAnswer { is_verified, page_copy, suppressed_reason, ..ClaimAnswer::default() }
}

/// What the page may fire before the payment is known, under the optimistic policy: its own claim.
fn optimistic(policy: BrowserPolicy, contact: &Contact, order: &Order) -> Option<CustomData> {
    let open = policy == BrowserPolicy::Optimistic
        && order.state() == PurchaseState::Pending
        && !order.is_fired()
        && !contact.consent.denied
        && contact.custom_data.value.is_some();
    open.then(|| contact.custom_data.clone())
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
