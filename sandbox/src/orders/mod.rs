//! Orders and payments of the fake Cashfree. When there are too many, the oldest orders are removed.

pub mod amount;
pub mod calls;
pub mod outcome;
pub mod webhook_record;

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::clock::{Millis, now_ms};
use amount::Amount;
use calls::Calls;
use webhook_record::WebhookRecord;

pub use outcome::{Outcome, Refund, RefundStatus, UnpaidStatus};

const ORDERS_MAX: usize = 20_000;

/// Webhook records and Orders API requests kept.
const RECORDS_MAX: usize = 20_000;

/// Payment attempts on one order.
const PAYMENTS_MAX: usize = 50;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The shop's ID of the buyer.
    #[serde(default)]
    pub id: Option<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub phone: Option<String>,
}

/// What is needed to create an order.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    /// 3 to 45 letters, digits, `_` or `-`. If absent, one is made.
    #[serde(default)]
    pub order_id: Option<String>,
    pub amount: Amount,
    /// ISO 4217, rupees when absent.
    #[serde(default = "rupees")]
    pub currency: String,
    #[serde(default)]
    pub customer: Customer,
    /// At most ten, values up to 255 characters.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Where the checkout page sends the buyer afterwards. `{order_id}` in it is replaced.
    #[serde(default)]
    pub return_url: Option<String>,
}

fn rupees() -> String {
    "INR".to_owned()
}

/// Details of a payment that may differ from the default.
#[derive(Clone, Debug, Default)]
pub struct PaymentDetails {
    /// When the attempt began, in Unix milliseconds. If absent, now.
    pub at_ms: Option<Millis>,
    /// The amount that was paid. If absent, the order's amount. Offers and surcharges make it differ.
    pub amount: Option<Amount>,
}

#[derive(Clone, Debug)]
pub struct Payment {
    /// Cashfree's ID, 12 digits.
    pub cf_payment_id: String,
    pub outcome: Outcome,
    pub amount: Amount,
    pub at_ms: Millis,
    /// The bank's reference.
    pub bank_reference: String,
}

#[derive(Clone, Debug)]
pub struct Order {
    pub order_id: String,
    /// Cashfree's ID.
    pub cf_order_id: String,
    /// The token in the address of the checkout page.
    pub session: String,
    pub amount: Amount,
    /// ISO 4217.
    pub currency: String,
    pub customer: Customer,
    /// Cashfree's `order_tags`, returned unchanged in webhooks and by the Orders API.
    pub tags: BTreeMap<String, String>,
    pub return_url: String,
    pub created_at_ms: Millis,
    /// All attempts, oldest first.
    pub payments: Vec<Payment>,
    /// All refunds, oldest first.
    pub refunds: Vec<Refund>,
    /// What an unpaid order became.
    pub unpaid_status: UnpaidStatus,
}

impl Order {
    /// Cashfree's `order_status`: `PAID` from the first successful payment on.
    #[must_use]
    pub fn status(&self) -> &'static str {
        match self.unpaid_status {
            _ if self.paid().is_some() => "PAID",
            UnpaidStatus::Active => "ACTIVE",
            UnpaidStatus::Expired => "EXPIRED",
            UnpaidStatus::Terminated => "TERMINATED",
            UnpaidStatus::TerminationRequested => "TERMINATION_REQUESTED",
            UnpaidStatus::PartiallyPaid => "PARTIALLY_PAID",
        }
    }

    /// The first payment that succeeded.
    #[must_use]
    pub fn paid(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| payment.outcome == Outcome::Success)
    }
}

/// One request to the Orders API.
#[derive(Clone, Debug, Serialize)]
pub struct ApiRequest {
    pub at_ms: Millis,
    pub path: String,
    /// HTTP status of the answer; 0 when none was given.
    pub status: u16,
}

/// All orders, webhooks sent, and requests to the Orders API.
#[derive(Debug)]
pub struct Orders {
    by_id: HashMap<String, Order>,
    by_session: HashMap<String, String>,
    age_order: VecDeque<String>,
    webhooks: VecDeque<WebhookRecord>,
    next_webhook: u64,
    requests: VecDeque<ApiRequest>,
    /// What the account has asked the Orders API.
    pub calls: Calls,
    next_payment: u64,
}

