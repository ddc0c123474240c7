//! Waits for an order's payment without blocking a thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::id::OrderId;
use tokio::sync::Notify;

/// Most calls that may wait at once. Further calls are answered at once.
const WAITERS_MAX: usize = 10_000;

#[derive(Debug, Default)]
struct Waiters {
    orders: HashMap<OrderId, (usize, Arc<Notify>)>,
    count: usize,
}

/// Wakes waiting calls when something changed about their order.
#[derive(Debug, Clone, Default)]
pub(super) struct OrderWatch(Arc<Mutex<Waiters>>);

/// A place to wait for one order. Dropping it gives it up.
#[derive(Debug)]
pub(super) struct Waiter {
    watch: OrderWatch,
    order: OrderId,
    notify: Arc<Notify>,
}

impl OrderWatch {
    /// Takes a place; `None` when all are taken. Take it before reading the order, so that no
    /// change is missed in between.
    pub(super) fn wait_for(&self, order: &OrderId) -> Option<Waiter> {
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiters.count >= WAITERS_MAX {
            return None;
        }
        waiters.count += 1;
        let (count, notify) = waiters.orders.entry(order.clone()).or_default();
        *count += 1;
        let notify = Arc::clone(notify);
        Some(Waiter { watch: self.clone(), order: order.clone(), notify })
    }

    /// How many calls wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.0.lock().unwrap().count
    }

    /// Wakes everyone who waits for an order.
    pub(super) fn notify(&self, order: &OrderId) {
        let waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, notify)) = waiters.orders.get(order) {
            notify.notify_waiters();
        }
    }
}

impl Waiter {
    /// Becomes ready at the next [`OrderWatch::notify`] after this call.
    pub(super) fn notified(&self) -> tokio::sync::futures::Notified<'_> {
        self.notify.notified()
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiters = self.watch.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.count -= 1;
        if let Some((count, _)) = waiters.orders.get_mut(&self.order) {
            *count -= 1;
            if *count == 0 {
                waiters.orders.remove(&self.order);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everyone_who_waits_is_told_and_places_are_given_back() {
        let watch = OrderWatch::default();
        let order = OrderId::parse("KB-1").unwrap();
        let (a, b) = (watch.wait_for(&order).unwrap(), watch.wait_for(&order).unwrap());
        {
            let (told_a, told_b) = (a.notified(), b.notified());
            tokio::pin!(told_a, told_b);
            told_a.as_mut().enable();
            told_b.as_mut().enable();
            watch.notify(&order);
            told_a.await;
            told_b.await;
        }
        drop((a, b));
        let waiters = watch.0.lock().unwrap();
        assert_eq!((waiters.count, waiters.orders.len()), (0, 0));
    }
}
