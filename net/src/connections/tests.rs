use tandem_settings::Networks;

use super::*;
use crate::limits::SubscriberLimit;

fn limits(connections_max: usize, per_subscriber_max: usize) -> ConnectionLimits {
    let exempt = Networks::parse("10.0.0.0/8").unwrap();
    let per_subscriber = Some(SubscriberLimit { connections_max: per_subscriber_max, exempt });
    ConnectionLimits { per_subscriber, ..ConnectionLimits::new(connections_max) }
}

fn connections(connections_max: usize, per_subscriber_max: usize) -> Arc<Connections> {
    Connections::new(limits(connections_max, per_subscriber_max))
}

fn admit(connections: &Arc<Connections>, address: &str) -> Option<ConnectionEntry> {
    connections.try_admit(address.parse().unwrap(), false)
}

async fn a_second_later() {
    tokio::time::advance(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_takes_the_place_of_who_was_quiet_longest() {
    let connections = connections(3, 3);
    let busy = admit(&connections, "192.0.2.1").unwrap();
    busy.activity.begin_request(true);
    let own = admit(&connections, "192.0.2.2").unwrap();
    own.activity.mark_internal();
    a_second_later().await;
    let quiet = admit(&connections, "192.0.2.3").unwrap();
    let newcomer = admit(&connections, "192.0.2.4").expect("a quiet connection was evicted");
    assert_eq!(quiet.activity.directive(), Directive::Close);
    assert_eq!((busy.activity.directive(), own.activity.directive()), (Directive::Keep, Directive::Keep));
    newcomer.activity.begin_request(true);
    assert!(admit(&connections, "192.0.2.5").is_none(), "all connections are busy");
    newcomer.activity.end_request(true);
    assert!(admit(&connections, "192.0.2.5").is_none(), "nobody looks again at once");
    tokio::time::advance(Duration::from_millis(BARREN_MS)).await;
    assert!(admit(&connections, "192.0.2.5").is_some());
    drop((busy, own, quiet));
    assert_eq!(connections.state().kept, 0, "the newcomers were dropped or told to end");
}

#[tokio::test(start_paused = true)]
async fn an_address_with_its_share_replaces_its_own_and_proxies_have_no_share() {
    let connections = connections(100, 2);
    let other = admit(&connections, "192.0.2.9").unwrap();
    a_second_later().await;
    let first = admit(&connections, "2001:db8:1:2::1").unwrap();
    a_second_later().await;
    let second = admit(&connections, "2001:db8:1:2::2").unwrap();
    let third = admit(&connections, "2001:db8:1:2:ffff::3").unwrap();
    let directives = [&other, &first, &second, &third].map(|entry| entry.activity.directive());
    assert_eq!(directives, [Directive::Keep, Directive::Close, Directive::Keep, Directive::Keep]);
    for address in ["10.1.2.3", "127.0.0.1", "::1"] {
        let many: Vec<_> = (0..10).map(|_| admit(&connections, address).unwrap()).collect();
        assert!(many.iter().all(|entry| entry.activity.directive() == Directive::Keep), "{address}");
    }
}

/// Limits as in the gateway: a new connection evicts one other, and never a young one.
fn patient(connections_max: usize) -> Arc<Connections> {
    Connections::new(ConnectionLimits {
        evicted_at_once: 1,
        quiet_min: Duration::from_millis(200),
        when_full: WhenFull::Wait,
        ..ConnectionLimits::new(connections_max)
    })
}

#[tokio::test(start_paused = true)]
async fn a_young_connection_is_not_evicted_and_the_newcomer_waits_until_it_is_older() {
    let connections = patient(2);
    let first = admit(&connections, "192.0.2.1").unwrap();
    let second = admit(&connections, "192.0.2.1").unwrap();
    assert!(admit(&connections, "192.0.2.1").is_none(), "their first requests may be on the way");
    connections.make_room();
    let asked = Instant::now();
    let newcomer = connections.admit("192.0.2.2".parse().unwrap(), false).await.expect("it waits");
    let waited_ms = asked.elapsed().as_millis();
    assert!((200..=250).contains(&waited_ms), "{waited_ms} ms");
    let directives = [&first, &second, &newcomer].map(|entry| entry.activity.directive());
    let evicted = directives.iter().filter(|directive| **directive == Directive::Close).count();
    assert_eq!((evicted, newcomer.activity.directive()), (1, Directive::Keep), "one connection was evicted");
    assert_eq!(connections.free(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_all_are_busy_a_newcomer_waits_until_one_leaves() {
    let connections = patient(1);
    let busy = admit(&connections, "192.0.2.1").unwrap();
    busy.activity.begin_request(true);
    let mut newcomer = std::pin::pin!(connections.admit("192.0.2.2".parse().unwrap(), false));
    let waits = tokio::time::timeout(Duration::from_secs(30), &mut newcomer).await;
    assert!(waits.is_err() && busy.activity.directive() == Directive::Keep, "a busy connection stays");
    drop(busy);
    let asked = Instant::now();
    assert!(newcomer.await.is_some());
    assert_eq!(asked.elapsed(), Duration::ZERO, "a free place is taken at once");
}

#[tokio::test(start_paused = true)]
async fn who_holds_on_without_getting_anywhere_is_ended() {
    let connections = connections(100, 100);
    let entries: Vec<ConnectionEntry> = (0..6).map(|_| admit(&connections, "192.0.2.1").unwrap()).collect();
    let [silent, http2, answered, deaf, stuck, watcher] = entries.as_slice() else { panic!() };
    http2.activity.mark_http2();
    answered.activity.begin_request(true);
    answered.activity.end_request(true);
    deaf.activity.begin_request(true);
    deaf.activity.set_stalled(true);
    stuck.activity.begin_request(true);
    watcher.activity.begin_request(true);
    watcher.activity.mark_internal();
    let mut ended = Vec::new();
    for second in 1..=90 {
        a_second_later().await;
        connections.sweep();
        for (number, entry) in entries.iter().enumerate() {
            if entry.activity.directive() == Directive::Abort && !ended.contains(&(number, second)) {
                ended.push((number, second));
            }
        }
    }
    let first = |number| ended.iter().find(|(n, _)| *n == number).map(|(_, second)| *second);
    assert_eq!((first(0), first(3), first(4)), (Some(11), Some(31), Some(61)));
    for (name, entry) in [("http2", http2), ("answered", answered), ("watcher", watcher)] {
        assert_eq!(entry.activity.directive(), Directive::Keep, "{name}");
    }
    // The time limit also applies to the next head on a connection that is kept open.
    answered.activity.note_received();
    tokio::time::advance(Duration::from_millis(HEAD_MAX_MS + 1)).await;
    connections.sweep();
    assert_eq!(answered.activity.directive(), Directive::Abort);
    assert_eq!(silent.activity.directive(), Directive::Abort);
}

#[tokio::test(start_paused = true)]
async fn a_body_in_pieces_is_no_head_that_takes_too_long() {
    let connections = connections(100, 100);
    let entry = admit(&connections, "192.0.2.1").unwrap();
    entry.activity.begin_request(false);
    a_second_later().await;
    entry.activity.note_received();
    tokio::time::advance(Duration::from_millis(HEAD_MAX_MS + 1)).await;
    connections.sweep();
    assert_eq!(entry.activity.directive(), Directive::Keep);
    entry.activity.end_request(false);
    entry.activity.note_received();
    tokio::time::advance(Duration::from_millis(HEAD_MAX_MS + 1)).await;
    connections.sweep();
    assert_eq!(entry.activity.directive(), Directive::Abort, "the head of a request had not arrived");
}

#[tokio::test(start_paused = true)]
async fn handshakes_are_bounded_by_ending_the_oldest() {
    let connections = connections(10_000, 10_000);
    let handshake = || connections.try_admit("192.0.2.1".parse().unwrap(), true).unwrap();
    let oldest = handshake();
    a_second_later().await;
    let rest: Vec<ConnectionEntry> = (1..HANDSHAKES_MAX).map(|_| handshake()).collect();
    assert_eq!(oldest.activity.directive(), Directive::Keep);
    let newest = handshake();
    assert_eq!(
        (oldest.activity.directive(), newest.activity.directive()),
        (Directive::Close, Directive::Keep)
    );
    newest.mark_handshake_done();
    drop((oldest, rest, newest));
    let state = connections.state();
    assert_eq!((state.handshaking, state.kept), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_takes_ends_its_connection_although_others_are_taken() {
    let connections = connections(10, 10);
    let (stranger, own) =
        (admit(&connections, "192.0.2.1").unwrap(), admit(&connections, "192.0.2.2").unwrap());
    own.activity.mark_internal();
    for entry in [&stranger, &own] {
        entry.activity.begin_request(true);
        entry.activity.begin_answer(30_000);
    }
    for _ in 0..30 {
        a_second_later().await;
        let taken = stranger.activity.begin_answer(30_000);
        stranger.activity.end_answer(taken);
        connections.sweep();
        assert_eq!(stranger.activity.directive(), Directive::Keep);
    }
    a_second_later().await;
    connections.sweep();
    assert_eq!(
        (stranger.activity.directive(), own.activity.directive()),
        (Directive::Abort, Directive::Keep)
    );
}