impl Default for Orders {
    fn default() -> Self {
        Self {
            by_id: HashMap::new(),
            by_session: HashMap::new(),
            age_order: VecDeque::new(),
            webhooks: VecDeque::new(),
            next_webhook: 0,
            requests: VecDeque::new(),
            calls: Calls::default(),
            // A random start, so that payment IDs differ between runs, as at Cashfree.
            next_payment: 700_100_000_000 + u64::from(rand::random::<u32>() % 900_000_000),
        }
    }
}

impl Orders {
    /// Creates an order.
    ///
    /// # Errors
    /// The reason for which Cashfree would refuse the order, in one sentence.
    pub fn create(&mut self, new: NewOrder) -> Result<Order, String> {
        let order_id = match new.order_id {
            Some(id) => id,
            None => format!("order_{:012x}", rand::random::<u64>() >> 16),
        };
        let id_is_good = (3..=45).contains(&order_id.len())
            && order_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if !id_is_good {
            return Err("order_id: 3 to 45 letters, digits, _ or -".to_owned());
        }
        if self.by_id.contains_key(&order_id) {
            return Err("order_id: an order with this ID exists already".to_owned());
        }
        if new.currency.len() != 3 || !new.currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err("currency: three capital letters".to_owned());
        }
        let tags_are_good =
            new.tags.len() <= 10 && new.tags.values().all(|value| (1..=255).contains(&value.chars().count()));
        if !tags_are_good {
            return Err("tags: at most 10, with 1 to 255 characters each".to_owned());
        }
        let order = Order {
            cf_order_id: (2_200_000_000 + u64::from(rand::random::<u32>())).to_string(),
            session: format!("session_{}", hex::encode(rand::random::<[u8; 24]>())),
            amount: new.amount,
            currency: new.currency,
            customer: new.customer,
            tags: new.tags,
            return_url: new.return_url.unwrap_or_else(|| "/shop/thank-you?order_id={order_id}".to_owned()),
            created_at_ms: now_ms(),
            payments: Vec::new(),
            refunds: Vec::new(),
            unpaid_status: UnpaidStatus::default(),
            order_id: order_id.clone(),
        };
        if self.age_order.len() >= ORDERS_MAX
            && let Some(oldest) = self.age_order.pop_front()
            && let Some(gone) = self.by_id.remove(&oldest)
        {
            self.by_session.remove(&gone.session);
        }
        self.by_session.insert(order.session.clone(), order_id.clone());
        self.by_id.insert(order_id.clone(), order.clone());
        self.age_order.push_back(order_id);
        Ok(order)
    }

    #[must_use]
    pub fn get(&self, order_id: &str) -> Option<&Order> {
        self.by_id.get(order_id)
    }

    /// All orders, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Order> {
        self.age_order.iter().filter_map(|order_id| self.by_id.get(order_id))
    }

    #[must_use]
    pub fn by_session(&self, session: &str) -> Option<&Order> {
        self.by_id.get(self.by_session.get(session)?)
    }

    /// Adds a payment attempt. Returns the changed order and the attempt.
    pub fn pay(
        &mut self,
        order_id: &str,
        outcome: Outcome,
        details: PaymentDetails,
    ) -> Option<(Order, Payment)> {
        let order = self.by_id.get_mut(order_id)?;
        self.next_payment += 1;
        let payment = Payment {
            cf_payment_id: self.next_payment.to_string(),
            outcome,
            amount: details.amount.unwrap_or_else(|| order.amount.clone()),
            at_ms: details.at_ms.unwrap_or_else(now_ms),
            bank_reference: format!("{:012}", rand::random::<u64>() % 1_000_000_000_000),
        };
        if order.payments.len() >= PAYMENTS_MAX {
            order.payments.remove(0);
        }
        order.payments.push(payment.clone());
        Some((order.clone(), payment))
    }

    /// Refunds a part or all of a paid order. Returns the changed order, the payment and the refund.
    ///
    /// # Errors
    /// The reason for which Cashfree would refuse the refund, in one sentence.
    pub fn refund(
        &mut self,
        order_id: &str,
        amount: Option<Amount>,
        status: RefundStatus,
    ) -> Result<(Order, Payment, Refund), String> {
        self.next_payment += 1;
        let cf_refund_id = self.next_payment.to_string();
        let order = self.by_id.get_mut(order_id).ok_or("no such order")?;
        let payment = order.paid().cloned().ok_or("the order is not paid")?;
        if order.refunds.len() >= PAYMENTS_MAX {
            return Err(format!("an order has at most {PAYMENTS_MAX} refunds"));
        }
        let refund = Refund {
            refund_id: format!("refund_{}_{}", order.order_id, order.refunds.len() + 1),
            cf_refund_id,
            amount: amount.unwrap_or_else(|| payment.amount.clone()),
            status,
            at_ms: now_ms(),
        };
        order.refunds.push(refund.clone());
        Ok((order.clone(), payment, refund))
    }

    /// Changes what an unpaid order became. `false`: there is no such order.
    pub fn end(&mut self, order_id: &str, status: UnpaidStatus) -> bool {
        self.by_id.get_mut(order_id).map(|order| order.unpaid_status = status).is_some()
    }

    /// Begins the record of a webhook. Returns its number, for [`Self::webhook_mut`].
    pub fn add_webhook(&mut self, order_id: &str, kind: &str) -> u64 {
        self.next_webhook += 1;
        let record = WebhookRecord::new(self.next_webhook, order_id, kind);
        push_bounded(&mut self.webhooks, record);
        self.next_webhook
    }

    /// The record with this number, while it is kept.
    pub fn webhook_mut(&mut self, number: u64) -> Option<&mut WebhookRecord> {
        // Only new records change, so the search begins at the end.
        self.webhooks.iter_mut().rev().find(|record| record.number == number)
    }

    /// All webhooks, oldest first.
    pub fn webhooks(&self) -> impl Iterator<Item = &WebhookRecord> {
        self.webhooks.iter()
    }

    pub fn add_request(&mut self, request: ApiRequest) {
        push_bounded(&mut self.requests, request);
    }

    /// Requests to the Orders API, oldest first.
    pub fn requests(&self) -> impl Iterator<Item = &ApiRequest> {
        self.requests.iter()
    }
}

