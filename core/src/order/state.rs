//! The known facts about an order, and its state.

use serde::{Deserialize, Serialize};

use super::contact::{Contact, ContactProof};
use super::environment::Environment;
use super::note::Note;
use super::payment::{Payment, Refund, RefundSum};
use super::voices::ConsentVoices;
use crate::code;
use crate::custom_data::CustomData;
use crate::event::ConsentRule;
use crate::hash::Sha256Hex;
use crate::id::{OrderId, PixelId};

/// Why a Purchase is withheld. Each reason has a stable code; see `docs/codes/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithholdReason {
    /// The order's owner, or a proven voice, refused advertising use; or nobody allowed it, where
    /// somebody must.
    ConsentDenied,
    /// The same, and another browser or voice allowed it.
    ConsentConflict,
    /// The whole payment went back before the Purchase left.
    RefundedBeforeSent,
}

impl WithholdReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::ConsentDenied, Self::ConsentConflict, Self::RefundedBeforeSent];

    /// Stable code, one of [`crate::code`].
    pub fn code(self) -> &'static str {
        match self {
            Self::ConsentDenied => code::CONSENT_DENIED,
            Self::ConsentConflict => code::CONSENT_CONFLICT,
            Self::RefundedBeforeSent => code::REFUNDED_BEFORE_SENT,
        }
    }
}

/// How far the payment of an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseState {
    /// There is no proof of payment.
    Pending,
    /// There is a proof of payment.
    Verified,
    /// An attempt to pay failed, and there is no proof of payment.
    Failed,
    /// The order was paid, and all of the money went back.
    Refunded,
}

/// What was last decided about the order's Purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Placement {
    /// The Purchase was not placed yet.
    #[default]
    Not,
    /// It was placed and waits for browser signals.
    Held,
    /// It was placed to be sent.
    Sent,
    /// It was withheld for this reason.
    Withheld(WithholdReason),
    /// It was too old for Meta when the proof came.
    TooOld,
}

/// What the placed Purchase is about. The page fires the same data, even if the server learns more
/// later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FixedContents {
    /// When the data becomes final, Unix milliseconds.
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

/// State of the questions to the payment provider about the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Inquiry {
    /// When the schedule started, Unix seconds.
    pub(super) since_s: Option<i64>,
    /// Time until which a claim causes no question, Unix seconds.
    pub(super) quiet_until_s: i64,
    /// Whether the provider's last answer was that it does not know the order.
    pub(super) unknown: bool,
    /// Whether a verified message of the provider, one of the shop's services, or a page with the shop's
    /// key named the order.
    pub(super) attested: bool,
}

impl Inquiry {
    /// Whether there is nothing to store.
    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Most bytes of JSON that the facts of a contact that waits for the provider's word may take. Anybody can make
/// one wait.
pub(super) const WAITING_BYTES_MAX: usize = 2 * 1024;

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

    /// Lets what a browser says count as said with the session that it gave before.
    pub(super) fn hear(&mut self, contact: &Contact) {
        let is_page = contact.proof != ContactProof::Internal;
        for (_, known) in self.waiting.iter_mut().filter(|(_, known)| is_page && known.has_fbp_of(contact)) {
            known.learn(contact);
            known.custom_data.keep_within(WAITING_BYTES_MAX);
        }
    }

    /// Forgets people.
    pub(super) fn forget_contacts(&mut self) {
        self.waiting.clear();
    }
}

/// One order of the shop: the known facts about it, and the state of its Purchase. The server stores it
/// as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub(super) id: OrderId,
    /// In which money it is paid.
    #[serde(default)]
    pub(super) environment: Environment,
    pub(super) pixel: PixelId,
    /// The contact that owns the order's signals, with blanks filled by the same browser.
    pub(super) owner: Option<Contact>,
    /// What was said about advertising use.
    #[serde(default, skip_serializing_if = "ConsentVoices::is_default")]
    pub(super) consents: ConsentVoices,
    /// What silence meant to the shop when the order last changed.
    #[serde(default, skip_serializing_if = "ConsentRule::is_default")]
    pub(super) consent_rule: ConsentRule,
    /// The pixel that a proven contact named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) proven_pixel: Option<PixelId>,
    /// What is known of the owner or the payment, and not yet in the placed Purchase.
    #[serde(skip)]
    pub(super) has_new_signals: bool,
    /// When the first claim came, Unix seconds.
    pub(super) claimed_at_s: Option<i64>,
    pub(super) paid: Option<Payment>,
    /// IDs of further successful payments (double payments); the number is bounded.
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
    /// When the page of the paid order confirmed that its pixel fired, Unix seconds.
    pub(super) fired_at_s: Option<i64>,
    /// The same, of a page that fired before the payment was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fired_unpaid: Option<FiredUnpaid>,
    /// Its payment session, which proves a page.
    #[serde(default, skip_serializing_if = "Sessions::is_empty")]
    pub(super) sessions: Sessions,
    /// State of the questions to the payment provider.
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
            consents: ConsentVoices::default(),
            consent_rule: ConsentRule::default(),
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
            fired_unpaid: None,
            sessions: Sessions::default(),
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

    /// Sets the pixel. The server calls this when a pixel is configured after the order came.
    pub fn assign(&mut self, pixel: PixelId) {
        self.pixel = pixel;
    }

    /// The payment that paid the order; `None` without proof of payment.
    pub fn paid(&self) -> Option<&Payment> {
        self.paid.as_ref()
    }

    /// The contact whose browser signals the Purchase has.
    pub fn owner(&self) -> Option<&Contact> {
        self.owner.as_ref()
    }

    /// When a page first claimed the order, Unix seconds.
    pub fn claimed_at_s(&self) -> Option<i64> {
        self.claimed_at_s
    }

    /// How far the payment of the order is.
    pub fn state(&self) -> PurchaseState {
        match (&self.paid, self.failed) {
            (Some(_), _) if self.is_fully_refunded() => PurchaseState::Refunded,
            (Some(_), _) => PurchaseState::Verified,
            (None, true) => PurchaseState::Failed,
            (None, false) => PurchaseState::Pending,
        }
    }

    /// Why the Purchase is withheld; `None` when it is not withheld.
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

    /// Notes that the Purchase was delivered. Returns whether the order still had it as waiting for
    /// signals.
    pub fn mark_delivered(&mut self) -> bool {
        let waited = self.placed == Placement::Held;
        if waited {
            self.placed = Placement::Sent;
        }
        waited
    }

    /// Notes that the Purchase was stopped after all: delivery had it and returned it unsent.
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

    /// What was last decided about the Purchase, in one word for operators: `none`, `waiting_join`,
    /// `placed`, `withheld` or `too_old`. The state of the event says how far its delivery is.
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
