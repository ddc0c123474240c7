//! Plans what happens in a storm: the orders, and the calls that Cashfree and pages make about them.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use super::sender::Message;
use tandem_tests::cashfree::{Webhook, indian_time, now_ms, payment, sign, unique_payment_id};
use tandem_tests::{Person, Sandbox, messages};

/// Shares of all orders.
const UNPAID: f64 = 0.08;
const CHECKED_OUT: f64 = 0.35;
const CLAIMED_BEFORE: f64 = 0.25;
const CLAIMED_AFTER: f64 = 0.45;
/// Shares of paid orders.
const FAILED_FIRST: f64 = 0.15;
const COPIED: f64 = 0.3;
const CHARGED: f64 = 0.1;
const PARTLY_REFUNDED: f64 = 0.05;
const PAID_TWICE: f64 = 0.02;
const DISCOUNTED: f64 = 0.1;
const FORGED_BESIDE: f64 = 0.03;
/// Cashfree sends a webhook up to three times: once, and up to two more times.
const COPIES_MAX: usize = 2;
/// Largest distance between an order's payment and another call about it, counted in orders.
const LATE_MAX: i64 = 200;

/// An order and the payment that it must end with.
#[derive(Debug)]
pub(super) struct PlannedOrder {
    pub(super) id: String,
    /// The amount that was ordered, in paise.
    pub(super) ordered_minor: i64,
    /// The amount that is paid, in paise. `None` if the order is never paid.
    pub(super) paid_minor: Option<i64>,
    person: Person,
}

#[derive(Debug)]
pub(super) enum Act {
    /// The page names the order at checkout.
    Checkout(String),
    /// The thank-you page claims the order.
    Claim(String),
    /// Cashfree or a forger sends a webhook.
    Webhook(Message),
}

/// Plans orders. The same seed gives the same shares and the same sequence.
#[derive(Debug)]
pub(super) struct Planner {
    dice: StdRng,
}

impl Planner {
    pub(super) fn new(seed: u64) -> Self {
        Self { dice: StdRng::seed_from_u64(seed) }
    }

    fn chance(&mut self, share: f64) -> bool {
        self.dice.random_bool(share)
    }

    /// A new order of a new person.
    pub(super) fn order(&mut self) -> PlannedOrder {
        let ordered_minor = self.dice.random_range(100..900_000);
        let is_discounted = self.chance(DISCOUNTED);
        let paid_minor = if is_discounted { ordered_minor - ordered_minor / 10 } else { ordered_minor };
        PlannedOrder {
            id: messages::order_id(),
            ordered_minor,
            paid_minor: (!self.chance(UNPAID)).then_some(paid_minor),
            person: Person::unique(),
        }
    }

    /// Creates an order at the fake Cashfree and ends its payment attempts. Returns every call about it, each with
    /// its distance from the payment.
    pub(super) async fn live(
        &mut self,
        sandbox: &Sandbox,
        order: &PlannedOrder,
    ) -> anyhow::Result<Vec<(i64, Act)>> {
        sandbox.create_order(&order.id, &decimal(order.ordered_minor), &order.person).await?;
        let mut acts = Vec::new();
        for (share, from, to, act) in [
            (CHECKED_OUT, -60, -20, Act::Checkout(order.id.clone())),
            (CLAIMED_BEFORE, -20, 0, Act::Claim(order.id.clone())),
            (CLAIMED_AFTER, 0, 60, Act::Claim(order.id.clone())),
        ] {
            if self.chance(share) {
                acts.push((self.dice.random_range(from..=to), act));
            }
        }
        if order.paid_minor.is_none() || self.chance(FAILED_FIRST) {
            let outcome = if self.chance(0.5) { "failed" } else { "dropped" };
            let id = sandbox.end_attempt(&order.id, json!({ "outcome": outcome })).await?;
            let status = if outcome == "failed" { "FAILED" } else { "USER_DROPPED" };
            let body = self.body(order, status, &id, order.ordered_minor);
            // The attempt failed before the payment, but its webhook may arrive long after it.
            acts.push((self.dice.random_range(-30..=LATE_MAX), genuine(body)));
        }
        match order.paid_minor {
            Some(paid_minor) => self.paid(sandbox, order, paid_minor, &mut acts).await?,
            None if self.chance(0.5) => {
                let body = self.body(order, "SUCCESS", &unique_payment_id(), order.ordered_minor);
                acts.push((self.dice.random_range(0..=LATE_MAX), forged(body)));
            }
            None => {}
        }
        Ok(acts)
    }

