//! `ListOrders` and `GetOrder`: the history of each order, without personal data.

use prost_types::Timestamp;
use tandem_core::id::{EventId, OrderId};
use tandem_core::order::Note;
use tandem_proto::v1;

use super::events::summary as event_summary;
use super::service::Operations;
use super::wire::{millis, page, timestamp};
use crate::api::Reject;
use crate::api::encode::{money, purchase_state};
use crate::outbox::{EventKey, OrderFilter, OrderView, Page};

impl Operations {
    pub(super) async fn orders(
        &self,
        request: v1::ListOrdersRequest,
    ) -> Result<v1::ListOrdersResponse, Reject> {
        let page = page(&request.page_token, request.page_size)?;
        let filter = OrderFilter {
            id: None,
            paid_only: request.paid_only,
            updated_from_ms: request.updated_after.map(millis),
            updated_before_ms: request.updated_before.map(millis),
        };
        let orders = self.operators.list_orders(filter, page).await?;
        let last = orders.last().filter(|_| orders.len() == page.size);
        let next_page_token = last.map(|order| order.seq.to_string()).unwrap_or_default();
        Ok(v1::ListOrdersResponse { orders: orders.iter().map(summary).collect(), next_page_token })
    }

    pub(super) async fn order(&self, request: v1::GetOrderRequest) -> Result<v1::GetOrderResponse, Reject> {
        let id =
            OrderId::parse(&request.order_id).map_err(|error| Reject::field("order_id", error.into()))?;
        let store = &self.operators;
        let filter = OrderFilter { id: Some(id), ..OrderFilter::default() };
        let mut found = store.list_orders(filter, Page { below_seq: None, size: 1 }).await?;
        let view = found.pop().ok_or(Reject::NoSuchOrder)?;
        let order = &view.order;
        let refunds = order.refund_ids().filter_map(EventId::of_refund);
        let mut events = Vec::new();
        let held = self.held_pixels();
        for id in std::iter::once(EventId::of_purchase(order.id())).chain(refunds) {
            let key = EventKey { id, name: None, pixel: Some(order.pixel().as_str().to_owned()) };
            let of_order = store.find(key).await?.into_iter().map(|(event, _)| event);
            let of_order = of_order.filter(|event| event.order_id.as_deref() == Some(order.id().as_str()));
            events.extend(of_order.map(|event| event_summary(event, &held)));
        }
        let notes = order.history().iter().map(note).collect();
        Ok(v1::GetOrderResponse { order: Some(summary(&view)), notes, events })
    }
}

fn summary(view: &OrderView) -> v1::OrderSummary {
    let order = &view.order;
    let paid = order.paid();
    v1::OrderSummary {
        order_id: order.id().as_str().to_owned(),
        pixel_id: order.pixel().as_str().to_owned(),
        state: purchase_state(order.state()).into(),
        purchase: order.placed().to_owned(),
        environment: order.environment().name().to_owned(),
        consent: order.consent().name().to_owned(),
        consent_conflict: order.has_consent_conflict(),
        withheld_reason: order.withheld().map(|why| why.code().to_owned()).unwrap_or_default(),
        paid: paid.map(|paid| money(paid.money)),
        refunded: order.refunded().map(money),
        lost: order.lost().map(money),
        payments: u32::try_from(order.payments()).unwrap_or(u32::MAX),
        proof: paid.map(|paid| paid.source.name().to_owned()).unwrap_or_default(),
        paid_at: paid.map(|paid| seconds(paid.at_s)),
        claimed_at: order.claimed_at_s().map(seconds),
        browser_fired_at: order.fired_at_s().map(seconds),
        created_at: Some(timestamp(view.created_ms)),
        updated_at: Some(timestamp(view.updated_ms)),
    }
}

fn note(note: &Note) -> v1::OrderNote {
    v1::OrderNote {
        kind: note.kind.name().to_owned(),
        id: note.id.clone(),
        payment_id: note.payment_id.clone().unwrap_or_default(),
        status: note.status.clone(),
        money: note.money.map(money),
        occurred_at: note.at_s.map(seconds),
        seen_at: Some(seconds(note.seen_at_s)),
        source: note.source.name().to_owned(),
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}
