//! Contacts: calls of browsers and internal callers that name an order and prove no payment.

use serde::{Deserialize, Deserializer, Serialize};

use super::browser::{Browser, BrowserSalt};
use crate::custom_data::{CustomData, KEPT_BYTES_MAX};
use crate::event::{AdsConsent, Consent, Page};
use crate::id::{OrderId, PixelId};
use crate::user_data::UserData;

/// What proves that a contact speaks for the order. The weakest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactProof {
    /// Nothing: anybody can name an order.
    #[default]
    Nothing,
    /// The page knew the order's payment session, which the payment provider told too.
    PaymentSession,
    /// The page gave a key that only the shop can make (`claim_key`).
    ClaimKey,
    /// The caller is one of the shop's own services.
    Internal,
}

/// Somebody named an order: a claim, a checkout event, or an internal caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    /// When it happened, Unix seconds. The caller says so.
    pub at_s: i64,
    /// Whether it claims that the order was paid.
    pub is_claim: bool,
    /// What proves that it speaks for the order. Earlier versions stored whether it was internal.
    #[serde(default, alias = "is_internal", deserialize_with = "proof_or_internal")]
    pub proof: ContactProof,
    /// The pixel of its page, where the page may name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel: Option<PixelId>,
    /// What the person allowed.
    pub consent: Consent,
    /// Hashed match keys and browser identifiers. An order keeps none of a person who refuses.
    pub user_data: UserData,
    /// What an order keeps in their place. A caller leaves it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub browser: Option<Browser>,
    /// The page on which the caller named the order.
    pub page: Page,
    /// Contents of the order and A/B test.
    pub custom_data: CustomData,
}

impl Contact {
    /// Whether it speaks for the order.
    pub fn is_proven(&self) -> bool {
        self.proof != ContactProof::Nothing
    }

    /// The contact as an order keeps it. Of a person who refuses only what recognises the browser is kept,
    /// so that its later word counts.
    pub(super) fn kept(&self, order: &OrderId, salt: &BrowserSalt) -> Self {
        let mut kept = self.clone();
        kept.bound();
        if self.consent.ads == AdsConsent::Denied && self.browser.is_none() {
            kept.forget(Browser::of(&self.user_data, order, salt));
        }
        kept
    }

    /// Drops what an order does not keep of a page. The shop's own services are bounded by the size of their messages.
    pub(super) fn bound(&mut self) {
        if self.proof != ContactProof::Internal {
            self.custom_data.keep_within(KEPT_BYTES_MAX);
        }
    }

    /// Keeps of the person nothing but this.
    fn forget(&mut self, browser: Browser) {
        self.user_data = UserData::default();
        self.page = Page::default();
        self.browser = Some(browser);
    }

    /// Whether it brought anything of a browser.
    pub(super) fn has_browser(&self) -> bool {
        self.user_data.has_browser_signals() || self.browser.as_ref().is_some_and(Browser::is_known)
    }

    /// Whether it has an `fbp`.
    pub(super) fn has_fbp(&self) -> bool {
        self.user_data.fbp.is_some() || self.browser.as_ref().is_some_and(Browser::has_fbp)
    }

    /// Both browsers as digests, if one of them is kept so.
    fn digests(&self, other: &Self) -> Option<(Browser, Browser)> {
        let known = self.browser.as_ref().or(other.browser.as_ref())?;
        let of = |contact: &Self| contact.browser.clone().unwrap_or_else(|| known.like(&contact.user_data));
        Some((of(self), of(other)))
    }

    /// Whether both come from the same browser: they have the same `fbp` or, if one has none, the same IP
    /// address and User-Agent.
    pub(super) fn is_same_browser(&self, other: &Self) -> bool {
        match self.digests(other) {
            None => self.user_data.same_browser(&other.user_data),
            Some((ours, theirs)) if ours.has_fbp() && theirs.has_fbp() => ours.has_fbp_of(&theirs),
            Some((ours, theirs)) => ours.has_address() && ours.has_visitor_of(&theirs),
        }
    }

