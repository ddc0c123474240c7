//! Callers who leave before their answer: what was accepted all the same is delivered at once, and never waits for a
//! lease that nobody holds.

use std::fmt::Write as _;
use std::time::Duration;

use prost::Message as _;
use tandem_proto::v1::{CaptureLeadRequest, EventState};
use tandem_tests::{Caller, Person, World, messages, raw};
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

/// Callers of each kind.
const CALLERS: u32 = 60;
/// How long what was accepted may take. A lease to nobody takes 15 minutes.
const SOON: Duration = Duration::from_secs(15);

/// A call whose deadline is over between half a millisecond and four.
async fn call_with_a_short_deadline(caller: Caller, n: u32) {
    let caller = caller.with_deadline(Duration::from_micros(500 + 3500 * u64::from(n) / u64::from(CALLERS)));
    // Most of them fail: their deadline is over.
    let _ = match n % 3 {
        0 => caller.capture_lead(messages::lead(&Person::unique())).await.map(drop),
        1 => caller.track_event(messages::event("AddToCart", "5.00")).await.map(drop),
        _ => {
            let mut checkout = messages::event("InitiateCheckout", "5.00");
            checkout.order_id = messages::order_id();
            caller.track_event(checkout).await.map(drop)
        }
    };
}

/// A lead on a connection that is reset once it is sent.
async fn call_and_reset(address: &str, lead: &CaptureLeadRequest, n: u32) -> anyhow::Result<()> {
    let message = lead.encode_to_vec();
    let mut head = String::new();
    write!(head, "POST /tandem.v1.TrackingService/CaptureLead HTTP/1.1\r\nhost: tandem\r\n")?;
    write!(head, "content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n")?;
    write!(head, "content-length: {}\r\n\r\n", message.len() + 5)?;
    let mut stream = raw::connect(address).await?;
    let mut request = head.into_bytes();
    request.push(0);
    request.extend(u32::try_from(message.len())?.to_be_bytes());
    request.extend(message);
    stream.write_all(&request).await?;
    tokio::time::sleep(Duration::from_micros(u64::from(n) * 200)).await;
    // The kernel answers with a reset instead of a farewell.
    stream.set_zero_linger()?;
    Ok(())
}

#[tokio::test]
async fn what_was_accepted_of_callers_who_left_is_delivered_in_seconds() -> anyhow::Result<()> {
    let world = World::builder().without_gateway().start().await?;
    let mut callers = JoinSet::new();
    for n in 0..CALLERS {
        let caller = world.stranger()?;
        callers.spawn(async move {
            call_with_a_short_deadline(caller, n).await;
            Ok(())
        });
        let (address, lead) = (world.grpc.clone(), messages::lead(&Person::unique()));
        callers.spawn(async move { call_and_reset(&address, &lead, n).await });
    }
    while let Some(call) = callers.join_next().await {
        call??;
    }
    // It comes after them, and shows that what they left is written.
    world.internal()?.capture_lead(messages::lead(&Person::unique())).await?;
    let accepted = world
        .eventually_within(SOON, "everything accepted to be delivered", async || {
            let events = world.events("", EventState::Unspecified).await?;
            let all = events.iter().all(|event| event.state() == EventState::Delivered);
            Ok(all.then_some(events.len()))
        })
        .await?;
    eprintln!("{accepted} of {} calls were accepted, and all of them delivered", 2 * CALLERS + 1);
    assert!(accepted > 10, "only {accepted} were accepted: nobody left in time");
    Ok(())
}
