//! Orders and webhooks: one step on one order, and what it makes the store write.

use std::time::Duration;

use tandem_core::event::Event;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Decision, Environment, Order, PaymentOutcome, TrustLevel, WithholdReason};

use super::{Appended, Initial, NewEvent, StoreError};

/// Keeps orders and webhooks.
///
/// An order, its webhook, its Purchase and the events that follow change in one atomic step. Steps
/// on one order run one after the other, also when different servers ask for them.
#[async_trait::async_trait]
pub trait OrderStore: std::fmt::Debug + Send + Sync + 'static {
    /// Runs a step on one order and writes the order with the step's effects atomically. A new
    /// order is created with `pixel`. `None`: the webhook had been seen before, so the step did not
    /// run.
    async fn update(
        &self,
        lane: Lane,
        order: OrderKey,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        step: OrderStep,
    ) -> Result<Option<OrderUpdated>, StoreError>;

    /// Stores a webhook that concerns no order. False when it was known.
    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError>;

    /// One order.
    async fn order(&self, key: OrderKey) -> Result<Option<Order>, StoreError>;

    /// A random key that all servers of this store share. It is made when it is first asked for.
    async fn confirm_secret(&self) -> Result<[u8; 32], StoreError>;

    /// Orders of an environment that are due to be asked of the payment provider, at most `max`:
    /// those with the most behind them first. Nothing is leased: servers that ask at the same time may
    /// get the same order, and the provider's answer is taken once.
    async fn orders_to_ask(&self, environment: Environment, max: usize) -> Result<Vec<DueOrder>, StoreError>;
}

/// Whose write it is. What waits in one lane does not hold up the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Webhooks, reports, what payment providers answer, results of deliveries, operators.
    Shop,
    /// Events, and what pages say about orders.
    Page,
}

/// What finds an order: the shop's ID, in one environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OrderKey {
    pub environment: Environment,
    pub id: OrderId,
}

/// A step on one order. The store may run it again, so it must depend on its input alone.
pub type OrderStep = Box<dyn FnMut(&mut Order) -> OrderEffects + Send>;

/// What an order's step makes the store write besides the order.
#[derive(Debug, Default)]
pub struct OrderEffects {
    /// A separate event (a checkout event that named the order).
    pub event: Option<NewEvent>,
    /// What happens to the order's Purchase.
    pub purchase: Option<PurchaseChange>,
    /// Events that follow the Purchase (those of refunds). They are appended once each if the
    /// Purchase has left or is on its way, and stopped if it was stopped.
    pub followers: Vec<NewEvent>,
    /// When to ask the payment provider about the order.
    pub ask: Ask,
    /// A page asked about the order, so that a browser copy of its Purchase is to be expected.
    pub browser_contact: bool,
    /// Stable code of why the webhook is a dead letter, where the order says so.
    pub dead_letter: Option<&'static str>,
    /// What the step tells its caller.
    pub answer: StepAnswer,
}

/// What a step on an order tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepAnswer {
    #[default]
    Nothing,
    /// Somebody named the order.
    Contact {
        /// They had said the same before.
        is_known: bool,
    },
    /// A payment was reported.
    Payment(PaymentOutcome),
}

/// Result of an order's step.
#[derive(Debug)]
pub struct OrderUpdated {
    /// The order was not known before.
    pub is_new: bool,
    /// The order after the step.
    pub order: Order,
    /// Result of appending the step's separate event.
    pub event: Option<Appended>,
    /// What the step said of its webhook.
    pub dead_letter: Option<&'static str>,
    /// Whether the Purchase was written (`None`: it had left already, or there is none).
    pub purchase: Option<Appended>,
    /// When to ask the payment provider about the order.
    pub ask: Ask,
    pub answer: StepAnswer,
}

/// When to ask the payment provider about an order next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ask {
    /// At the time that was planned before.
    #[default]
    AsPlanned,
    /// At this time, Unix milliseconds.
    At(i64),
    /// Not again.
    Never,
}

/// An order that is due for a question to the payment provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    pub order: OrderId,
    /// How much is behind it.
    pub trust: TrustLevel,
}

/// What happens to an order's one Purchase.
#[derive(Debug)]
pub enum PurchaseChange {
    /// Place it. Replaces one that has not left, and one that its order withheld.
    Place(Box<NewEvent>),
    /// Stop the one that has not left. One that is on its way is stopped when it comes back.
    Stop(WithholdReason),
}

/// A genuine webhook as it is stored: an extract without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Whose webhook it is: the provider and environment whose secret matched.
    pub account: String,
    /// Key that all copies of one webhook share.
    pub event_key: String,
    /// The webhook's type, in the provider's words.
    pub kind: String,
    /// The order it names.
    pub order_id: Option<String>,
    /// When it was received, Unix milliseconds.
    pub received_ms: i64,
    /// Set when the webhook was unusable: then it is a dead letter, and this is the stable code.
    pub dead_letter: Option<String>,
    /// The allow-listed fields, as JSON.
    pub extract: String,
    /// SHA-256 of the body, hex.
    pub body_sha256: String,
    /// Length of the body, bytes.
    pub body_bytes: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadWebhook {
    /// Position in the store.
    pub seq: u64,
    /// The webhook's type, in the provider's words.
    pub kind: String,
    /// The order it names.
    pub order_id: Option<String>,
    pub code: String,
    /// When it was received, Unix milliseconds.
    pub received_ms: i64,
    /// SHA-256 of its body, hex.
    pub body_sha256: String,
    /// Length of its body, bytes.
    pub body_bytes: u32,
}

/// Translates an order's decision into what the store must write.
pub fn purchase_change(
    order: &Order,
    decision: Decision,
    received_ms: i64,
    hold_code: Option<&'static str>,
) -> Option<PurchaseChange> {
    let place = |event: &Event, initial: Initial| {
        let held = hold_code.filter(|_| !matches!(initial, Initial::Suppressed(_) | Initial::DeadLetter(_)));
        let initial = held.map_or(initial, |code| Initial::Held(code.into()));
        Some(PurchaseChange::Place(Box::new(NewEvent::of_order(order, event, received_ms, initial))))
    };
    match decision {
        Decision::Nothing => None,
        Decision::Send(event) => place(&event, Initial::Pending),
        Decision::Hold(event, until_ms) => {
            let wait_ms = u64::try_from(until_ms.saturating_sub(received_ms)).unwrap_or_default();
            place(&event, Initial::WaitingJoin(Duration::from_millis(wait_ms)))
        }
        Decision::Withhold(event, why) => place(&event, Initial::Suppressed(why.code().into())),
        Decision::TooOld(event) => place(&event, Initial::DeadLetter(tandem_core::code::TOO_OLD.into())),
        Decision::Stop(why) => Some(PurchaseChange::Stop(why)),
    }
}
