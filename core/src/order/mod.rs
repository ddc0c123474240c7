//! The order's state machine: one order, one Purchase, and only for money that was paid.
//!
//! Inputs come in any order and any number of times: contacts of browsers (claims, and
//! earlier events that named the order), payments (webhooks, facts of internal callers,
//! answers of the Orders API), failures and refunds. After each, [`Order::decide`] says
//! what must happen to the order's one Purchase. The caller stores the order and carries
//! the decision out in one atomic step.
//!
//! - A contact alone never makes a Purchase.
//! - The payment's money and customer win; the browser that named the order first adds
//!   its signals.
//! - A paid order without signals waits for them once, for a bounded time.

mod asking;
mod contact;
mod history;
mod payment;
mod refund_event;

pub use asking::{NotPaid, Standing};
pub use contact::{Contact, SignalsFrom};
pub use history::{Note, NoteKind};
pub use payment::{Paid, PaymentOutcome, PaymentSource, Refund};
pub use refund_event::RefundFate;

use serde::{Deserialize, Serialize};

use crate::custom_data::CustomData;
use crate::event::{ActionSource, DEDUPLICATION_WINDOW_S, Event, is_too_old};
use crate::id::{EventId, EventName, OrderId, PixelId};

/// Why a Purchase is kept back. Stable codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    /// The order's owner, or an internal caller, refused advertising use.
    ConsentDenied,
    /// The whole payment went back before the Purchase left.
    RefundedBeforeSent,
}

impl Withheld {
    /// Stable code for operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::ConsentDenied => "consent_denied",
            Self::RefundedBeforeSent => "refunded_before_sent",
        }
    }
}

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseState {
    /// No proof of payment.
    Pending,
    /// Paid.
    Verified,
    /// The last attempt to pay failed.
    Failed,
    /// Paid, and all of it went back.
    Refunded,
}

/// What must happen to the order's Purchase now.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Nothing.
    Nothing,
    /// Place it, to be sent at once. Replaces one that still waits for signals; does
    /// nothing to one that has left.
    Send(Box<Event>),
    /// Place it, to be sent at this time (Unix milliseconds) if nothing better came.
    Hold(Box<Event>, i64),
    /// Place it as counted and never sent, or stop the one that has not left.
    Withhold(Box<Event>, Withheld),
    /// Place it as given up: too old for Meta.
    TooOld(Box<Event>),
}

/// Where the order's Purchase is, as far as the order knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Placed {
    /// Nowhere yet.
    #[default]
    Not,
    /// Placed with a wait for signals.
    Held,
    /// Placed to be sent.
    Sent,
    /// Kept back.
    Withheld(Withheld),
    /// Too old when the proof came.
    TooOld,
}

/// What the Purchase is about, as it was placed: what the page fires is the same, whatever
/// is learnt later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Settled {
    /// From when it can no longer change, Unix milliseconds.
    from_ms: i64,
    data: CustomData,
}

/// An order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    id: OrderId,
    pixel: PixelId,
    /// First contact that named the order, with blanks filled by the same browser.
    owner: Option<Contact>,
    /// The owner's contact came with a proof: from one of the shop's own services, or with
    /// the shop's key for the order.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    owner_is_proven: bool,
    /// When the first claim came, Unix seconds.
    claimed_at_s: Option<i64>,
    /// An internal caller refused advertising use.
    denied_internally: bool,
    paid: Option<Paid>,
    /// Further successful payments, by ID (a double payment); bounded.
    other_payments: Vec<String>,
    failed: bool,
    /// Payments that were voided before they were known to be paid, with the time in Unix
    /// seconds; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    voided: Vec<(String, i64)>,
    refunds: Vec<Refund>,
    /// What it went through; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<Note>,
    placed: Placed,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settled: Option<Settled>,
    /// When the page confirmed that its pixel fired, Unix seconds.
    fired_at_s: Option<i64>,
    /// Questions about it to the payment provider.
    #[serde(default, skip_serializing_if = "asking::Asking::is_default")]
    asking: asking::Asking,
}

