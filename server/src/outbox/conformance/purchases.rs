//! What an engine does with an order's Purchase and the events that follow it.

use tandem_core::event::{AdsConsent, Consent};
use tandem_core::order::{Contact, SignalSource};

use super::orders::*;
use super::*;

/// Runs the checks of this part.
pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            a_purchase_that_left_is_neither_replaced_nor_stopped,
            a_purchase_that_comes_back_is_stopped_by_what_happened_meanwhile,
            whatever_brings_a_purchase_back_it_is_stopped_where_it_is_leased,
            a_withheld_purchase_can_be_placed_again_and_an_erased_one_cannot,
            a_purchase_may_change_its_pixel_until_it_left,
            a_stop_without_a_purchase_leaves_no_trace,
            delivered_purchases_are_counted_by_who_brought_their_signals,
            followers_go_where_the_purchase_goes
        ]
    );
}

async fn a_purchase_that_left_is_neither_replaced_nor_stopped(store: &Bench) {
    let change = |make: fn() -> PurchaseChange| {
        let step: OrderStep =
            Box::new(move |_| OrderEffects { purchase: Some(make()), ..OrderEffects::default() });
        store.orders.update(Lane::Shop, order_key("A"), pixel(), None, step)
    };
    let place = || PurchaseChange::Place(purchase("A", Initial::Pending));
    let stop = || PurchaseChange::Stop(WithholdReason::RefundedBeforeSent);
    change(place).await.unwrap();
    let leased = lease(store, NOW_MS).await;
    assert!(change(place).await.unwrap().unwrap().purchase.is_none(), "it may be on its way");
    assert!(change(stop).await.unwrap().unwrap().purchase.is_none());
    store
        .queue
        .record(call(), vec![result(&leased[0], AttemptOutcome::Retry(Duration::from_millis(5)))])
        .await
        .unwrap();
    assert!(change(stop).await.unwrap().unwrap().purchase.is_some(), "it has come back");
    assert!(lease(store, NOW_MS + LEASE_MS * 10).await.is_empty());
    check_totals(store, 1).await;
}

async fn a_purchase_that_comes_back_is_stopped_by_what_happened_meanwhile(store: &Bench) {
    let step: OrderStep = Box::new(|order| paid_order(order, Some("fb.1.1763942400000.1"), 0));
    store.orders.update(Lane::Shop, order_key("A"), pixel(), None, step).await.unwrap();
    let under_way = lease(store, NOW_MS).await;
    refund_all(store, "A").await;
    assert_eq!(withheld(store, "A").await, None, "it may have left");
    let back = result(&under_way[0], AttemptOutcome::Retry(Duration::from_millis(5)));
    store.queue.record(call(), vec![back]).await.unwrap();
    let id = EventId::of_purchase(&order_id("A"));
    assert_eq!(state_of(store, &id).await, Some(State::Suppressed));
    assert_eq!(withheld(store, "A").await, Some(WithholdReason::RefundedBeforeSent));
    assert!(lease(store, NOW_MS + LEASE_MS * 10).await.is_empty());
    check_totals(store, 1).await;
}

async fn whatever_brings_a_purchase_back_it_is_stopped_where_it_is_leased(store: &Bench) {
    // By a release, the end of its lease, a replay.
    for (n, id) in ["A", "B", "C"].into_iter().enumerate() {
        let step: OrderStep = Box::new(|order| paid_order(order, Some("fb.1.1763942400000.1"), 0));
        store.orders.update(Lane::Shop, order_key(id), pixel(), None, step).await.unwrap();
        let under_way = lease(store, NOW_MS).await;
        let leased = &under_way[0];
        match n {
            0 => {
                refund_all(store, id).await;
                store.queue.release(vec![(leased.seq, leased.lease_no)]).await.unwrap();
            }
            1 => {
                refund_all(store, id).await;
                store.clock.set_ms(NOW_MS + LEASE_MS * 2);
            }
            _ => {
                store.queue.record(call(), vec![result(leased, AttemptOutcome::Refused)]).await.unwrap();
                refund_all(store, id).await;
                store.operators.replay(vec![leased.seq], false).await.unwrap();
            }
        }
        assert_eq!(withheld(store, id).await, None, "it may have left");
        assert!(lease(store, NOW_MS + LEASE_MS * 3).await.is_empty(), "{id} does not leave again");
        let purchase = EventId::of_purchase(&order_id(id));
        assert_eq!(state_of(store, &purchase).await, Some(State::Suppressed), "{id}");
        assert_eq!(withheld(store, id).await, Some(WithholdReason::RefundedBeforeSent), "{id}");
    }
    check_totals(store, 3).await;
}

