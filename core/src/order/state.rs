//! What is known of an order, and how far it is.

use serde::{Deserialize, Serialize};

use super::contact::Contact;
use super::note::Note;
use super::payment::{Payment, Refund};
use crate::custom_data::CustomData;
use crate::hash::Sha256Hex;
use crate::id::{OrderId, PixelId};

/// Why a Purchase is withheld. The codes are stable; see `docs/codes/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithholdReason {
    /// The order's owner, or an internal caller, refused advertising use.
    ConsentDenied,
    /// The whole payment went back before the Purchase left.
    RefundedBeforeSent,
}

impl WithholdReason {
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

/// Where the order's Purchase is, as far as the order knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Placement {
    /// Nowhere yet.
    #[default]
    Not,
    /// Placed with a wait for signals.
    Held,
    /// Placed to be sent.
    Sent,
    /// Kept back.
    Withheld(WithholdReason),
    /// Too old when the proof came.
    TooOld,
}

/// What the Purchase is about, as it was placed: what the page fires is the same, whatever
/// is learnt later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FixedContents {
    /// From when it can no longer change, Unix milliseconds.
    pub(super) from_ms: i64,
    pub(super) data: CustomData,
}

/// A page's word that it fired the Purchase of an unpaid order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FiredUnpaid {
    /// When, Unix seconds.
    pub(super) at_s: i64,
    /// Whose page it was: [`Order::owner_since_s`] at that moment.
    pub(super) owner_since_s: Option<i64>,
}

/// What the order knows of the questions about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Inquiry {
    /// When the schedule began, Unix seconds.
    pub(super) since_s: Option<i64>,
    /// Until when a claim causes no question, Unix seconds.
    pub(super) quiet_until_s: i64,
    /// The provider did not know the order when it was last asked.
    pub(super) unknown: bool,
    /// A genuine message of the provider, or one of the shop's own services, spoke of it.
    pub(super) attested: bool,
}

impl Inquiry {
    /// Whether there is nothing to store.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What is known of an order's payment session.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Sessions {
    /// As the provider told it.
    pub(super) known: Option<Sha256Hex>,
    /// Contacts that came with a session, until the provider tells the order's.
    pub(super) waiting: Vec<(Sha256Hex, Contact)>,
}

impl Sessions {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Forgets people.
    pub(super) fn forget_contacts(&mut self) {
        self.waiting.clear();
    }
}

/// One order of the shop: what is known of it, and where its Purchase is. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub(super) id: OrderId,
    pub(super) pixel: PixelId,
    /// First contact that named the order, with blanks filled by the same browser.
    pub(super) owner: Option<Contact>,
    /// The owner's contact came with a proof: from one of the shop's own services, or with
    /// the shop's key for the order.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub(super) owner_is_proven: bool,
    /// When the first claim came, Unix seconds.
    pub(super) claimed_at_s: Option<i64>,
    /// An internal caller refused advertising use.
    pub(super) denied_internally: bool,
    pub(super) paid: Option<Payment>,
    /// Further successful payments, by ID (a double payment); bounded.
    pub(super) other_payments: Vec<String>,
    pub(super) failed: bool,
    /// Payments that were voided before they were known to be paid, with the time in Unix
    /// seconds; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) voided: Vec<(String, i64)>,
    pub(super) refunds: Vec<Refund>,
    /// What it went through; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<Note>,
    pub(super) placed: Placement,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<FixedContents>,
    /// When the page of the paid order confirmed that its pixel fired, Unix seconds.
    pub(super) fired_at_s: Option<i64>,
    /// The same, of a page that fired before the payment was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fired_unpaid: Option<FiredUnpaid>,
    /// Its payment session, which proves a page.
    #[serde(default, skip_serializing_if = "Sessions::is_empty")]
    pub(super) sessions: Sessions,
    /// Questions about it to the payment provider.
    #[serde(default, skip_serializing_if = "Inquiry::is_default")]
    pub(super) asking: Inquiry,
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
            placed: Placement::Not,
            settled: None,
            fired_at_s: None,
            fired_unpaid: None,
            sessions: Sessions::default(),
            asking: Inquiry::default(),
        }
    }

    /// The shop's order ID.
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
    pub fn paid(&self) -> Option<&Payment> {
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

    /// How far the order is: paid, failed, refunded or neither.
    pub fn state(&self) -> PurchaseState {
        match (&self.paid, self.failed) {
            (Some(_), _) if self.is_fully_refunded() => PurchaseState::Refunded,
            (Some(_), _) => PurchaseState::Verified,
            (None, true) => PurchaseState::Failed,
            (None, false) => PurchaseState::Pending,
        }
    }

    /// Why its Purchase is kept back, if it is.
    pub fn withheld(&self) -> Option<WithholdReason> {
        match self.placed {
            Placement::Withheld(why) => Some(why),
            _ => None,
        }
    }

    /// Notes that the Purchase had left before it could be stopped.
    pub fn mark_left(&mut self) {
        if let Placement::Withheld(_) = self.placed {
            self.placed = Placement::Sent;
        }
    }

    /// Notes that the Purchase was delivered. True if the order still counted it as waiting for
    /// signals.
    pub fn mark_delivered(&mut self) -> bool {
        let waited = self.placed == Placement::Held;
        if waited {
            self.placed = Placement::Sent;
        }
        waited
    }

    /// Notes that the Purchase, which had seemed to have left, came back and was stopped.
    pub fn mark_stopped(&mut self, why: WithholdReason) {
        self.placed = Placement::Withheld(why);
    }

    /// Notes when a page's pixel fired the Purchase, Unix seconds. The first report counts. Before
    /// the payment it counts as long as the order's owner stays the same.
    pub fn confirm_fired(&mut self, at_s: i64) {
        if self.is_fired() {
            return;
        }
        if self.paid.is_some() {
            self.fired_at_s = Some(at_s);
        } else {
            self.fired_unpaid = Some(FiredUnpaid { at_s, owner_since_s: self.owner_since_s() });
        }
    }

    /// When the page confirmed that its pixel fired, Unix seconds.
    pub fn fired_at_s(&self) -> Option<i64> {
        let by_owner = |fired: &FiredUnpaid| fired.owner_since_s == self.owner_since_s();
        self.fired_at_s.or(self.fired_unpaid.filter(by_owner).map(|fired| fired.at_s))
    }

    /// When the order's owner named it first, Unix seconds. Another owner has another time.
    pub fn owner_since_s(&self) -> Option<i64> {
        self.owner.as_ref().map(|owner| owner.at_s)
    }

    /// Where its Purchase is as far as the order knows, in one word for operators. The
    /// event's own state says more.
    pub fn placed(&self) -> &'static str {
        match self.placed {
            Placement::Not => "none",
            Placement::Held => "waiting_join",
            Placement::Sent => "placed",
            Placement::Withheld(_) => "withheld",
            Placement::TooOld => "too_old",
        }
    }

    /// Whether a page has confirmed that its pixel fired the Purchase.
    pub fn is_fired(&self) -> bool {
        self.fired_at_s().is_some()
    }
}