impl Order {
    /// An order nobody has said anything about yet.
    pub fn new(id: OrderId, pixel: PixelId) -> Self {
        Self {
            id,
            pixel,
            owner: None,
            owner_is_proven: false,
            claimed_at_s: None,
            denied_internally: false,
            paid: None,
            other_payments: Vec::new(),
            failed: false,
            voided: Vec::new(),
            refunds: Vec::new(),
            history: Vec::new(),
            placed: Placed::Not,
            settled: None,
            fired_at_s: None,
            asking: asking::Asking::default(),
        }
    }

    /// Its ID.
    pub fn id(&self) -> &OrderId {
        &self.id
    }

    /// The pixel it is reported to: that of the first input.
    pub fn pixel(&self) -> &PixelId {
        &self.pixel
    }

    /// Gives the order to a pixel that was configured after it came.
    pub fn assign(&mut self, pixel: PixelId) {
        self.pixel = pixel;
    }

    /// The payment that counts.
    pub fn paid(&self) -> Option<&Paid> {
        self.paid.as_ref()
    }

    /// The contact that owns its signals.
    pub fn owner(&self) -> Option<&Contact> {
        self.owner.as_ref()
    }

    /// When it was first claimed, Unix seconds.
    pub fn claimed_at_s(&self) -> Option<i64> {
        self.claimed_at_s
    }

    /// How far it is.
    pub fn state(&self) -> PurchaseState {
        match (&self.paid, self.failed) {
            (Some(_), _) if self.is_fully_refunded() => PurchaseState::Refunded,
            (Some(_), _) => PurchaseState::Verified,
            (None, true) => PurchaseState::Failed,
            (None, false) => PurchaseState::Pending,
        }
    }

    /// Why its Purchase is kept back, if it is.
    pub fn withheld(&self) -> Option<Withheld> {
        match self.placed {
            Placed::Withheld(why) => Some(why),
            _ => None,
        }
    }

    /// Decides what must happen to the Purchase. `now_ms`: Unix milliseconds;
    /// `join_wait_ms`: how long to wait for signals; `fallback_url`: `event_source_url`
    /// when no browser was ever seen.
    pub fn decide(&mut self, now_ms: i64, join_wait_ms: i64, fallback_url: Option<&str>) -> Decision {
        let Some(paid) = self.paid.as_ref().filter(|paid| paid.money.amount.get() > 0) else {
            return Decision::Nothing;
        };
        let waits = matches!(self.placed, Placed::Not | Placed::Held);
        let may_stop = self.placed == Placed::Sent && self.must_not_leave().is_some();
        if !(waits || may_stop) {
            return Decision::Nothing;
        }
        let event = Box::new(self.purchase(paid, fallback_url, now_ms));
        let data = event.custom_data.clone();
        let has_signals = event.user_data.has_browser_signals();
        let (placed, decision) = if let Some(why) = self.must_not_leave() {
            (Placed::Withheld(why), Decision::Withhold(event, why))
        } else if self.placed == Placed::Not && is_too_old(event.time_s, now_ms / 1000) {
            (Placed::TooOld, Decision::TooOld(event))
        } else if has_signals || paid.action_source != ActionSource::Website || join_wait_ms == 0 {
            (Placed::Sent, Decision::Send(event))
        } else if self.placed == Placed::Not {
            (Placed::Held, Decision::Hold(event, now_ms.saturating_add(join_wait_ms)))
        } else {
            return Decision::Nothing;
        };
        self.placed = placed;
        // While it waits for signals, contents may still come; when the wait is over it leaves.
        let from_ms = if let Decision::Hold(_, until_ms) = decision { until_ms } else { 0 };
        self.settled = Some(Settled { from_ms, data });
        decision
    }

    /// The Purchase as it would be sent, if the order is paid.
    fn purchase(&self, paid: &Paid, fallback_url: Option<&str>, now_ms: i64) -> Event {
        // The payment's customer wins, key by key; the browser adds what it lacks.
        let mut user_data = paid.user_data.clone();
        let mut page = paid.page.clone();
        let mut limited_data_use = paid.consent.limited_data_use;
        if let Some(owner) = &self.owner {
            user_data.fill_blanks(&owner.user_data);
            limited_data_use = limited_data_use.or(owner.consent.limited_data_use);
            crate::user_data::fill(&mut page.event_source_url, owner.page.event_source_url.as_ref());
            crate::user_data::fill(&mut page.referrer_url, owner.page.referrer_url.as_ref());
        }
        if page.event_source_url.is_none() && paid.action_source == ActionSource::Website {
            page.event_source_url = fallback_url.map(Into::into);
        }
        Event {
            pixel: self.pixel.clone(),
            name: EventName::purchase(),
            id: EventId::of_purchase(&self.id),
            time_s: paid.at_s.min(paid.seen_at_s),
            action_source: paid.action_source,
            page,
            user_data,
            custom_data: self.custom_data(paid, now_ms),
            limited_data_use,
        }
    }

