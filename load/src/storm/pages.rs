//! Pages of the shop. They name orders at checkout and claim them afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use tandem_proto::v1::Browser;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::Status;

use super::plan::Act;
use tandem_tests::cashfree::now_ms;
use tandem_tests::{Caller, messages};

/// Pages that call at once. A claim may wait for five seconds.
const AT_ONCE_MAX: usize = 800;
/// Most calls of one page, and the pause between them. Together they last longer than any outage.
const TRIES_MAX: u32 = 400;
const PAUSE: Duration = Duration::from_millis(250);

/// All pages. A page repeats an unanswered call, as the browser package does.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    caller: Caller,
    room: Arc<Semaphore>,
    number: Arc<AtomicU64>,
}

impl Pages {
    pub(super) fn new(grpc: &str) -> anyhow::Result<Self> {
        let caller = Caller::new(grpc)?.with_deadline(Duration::from_secs(10));
        Ok(Self { caller, room: Arc::new(Semaphore::new(AT_ONCE_MAX)), number: Arc::default() })
    }

    /// Starts a page in the background.
    pub(super) fn launch(&self, visits: &mut JoinSet<anyhow::Result<()>>, act: Act) {
        let pages = self.clone();
        visits.spawn(async move { pages.visit(&act).await });
    }

    async fn visit(&self, act: &Act) -> anyhow::Result<()> {
        let _room = self.room.acquire().await?;
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        // Each page has its own address and cookie.
        let address = format!("49.{}.{}.{}", 32 + number / 62_500, number / 250 % 250 + 1, number % 250 + 1);
        let caller = self.caller.clone().with_header("x-forwarded-for", address);
        let fbp = format!("fb.1.{}.{}", now_ms(), 1_000_000_000 + number);
        let mut last = None;
        for _ in 0..TRIES_MAX {
            match say(&caller, act, &fbp).await {
                Ok(()) => return Ok(()),
                Err(status) => last = Some(status),
            }
            tokio::time::sleep(PAUSE).await;
        }
        bail!("a page was never answered: {last:?}")
    }
}

async fn say(caller: &Caller, act: &Act, fbp: &str) -> Result<(), Status> {
    let browser = Browser { fbp: Some(fbp.to_owned()), ..Browser::default() };
    match act {
        Act::Claim(order) => {
            let mut claim = messages::purchase(order, "1.00");
            claim.browser = Some(browser);
            caller.record_purchase(claim).await.map(drop)
        }
        Act::Checkout(order) => {
            let mut checkout = messages::event("InitiateCheckout", "1.00");
            (checkout.order_id, checkout.browser) = (order.clone(), Some(browser));
            caller.track_event(checkout).await.map(drop)
        }
        Act::Webhook(_) => Ok(()),
    }
}
