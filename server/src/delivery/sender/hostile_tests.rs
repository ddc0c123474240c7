//! Splitting, gate and window together under a Graph API that answers anything for a while, and strictly afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use tandem_core::order::Environment;

use super::doubt_tests::{from_address, with_real_money};
use super::tests::{Meta, World, error, id_of, received};
use super::*;
use crate::delivery::gate::Gate;
use crate::outbox::State;
use crate::outbox::conformance::pixel;

/// Most events of a case.
const EVENTS_MAX: u32 = 16;
/// Rounds until everything must have ended, each an hour. Meta takes no event that is older than seven days.
const ROUNDS: i64 = 60;
const HOUR_MS: i64 = 3_600_000;

/// What Meta does with one event once it is strict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nature {
    Good,
    /// Refused, with its content blamed.
    Blamed,
    /// Refused, with nothing blamed.
    Unblamed,
}

/// Meta's answer to one call.
#[derive(Debug, Clone)]
enum Said {
    /// What a strict Meta says.
    Strict,
    Error(i64, i64),
    /// A status and a body that may be anything.
    Text(u16, String),
}

fn said() -> impl Strategy<Value = Said> {
    let code = prop::sample::select(vec![
        1, 2, 3, 4, 10, 17, 100, 102, 105, 190, 200, 368, 506, 613, 803, 2500, 80_004, 99_999,
    ]);
    let subcode =
        prop::sample::select(vec![0, 33, 463, 2_804_001, 2_804_003, 2_804_009, 2_804_050, 1_815_356]);
    let body = prop::sample::select(vec![
        "",
        "<html>",
        "{}",
        "[]",
        "null",
        "{\"events_received\":0}",
        "{\"events_received\":1}",
        "{\"events_received\":-1}",
        "{\"events_received\":99}",
        "{\"error\":7}",
        "{\"error\":{}}",
        "{\"error\":{\"code\":\"100\",\"error_user_msg\":\"data[9]\"}}",
        "{\"error\":{\"code\":100,\"error_user_msg\":\"data[0]\"}}",
        "{\"error\":{\"is_transient\":true}}",
    ]);
    prop_oneof![
        2 => Just(Said::Strict),
        3 => (code, subcode).prop_map(|(code, subcode)| Said::Error(code, subcode)),
        2 => (prop::sample::select(vec![200, 204, 302, 400, 401, 403, 404, 413, 429, 500, 503]), body)
            .prop_map(|(status, body)| Said::Text(status, body.to_owned())),
    ]
}

/// One call as Meta saw it.
struct Call {
    events: Vec<u32>,
    /// Meta said in a readable answer that it counted all of them.
    was_counted: bool,
    was_refused: bool,
}

type Calls = Arc<Mutex<Vec<Call>>>;

/// A Graph API that says what the script says, one answer per call, and is strict when it ends.
async fn hostile(natures: Vec<Nature>, script: Vec<Said>) -> (Meta, Calls) {
    let calls = Calls::default();
    let noted = Arc::clone(&calls);
    let ids: BTreeMap<u32, String> = (0..EVENTS_MAX).map(|n| (n, id_of(n))).collect();
    let meta = Meta::start(move |body| {
        let mut calls = noted.lock().unwrap();
        let events: Vec<u32> = ids.iter().filter(|(_, id)| body.contains(*id)).map(|(n, _)| *n).collect();
        let has = |nature| events.iter().any(|n| natures[*n as usize] == nature);
        let (status, text) = match script.get(calls.len()).unwrap_or(&Said::Strict) {
            Said::Strict if has(Nature::Unblamed) => error(100, 0),
            Said::Strict if has(Nature::Blamed) => error(100, 2_804_009),
            Said::Strict => received(body),
            Said::Error(code, subcode) => error(*code, *subcode),
            Said::Text(status, text) => (*status, text.clone()),
        };
        let was_counted = (status, &text) == (200, &received(body).1);
        calls.push(Call { events, was_counted, was_refused: text.contains("error") || status >= 400 });
        (status, text)
    })
    .await;
    (meta, calls)
}