fn push_bounded<T>(entries: &mut VecDeque<T>, entry: T) {
    if entries.len() >= RECORDS_MAX {
        entries.pop_front();
    }
    entries.push_back(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_order(json: &str) -> Result<NewOrder, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn an_order_is_paid_from_the_first_success_on() {
        let mut orders = Orders::default();
        let order = orders.create(new_order(r#"{"amount":"1499.00"}"#).unwrap()).unwrap();
        for (outcome, status) in
            [(Outcome::Failed, "ACTIVE"), (Outcome::Success, "PAID"), (Outcome::Dropped, "PAID")]
        {
            let (after, _) = orders.pay(&order.order_id, outcome, PaymentDetails::default()).unwrap();
            assert_eq!(after.status(), status);
        }
        assert_eq!(orders.by_session(&order.session).unwrap().payments.len(), 3);
        assert!(orders.pay("nobody", Outcome::Success, PaymentDetails::default()).is_none());
    }

    #[test]
    fn orders_that_cashfree_would_refuse_are_refused() {
        let mut orders = Orders::default();
        for bad in [
            r#"{"amount":"1","order_id":"ab"}"#,
            r#"{"amount":"1","order_id":"a b c"}"#,
            r#"{"amount":"1","currency":"inr"}"#,
            r#"{"amount":"1","tags":{"empty":""}}"#,
        ] {
            assert!(orders.create(new_order(bad).unwrap()).is_err(), "{bad} was taken");
        }
        let twice = r#"{"amount":"1","order_id":"KB-1"}"#;
        assert!(orders.create(new_order(twice).unwrap()).is_ok());
        assert!(orders.create(new_order(twice).unwrap()).is_err());
    }
}
