//! Orders and webhooks.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::id::{EventId, EventName, OrderId, PixelId};
use tandem_core::order::{Order, TrustLevel};

use super::committer::Writer;
use super::sql::*;
use super::store::Embedded;
use super::unproven;
use crate::outbox::{
    Ask, DueOrder, OrderStep, OrderStore, OrderUpdated, PurchaseChange, StoreError, WebhookRecord,
};

#[async_trait::async_trait]
impl OrderStore for Embedded {
    async fn update(
        &self,
        id: OrderId,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        mut step: OrderStep,
    ) -> Result<Option<OrderUpdated>, StoreError> {
        self.write(move |writer, now_ms| {
            writer.update_order(&id, &pixel, webhook.as_ref(), &mut step, now_ms)
        })
        .await
    }

    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError> {
        self.write(move |writer, _| writer.record_webhook(&webhook)).await
    }

    async fn order(&self, id: OrderId) -> Result<Option<Order>, StoreError> {
        self.read(move |db| find_order(db, &id)).await
    }

    async fn orders_to_ask(&self, max: usize) -> Result<Vec<DueOrder>, StoreError> {
        self.follow_clock().await?;
        let now_ms = self.clock.now_ms();
        self.read(move |db| unproven::orders_to_ask(db, now_ms, max)).await
    }
}

impl Writer {
    /// Runs a step on one order and writes the order with the step's effects.
    pub(super) fn update_order(
        &mut self,
        id: &OrderId,
        pixel: &PixelId,
        webhook: Option<&WebhookRecord>,
        step: &mut OrderStep,
        now_ms: i64,
    ) -> rusqlite::Result<Option<OrderUpdated>> {
        if let Some(webhook) = webhook
            && !self.record_webhook(webhook)?
        {
            return Ok(None);
        }
        let stored: Option<String> = self
            .db
            .prepare_cached("SELECT state FROM orders WHERE id = ?1")?
            .query_row([id.as_str()], |row| row.get(0))
            .optional()?;
        let mut order = match stored.as_deref().map(serde_json::from_str::<Order>) {
            None => Order::new(id.clone(), pixel.clone()),
            Some(Ok(order)) => order,
            Some(Err(error)) => return Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        };
        let before = order.clone();
        let effects = step(&mut order);
        let event = effects.event.as_ref().map(|event| self.append(event, now_ms)).transpose()?;
        let purchase = match &effects.purchase {
            Some(change) => self.change_purchase(change, now_ms)?,
            None => None,
        };
        if let (Some(PurchaseChange::Stop(_)), None) = (&effects.purchase, &purchase) {
            order.mark_left();
        }
        let pixel_no = self.pixel(order.pixel())?;
        self.follow(id, pixel_no, &effects.followers, now_ms)?;
        if effects.browser_contact {
            let purchase_id = EventId::of_purchase(id);
            self.expect_browser(pixel_no, EventName::purchase().as_str(), purchase_id.as_str(), now_ms)?;
        }
        if stored.is_none() || before != order || effects.ask != Ask::AsPlanned {
            let learnt = order.has_learnt_since(&before);
            self.write_order(&order, pixel_no, effects.ask, now_ms, learnt)?;
        }
        let (was_paid, is_paid) = (before.paid().is_some(), order.paid().is_some());
        if stored.is_none() {
            self.counts.orders(is_paid, 1);
            if !is_paid && order.trust_level() < TrustLevel::Attested {
                self.bound_unproven()?;
            }
        } else if was_paid != is_paid {
            self.counts.orders(was_paid, -1);
            self.counts.orders(is_paid, 1);
        }
        let (ask, answer) = (effects.ask, effects.answer);
        Ok(Some(OrderUpdated { is_new: stored.is_none(), order, event, purchase, ask, answer }))
    }

    /// `learnt`: something was learnt, and not only when to ask about it. What strangers
    /// repeat, and what we ask, does not keep people's signals longer.
    pub(super) fn write_order(
        &mut self,
        order: &Order,
        pixel: i64,
        ask: Ask,
        now_ms: i64,
        learnt: bool,
    ) -> rusqlite::Result<()> {
        let (planned, at_ms) = match ask {
            Ask::AsPlanned => (true, None),
            Ask::At(at_ms) => (false, Some(at_ms)),
            Ask::Never => (false, None),
        };
        let json =
            serde_json::to_string(order).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.db
            .prepare_cached(sql!(
                "INSERT INTO orders (rowid, id, pixel, state, paid, created_ms, updated_ms, ask_at_ms, standing,
                                     updated_run_ms)
                 VALUES ({next}, ?1, ?2, ?3, ?4, ?5, ?5, ?6, ?8, ?10)
                 ON CONFLICT (id) DO UPDATE SET state = excluded.state, paid = excluded.paid,
                    standing = excluded.standing,
                    updated_ms = CASE ?9 WHEN 1 THEN excluded.updated_ms ELSE updated_ms END,
                    updated_run_ms = CASE ?9 WHEN 1 THEN excluded.updated_run_ms ELSE updated_run_ms END,
                    stripped = CASE ?9 WHEN 1 THEN 0 ELSE stripped END,
                    ask_at_ms = CASE ?7 WHEN 1 THEN ask_at_ms ELSE excluded.ask_at_ms END",
                next = next_position("orders", "rowid")
            ))?
            .execute(rusqlite::params![
                order.id().as_str(),
                pixel,
                json,
                order.paid().is_some(),
                now_ms,
                at_ms,
                planned,
                order.trust_level() as u8,
                learnt,
                self.time.run_ms,
            ])?;
        Ok(())
    }

    /// An order as it is stored, with the number of its pixel.
    pub(super) fn stored_order(&self, id: &OrderId) -> rusqlite::Result<Option<(String, i64)>> {
        self.db
            .prepare_cached("SELECT state, pixel FROM orders WHERE id = ?1")?
            .query_row([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
    }

    /// Notes on the order that a page fired its Purchase. False when there is none.
    pub(super) fn confirm_order(&mut self, id: &OrderId, at_s: i64, now_ms: i64) -> rusqlite::Result<bool> {
        let Some((json, pixel)) = self.stored_order(id)? else { return Ok(false) };
        if let Ok(mut order) = serde_json::from_str::<Order>(&json)
            && !order.is_fired()
        {
            order.confirm_fired(at_s);
            self.write_order(&order, pixel, Ask::AsPlanned, now_ms, true)?;
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
            .prepare_cached(sql!(
                "INSERT INTO webhooks (seq, account, event_key, kind, order_id, received_ms, dead_letter, extract,
                                       body_sha256, body_bytes, received_run_ms)
                 VALUES ({next}, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                next = next_position("webhooks", "seq")
            ))?
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
                self.time.run_ms,
            ])?;
        Ok(true)
    }
}

/// One order.
fn find_order(db: &Connection, id: &OrderId) -> rusqlite::Result<Option<Order>> {
    let json: Option<String> = db
        .prepare_cached("SELECT state FROM orders WHERE id = ?1")?
        .query_row([id.as_str()], |row| row.get(0))
        .optional()?;
    json.map(|json| serde_json::from_str(&json).map_err(|e| unreadable(0, e))).transpose()
}
