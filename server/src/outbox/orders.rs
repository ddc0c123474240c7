//! Orders and webhooks: one step on one order, and what it makes the store write.

use std::time::Duration;

use tandem_core::event::Event;
use tandem_core::id::{OrderId, PixelId};
use tandem_core::order::{Decision, Order, PaymentOutcome, TrustLevel};

use super::{Appended, Initial, NewEvent, StoreError};

/// Where orders and webhooks are kept.
///
/// An order, its webhook, its Purchase and the events that follow change in one atomic step.
/// Steps on one order run one after the other, whichever server asks for them.
#[async_trait::async_trait]
pub trait OrderStore: std::fmt::Debug + Send + Sync + 'static {
    /// Runs a step on one order, made with `pixel` if it is new, and writes the order with the
    /// step's effects atomically. `None`: the webhook had been seen before, and the step did
    /// not run.
    async fn update(
        &self,
        order: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        step: OrderStep,
    ) -> Result<Option<OrderUpdated>, StoreError>;

    /// Keeps a webhook that concerns no order. False when it was known.
    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError>;

    /// One order.
    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError>;

    /// A random key that all servers of this store share. It is made when it is first asked for.
    async fn confirm_secret(&self) -> Result<[u8; 32], StoreError>;

    /// Orders that are due to be asked of the payment provider, at most `max`: those with
    /// the most behind them first. Nothing is leased: servers that ask at the same time may
    /// get the same order, and the provider's answer is taken once.
    async fn orders_to_ask(&self, max: usize) -> Result<Vec<DueOrder>, StoreError>;
}

/// A step on one order. May run again if the store has to try again, so it must depend
/// on its input alone.
pub type OrderStep = Box<dyn FnMut(&mut Order) -> OrderEffects + Send>;

/// What an order's step asks the store to write beside the order.
#[derive(Debug, Default)]
pub struct OrderEffects {
    /// An event in its own right (a checkout event that named the order).
    pub event: Option<NewEvent>,
    /// The order's Purchase.
    pub purchase: Option<PurchaseChange>,
    /// Events that follow the Purchase (those of refunds): appended once each where it has
    /// left or is on its way; stopped with it where it was stopped.
    pub followers: Vec<NewEvent>,
    /// When the order should be asked of the payment provider.
    pub ask: Ask,
    /// A page asked about the order: a browser's copy of its Purchase is to be expected.
    pub browser_contact: bool,
    /// What the step tells its caller.
    pub answer: StepAnswer,
}

/// What a step on an order tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StepAnswer {
    #[default]
    Nothing,
    /// Somebody spoke of the order.
    Contact {
        /// The same had been said before.
        is_known: bool,
    },
    /// A payment was told.
    Payment(PaymentOutcome),
}

/// What became of an order's step.
#[derive(Debug)]
pub struct OrderUpdated {
    /// The order was not known before.
    pub is_new: bool,
    /// The order after the step.
    pub order: Order,
    /// What became of the event in its own right.
    pub event: Option<Appended>,
    /// Whether the Purchase was written (`None`: it had left already, or there is none).
    pub purchase: Option<Appended>,
    /// What the step said about asking the payment provider.
    pub ask: Ask,
    /// What the step tells its caller.
    pub answer: StepAnswer,
}

/// When an order should be asked of the payment provider next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ask {
    /// As it was.
    #[default]
    AsPlanned,
    /// At this time, Unix milliseconds.
    At(i64),
    /// Not again.
    Never,
}

/// An order that is due to be asked of the payment provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueOrder {
    pub order: OrderId,
    pub pixel: PixelId,
    /// How much is behind it.
    pub trust: TrustLevel,
}

/// What happens to an order's one Purchase.
#[derive(Debug)]
pub enum PurchaseChange {
    /// Place it; replaces one that has not left.
    Place(Box<NewEvent>),
    /// Stop the one that has not left; place it as suppressed if there is none.
    Stop(Box<NewEvent>),
}

/// A webhook that was genuine, as it is kept: an extract without personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// Whose webhook it is: the provider and environment whose secret matched.
    pub account: String,
    /// Key under which copies of one webhook are the same.
    pub event_key: String,
    /// The webhook's own type.
    pub kind: String,
    /// Order it names.
    pub order_id: Option<String>,
    /// When it came, Unix milliseconds.
    pub received_ms: i64,
    /// Stable code when it was unusable: then it is a dead letter.
    pub dead_letter: Option<String>,
    /// Allow-listed extract, JSON.
    pub extract: String,
    /// SHA-256 of the body, hex.
    pub body_sha256: String,
    /// Length of the body, bytes.
    pub body_bytes: u32,
}

/// A dead-lettered webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadWebhook {
    /// Position in the store.
    pub seq: u64,
    /// Its type.
    pub kind: String,
    /// Order it names.
    pub order_id: Option<String>,
    /// Stable code.
    pub code: String,
    /// When it came, Unix milliseconds.
    pub received_ms: i64,
    /// SHA-256 of its body, hex.
    pub body_sha256: String,
    /// Length of its body, bytes.
    pub body_bytes: u32,
}

/// Translates the order's decision into what the store must write.
pub fn purchase_change(
    decision: Decision,
    received_ms: i64,
    hold_code: Option<&'static str>,
    had_browser: bool,
) -> Option<PurchaseChange> {
    let new =
        |event: &Event, initial: Initial| Box::new(NewEvent::new(event, received_ms, initial, had_browser));
    match decision {
        Decision::Nothing => None,
        Decision::Send(event) => {
            let initial = hold_code.map_or(Initial::Pending, |code| Initial::Held(code.into()));
            Some(PurchaseChange::Place(new(&event, initial)))
        }
        Decision::Hold(event, until_ms) => {
            let wait_ms = u64::try_from(until_ms.saturating_sub(received_ms)).unwrap_or_default();
            let initial = hold_code.map_or(Initial::WaitingJoin(Duration::from_millis(wait_ms)), |code| {
                Initial::Held(code.into())
            });
            Some(PurchaseChange::Place(new(&event, initial)))
        }
        Decision::Withhold(event, why) => {
            Some(PurchaseChange::Stop(new(&event, Initial::Suppressed(why.code().into()))))
        }
        Decision::TooOld(event) => {
            Some(PurchaseChange::Place(new(&event, Initial::DeadLetter(tandem_core::code::TOO_OLD.into()))))
        }
    }
}
