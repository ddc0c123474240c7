//! Writes on orders and webhooks.

use rusqlite::OptionalExtension as _;
use tandem_core::event::{DEDUPLICATION_WINDOW_S, EVENT_AGE_MAX_S};
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::Order;

use super::committer::Writer;
use crate::outbox::{Ask, OrderStep, OrderUpdated, WebhookRecord};

/// How long an order is remembered at all, days: longer than any late fact.
const TOMBSTONE_DAYS: i64 = 400;

impl Writer {
    /// Runs a step on one order and writes the order with the step's effects.
    pub(super) fn update_order(
        &mut self,
        id: &OrderId,
        pixel: &PixelId,
        webhook: Option<&WebhookRecord>,
        step: &mut OrderStep,
        now_ms: i64,
    ) -> rusqlite::Result<OrderUpdated> {
        if let Some(webhook) = webhook
            && !self.record_webhook(webhook)?
        {
            return Ok(OrderUpdated { applied: false, event: None, purchase: None });
        }
        let stored: Option<String> = self
            .db
            .prepare_cached("SELECT state FROM orders WHERE id = ?1")?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()?;
        let mut order = match stored.as_deref().map(serde_json::from_str::<Order>) {
            None => Order::new(id.clone(), pixel.clone()),
            Some(Ok(order)) => order,
            Some(Err(fault)) => return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(fault))),
        };
        let before = order.clone();
        let effects = step(&mut order);
        let event = effects.event.as_ref().map(|event| self.append(event)).transpose()?;
        let purchase = match &effects.purchase {
            Some(change) => self.change_purchase(change)?,
            None => None,
        };
        let pixel_no = self.pixel(order.pixel())?;
        self.follow(id, pixel_no, &effects.followers)?;
        if effects.browser_contact {
            let purchase_id = EventId::of_purchase(id);
            self.expect_browser(pixel_no, EventName::purchase().as_str(), purchase_id.as_str(), now_ms)?;
        }
        if stored.is_none() || before != order || effects.ask != Ask::AsPlanned {
            self.write_order(&order, pixel_no, effects.ask, now_ms)?;
        }
        Ok(OrderUpdated { applied: true, event, purchase })
    }

    fn write_order(&mut self, order: &Order, pixel: i64, ask: Ask, now_ms: i64) -> rusqlite::Result<()> {
        let (planned, at_ms) = match ask {
            Ask::AsPlanned => (true, None),
            Ask::At(at_ms) => (false, Some(at_ms)),
            Ask::Never => (false, None),
        };
        let json =
            serde_json::to_string(order).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.db
            .prepare_cached(
                "INSERT INTO orders (id, pixel, state, paid, created_ms, updated_ms, ask_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state, paid = excluded.paid,
                    updated_ms = excluded.updated_ms, stripped = 0,
                    ask_at_ms = CASE ?7 WHEN 1 THEN ask_at_ms ELSE excluded.ask_at_ms END",
            )?
            .execute((order.id().as_str(), pixel, json, order.paid().is_some(), now_ms, at_ms, planned))?;
        Ok(())
    }

    /// Notes on the order that a page fired its Purchase. False when there is none.
    pub(super) fn confirm_order(&mut self, id: &OrderId, at_s: i64, now_ms: i64) -> rusqlite::Result<bool> {
        let found: Option<(String, i64)> = self
            .db
            .prepare_cached("SELECT state, pixel FROM orders WHERE id = ?1")?
            .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((json, pixel)) = found else { return Ok(false) };
        if let Ok(mut order) = serde_json::from_str::<Order>(&json)
            && !order.is_fired()
        {
            order.confirm_fired(at_s);
            self.write_order(&order, pixel, Ask::AsPlanned, now_ms)?;
        }
        Ok(true)
    }

    /// Keeps a webhook. False when it was known; then only its count grows.
    pub(super) fn record_webhook(&mut self, webhook: &WebhookRecord) -> rusqlite::Result<bool> {
        let known = self
            .db
            .prepare_cached("UPDATE webhooks SET copies = copies + 1 WHERE account = ?1 AND event_key = ?2")?
            .execute((&webhook.account, &webhook.event_key))?;
        if known > 0 {
            return Ok(false);
        }
        self.db
            .prepare_cached(
                "INSERT INTO webhooks (account, event_key, kind, order_id, received_ms, dead_letter, extract,
                                       body_sha256, body_bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )?
            .execute(rusqlite::params![
                webhook.account,
                webhook.event_key,
                webhook.kind,
                webhook.order_id,
                webhook.received_ms,
                webhook.dead_letter,
                webhook.extract,
                webhook.body_sha256,
                webhook.body_bytes,
            ])?;
        Ok(true)
    }

    /// Orders lose people's signals once their Purchase is delivered and no page could
    /// fire it any more, or after 7 days; and are forgotten after 400 days.
    pub(super) fn strip_orders(&mut self, now_ms: i64, max: usize) -> rusqlite::Result<usize> {
        let settled = now_ms.saturating_sub(DEDUPLICATION_WINDOW_S * 1000);
        let expired = now_ms.saturating_sub(EVENT_AGE_MAX_S * 1000);
        let due: Vec<(String, String)> = self
            .db
            .prepare_cached(
                "SELECT id, state FROM orders WHERE stripped = 0 AND (updated_ms < ?2 OR (paid = 1 AND updated_ms < ?1
                     AND EXISTS (SELECT 1 FROM events WHERE events.id = 'purchase_' || orders.id
                                 AND events.name = 'Purchase' AND events.state = 3)))
                 LIMIT ?3",
            )?
            .query_map((settled, expired, max), |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (id, json) in &due {
            if let Ok(mut order) = serde_json::from_str::<Order>(json) {
                order.strip_signals();
                let json = serde_json::to_string(&order).unwrap_or_else(|_| json.clone());
                self.db
                    .prepare_cached("UPDATE orders SET state = ?2, stripped = 1 WHERE id = ?1")?
                    .execute((id, json))?;
            }
        }
        // Nobody paid and nobody came back: nothing to remember. Paid ones stay longer.
        let gone = self
            .db
            .prepare_cached(
                "DELETE FROM orders WHERE id IN (SELECT id FROM orders
                 WHERE (paid = 0 AND updated_ms < ?1) OR updated_ms < ?2 LIMIT ?3)",
            )?
            .execute((expired, now_ms.saturating_sub(TOMBSTONE_DAYS * 24 * 3600 * 1000), max))?;
        Ok(due.len() + gone)
    }
}