    /// Whether its browser has this `fbp`; `None` if it has none.
    pub(super) fn names_fbp(&self, fbp: &str) -> Option<bool> {
        let named = UserData { fbp: Some(fbp.to_owned()), ..UserData::default() };
        match &self.browser {
            Some(browser) => browser.has_fbp().then(|| browser.has_fbp_of(&browser.like(&named))),
            None => self.user_data.shares_fbp(&named),
        }
    }

    /// Whether `later` may come from the same browser, though nothing recognises this one: it brought no
    /// `fbp`, and the addresses of visitors are not known. Browsers whose consent banner is not answered
    /// have no cookies.
    pub(super) fn may_be_of(&self, later: &Self) -> bool {
        if self.is_proven() || self.has_fbp() {
            return false;
        }
        if let Some((ours, theirs)) = self.digests(later) {
            return !ours.has_address() && !theirs.has_address() && ours.has_visitor_of(&theirs);
        }
        let (ours, theirs) = (&self.user_data, &later.user_data);
        let has_same_agent =
            ours.client_user_agent.is_some() && ours.client_user_agent == theirs.client_user_agent;
        ours.client_ip_address.is_none() && theirs.client_ip_address.is_none() && has_same_agent
    }

    /// Whether both name the same `fbp`.
    pub(super) fn has_fbp_of(&self, other: &Self) -> bool {
        match self.digests(other) {
            Some((ours, theirs)) => ours.has_fbp_of(&theirs),
            None => self.user_data.shares_fbp(&other.user_data) == Some(true),
        }
    }

    /// Takes what the same browser says later. What is known stays, and blanks are filled. If the person
    /// had refused and allows it now, what comes with the permission counts before what came with the
    /// refusal. While they refuse, and from then on, nothing is kept that recognises more than the browser.
    pub(super) fn learn(&mut self, later: &Self) {
        let was_refused = self.consent.ads == AdsConsent::Denied;
        let digests = self.digests(later);
        self.consent.ads.revise(later.consent.ads);
        self.consent.limited_data_use = self.consent.limited_data_use.or(later.consent.limited_data_use);
        self.proof = self.proof.max(later.proof);
        crate::user_data::fill(&mut self.pixel, later.pixel.as_ref());
        let has_page = later.page.event_source_url.is_some();
        if self.consent.ads == AdsConsent::Denied {
            if let Some((mut ours, theirs)) = digests {
                ours.fill_blanks(&theirs);
                self.forget(ours);
            }
            self.custom_data.fill_blanks(&later.custom_data);
            return;
        }
        if was_refused {
            self.browser = None;
            let user_data = core::mem::replace(&mut self.user_data, later.user_data.clone());
            self.user_data.fill_blanks(&user_data);
            let custom_data = core::mem::replace(&mut self.custom_data, later.custom_data.clone());
            self.custom_data.fill_blanks(&custom_data);
            if has_page {
                self.page.clone_from(&later.page);
            }
            return;
        }
        self.user_data.fill_blanks(&later.user_data);
        self.custom_data.fill_blanks(&later.custom_data);
        // The page of the sale says more than the page of the first visit.
        if later.is_claim && has_page {
            self.page.clone_from(&later.page);
        }
    }
}

fn proof_or_internal<'de, D: Deserializer<'de>>(stored: D) -> Result<ContactProof, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        IsInternal(bool),
        Proof(ContactProof),
    }
    Ok(match Stored::deserialize(stored)? {
        Stored::IsInternal(true) => ContactProof::Internal,
        Stored::IsInternal(false) => ContactProof::Nothing,
        Stored::Proof(proof) => proof,
    })
}

/// Who brought the browser signals of a Purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignalSource {
    /// The page that claimed the order.
    Claim,
    /// An earlier event that named the order, such as its checkout.
    EarlierEvent,
    /// One of the shop's own services.
    Internal,
    /// Nobody. The Purchase has no browser signals.
    Nobody,
}

impl SignalSource {
    /// All sources.
    pub const ALL: [Self; 4] = [Self::Claim, Self::EarlierEvent, Self::Internal, Self::Nobody];

    /// Stable name for metric labels, stored rows and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::EarlierEvent => "earlier_event",
            Self::Internal => "internal",
            Self::Nobody => "none",
        }
    }
}
