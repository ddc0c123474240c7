//! A genuine message that proves nothing alone: a legacy notification or an unusable webhook. If it
//! names an order, the Orders API is asked whether that order is paid.

use tandem_core::cashfree::is_about_payment;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::id::OrderId;
use tandem_core::order::Order;

use crate::orders::service::Orders;
use crate::orders::step::{Change, Step};
use crate::outbox::{Ask, StoreError};

impl Orders {
    /// The order that can be asked about in place of an unusable webhook. `None`: only the webhook
    /// itself can help.
    pub fn answers_for(&self, webhook_type: &str, order: Option<&str>) -> Option<OrderId> {
        let order =
            order.filter(|id| self.can_ask() && is_about_payment(webhook_type) && orders_api_id_ok(id))?;
        OrderId::parse(order).ok()
    }

    /// Asks about an order as soon as the budget allows. The plan is durable when this returns.
    ///
    /// # Errors
    /// When the store refuses it.
    pub async fn ask_about(&self, order: OrderId) -> Result<(), StoreError> {
        let step = Step::on(order);
        self.step(step, question(self.clock.now_ms())).await.map(drop)
    }
}

/// The change of an order that the provider named: the order is asked about now, unless it is known
/// to be paid.
pub(in crate::orders) fn question(now_ms: i64) -> Change {
    Box::new(move |order: &mut Order| {
        order.attest();
        if order.paid().is_some() {
            return Ask::AsPlanned.into();
        }
        order.mark_asked(now_ms.div_euclid(1000));
        Ask::At(now_ms).into()
    })
}
