//! Orders as operators see them, and the events that follow a Purchase.

use super::*;

fn refund(n: u32, initial: Initial) -> NewEvent {
    let id = EventId::of_refund(&n.to_string()).unwrap();
    NewEvent::new(&core_event("Refund", id), NOW_MS, initial, false)
}

/// A step that places these followers, and the Purchase with them.
async fn follow(store: &Outbox, order: &str, purchase: Option<PurchaseChange>, followers: Vec<NewEvent>) {
    let mut effects = Some(OrderEffects { purchase, followers, ..OrderEffects::default() });
    let step: OrderStep = Box::new(move |_| effects.take().unwrap_or_default());
    store.orders.update(order_id(order), pixel(), None, step).await.unwrap();
}

async fn refund_state(store: &Outbox, n: u32) -> Option<State> {
    state_of(store, &EventId::of_refund(&n.to_string()).unwrap()).await
}

pub(super) async fn followers_go_where_the_purchase_goes(bench: &Bench) {
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
    let stopped = || Initial::Suppressed("refunded_before_sent".into());
    let stop = PurchaseChange::Stop(purchase("KB-2", stopped()));
    follow(store, "KB-2", Some(stop), vec![refund(3, Initial::Pending), refund(4, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 3).await, Some(State::Suppressed));
    assert_eq!(refund_state(store, 4).await, None);

    // While it waits they wait, and are stopped with it.
    let place = PurchaseChange::Place(purchase("KB-4", Initial::WaitingJoin(Duration::from_secs(30))));
    follow(store, "KB-4", Some(place), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::WaitingJoin));
    let stop = PurchaseChange::Stop(purchase("KB-4", stopped()));
    follow(store, "KB-4", Some(stop), vec![refund(6, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 6).await, Some(State::Suppressed));

    // It has left: the stop comes too late, and its refund is told.
    let place = PurchaseChange::Place(purchase("KB-3", Initial::Leased(LEASE)));
    follow(store, "KB-3", Some(place), Vec::new()).await;
    let stop = PurchaseChange::Stop(purchase("KB-3", stopped()));
    follow(store, "KB-3", Some(stop), vec![refund(5, Initial::Pending)]).await;
    assert_eq!(refund_state(store, 5).await, Some(State::Pending));
    // The refusal, three Purchases and three refunds.
    check_totals(store, 7).await;
}

pub(super) async fn orders_are_listed_newest_first_and_page_by_page(bench: &Bench) {
    let store = &bench.outbox;
    for n in 0..5 {
        let step: OrderStep = Box::new(move |order| {
            order.fail();
            OrderEffects::default()
        });
        store.orders.update(order_id(&format!("KB-{n}")), pixel(), None, step).await.unwrap();
    }
    let ids = |orders: &[OrderView]| {
        orders.iter().map(|view| view.order.id().as_str().to_owned()).collect::<Vec<_>>()
    };
    let list = async |filter: OrderFilter, below_seq: Option<u64>| {
        store.operators.list_orders(filter, Page { below_seq, size: 2 }).await.unwrap()
    };
    let first = list(OrderFilter::default(), None).await;
    assert_eq!(ids(&first), ["KB-4", "KB-3"]);
    // A change does not move an order to another page.
    follow(store, "KB-0", None, Vec::new()).await;
    let second = list(OrderFilter::default(), Some(first[1].seq)).await;
    assert_eq!(ids(&second), ["KB-2", "KB-1"]);
    assert_eq!(ids(&list(OrderFilter::default(), Some(second[1].seq)).await), ["KB-0"]);

    let one = OrderFilter { id: Some(order_id("KB-2")), ..OrderFilter::default() };
    let found = list(one, None).await;
    assert_eq!(ids(&found), ["KB-2"]);
    assert_eq!((found[0].created_ms, found[0].updated_ms), (NOW_MS, NOW_MS));
    let paid = OrderFilter { paid_only: true, ..OrderFilter::default() };
    assert!(list(paid, None).await.is_empty());
    let later = OrderFilter { updated_from_ms: Some(NOW_MS + 1), ..OrderFilter::default() };
    assert!(list(later, None).await.is_empty());
    let until = OrderFilter { updated_before_ms: Some(NOW_MS + 1), ..OrderFilter::default() };
    assert_eq!(list(until, None).await.len(), 2);
}
