//! Waits until the server has nothing left to send.

use std::time::{Duration, Instant};

use tandem_proto::v1::{EventState, EventSummary, ListEventsRequest, ResumeDeliveryRequest};
use tandem_tests::World;

use crate::arrivals::Arrivals;

/// How often to call `ResumeDelivery` during the drain. A refused token holds the pixel, and failures open its
/// circuit breaker; the call ends both.
const RESUME_EVERY: Duration = Duration::from_secs(1);
/// States of events that are still to be sent.
const OPEN: [EventState; 4] =
    [EventState::Pending, EventState::InFlight, EventState::Held, EventState::WaitingJoin];

/// Waits until the outbox is empty, and collects every copy that arrived.
///
/// # Errors
/// If something still waits after `limit`.
pub(crate) async fn drain(world: &World, arrivals: &mut Arrivals, limit: Duration) -> anyhow::Result<()> {
    let operator = world.internal()?;
    let mut resumed = None::<Instant>;
    world
        .eventually_within(limit, "an empty outbox", async || {
            if resumed.is_none_or(|at| at.elapsed() > RESUME_EVERY) {
                operator.resume_delivery(ResumeDeliveryRequest::default()).await?;
                resumed = Some(Instant::now());
                arrivals.collect(&world.sandbox).await?;
            }
            let outbox = &world.health().await?["outbox"];
            let looks_empty = outbox["pending"] == 0 && outbox["held"] == 0;
            Ok((looks_empty && open_events(world).await?.is_empty()).then_some(()))
        })
        .await?;
    arrivals.collect(&world.sandbox).await
}

/// Some of the events that the server still has to send.
async fn open_events(world: &World) -> anyhow::Result<Vec<EventSummary>> {
    let operator = world.internal()?;
    let mut open = Vec::new();
    for state in OPEN {
        let request =
            ListEventsRequest { state: state.into(), page_size: 10, ..ListEventsRequest::default() };
        open.extend(operator.list_events(request).await?.events);
    }
    Ok(open)
}
