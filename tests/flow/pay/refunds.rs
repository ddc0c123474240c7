//! Refunds: stored, shown, exported, and sent to Meta only if the shop asks for it.

use serde_json::{Value, json};
use tandem_proto::v1::{
    AdsConsent, Consent, EventState, GetOrderRequest, GetOrderResponse, ListOrdersRequest,
    PauseDeliveryRequest, PurchaseState, ResumeDeliveryRequest,
};
use tandem_tests::binaries::program;
use tandem_tests::cashfree::{Webhook, indian_time, now_ms, payment, unique_payment_id};
use tandem_tests::process::Process;
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages};

/// A refund with this status, as in the webhook about a merchant's refund.
fn refund(id: u64, order: &str, payment: &str, amount: &str, status: &str) -> Webhook {
    let time = indian_time(now_ms() / 1000);
    let amount: Value = amount.parse().expect("an amount is a JSON number");
    let body = json!({
        "data": { "refund": {
            "cf_refund_id": id, "cf_payment_id": payment.parse::<u64>().unwrap_or_default(),
            "refund_id": format!("rf_{id}"), "order_id": order, "refund_amount": amount,
            "refund_currency": "INR", "entity": "Refund", "refund_type": "MERCHANT_INITIATED",
            "refund_status": status, "created_at": time, "processed_at": time,
        }},
        "event_time": time, "type": "REFUND_STATUS_WEBHOOK",
    });
    Webhook::signed(body.to_string())
}

/// A refund that Cashfree made by itself.
fn auto_refund(id: u64, order: &str, payment: &str, amount: &str) -> Webhook {
    let merchant = refund(id, order, payment, amount, "SUCCESS");
    let body = String::from_utf8(merchant.body).expect("a webhook is text");
    let body =
        body.replace("\"refund\":{", "\"auto_refund\":{").replace("REFUND_STATUS", "AUTO_REFUND_STATUS");
    Webhook::signed(body)
}

async fn order(world: &World, id: &str) -> anyhow::Result<GetOrderResponse> {
    Ok(world.internal()?.get_order(GetOrderRequest { order_id: id.to_owned() }).await?)
}

/// A visitor claims and pays, and the Purchase has arrived. Returns the order ID and the payment ID.
async fn sell(world: &World, amount: &str) -> anyhow::Result<(String, String)> {
    let (order, payment_id) = (messages::order_id(), unique_payment_id());
    let webhook = Webhook::signed(payment("SUCCESS", &order, &payment_id, amount, &Person::unique()));
    let (visitor, claim) = (world.visitor(), messages::purchase(&order, amount));
    let (claimed, paid) = tokio::join!(visitor.claim_purchase(claim), world.post_webhook(&webhook));
    claimed?.outcome?;
    assert_eq!(paid?, 200);
    let id = format!("purchase_{order}");
    world.wait_for_server_event("Purchase", &id).await?;
    world.wait_for_state("Purchase", &id, EventState::Delivered).await?;
    Ok((order, payment_id))
}