/// A claim that says something about advertising use.
fn says(ads: AdsConsent) -> Contact {
    let consent = Consent { ads, ..Consent::default() };
    Contact { consent, ..claimed(Some("fb.1.1763942400000.1")) }
}

async fn say(store: &Bench, id: &str, ads: AdsConsent) {
    let step: OrderStep = Box::new(move |order| {
        order.add_contact(&says(ads), &SALT);
        order.pay(payment());
        effects(order, 0)
    });
    store.orders.update(Lane::Shop, order_key(id), pixel(), None, step).await.unwrap();
}

async fn a_withheld_purchase_can_be_placed_again_and_an_erased_one_cannot(store: &Bench) {
    let purchase = EventId::of_purchase(&order_id("A"));
    let counted = async || {
        let figures = store.operators.figures(NOW_MS).await.unwrap();
        (figures.total(Metric::Accepted), figures.total(Metric::Suppressed))
    };
    for (ads, state, expected) in [
        (AdsConsent::Denied, State::Suppressed, (0, 1)),
        (AdsConsent::Granted, State::Pending, (1, 0)),
        (AdsConsent::Denied, State::Suppressed, (1, 1)),
        (AdsConsent::Granted, State::Pending, (1, 0)),
    ] {
        say(store, "A", ads).await;
        assert_eq!(state_of(store, &purchase).await, Some(state), "{ads:?}");
        assert_eq!(counted().await, expected, "each Purchase is counted once");
    }
    assert!(lease(store, NOW_MS).await[0].payload.personal_json.is_some(), "with its person");
    check_totals(store, 1).await;
}

async fn a_purchase_may_change_its_pixel_until_it_left(store: &Bench) {
    let other = PixelId::parse("555555555555555").unwrap();
    let of = |pixel: &PixelId| {
        let mut event = purchase("A", Initial::Pending);
        event.pixel.clone_from(pixel);
        let step: OrderStep = Box::new(move |_| {
            let purchase = Some(PurchaseChange::Place(event.clone()));
            OrderEffects { purchase, ..OrderEffects::default() }
        });
        step
    };
    for (at, is_written) in [(&pixel(), true), (&other, true)] {
        let updated =
            store.orders.update(Lane::Shop, order_key("A"), pixel(), None, of(at)).await.unwrap().unwrap();
        assert_eq!(updated.purchase.is_some(), is_written);
    }
    assert!(lease(store, NOW_MS).await.is_empty(), "it is not the first pixel's any more");
    assert_eq!(store.queue.lease(other.clone(), 10, LEASE).await.unwrap().len(), 1);
    let late =
        store.orders.update(Lane::Shop, order_key("A"), pixel(), None, of(&pixel())).await.unwrap().unwrap();
    assert_eq!(late.purchase, None, "it has left for the other one");
    check_totals(store, 1).await;
}

async fn a_stop_without_a_purchase_leaves_no_trace(store: &Bench) {
    // Retention deleted the row of a Purchase that was sent.
    let step: OrderStep = Box::new(|_| OrderEffects {
        purchase: Some(PurchaseChange::Stop(WithholdReason::RefundedBeforeSent)),
        ..OrderEffects::default()
    });
    let updated =
        store.orders.update(Lane::Shop, order_key("A"), pixel(), None, step).await.unwrap().unwrap();
    assert_eq!((updated.purchase, updated.order.withheld()), (None, None));
    check_totals(store, 0).await;
}

