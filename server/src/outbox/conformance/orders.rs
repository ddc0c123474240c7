//! What an engine must do with orders, their Purchases, the events that follow, and webhooks.

use tandem_core::currency::Currency;
use tandem_core::event::Consent;
use tandem_core::money::Money;
use tandem_core::order::{
    Contact, ContactProof, Order, Payment, PaymentSource, PurchaseContext, PurchaseState, Refund, TrustLevel,
};

use super::*;

pub(super) async fn run<G, F: Future<Output = (Bench, G)>>(make: &impl Fn() -> F) {
    each!(
        make,
        [
            an_order_and_its_purchase_change_together,
            steps_on_one_order_run_one_after_the_other,
            money_of_one_environment_never_counts_in_another,
            a_webhook_acts_once,
            a_purchase_counts_as_fired_once_its_order_is_paid,
            all_servers_of_a_store_have_one_secret
        ]
    );
}

async fn an_order_and_its_purchase_change_together(store: &Bench) {
    let place = |initial: Initial| {
        let step: OrderStep = Box::new(move |order| {
            order.fail();
            OrderEffects {
                event: Some(event(7)),
                purchase: Some(PurchaseChange::Place(purchase("A", initial.clone()))),
                ask: Ask::At(NOW_MS),
                browser_contact: true,
                answer: StepAnswer::Contact { is_known: true },
                ..OrderEffects::default()
            }
        });
        store.orders.update(Lane::Shop, order_key("A"), pixel(), None, step)
    };
    let updated = place(Initial::WaitingJoin(Duration::from_secs(30))).await.unwrap().unwrap();
    assert!(updated.is_new && updated.order.state() == PurchaseState::Failed, "the order after the step");
    assert_eq!((updated.ask, updated.answer), (Ask::At(NOW_MS), StepAnswer::Contact { is_known: true }));
    assert!(matches!(
        (updated.event, updated.purchase),
        (Some(Appended::New { .. }), Some(Appended::New { .. }))
    ));
    assert!(store.orders.order(order_key("A")).await.unwrap().is_some());
    let due = DueOrder { order: order_id("A"), trust: TrustLevel::Attested };
    assert_eq!(store.orders.orders_to_ask(Environment::Production, 10).await.unwrap(), [due]);
    let purchase_id = EventId::of_purchase(&order_id("A"));
    assert_eq!(state_of(store, &purchase_id).await, Some(State::WaitingJoin));
    // A better Purchase replaces it. The separate event is a duplicate now.
    let updated = place(Initial::Pending).await.unwrap().unwrap();
    assert!(!updated.is_new);
    assert!(matches!(updated.event, Some(Appended::Duplicate(_))));
    assert_eq!(state_of(store, &purchase_id).await, Some(State::Pending));
    check_totals(store, 2).await;
}

async fn steps_on_one_order_run_one_after_the_other(store: &Bench) {
    let at_once = [&store.outbox, &store.other].into_iter().cycle().take(10).enumerate();
    let steps = at_once.map(|(n, server)| {
        let step: OrderStep = Box::new(move |order| {
            let money = Money::parse("1.00", Currency::INR).unwrap();
            order.refund(Refund::new(format!("r{n}"), None, money, NOW_MS / 1000));
            OrderEffects::default()
        });
        server.orders.update(Lane::Shop, order_key("A"), pixel(), None, step)
    });
    let updated = futures_util::future::try_join_all(steps).await.unwrap();
    assert_eq!(updated.iter().flatten().filter(|updated| updated.is_new).count(), 1);
    let order = store.orders.order(order_key("A")).await.unwrap().unwrap();
    assert_eq!(order.refund_ids().count(), 10, "no step was lost");
}

async fn a_webhook_acts_once(store: &Bench) {
    let record = webhook("PAYMENT_SUCCESS_WEBHOOK|7|SUCCESS");
    for expected in [true, false, false] {
        let step: OrderStep = Box::new(|order| {
            order.fail();
            OrderEffects::default()
        });
        let updated = store
            .orders
            .update(Lane::Shop, order_key("A"), pixel(), Some(record.clone()), step)
            .await
            .unwrap();
        assert_eq!(updated.is_some(), expected);
    }
    assert!(!store.orders.record_webhook(record.clone()).await.unwrap());
    let other = WebhookRecord {
        account: "cashfree:PRODUCTION".into(),
        dead_letter: Some("bad_amount".into()),
        ..record
    };
    assert!(
        store.orders.record_webhook(other).await.unwrap(),
        "the same key from another account is another webhook"
    );
    assert_eq!(store.operators.figures(NOW_MS).await.unwrap().dead_webhooks, 1);
}

/// A claim, with or without browser signals.
pub(super) fn claimed(fbp: Option<&str>) -> Contact {
    let mut user_data = UserData::default();
    user_data.fbp = fbp.map(Into::into);
    user_data.client_user_agent = fbp.map(|_| "agent".into());
    Contact {
        at_s: NOW_MS / 1000,
        is_claim: true,
        proof: ContactProof::Nothing,
        pixel: None,
        consent: Consent::default(),
        browser: None,
        user_data,
        page: EventPage::default(),
        custom_data: CustomData::default(),
    }
}

/// An order with a claim of its buyer, whose payment was just proved.
pub(super) fn paid_order(order: &mut Order, fbp: Option<&str>, join_wait_ms: i64) -> OrderEffects {
    order.add_contact(&claimed(fbp), &SALT);
    order.pay(payment());
    effects(order, join_wait_ms)
}

