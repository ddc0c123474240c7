//! The writer's queue. It has two lanes, so that what the shop and its payment providers say, and what became of
//! deliveries, never waits behind what strangers send.
//!
//! Each commit takes what waits in the shop's lane, then what waits in the pages' lane, each up to a limit. So neither
//! lane can hold up the other for longer than one commit's share, and neither starves.

use tokio::sync::mpsc;

use crate::outbox::{Lane, StoreError};

/// Most commands that may wait in each lane.
const WAITING_MAX: usize = 16_384;
/// Most commands of each lane in one commit. This bounds how long the first command of the other lane waits.
pub(super) const PER_COMMIT_MAX: usize = 1024;

/// Where commands are queued.
pub(super) struct Lanes<C> {
    shop: mpsc::Sender<C>,
    page: mpsc::Sender<C>,
}

/// Where the writer takes commands.
pub(super) struct Waiting<C> {
    shop: mpsc::Receiver<C>,
    page: mpsc::Receiver<C>,
}

impl<C> Lanes<C> {
    pub(super) fn new() -> (Self, Waiting<C>) {
        let (shop, shop_waiting) = mpsc::channel(WAITING_MAX);
        let (page, page_waiting) = mpsc::channel(WAITING_MAX);
        (Self { shop, page }, Waiting { shop: shop_waiting, page: page_waiting })
    }

    /// Queues a command. Fails with `Busy` when its lane is full.
    pub(super) fn put(&self, lane: Lane, command: C) -> Result<(), StoreError> {
        let lane = match lane {
            Lane::Shop => &self.shop,
            Lane::Page => &self.page,
        };
        lane.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => StoreError::Stopped,
        })
    }

    /// Queues a command of the shop's lane. Waits for a place.
    pub(super) async fn put_patiently(&self, command: C) -> Result<(), StoreError> {
        self.shop.send(command).await.map_err(|_| StoreError::Stopped)
    }

    /// The shop's lane, for somebody who must not keep the writer from ending.
    pub(super) fn downgrade(&self) -> mpsc::WeakSender<C> {
        self.shop.downgrade()
    }
}

impl<C> std::fmt::Debug for Lanes<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("shop", &self.shop).field("page", &self.page).finish()
    }
}

impl<C> Waiting<C> {
    /// Fills an empty batch with what one commit takes. Waits until there is something. Returns false once every sender
    /// is gone and both lanes are empty.
    pub(super) fn take(&mut self, batch: &mut Vec<C>) -> bool {
        self.take_what_waits(batch);
        if batch.is_empty() {
            let first = futures_executor::block_on(async {
                tokio::select! {
                    Some(command) = self.shop.recv() => Some(command),
                    Some(command) = self.page.recv() => Some(command),
                    else => None,
                }
            });
            batch.extend(first);
            self.take_what_waits(batch);
        }
        !batch.is_empty()
    }

    fn take_what_waits(&mut self, batch: &mut Vec<C>) {
        for lane in [&mut self.shop, &mut self.page] {
            batch.extend(std::iter::from_fn(|| lane.try_recv().ok()).take(PER_COMMIT_MAX));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(lanes: &Lanes<Lane>, lane: Lane) {
        (0..WAITING_MAX).for_each(|_| lanes.put(lane, lane).expect("there is room"));
        assert_eq!(lanes.put(lane, lane).err(), Some(StoreError::Busy));
    }

    #[test]
    fn what_the_shop_says_comes_first_however_much_strangers_send() {
        let (lanes, mut waiting) = Lanes::new();
        fill(&lanes, Lane::Page);
        lanes.put(Lane::Shop, Lane::Shop).expect("strangers fill their own lane only");
        let mut batch = Vec::new();
        assert!(waiting.take(&mut batch));
        assert_eq!(batch.len(), PER_COMMIT_MAX + 1);
        assert!(batch[0] == Lane::Shop && batch[1..].iter().all(|lane| *lane == Lane::Page));
    }

    #[test]
    fn a_full_lane_of_the_shops_starves_no_page() {
        let (lanes, mut waiting) = Lanes::new();
        fill(&lanes, Lane::Shop);
        lanes.put(Lane::Page, Lane::Page).expect("its own lane is empty");
        let mut batch = Vec::new();
        assert!(waiting.take(&mut batch));
        assert_eq!(batch.len(), PER_COMMIT_MAX + 1);
        assert_eq!(batch.last(), Some(&Lane::Page));
    }

    #[test]
    fn everything_is_taken_before_the_writer_ends() {
        let (lanes, mut waiting) = Lanes::new();
        let writer = std::thread::spawn(move || {
            let (mut all, mut batch) = (0, Vec::new());
            while waiting.take(&mut batch) {
                all += batch.drain(..).count();
            }
            all
        });
        for n in 0..3 * PER_COMMIT_MAX {
            lanes.put(if n % 3 == 0 { Lane::Shop } else { Lane::Page }, n).unwrap();
        }
        drop(lanes);
        assert_eq!(writer.join().unwrap(), 3 * PER_COMMIT_MAX);
    }
}