#[tokio::test]
async fn a_refund_is_kept_and_shown_and_nothing_is_sent() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (id, payment_id) = sell(&world, "1399.50").await?;
    for status in ["PENDING", "SUCCESS", "SUCCESS"] {
        assert_eq!(world.post_webhook(&refund(9_100_001, &id, &payment_id, "399.50", status)).await?, 200);
    }
    let shown = order(&world, &id).await?;
    let summary = shown.order.expect("there is an order");
    assert_eq!(summary.state(), PurchaseState::Verified, "a part of the payment must be refunded");
    assert_eq!(summary.paid.map(|paid| paid.amount).as_deref(), Some("1399.50"));
    assert_eq!(summary.refunded.map(|back| back.amount).as_deref(), Some("399.50"));
    assert_eq!((summary.purchase.as_str(), summary.proof.as_str()), ("placed", "webhook"));
    let heard: Vec<(&str, &str, &str)> =
        shown.notes.iter().map(|note| (note.kind.as_str(), note.status.as_str(), note.id.as_str())).collect();
    let expected = [
        ("payment", "SUCCESS", payment_id.as_str()),
        ("refund", "PENDING", "9100001"),
        ("refund", "SUCCESS", "9100001"),
    ];
    assert_eq!(heard, expected);
    assert_eq!(shown.notes[2].payment_id, payment_id);
    assert_eq!(shown.events.len(), 1, "only the Purchase may be sent, and no refund");

    // The operator's tool shows and exports the same refunds.
    let tool = async |arguments: &[&str]| {
        let environment =
            [("TANDEM_SERVER_URL", world.grpc.as_str()), ("TANDEM_INTERNAL_TOKEN", INTERNAL_TOKEN)];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Process::run(&program("tandem")?, world.folder(), &environment, arguments).await
    };
    let page = tool(&["orders", "show", &id]).await?;
    assert_eq!(page.code, Some(0), "{}", page.log);
    assert!(page.out.contains("399.50 INR") && page.out.contains("9100001"), "{}", page.out);
    let export = tool(&["orders", "list", "--all", "--json"]).await?;
    let orders: Vec<Value> = serde_json::from_str(&export.out)?;
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0]["refunded"], json!({"amount": "399.50", "currency_code": "INR"}));
    let missing = tool(&["orders", "show", "no-such-order"]).await?;
    assert_eq!(missing.code, Some(1), "{}", missing.log);

    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Refund").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn with_a_name_for_it_each_refund_of_a_sale_is_told_once() -> anyhow::Result<()> {
    let world = World::builder().server("TANDEM_REFUND_EVENT", "Refund").start().await?;
    let (id, payment_id) = sell(&world, "1399.50").await?;
    let second = unique_payment_id();
    let twice = payment("SUCCESS", &id, &second, "1399.50", &Person::unique());
    assert_eq!(world.post_webhook(&Webhook::signed(twice)).await?, 200);
    for webhook in [
        refund(9_200_001, &id, &payment_id, "399.50", "PENDING"),
        refund(9_200_001, &id, &payment_id, "399.50", "SUCCESS"),
        refund(9_200_001, &id, &payment_id, "399.50", "SUCCESS"),
        // Cashfree refunds the second payment by itself. That is no refund of the sale.
        auto_refund(9_200_002, &id, &second, "1399.50"),
        // The rest of the amount. Now everything is refunded, long after the Purchase was sent.
        auto_refund(9_200_003, &id, &payment_id, "1000.00"),
    ] {
        assert_eq!(world.post_webhook(&webhook).await?, 200);
    }
    let purchase = world.wait_for_server_event("Purchase", &format!("purchase_{id}")).await?;
    for (refund, value) in [("refund_9200001", 39_950), ("refund_9200003", 100_000)] {
        let arrived = world.wait_for_server_event("Refund", refund).await?;
        assert_eq!(arrived.value_minor(), value);
        assert_eq!(arrived.text(&["custom_data", "currency"]), "INR");
        assert_eq!(arrived.text(&["custom_data", "order_id"]), id);
        for key in ["em", "fbp", "client_ip_address"] {
            assert_eq!(arrived.match_key(key), purchase.match_key(key), "{key}: the same person");
        }
    }
    world.wait_until_all_is_sent().await?;
    assert_eq!(world.sandbox.server_events("Refund").await?.len(), 2);
    assert_eq!(world.sandbox.server_events("Purchase").await?.len(), 1);
    let shown = order(&world, &id).await?;
    assert_eq!(
        shown.order.as_ref().map(|order| (order.state(), order.payments)),
        Some((PurchaseState::Refunded, 2))
    );
    let events: Vec<&str> = shown.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!(events, [&format!("purchase_{id}"), "refund_9200001", "refund_9200003"]);
    Ok(())
}