/// Lets a worker's decisions run, an hour per round, until nothing is due.
async fn deliver(world: &World, proven: &BTreeSet<u32>, addresses: &[u8]) -> Result<(), TestCaseError> {
    let mut gate = Gate::default();
    for n in 0..addresses.len() as u32 {
        world.outbox.events.append(crate::outbox::conformance::event(n)).await.unwrap();
    }
    for _ in 0..ROUNDS {
        let now_ms = world.clock.steady_ms();
        let Some(permit) = gate.permit(now_ms, 0, false) else {
            world.clock.set_ms(world.clock.now_ms() + HOUR_MS);
            continue;
        };
        let lease = world.outbox.queue.lease(pixel(), EVENTS_MAX as usize, Duration::from_secs(900));
        let mut due = lease.await.unwrap();
        for event in &mut due {
            // Positions begin at one.
            let n = (event.seq - 1) as u32;
            from_address(event, addresses[n as usize]);
            event.environment = proven.contains(&n).then_some(Environment::Production);
        }
        if permit.is_probe && due.len() > 1 {
            let best = world.sender.doubt().probe(&due);
            due.swap(0, best);
            world.sender.release(leases(&due.split_off(1))).await;
        }
        if due.is_empty() {
            gate.cancel(permit, now_ms);
        } else {
            let feedback = world.send(due).await;
            gate.apply(permit, &feedback, now_ms);
        }
        prop_assert!(gate.calls_max() >= 1);
        prop_assert_eq!(world.sender.isolating.load(Ordering::Relaxed), 0);
        world.clock.set_ms(world.clock.now_ms() + HOUR_MS);
    }
    Ok(())
}

/// What must be true of every event when Meta has long been strict.
async fn check(world: &World, natures: &[Nature], calls: &[Call]) -> Result<(), TestCaseError> {
    for event in world.events().await {
        let n = (event.seq - 1) as u32;
        let (nature, code) = (natures[n as usize], event.code.as_deref());
        let of_it = || calls.iter().filter(|call| call.events.contains(&n));
        let counted = of_it().filter(|call| call.was_counted).count();
        prop_assert!(counted <= 1, "{n} was counted {counted} times");
        if counted == 1 {
            prop_assert_eq!(event.state, State::Delivered, "{}: {:?}", n, code);
            prop_assert!(
                of_it().next_back().is_some_and(|call| call.was_counted),
                "{n} went again after it was counted"
            );
        }
        match event.state {
            State::Delivered => {}
            State::DeadLetter => {
                let alone = |call: &Call| call.events == [n] && (call.was_refused || !call.was_counted);
                prop_assert!(of_it().any(alone), "{n} was given up ({code:?}) and never refused alone");
            }
            state => {
                prop_assert!(nature == Nature::Unblamed, "{n} is {state:?} ({code:?}) though Meta is strict");
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_meta_says_nothing_is_lost_repeated_or_stuck(
        events in prop::collection::vec(
            (prop_oneof![5 => Just(Nature::Good), 1 => Just(Nature::Blamed), 1 => Just(Nature::Unblamed)], 1..5_u8, any::<bool>()),
            1..EVENTS_MAX as usize,
        ),
        script in prop::collection::vec(said(), 0..14),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let natures: Vec<Nature> = events.iter().map(|event| event.0).collect();
            let addresses: Vec<u8> = events.iter().map(|event| event.1).collect();
            let proven = (0..).zip(&events).filter(|(_, event)| event.2).map(|(n, _)| n).collect();
            let (meta, calls) = hostile(natures.clone(), script).await;
            let world = with_real_money(World::new(&meta));
            deliver(&world, &proven, &addresses).await?;
            let calls = calls.lock().unwrap().drain(..).collect::<Vec<_>>();
            check(&world, &natures, &calls).await
        })?;
    }
}