    /// What the Purchase is about. Contents that the proof or the browser named stay; where
    /// neither did, the catalogue's count.
    fn custom_data(&self, paid: &Paid, now_ms: i64) -> CustomData {
        if let Some(settled) = self.settled.as_ref().filter(|settled| settled.from_ms <= now_ms) {
            return settled.data.clone();
        }
        let mut data = paid.custom_data.clone();
        if let Some(owner) = &self.owner {
            data.fill_blanks(&owner.custom_data);
        }
        data.fill_contents(&paid.listed);
        data.value = Some(paid.money);
        data.order_id = Some(self.id.clone());
        data.drop_foreign_prices();
        data
    }

    /// Why its Purchase must not leave, if it is still here.
    pub fn must_not_leave(&self) -> Option<Withheld> {
        if self.is_fully_refunded() {
            return Some(Withheld::RefundedBeforeSent);
        }
        self.is_denied().then_some(Withheld::ConsentDenied)
    }

    /// The Purchase that was to be stopped had left already.
    pub fn stop_was_too_late(&mut self) {
        if let Placed::Withheld(_) = self.placed {
            self.placed = Placed::Sent;
        }
    }

    /// Its Purchase was delivered: a wait for signals is over. True if that is news.
    pub fn was_delivered(&mut self) -> bool {
        let waited = self.placed == Placed::Held;
        if waited {
            self.placed = Placed::Sent;
        }
        waited
    }

    /// The Purchase that had seemed to have left came back and was stopped after all.
    pub fn was_stopped(&mut self, why: Withheld) {
        self.placed = Placed::Withheld(why);
    }

    /// What the page should fire now, if anything: the order is verified, the two copies
    /// would still be merged, nothing keeps it back and no page has fired it yet.
    pub fn browser_event(&self, now_s: i64) -> Option<CustomData> {
        let paid = self.paid.as_ref()?;
        let open = self.fired_at_s.is_none()
            && self.must_not_leave().is_none()
            && matches!(self.placed, Placed::Held | Placed::Sent)
            && now_s - paid.seen_at_s < DEDUPLICATION_WINDOW_S;
        open.then(|| self.custom_data(paid, now_s.saturating_mul(1000)))
    }

    /// Notes that a page's pixel fired the Purchase. Unix seconds.
    pub fn confirm_fired(&mut self, at_s: i64) {
        self.fired_at_s.get_or_insert(at_s);
    }

    /// When the page confirmed that its pixel fired, Unix seconds.
    pub fn fired_at_s(&self) -> Option<i64> {
        self.fired_at_s
    }

    /// Where its Purchase is as far as the order knows, in one word for operators. The
    /// event's own state says more.
    pub fn placed(&self) -> &'static str {
        match self.placed {
            Placed::Not => "none",
            Placed::Held => "waiting_join",
            Placed::Sent => "placed",
            Placed::Withheld(_) => "withheld",
            Placed::TooOld => "too_old",
        }
    }

    /// Whether a page has fired it.
    pub fn is_fired(&self) -> bool {
        self.fired_at_s.is_some()
    }

    /// Forgets the signals of people and keeps what must never be forgotten: that the
    /// order was paid, sent, refunded.
    pub fn strip_signals(&mut self) {
        self.owner = None;
        if let Some(paid) = &mut self.paid {
            paid.user_data = Default::default();
            paid.page = Default::default();
        }
    }

    fn is_denied(&self) -> bool {
        self.denied_internally || self.owner.as_ref().is_some_and(|owner| owner.consent.denied)
    }
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod refund_tests;
#[cfg(test)]
mod stranger_tests;
#[cfg(test)]
mod tests;
