//! Writes and reads of orders and webhooks.

use rusqlite::{Connection, OptionalExtension as _};
use tandem_core::id::{EventId, EventName, PixelId};
use tandem_core::order::{Environment, Order, TrustLevel};

use super::committer::Writer;
use super::sql::*;
use super::store::Embedded;
use super::unproven;
use crate::outbox::{
    Ask, BrowserOutcome, Confirmation, DueOrder, Lane, OrderEffects, OrderKey, OrderStep, OrderStore,
    OrderUpdated, StoreError, WebhookRecord,
};

#[async_trait::async_trait]
impl OrderStore for Embedded {
    async fn update(
        &self,
        lane: Lane,
        key: OrderKey,
        pixel: PixelId,
        webhook: Option<WebhookRecord>,
        mut step: OrderStep,
    ) -> Result<Option<OrderUpdated>, StoreError> {
        self.write(lane, move |writer, now_ms| {
            writer.update_order(&key, &pixel, webhook.as_ref(), &mut step, now_ms)
        })
        .await?
    }

    async fn record_webhook(&self, webhook: WebhookRecord) -> Result<bool, StoreError> {
        self.write(Lane::Shop, move |writer, _| writer.record_webhook(&webhook)).await
    }

    async fn order(&self, key: OrderKey) -> Result<Option<Order>, StoreError> {
        self.read(move |db| find_order(db, &key)).await
    }

    async fn confirm_secret(&self) -> Result<[u8; 32], StoreError> {
        let fresh: [u8; 32] = rand::random();
        self.write(Lane::Shop, move |writer, _| writer.shared_secret("confirm", fresh)).await
    }

    async fn orders_to_ask(&self, environment: Environment, max: usize) -> Result<Vec<DueOrder>, StoreError> {
        self.follow_clock().await?;
        let now_ms = self.clock.now_ms();
        self.read(move |db| unproven::orders_to_ask(db, environment, now_ms, max)).await
    }
}

impl Writer {
    /// Runs a step on one order and writes the order with the step's effects. An order that cannot
    /// be read refuses its own step before anything is written, so that its batch goes on.
    pub(super) fn update_order(
        &mut self,
        key: &OrderKey,
        pixel: &PixelId,
        webhook: Option<&WebhookRecord>,
        step: &mut OrderStep,
        now_ms: i64,
    ) -> rusqlite::Result<Result<Option<OrderUpdated>, StoreError>> {
        let stored = self.stored_order(key)?;
        let mut order = match stored.as_deref().map(serde_json::from_str::<Order>) {
            None => Order::new(key.id.clone(), key.environment, pixel.clone()),
            Some(Ok(order)) => order,
            Some(Err(error)) => {
                tracing::error!(order.id = key.id.as_str(), %error, "a stored order cannot be read");
                return Ok(Err(StoreError::Unavailable("a stored order cannot be read".into())));
            }
        };
        if let Some(webhook) = webhook
            && !self.record_webhook(webhook)?
        {
            return Ok(Ok(None));
        }
        let before = order.clone();
        let effects = step(&mut order);
        let event = effects.event.as_ref().map(|event| self.append(event, now_ms)).transpose()?;
        let purchase = match &effects.purchase {
            Some(change) => self.change_purchase(key, change, now_ms)?,
            None => None,
        };
        if effects.purchase.is_some() && purchase.is_none() {
            order.mark_left(&before);
        }
        self.follow(key, &effects.followers, now_ms)?;
        // A page that had fired before the payment was known has fired this.
        if let (Some(_), Some(at_s)) = (&purchase, order.fired_at_s()) {
            let id = EventId::of_purchase(order.id());
            let fired =
                Confirmation { name: EventName::purchase(), id, outcome: BrowserOutcome::Fired, at_s };
            let pixel = self.pixel(order.pixel())?;
            self.confirm_one(pixel, Some(key.environment), &fired, now_ms)?;
        }
        if effects.browser_contact
            && let Some(purchase) = self.purchase_of(key)?
        {
            self.expect_browser(purchase.seq, now_ms)?;
        }
        if stored.is_none() || before != order || effects.ask != Ask::AsPlanned {
            let learnt = order.has_learnt_since(&before);
            self.write_order(&order, effects.ask, now_ms, learnt)?;
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
        let OrderEffects { ask, answer, dead_letter, .. } = effects;
        if let (Some(webhook), Some(code)) = (webhook, dead_letter) {
            self.give_up_webhook(webhook, code)?;
        }
        let is_new = stored.is_none();
        Ok(Ok(Some(OrderUpdated { is_new, order, event, purchase, ask, answer, dead_letter })))
    }

    /// `learnt`: the step learnt something new about the order. A stranger's repetition or our own
    /// question is not new, so neither keeps people's signals longer.
    pub(super) fn write_order(
        &mut self,
        order: &Order,
        ask: Ask,
        now_ms: i64,
        learnt: bool,
    ) -> rusqlite::Result<()> {
        let pixel = self.pixel(order.pixel())?;
        let (planned, at_ms) = match ask {
            Ask::AsPlanned => (true, None),
            Ask::At(at_ms) => (false, Some(at_ms)),
            Ask::Never => (false, None),
        };
        let json =
            serde_json::to_string(order).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        self.db
            .prepare_cached(sql!(
                "INSERT INTO orders (rowid, id, environment, pixel, state, paid, created_ms, updated_ms, ask_at_ms,
                                     standing, updated_run_ms)
                 VALUES ({next}, ?1, ?10, ?2, ?3, ?4, ?5, ?5, ?6, ?8, ?11)
                 ON CONFLICT (id, environment) DO UPDATE SET pixel = excluded.pixel, state = excluded.state,
                    paid = excluded.paid,
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
                order.environment() as u8,
                self.time.run_ms,
            ])?;
        Ok(())
    }

