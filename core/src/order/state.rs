//! What is known of an order, and how far it is.

use serde::{Deserialize, Serialize};

use super::consent::ConsentVoices;
use super::contact::Contact;
use super::environment::Environment;
use super::note::Note;
use super::payment::{Payment, Refund, RefundSum};
use crate::code;
use crate::custom_data::CustomData;
use crate::id::{OrderId, PixelId};

/// Why a Purchase is withheld. The codes are stable; see `docs/codes/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithholdReason {
    /// The order's owner, or a proven voice, refused advertising use.
    ConsentDenied,
    /// The same, and another browser or voice allowed it.
    ConsentConflict,
    /// The whole payment went back before the Purchase left.
    RefundedBeforeSent,
}

impl WithholdReason {
    /// Stable code for operators.
    pub fn code(self) -> &'static str {
        match self {
            Self::ConsentDenied => code::CONSENT_DENIED,
            Self::ConsentConflict => code::CONSENT_CONFLICT,
            Self::RefundedBeforeSent => code::REFUNDED_BEFORE_SENT,
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

/// One order of the shop: what is known of it, and where its Purchase is. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub(super) id: OrderId,
    /// In which money it is paid.
    #[serde(default)]
    pub(super) environment: Environment,
    pub(super) pixel: PixelId,
    /// The contact that owns the order's signals, with blanks filled by the same browser.
    pub(super) owner: Option<Contact>,
    /// The latest claim of another browser, while the order is not paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) claimant: Option<Contact>,
    /// What was said about advertising use.
    #[serde(default, skip_serializing_if = "ConsentVoices::is_default")]
    pub(super) consents: ConsentVoices,
    /// The pixel that a proven contact named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proven_pixel: Option<PixelId>,
    /// What is known of the owner or the payment, and not yet in the placed Purchase.
    #[serde(skip)]
    pub(super) has_new_signals: bool,
    /// When the first claim came, Unix seconds.
    pub(super) claimed_at_s: Option<i64>,
    pub(super) paid: Option<Payment>,
    /// Further successful payments, by ID (a double payment); bounded.
    pub(super) other_payments: Vec<String>,
    pub(super) failed: bool,
    /// Payments that were voided, with the time in Unix seconds; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) voided: Vec<(String, i64)>,
    /// The latest refunds; bounded.
    pub(super) refunds: Vec<Refund>,
    /// Earlier refunds, added up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) earlier_refunds: Vec<RefundSum>,
    /// What it went through; bounded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<Note>,
    pub(super) placed: Placement,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settled: Option<FixedContents>,
    /// When the page confirmed that its pixel fired, Unix seconds.
    pub(super) fired_at_s: Option<i64>,
    /// Questions about it to the payment provider.
    #[serde(default, skip_serializing_if = "Inquiry::is_default")]
    pub(super) asking: Inquiry,
}

impl Order {
    /// An order nobody has said anything about yet.
    pub fn new(id: OrderId, environment: Environment, pixel: PixelId) -> Self {
        Self {
            id,
            environment,
            pixel,
            owner: None,
            claimant: None,
            consents: ConsentVoices::default(),
            proven_pixel: None,
            has_new_signals: false,
            claimed_at_s: None,
            paid: None,
            other_payments: Vec::new(),
            failed: false,
            voided: Vec::new(),
            refunds: Vec::new(),
            earlier_refunds: Vec::new(),
            history: Vec::new(),
            placed: Placement::Not,
            settled: None,
            fired_at_s: None,
            asking: Inquiry::default(),
        }
    }

    /// The shop's order ID.
    pub fn id(&self) -> &OrderId {
        &self.id
    }

    /// In which money it is paid.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// The pixel it is reported to. It is settled when its Purchase is placed.
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

    /// Notes that the Purchase had left before it could be stopped or replaced. `before`: the order
    /// as it was. What left stays what the order knows of it.
    pub fn mark_left(&mut self, before: &Self) {
        self.placed = Placement::Sent;
        self.settled.clone_from(&before.settled);
        self.pixel.clone_from(&before.pixel);
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

    /// Notes when a page's pixel fired the Purchase, Unix seconds. The first report counts.
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
            Placement::Not => "none",
            Placement::Held => "waiting_join",
            Placement::Sent => "placed",
            Placement::Withheld(_) => "withheld",
            Placement::TooOld => "too_old",
        }
    }

    /// Whether a page has confirmed that its pixel fired the Purchase.
    pub fn is_fired(&self) -> bool {
        self.fired_at_s.is_some()
    }
}
