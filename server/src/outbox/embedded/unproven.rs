//! Orders that only strangers named: how many are kept, and which are checked first.

use rusqlite::Connection;
use tandem_core::id::OrderId;
use tandem_core::order::{Environment, TrustLevel};

use super::committer::Writer;
use super::sql::*;
use crate::outbox::DueOrder;

/// Most orders kept that only strangers named. Almost every paid order is paid within minutes of
/// its checkout. This many are several days of checkouts of a large shop, and 200 MB at most.
/// Beyond it the orders whose last news is oldest are deleted. `orders/quotas.rs` bounds how many
/// one address can add.
pub(crate) const UNPROVEN_MAX: usize = 100_000;
/// New orders between two counts of the unproven ones.
pub(crate) const COUNT_EVERY: usize = 1000;

const TRUST_LEVELS: [TrustLevel; 3] = [TrustLevel::Attested, TrustLevel::CheckedOut, TrustLevel::Claimed];

impl Writer {
    /// Counts a new order that only strangers named. Deletes the excess once in [`COUNT_EVERY`] calls.
    pub(super) fn bound_unproven(&mut self) -> rusqlite::Result<()> {
        if !self.new_orders.add_one(COUNT_EVERY) {
            return Ok(());
        }
        self.drop_unproven(UNPROVEN_MAX).map(drop)
    }

    /// Deletes the orders whose last news is oldest, until `max` are left. Returns how many it
    /// deleted.
    pub(super) fn drop_unproven(&mut self, max: usize) -> rusqlite::Result<usize> {
        let known: usize = self
            .db
            .prepare_cached(
                sql!("SELECT count(*) FROM orders INDEXED BY orders_unproven WHERE paid = 0 AND standing < {ATTESTED}"),
            )?
            .query_row([], |row| row.get(0))?;
        let Some(surplus) = known.checked_sub(max).filter(|surplus| *surplus > 0) else { return Ok(0) };
        let gone = self
            .db
            .prepare_cached(sql!(
                "DELETE FROM orders WHERE rowid IN (SELECT rowid FROM orders INDEXED BY orders_unproven
                     WHERE paid = 0 AND standing < {ATTESTED} ORDER BY updated_run_ms LIMIT ?1)"
            ))?
            .execute([surplus])?;
        self.counts.orders(false, -i64::try_from(gone).unwrap_or_default());
        tracing::warn!(orders = gone, "too many unpaid orders; the ones with the oldest news were deleted");
        Ok(gone)
    }
}

/// Orders that are due to be asked about: the highest trust first, then the longest due.
pub(super) fn orders_to_ask(
    db: &Connection,
    environment: Environment,
    now_ms: i64,
    max: usize,
) -> rusqlite::Result<Vec<DueOrder>> {
    let mut due = Vec::new();
    let mut ask = db.prepare_cached(
        "SELECT id FROM orders INDEXED BY orders_ask
         WHERE environment = ?4 AND standing = ?1 AND ask_at_ms IS NOT NULL AND ask_at_ms <= ?2
         ORDER BY ask_at_ms LIMIT ?3",
    )?;
    for trust in TRUST_LEVELS {
        let rows = ask.query_map((trust as u8, now_ms, max - due.len(), environment as u8), |row| {
            let order = OrderId::parse(&row.get::<_, String>(0)?).map_err(|e| unreadable(0, e))?;
            Ok(DueOrder { order, trust })
        })?;
        for row in rows {
            due.push(row?);
        }
    }
    Ok(due)
}

#[cfg(test)]
mod tests {
    use tandem_core::event::{Consent, Page};
    use tandem_core::order::{BrowserSalt, Contact, ContactProof, Order};
    use tandem_core::user_data::UserData;

    use super::super::store::Embedded;
    use super::*;
    use crate::clock::Clock;
    use crate::outbox::conformance::{NOW_MS, pixel};
    use crate::outbox::{Ask, Lane, OperatorStore as _, OrderEffects, OrderKey, OrderStep, OrderStore as _};

    fn id(text: &str) -> OrderId {
        OrderId::parse(text).unwrap()
    }

    fn key(text: &str) -> OrderKey {
        OrderKey { environment: Environment::Production, id: id(text) }
    }

    fn contact(order: &mut Order, is_claim: bool) {
        let mut user_data = UserData::default();
        user_data.fbp = Some("fb.1.1763942400000.1".into());
        order.add_contact(
            &Contact {
                at_s: NOW_MS / 1000,
                is_claim,
                proof: ContactProof::Nothing,
                pixel: None,
                consent: Consent::default(),
                browser: None,
                user_data,
                page: Page::default(),
                custom_data: Default::default(),
            },
            &BrowserSalt::new([7; 32]),
        );
    }

    async fn step(store: &Embedded, order: &str, ask: Ask, change: fn(&mut Order)) {
        let step: OrderStep = Box::new(move |order| {
            change(order);
            OrderEffects { ask, ..OrderEffects::default() }
        });
        store.update(Lane::Shop, key(order), pixel(), None, step).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_has_more_behind_it_is_asked_about_first() {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path(), Clock::fixed(NOW_MS)).unwrap();
        step(&store, "claimed", Ask::At(NOW_MS - 3), |order| contact(order, true)).await;
        step(&store, "failed", Ask::At(NOW_MS), Order::fail).await;
        step(&store, "checked out", Ask::At(NOW_MS - 1), |order| contact(order, false)).await;
        step(&store, "later", Ask::At(NOW_MS + 1), Order::fail).await;
        step(&store, "claimed first", Ask::At(NOW_MS - 4), |order| contact(order, true)).await;
        let due = store.orders_to_ask(Environment::Production, 4).await.unwrap();
        let expected = [
            ("failed", TrustLevel::Attested),
            ("checked out", TrustLevel::CheckedOut),
            ("claimed first", TrustLevel::Claimed),
            ("claimed", TrustLevel::Claimed),
        ];
        let expected = expected.map(|(order, trust)| DueOrder { order: id(order), trust });
        assert_eq!(due, expected);
        assert_eq!(store.orders_to_ask(Environment::Production, 2).await.unwrap(), expected[..2]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn past_the_bound_the_quietest_claims_go_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::fixed(NOW_MS);
        let store = Embedded::open(dir.path(), clock.clone()).unwrap();
        step(&store, "failed", Ask::Never, Order::fail).await;
        for (n, order) in ["a", "b", "c", "d"].into_iter().enumerate() {
            clock.set_ms(NOW_MS + 1000 * i64::try_from(n).unwrap());
            step(&store, order, Ask::Never, |order| contact(order, true)).await;
        }
        // A repetition and our own question are no news; a failed payment attempt is.
        clock.set_ms(NOW_MS + 10_000);
        step(&store, "b", Ask::At(NOW_MS), |order| contact(order, true)).await;
        step(&store, "a", Ask::AsPlanned, Order::fail).await;
        let gone = store.write(Lane::Shop, |writer, _| writer.drop_unproven(2)).await.unwrap();
        assert_eq!(gone, 1);
        for (order, is_kept) in [("failed", true), ("a", true), ("b", false), ("c", true), ("d", true)] {
            assert_eq!(store.order(key(order)).await.unwrap().is_some(), is_kept, "{order}");
        }
        assert_eq!(store.write(Lane::Shop, |writer, _| writer.drop_unproven(2)).await.unwrap(), 0);
        assert_eq!(store.figures(NOW_MS).await.unwrap().orders.0, 4);
    }
}
