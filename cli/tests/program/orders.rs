//! `tandem orders`.

use crate::ask;
use crate::fake::{Call, Fake, start};
use tandem_proto::v1::ListOrdersRequest;

fn asked(fake: &Fake) -> Vec<ListOrdersRequest> {
    let calls = fake.calls.lock().expect("no test panics with the lock");
    let of_orders = |calls: &Call| match calls {
        Call::Orders(request) => Some(request.clone()),
        _ => None,
    };
    calls.iter().filter_map(of_orders).collect()
}

#[tokio::test]
async fn all_orders_are_exported_page_by_page() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    let said = ask(addr, &["orders", "list", "--all", "--json"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    let orders: Vec<serde_json::Value> = serde_json::from_str(&said.out).unwrap();
    assert_eq!(orders.len(), 2500);
    assert_eq!(orders[2499]["order_id"], "KB-2499");
    assert_eq!(asked(&fake).iter().map(|request| request.page_size).collect::<Vec<_>>(), [1000, 1000, 1000]);
}

#[tokio::test]
async fn filters_reach_the_server_and_the_limit_holds() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    let since = "2025-11-24T10:02:11+05:30";
    let said = ask(addr, &["orders", "list", "--paid", "--since", since, "--limit", "3"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(said.out.lines().next().and_then(|line| line.split_whitespace().next()), Some("FIRST"));
    assert!(said.out.ends_with("there are more than these 3; --limit or --all shows them\n"));
    let requests = asked(&fake);
    assert_eq!((requests.len(), requests[0].page_size, requests[0].paid_only), (1, 3, true));
    assert_eq!(requests[0].updated_after.map(|time| time.seconds), Some(1_763_958_731));
    let said = ask(addr, &["orders", "list", "--all", "--limit", "3"]).await;
    assert_eq!(said.code, Some(2), "--all and --limit exclude each other");
}

#[tokio::test]
async fn an_order_that_is_not_there_is_a_bad_answer() {
    let addr = start(&Fake::default()).await;
    let said = ask(addr, &["orders", "show", "KB-1"]).await;
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("KB-1") && said.out.contains("nothing is recorded"), "{}", said.out);
    let said = ask(addr, &["orders", "show", "KB-9"]).await;
    assert_eq!(said.code, Some(1));
    assert_eq!(said.err, "tandem: there is no such order; `tandem orders list` shows what there is\n");
}