#[tokio::test]
async fn what_never_left_is_not_undone_and_a_refusal_is_kept() -> anyhow::Result<()> {
    let world = World::builder()
        .server("TANDEM_REFUND_EVENT", "Refund")
        .server("TANDEM_JOIN_WAIT", "60s")
        .start()
        .await?;
    // Refunded in two parts while the order waited for its browser.
    let (waiting, payment_id) = (messages::order_id(), unique_payment_id());
    let paid = payment("SUCCESS", &waiting, &payment_id, "500.00", &Person::unique());
    assert_eq!(world.post_webhook(&Webhook::signed(paid)).await?, 200);
    for (id, part) in [(9_300_001, "200.00"), (9_300_002, "300.00")] {
        assert_eq!(world.post_webhook(&refund(id, &waiting, &payment_id, part, "SUCCESS")).await?, 200);
    }
    for (name, id) in [("Purchase", format!("purchase_{waiting}")), ("Refund", "refund_9300001".to_owned())] {
        let stopped = world.wait_for_state(name, &id, EventState::Suppressed).await?;
        assert_eq!(stopped.code, "refunded_before_sent");
    }
    let shown = order(&world, &waiting).await?;
    assert_eq!(shown.events.len(), 2, "the second part must not be sent");

    // The buyer denied consent. The refund is counted and not sent, like the Purchase.
    let (refused, payment_id) = (messages::order_id(), unique_payment_id());
    let mut claim = messages::purchase(&refused, "500.00");
    claim.consent = Some(Consent { ads: AdsConsent::ConsentDenied.into(), ..Consent::default() });
    let webhook = Webhook::signed(payment("SUCCESS", &refused, &payment_id, "500.00", &Person::unique()));
    let visitor = world.visitor();
    let (claimed, posted) = tokio::join!(visitor.claim_purchase(claim), world.post_webhook(&webhook));
    claimed?.outcome?;
    assert_eq!(posted?, 200);
    assert_eq!(
        world.post_webhook(&refund(9_300_003, &refused, &payment_id, "100.00", "SUCCESS")).await?,
        200
    );
    let told = world.wait_for_state("Refund", "refund_9300003", EventState::Suppressed).await?;
    assert_eq!(told.code, "consent_denied");

    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Refund").await?.is_empty());
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

/// A Purchase is on its way to a Graph API that does not answer, and its payment is refunded. Returns the order's ID.
async fn refund_on_the_way(world: &World, refund_id: u64) -> anyhow::Result<String> {
    let (order, payment_id) = (messages::order_id(), unique_payment_id());
    world.sandbox.fault("graph", None, json!("hang")).await?;
    let (visitor, claim) = (world.visitor(), messages::purchase(&order, "500.00"));
    let paid = Webhook::signed(payment("SUCCESS", &order, &payment_id, "500.00", &Person::unique()));
    let (claimed, posted) = tokio::join!(visitor.claim_purchase(claim), world.post_webhook(&paid));
    claimed?.outcome?;
    assert_eq!(posted?, 200);
    world.wait_for_state("Purchase", &format!("purchase_{order}"), EventState::InFlight).await?;
    let refund = refund(refund_id, &order, &payment_id, "500.00", "SUCCESS");
    assert_eq!(world.post_webhook(&refund).await?, 200);
    Ok(order)
}

/// Meta answers again. What its order asked to stop, while it was on its way, does not leave once more.
async fn expect_stopped(world: &World, order: &str) -> anyhow::Result<()> {
    let stopped =
        world.wait_for_state("Purchase", &format!("purchase_{order}"), EventState::Suppressed).await?;
    assert_eq!(stopped.code, "refunded_before_sent");
    world.wait_until_all_is_sent().await?;
    assert!(world.sandbox.server_events("Purchase").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_purchase_refunded_on_its_way_does_not_leave_after_a_kill() -> anyhow::Result<()> {
    let mut world = World::start().await?;
    let order = refund_on_the_way(&world, 9_400_001).await?;
    world.kill_server();
    world.sandbox.heal().await?;
    world.restart_server().await?;
    expect_stopped(&world, &order).await
}

#[tokio::test]
async fn nor_after_a_stop_while_delivery_is_paused() -> anyhow::Result<()> {
    let mut world = World::builder().server("META_TIMEOUT", "30s").start().await?;
    let order = refund_on_the_way(&world, 9_400_002).await?;
    world.internal()?.pause_delivery(PauseDeliveryRequest::default()).await?;
    world.stop_server().await?;
    world.sandbox.heal().await?;
    world.restart_server().await?;
    world.internal()?.resume_delivery(ResumeDeliveryRequest::default()).await?;
    expect_stopped(&world, &order).await
}

#[tokio::test]
async fn nor_after_a_call_without_an_answer() -> anyhow::Result<()> {
    let world = World::builder().server("META_TIMEOUT", "1s").start().await?;
    let order = refund_on_the_way(&world, 9_400_003).await?;
    world.sandbox.heal().await?;
    expect_stopped(&world, &order).await
}

#[tokio::test]
async fn voids_and_lost_disputes_are_on_the_order() -> anyhow::Result<()> {
    let world = World::start().await?;
    let (disputed, payment_id) = sell(&world, "1399.50").await?;
    for (kind, status) in
        [("DISPUTE_CREATED", "CHARGEBACK_CREATED"), ("DISPUTE_CLOSED", "CHARGEBACK_MERCHANT_LOST")]
    {
        let time = indian_time(now_ms() / 1000);
        let body = json!({
            "data": {
                "dispute": {
                    "dispute_id": "440001", "dispute_type": "CHARGEBACK", "dispute_amount": 399.5,
                    "dispute_status": status, "created_at": time, "updated_at": time,
                    "dispute_amount_currency": "INR",
                },
                "order_details": {
                    "order_id": disputed, "cf_payment_id": payment_id.parse::<u64>()?,
                    "payment_amount": 1399.5, "payment_currency": "INR",
                },
                "customer_details": { "customer_name": "Asha Rao", "customer_email": "asha@example.com" },
            },
            "event_time": time, "type": kind,
        });
        assert_eq!(world.post_webhook(&Webhook::signed(body.to_string())).await?, 200);
    }
    let shown = order(&world, &disputed).await?;
    let summary = shown.order.expect("there is an order");
    assert_eq!(summary.state(), PurchaseState::Verified);
    assert_eq!(summary.lost.map(|lost| lost.amount).as_deref(), Some("399.50"));
    assert_eq!(shown.notes.iter().filter(|note| note.kind == "dispute").count(), 2);

    let (voided, payment_id) = sell(&world, "75.00").await?;
    let body = payment("FAILED", &voided, &payment_id, "75.00", &Person::unique())
        .replace(r#""payment_status":"FAILED""#, r#""payment_status":"VOID""#);
    assert_eq!(world.post_webhook(&Webhook::signed(body)).await?, 200);
    let shown = order(&world, &voided).await?;
    assert_eq!(
        shown.order.as_ref().map(tandem_proto::v1::OrderSummary::state),
        Some(PurchaseState::Refunded)
    );
    assert_eq!(shown.notes.last().map(|note| note.status.as_str()), Some("VOID"));

    // Lists show the newest order first, page by page, and contain no personal data.
    let internal = world.internal()?;
    let mut request = ListOrdersRequest { page_size: 1, ..ListOrdersRequest::default() };
    let first = internal.list_orders(request.clone()).await?;
    request.page_token = first.next_page_token;
    let second = internal.list_orders(request).await?;
    let ids: Vec<String> =
        first.orders.into_iter().chain(second.orders).map(|order| order.order_id).collect();
    assert_eq!(ids, [voided, disputed]);
    let unheard = internal.get_order(GetOrderRequest { order_id: "KB-unheard".to_owned() }).await;
    assert_eq!(unheard.expect_err("there is none").code(), tonic::Code::NotFound);
    Ok(())
}