    async fn paid(
        &mut self,
        sandbox: &Sandbox,
        order: &PlannedOrder,
        paid_minor: i64,
        acts: &mut Vec<(i64, Act)>,
    ) -> anyhow::Result<()> {
        let details = json!({ "outcome": "success", "payment_amount": decimal(paid_minor) });
        let id = sandbox.end_attempt(&order.id, details.clone()).await?;
        let success = self.body(order, "SUCCESS", &id, paid_minor);
        acts.push((0, genuine(success.clone())));
        if self.chance(COPIED) {
            for _ in 0..self.dice.random_range(1..=COPIES_MAX) {
                // The older edition writes the payment's ID as a number.
                let older = success.replace(&format!("\"{id}\""), &id);
                let body = if self.chance(0.3) { older } else { success.clone() };
                acts.push((self.dice.random_range(-10..=LATE_MAX), genuine(body)));
            }
        }
        if self.chance(CHARGED) {
            let body = success.replace("PAYMENT_SUCCESS_WEBHOOK", "PAYMENT_CHARGES_WEBHOOK");
            acts.push((self.dice.random_range(-50..=LATE_MAX), genuine(body)));
        }
        if self.chance(PARTLY_REFUNDED) {
            acts.push((self.dice.random_range(-10..=LATE_MAX), genuine(refund(&order.id, &id))));
        }
        if self.chance(PAID_TWICE) {
            let second = sandbox.end_attempt(&order.id, details).await?;
            let body = self.body(order, "SUCCESS", &second, paid_minor);
            acts.push((self.dice.random_range(-10..=LATE_MAX), genuine(body)));
        }
        if self.chance(FORGED_BESIDE) {
            // A forger raises the paid amount.
            let body = self.body(order, "SUCCESS", &id, paid_minor + 1_000_000);
            acts.push((self.dice.random_range(-20..=0), forged(body)));
        }
        Ok(())
    }

    fn body(&self, order: &PlannedOrder, status: &str, id: &str, minor: i64) -> String {
        let body = payment(status, &order.id, id, &decimal(minor), &order.person);
        let ordered = format!("\"order_amount\":{}", decimal(order.ordered_minor));
        body.replacen(&format!("\"order_amount\":{}", decimal(minor)), &ordered, 1)
    }

    /// Sorts the calls by distance. Calls with the same distance are in random order.
    pub(super) fn in_turn(&mut self, mut acts: Vec<(i64, Act)>) -> Vec<Act> {
        acts.shuffle(&mut self.dice);
        acts.sort_by_key(|(place, _)| *place);
        acts.into_iter().map(|(_, act)| act).collect()
    }
}

fn decimal(minor: i64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

fn genuine(body: String) -> Act {
    Act::Webhook(Message { webhook: Webhook::signed(body), is_forged: false })
}

fn forged(body: String) -> Act {
    let mut webhook = Webhook::signed(body);
    webhook.signature = sign("a guessed secret", &webhook.timestamp, &webhook.body);
    Act::Webhook(Message { webhook, is_forged: true })
}

/// A refund of a part of a payment.
fn refund(order: &str, payment_id: &str) -> String {
    let id: Value = unique_payment_id().parse().unwrap_or_default();
    let time = indian_time(now_ms() / 1000);
    json!({
        "data": { "refund": {
            "cf_refund_id": id, "cf_payment_id": payment_id, "refund_id": format!("rf_{id}"), "order_id": order,
            "refund_amount": 0.5, "refund_currency": "INR", "entity": "Refund", "refund_type": "MERCHANT_INITIATED",
            "refund_status": "SUCCESS", "created_at": time, "processed_at": time,
        }},
        "event_time": time, "type": "REFUND_STATUS_WEBHOOK",
    })
    .to_string()
}