    /// An order's JSON.
    pub(super) fn stored_order(&self, key: &OrderKey) -> rusqlite::Result<Option<String>> {
        stored_order(&self.db, key)
    }

    /// Notes what a page did with an order's Purchase. Its event is confirmed only when the order is
    /// paid; until then the order keeps the word. False when there is no such order.
    pub(super) fn confirm_purchase(
        &mut self,
        key: &OrderKey,
        pixel: i64,
        confirmation: &Confirmation,
        now_ms: i64,
    ) -> rusqlite::Result<bool> {
        let Some(json) = self.stored_order(key)? else { return Ok(false) };
        let Ok(mut order) = serde_json::from_str::<Order>(&json) else { return Ok(false) };
        if confirmation.outcome == BrowserOutcome::Fired && !order.is_fired() {
            order.confirm_fired(confirmation.at_s);
            self.write_order(&order, Ask::AsPlanned, now_ms, true)?;
        }
        if order.paid().is_some() {
            self.confirm_one(pixel, Some(key.environment), confirmation, now_ms)?;
        }
        Ok(true)
    }

    /// A key under this name; `fresh` becomes it if there is none.
    fn shared_secret(&mut self, name: &str, fresh: [u8; 32]) -> rusqlite::Result<[u8; 32]> {
        self.db
            .prepare_cached("INSERT INTO secrets (name, value) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute((name, fresh))?;
        self.db
            .prepare_cached("SELECT value FROM secrets WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
    }

    /// Stores a webhook. False when it was known; then only its count of copies grows.
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

    /// Makes a stored webhook a dead letter.
    fn give_up_webhook(&self, webhook: &WebhookRecord, code: &str) -> rusqlite::Result<()> {
        self.db
            .prepare_cached("UPDATE webhooks SET dead_letter = ?3 WHERE account = ?1 AND event_key = ?2")?
            .execute((&webhook.account, &webhook.event_key, code))
            .map(drop)
    }
}

/// One order.
fn find_order(db: &Connection, key: &OrderKey) -> rusqlite::Result<Option<Order>> {
    let json = stored_order(db, key)?;
    json.map(|json| serde_json::from_str(&json).map_err(|e| unreadable(0, e))).transpose()
}

fn stored_order(db: &Connection, key: &OrderKey) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT state FROM orders WHERE id = ?1 AND environment = ?2")?
        .query_row((key.id.as_str(), key.environment as u8), |row| row.get(0))
        .optional()
}