async fn delivered_purchases_are_counted_by_who_brought_their_signals(store: &Bench) {
    for (id, fbp, wait_ms) in [("A", Some("fb.1.1763942400000.1"), 0), ("B", None, 0), ("C", None, 1000)] {
        let step: OrderStep = Box::new(move |order| paid_order(order, fbp, wait_ms));
        store.orders.update(Lane::Shop, order_key(id), pixel(), None, step).await.unwrap();
    }
    store.clock.set_ms(NOW_MS + 1000);
    let under_way = lease(store, NOW_MS + 1000).await;
    let delivered = under_way.iter().map(|event| result(event, AttemptOutcome::Delivered)).collect();
    store.queue.record(call(), delivered).await.unwrap();
    let counted = store.operators.figures(NOW_MS).await.unwrap().signals();
    let expected = SignalSource::ALL.map(|from| {
        (
            from,
            match from {
                SignalSource::Claim => 1,
                SignalSource::Nobody => 2,
                SignalSource::EarlierEvent | SignalSource::Internal => 0,
            },
        )
    });
    assert_eq!(counted, expected);
    let waited = store.orders.order(order_key("C")).await.unwrap().unwrap();
    assert_eq!(waited.placed(), "placed", "its wait is over");
    // A stop that comes after it has left changes nothing, and the order knows that.
    refund_all(store, "A").await;
    assert_eq!(withheld(store, "A").await, None);
}

fn refund(n: u32, initial: Initial) -> NewEvent {
    let id = EventId::of_refund(&n.to_string()).unwrap();
    of_money(NewEvent::new(&core_event("Refund", id), NOW_MS, initial, false))
}

async fn refund_state(store: &Outbox, n: u32) -> Option<State> {
    state_of(store, &EventId::of_refund(&n.to_string()).unwrap()).await
}

async fn followers_go_where_the_purchase_goes(bench: &Bench) {
    let store = &bench.outbox;
    // No Purchase: nothing follows but what is only counted.
    let counted = Initial::Suppressed("consent_denied".into());
    follow(store, "KB-1", None, vec![refund(1, Initial::Pending), refund(2, counted)]).await;
    assert_eq!(refund_state(store, 1).await, None);
    assert_eq!(refund_state(store, 2).await, Some(State::Suppressed));

    // On its way: they follow, once.
    let place = PurchaseChange::Place(purchase("KB-2", Initial::Pending));
    follow(store, "KB-2", Some(place), vec![refund(3, Initial::Pending)]).await;
    follow(store, "KB-2", None, vec![refund(3, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 3).await, Some(State::Pending));

    // Stopped before it left: they stop with it, and no new ones come.
    let stop = PurchaseChange::Stop(WithholdReason::RefundedBeforeSent);
    follow(store, "KB-2", Some(stop), vec![refund(3, Initial::Pending), refund(4, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 3).await, Some(State::Suppressed));
    assert_eq!(refund_state(store, 4).await, None);

    // While it waits they wait, and are stopped with it.
    let place = PurchaseChange::Place(purchase("KB-4", Initial::WaitingJoin(Duration::from_secs(30))));
    follow(store, "KB-4", Some(place), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::WaitingJoin));
    let stop = PurchaseChange::Stop(WithholdReason::RefundedBeforeSent);
    follow(store, "KB-4", Some(stop), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::Suppressed));

    // It has left: the stop comes too late, and its refund is told.
    let place = PurchaseChange::Place(purchase("KB-3", Holder::default().lease()));
    follow(store, "KB-3", Some(place), Vec::new()).await;
    let stop = PurchaseChange::Stop(WithholdReason::RefundedBeforeSent);
    follow(store, "KB-3", Some(stop), vec![refund(5, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 5).await, Some(State::Pending));
    // The refusal, three Purchases and three refunds.
    check_totals(store, 7).await;
}
