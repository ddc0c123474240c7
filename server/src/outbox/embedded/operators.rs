//! What operators ask and change.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::id::PixelId;
use tokio::sync::broadcast;

use super::{Embedded, figures, order_list, read};
use crate::clock::millis;
use crate::outbox::{
    AttemptView, DeadWebhook, DeadWebhookFilter, EventFilter, EventKey, EventView, Figures, OperatorStore,
    OrderFilter, OrderView, Page, Replayed, StoreError,
};

#[async_trait::async_trait]
impl OperatorStore for Embedded {
    async fn list(&self, filter: EventFilter, page: Page) -> Result<Vec<EventView>, StoreError> {
        self.read(move |db| read::list(db, &filter, page)).await
    }

    async fn find(&self, key: EventKey) -> Result<Vec<(EventView, Vec<AttemptView>)>, StoreError> {
        self.read(move |db| read::find(db, &key)).await
    }

    async fn at(&self, seqs: Arc<[u64]>) -> Result<Vec<EventView>, StoreError> {
        self.read(move |db| read::at(db, &seqs)).await
    }

    fn watch(&self) -> broadcast::Receiver<Arc<[u64]>> {
        self.changes.subscribe()
    }

    async fn list_orders(&self, filter: OrderFilter, page: Page) -> Result<Vec<OrderView>, StoreError> {
        self.read(move |db| order_list::list_orders(db, &filter, page)).await
    }

    async fn dead_webhooks(
        &self,
        filter: DeadWebhookFilter,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError> {
        self.read(move |db| read::dead_webhooks(db, &filter, page)).await
    }

    async fn replay(&self, seqs: Vec<u64>, allow_double_count: bool) -> Result<Replayed, StoreError> {
        self.write_patiently(move |writer, now_ms| writer.replay(&seqs, allow_double_count, now_ms)).await
    }

    async fn purge(&self, seqs: Vec<u64>) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.purge(&seqs)).await
    }

    async fn purge_webhooks(&self, seqs: Vec<u64>) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.purge_webhooks(&seqs)).await
    }

    async fn set_paused(&self, pixel: PixelId, paused: bool) -> Result<(), StoreError> {
        self.write_patiently(move |writer, _| writer.set_paused(&pixel, paused)).await
    }

    async fn paused(&self) -> Result<Vec<PixelId>, StoreError> {
        self.read(read::paused).await
    }

    async fn adopt_unassigned(&self, pixel: PixelId) -> Result<u64, StoreError> {
        self.write_patiently(move |writer, _| writer.adopt_unassigned(&pixel)).await
    }

    async fn sweep(&self, retention: Duration, max: usize) -> Result<usize, StoreError> {
        self.write_patiently(move |writer, now_ms| writer.sweep(now_ms, millis(retention), max)).await
    }

    async fn figures(&self, now_ms: i64) -> Result<Figures, StoreError> {
        self.read(move |db| figures::figures(db, now_ms)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write(|writer, now_ms| writer.probe(now_ms)).await
    }
}