pub(super) fn payment() -> Payment {
    Payment {
        payment_id: Some("7".into()),
        account: None,
        pixel: None,
        money: Money::parse("5.00", Currency::INR).unwrap(),
        at_s: NOW_MS / 1000,
        seen_at_s: NOW_MS / 1000,
        source: PaymentSource::Webhook,
        action_source: ActionSource::Website,
        user_data: UserData::default(),
        custom_data: CustomData::default(),
        listed: CustomData::default(),
        page: EventPage::default(),
        consent: Consent::default(),
    }
}

pub(super) fn effects(order: &mut Order, join_wait_ms: i64) -> OrderEffects {
    let decision = order.decide(PurchaseContext {
        now_ms: NOW_MS,
        join_wait_ms,
        oldest_s: None,
        order_pixel: None,
        default_pixel: &pixel(),
    });
    let purchase = purchase_change(order, decision, NOW_MS, None);
    OrderEffects { purchase, ..OrderEffects::default() }
}

pub(super) async fn refund_all(store: &Bench, id: &str) {
    let step: OrderStep = Box::new(|order| {
        let money = Money::parse("5.00", Currency::INR).unwrap();
        order.refund(Refund::new("r1".into(), Some("7".into()), money, NOW_MS / 1000));
        effects(order, 0)
    });
    store.orders.update(Lane::Shop, order_key(id), pixel(), None, step).await.unwrap();
}

pub(super) async fn withheld(store: &Bench, id: &str) -> Option<WithholdReason> {
    store.orders.order(order_key(id)).await.unwrap().and_then(|order| order.withheld())
}

async fn money_of_one_environment_never_counts_in_another(store: &Bench) {
    let at = |environment| OrderKey { environment, id: order_id("A") };
    let pay = async |environment| {
        let step: OrderStep = Box::new(|order| paid_order(order, Some("fb.1.1763942400000.1"), 0));
        let updated =
            store.orders.update(Lane::Shop, at(environment), pixel(), None, step).await.unwrap().unwrap();
        assert!(updated.is_new && updated.purchase.is_some(), "its first payment in {}", environment.name());
    };
    pay(Environment::Sandbox).await;
    // Going live: what was paid in play money is held, and stays so.
    assert_eq!(store.queue.hold_other_environments(Environment::Production).await.unwrap(), 1);
    let code = tandem_core::code::OTHER_ENVIRONMENT;
    assert_eq!(store.queue.release_held(code, Environment::Production).await.unwrap(), 0);
    assert!(lease(store, NOW_MS).await.is_empty());
    pay(Environment::Production).await;
    assert_eq!(lease(store, NOW_MS).await.len(), 1, "the real payment has its Purchase");
    let order = store.orders.order(at(Environment::Sandbox)).await.unwrap().unwrap();
    assert_eq!((order.environment(), order.payments()), (Environment::Sandbox, 1));
    // A confirmation is of the server's environment.
    let fired = Confirmation {
        name: EventName::purchase(),
        id: EventId::of_purchase(&order_id("A")),
        outcome: BrowserOutcome::Fired,
        at_s: NOW_MS / 1000,
    };
    store.events.confirm(pixel(), Environment::Production, vec![fired]).await.unwrap();
    let is_fired = async |environment| store.orders.order(at(environment)).await.unwrap().unwrap().is_fired();
    assert!(is_fired(Environment::Production).await && !is_fired(Environment::Sandbox).await);
    // Back in the sandbox, its Purchase leaves.
    assert_eq!(store.queue.hold_other_environments(Environment::Sandbox).await.unwrap(), 0);
    assert_eq!(lease(store, NOW_MS + 1).await.len(), 1);
    check_totals(store, 2).await;
}

/// Runs a step that places these followers and changes the Purchase.
pub(super) async fn follow(
    store: &Outbox,
    order: &str,
    purchase: Option<PurchaseChange>,
    followers: Vec<NewEvent>,
) {
    let mut effects = Some(OrderEffects { purchase, followers, ..OrderEffects::default() });
    let step: OrderStep = Box::new(move |_| effects.take().unwrap_or_default());
    store.orders.update(Lane::Shop, order_key(order), pixel(), None, step).await.unwrap();
}

async fn a_purchase_counts_as_fired_once_its_order_is_paid(store: &Bench) {
    let id = EventId::of_purchase(&order_id("A-1"));
    let fired = Confirmation { name: EventName::purchase(), id: id.clone(), ..fired(0) };
    let confirm =
        async || store.events.confirm(pixel(), Environment::Production, vec![fired.clone()]).await.unwrap();
    assert_eq!(confirm().await, Confirmed { accepted: 0, unknown: 1 }, "nobody knows the order");
    let unpaid: OrderStep = Box::new(|_| OrderEffects::default());
    store.orders.update(Lane::Shop, order_key("A-1"), pixel(), None, unpaid).await.unwrap();
    assert_eq!(confirm().await, Confirmed { accepted: 1, unknown: 0 }, "the order keeps it");
    let placed: OrderStep = Box::new(|_| OrderEffects {
        purchase: Some(PurchaseChange::Place(purchase("A-1", Initial::Pending))),
        ..OrderEffects::default()
    });
    store.other.orders.update(Lane::Shop, order_key("A-1"), pixel(), None, placed).await.unwrap();
    assert_eq!(lease(store, NOW_MS).await[0].fired_s, Some(NOW_MS / 1000), "the Purchase has it");
}

async fn all_servers_of_a_store_have_one_secret(store: &Bench) {
    let secret = store.orders.confirm_secret().await.unwrap();
    assert_ne!(secret, [0; 32]);
    assert_eq!(store.other.orders.confirm_secret().await.unwrap(), secret);
}
