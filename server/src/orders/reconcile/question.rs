//! A genuine message that proves nothing by itself: a legacy notification, or one that cannot
//! be used. Where it names an order, the Orders API is asked whether that is paid.

use tandem_core::cashfree::is_about_payment;
use tandem_core::cashfree::orders_api::orders_api_id_ok;
use tandem_core::id::OrderId;
use tandem_core::order::Order;

use crate::api::Reject;
use crate::orders::Purchases;
use crate::orders::webhook::Step;
use crate::outbox::{Ask, StepAnswer};

impl Purchases {
    /// The order that the Orders API can be asked about in place of an unusable webhook; `None`
    /// when only the webhook itself can help.
    pub(crate) fn answers_for(&self, webhook_type: &str, order: Option<&str>) -> Option<OrderId> {
        let order =
            order.filter(|id| self.can_ask && is_about_payment(webhook_type) && orders_api_id_ok(id))?;
        OrderId::parse(order).ok()
    }

    /// Asks about an order as soon as the budget allows. Durable when it returns.
    ///
    /// # Errors
    /// When the store cannot accept.
    pub(crate) async fn ask_about(&self, order: &OrderId) -> Result<(), Reject> {
        let mut question = question(self.ingest.clock.now_ms());
        let step = move |order: &mut Order| (StepAnswer::Nothing, question(order));
        self.step(order, &self.default_pixel(), None, false, step).await?;
        self.ask_now.notify_one();
        Ok(())
    }
}

/// The provider spoke of the order, which is asked about now unless it is known to be paid.
pub(in crate::orders) fn question(now_ms: i64) -> Step {
    Box::new(move |order: &mut Order| {
        order.attest();
        if order.paid().is_some() {
            return Ask::AsPlanned;
        }
        order.ask(now_ms.div_euclid(1000));
        Ask::At(now_ms)
    })
}
