//! The catalogue: both copies of a Purchase have contents, which come from order tags or from the price.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};
use tandem_proto::v1::{CustomData, RecordPurchaseRequest};
use tandem_tests::binaries::program;
use tandem_tests::cashfree::{Webhook, payment, unique_payment_id};
use tandem_tests::process::Process;
use tandem_tests::sandbox::{ServerEvent, minor};
use tandem_tests::{Person, Visitor, World, messages};
use tempfile::TempDir;

const CATALOGUE: &str = r#"
[[products]]
id = "deck"
price = 1499
name = "The Dusk Deck"
category = "Decks"
max_quantity = 2

[[products]]
id = "guide"
price = "499.00"

[[bundles]]
items = ["deck", { id = "guide", quantity = 2 }]
price = 2199.50
name = "Starter set"

[fallback]
id = "shop"
"#;

/// A world whose server has this catalogue, in a file that the test can change.
async fn world(text: &str) -> anyhow::Result<(World, TempDir, PathBuf)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("catalogue.toml");
    std::fs::write(&file, text)?;
    let world = World::builder().server("TANDEM_CATALOG", file.display().to_string()).start().await?;
    Ok((world, folder, file))
}

/// A claim without contents.
fn bare_claim(order: &str) -> RecordPurchaseRequest {
    RecordPurchaseRequest { order_id: order.to_owned(), ..RecordPurchaseRequest::default() }
}

/// A visitor claims an order, and a payment with these tags arrives. Returns Meta's event and the `custom_data` that
/// the page is told to fire.
async fn buy(
    world: &World,
    claim: impl FnOnce(&str) -> RecordPurchaseRequest,
    amount: &str,
    tags: &Value,
) -> anyhow::Result<(ServerEvent, CustomData)> {
    let (visitor, order): (Visitor, String) = (world.visitor(), messages::order_id());
    let body = payment("SUCCESS", &order, &unique_payment_id(), amount, &Person::unique())
        .replace(r#""order_tags":null"#, &format!(r#""order_tags":{tags}"#));
    let (claim, webhook) = (visitor.claim_purchase(claim(&order)), Webhook::signed(body));
    let (claimed, paid) = tokio::join!(claim, world.post_webhook(&webhook));
    assert_eq!(paid?, 200);
    let fired = claimed?.outcome?.browser_event.expect("the page is to fire");
    let arrived = world.wait_for_server_event("Purchase", &fired.event_id).await?;
    Ok((arrived, fired.custom_data.unwrap_or_default()))
}

/// IDs and quantities on the server's copy, which must be the same as on the page's.
#[track_caller]
fn contents(arrived: &ServerEvent, fired: &CustomData) -> Vec<(String, u64)> {
    let custom_data = arrived.field(&["custom_data"]);
    let lines = custom_data["contents"].as_array().cloned().unwrap_or_default();
    let sent: Vec<(String, u64)> = lines
        .iter()
        .map(|line| {
            (line["id"].as_str().unwrap_or_default().to_owned(), line["quantity"].as_u64().unwrap_or(0))
        })
        .collect();
    let page: Vec<(String, u64)> =
        fired.contents.iter().map(|line| (line.id.clone(), line.quantity.into())).collect();
    assert_eq!(sent, page, "both copies must have the same contents");
    let prices: Vec<Option<i64>> = lines.iter().map(|line| minor(&line["item_price"])).collect();
    let page_prices: Vec<Option<i64>> = fired
        .contents
        .iter()
        .map(|line| line.item_price.as_ref().and_then(|price| minor(&price.amount.clone().into())))
        .collect();
    assert_eq!(prices, page_prices, "prices too");
    assert_eq!(custom_data["content_ids"], json!(fired.content_ids));
    assert_eq!(custom_data["content_type"], json!(fired.content_type));
    assert_eq!(custom_data["num_items"], json!(fired.num_items));
    for (key, text) in [("content_name", &fired.content_name), ("content_category", &fired.content_category)]
    {
        assert_eq!(custom_data[key].as_str().unwrap_or_default(), text, "{key}");
    }
    sent
}

fn owned(lines: &[(&str, u64)]) -> Vec<(String, u64)> {
    lines.iter().map(|(id, pieces)| ((*id).to_owned(), *pieces)).collect()
}

#[tokio::test]
async fn the_price_tells_what_was_bought_on_both_sides() -> anyhow::Result<()> {
    let (world, _folder, _file) = world(CATALOGUE).await?;
    let (arrived, fired) = buy(&world, bare_claim, "1499.00", &Value::Null).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("deck", 1)]));
    assert_eq!((fired.content_name.as_str(), fired.content_category.as_str()), ("The Dusk Deck", "Decks"));
    assert_eq!(arrived.value_minor(), 149_900);

    let (arrived, fired) = buy(&world, bare_claim, "2998.00", &Value::Null).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("deck", 2)]));

    let (arrived, fired) = buy(&world, bare_claim, "2199.50", &Value::Null).await?;
    assert_eq!(
        contents(&arrived, &fired),
        owned(&[("deck", 1), ("guide", 2)]),
        "a bundle must be reported as its parts"
    );
    assert_eq!((fired.num_items, fired.content_name.as_str()), (Some(3), "Starter set"));

    let (arrived, fired) = buy(&world, bare_claim, "12.34", &Value::Null).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("shop", 1)]), "no product has this price");
    Ok(())
}

#[tokio::test]
async fn tags_win_over_the_price_and_whoever_was_there_over_both() -> anyhow::Result<()> {
    let (world, _folder, _file) = world(CATALOGUE).await?;
    let tags = json!({"cart": "guide:3,poster", "content_name": "By tag", "utm": "diwali"});
    let (arrived, fired) = buy(&world, bare_claim, "1499.00", &tags).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("guide", 3), ("poster", 1)]));
    assert_eq!(fired.content_name, "By tag");

    let with_contents = |order: &str| messages::purchase(order, "1.00");
    let (arrived, fired) = buy(&world, with_contents, "499.00", &tags).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("deck", 1)]), "the page's own contents stay");

    // A merchant report without contents gets them from its price. A report with contents keeps them.
    let internal = world.internal()?;
    for (amount, given, expected) in [("2199.50", None, "deck"), ("2199.50", Some("stated"), "stated")] {
        let order = messages::order_id();
        let mut report = messages::purchase(&order, amount);
        report.user = Some(Person::unique().user());
        let data = report.custom_data.as_mut().expect("a merchant's report has data");
        *data = CustomData { value: data.value.clone(), ..CustomData::default() };
        data.content_ids.extend(given.map(str::to_owned));
        internal.record_purchase(report).await?;
        let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
        assert_eq!(arrived.field(&["custom_data", "content_ids"])[0], expected);
    }
    Ok(())
}

#[tokio::test]
async fn the_orders_api_brings_tags_too() -> anyhow::Result<()> {
    let (mut world, _folder, _file) = world(CATALOGUE).await?;
    let api = format!("{}/cashfree/pg", world.sandbox.url);
    world
        .restart_server_with(&[("CASHFREE_CLIENT_ID", "TEST_sandbox_client"), ("CASHFREE_API_URL", &api)])
        .await?;
    let order = messages::order_id();
    world
        .sandbox
        .create_tagged_order(&order, "1499.00", &Person::unique(), json!({"cart": "guide:2"}))
        .await?;
    world.sandbox.pay_in_silence(&order).await?;
    let answer = world.visitor().claim_purchase(bare_claim(&order)).await?.outcome?;
    let fired = answer.browser_event.and_then(|event| event.custom_data).expect("the page is to fire");
    let arrived = world.wait_for_server_event("Purchase", &format!("purchase_{order}")).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("guide", 2)]));
    Ok(())
}

#[tokio::test]
async fn without_a_catalogue_a_hangup_does_not_end_the_server() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.hang_up_server()?;
    world
        .eventually("the server to report that it has no catalogue", async || {
            Ok(world.server_log().contains("no catalogue is configured").then_some(()))
        })
        .await?;
    assert_eq!(world.get("/readyz").await?.status(), 200);
    Ok(())
}

#[tokio::test]
async fn the_file_is_read_again_on_a_signal_and_a_broken_one_changes_nothing() -> anyhow::Result<()> {
    let (world, _folder, file) = world(CATALOGUE).await?;
    let logged = async |what: &str, text: &str| {
        let found = async || Ok(world.server_log().contains(text).then_some(()));
        world.eventually(what, found).await
    };
    std::fs::write(&file, "[[products]]\nid = \"broken\"\nprice = \"cheap\"\n")?;
    world.hang_up_server()?;
    logged("the broken file to be noticed", "catalogue.toml:3: price must be a decimal number").await?;
    let errors = world.server_log().lines().filter(|line| line.contains("\"ERROR\"")).count();
    assert_eq!(errors, 1, "the log must have one line about it");
    let (arrived, fired) = buy(&world, bare_claim, "1499.00", &Value::Null).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("deck", 1)]), "the old catalogue stays");

    std::fs::write(&file, CATALOGUE.replace("\"deck\"", "\"dusk-deck\""))?;
    world.hang_up_server()?;
    logged("the new file to be read", "reloaded the catalogue").await?;
    let (arrived, fired) = buy(&world, bare_claim, "1499.00", &Value::Null).await?;
    assert_eq!(contents(&arrived, &fired), owned(&[("dusk-deck", 1)]));
    Ok(())
}

#[tokio::test]
async fn a_broken_file_at_the_start_is_one_line_and_exit_2() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("catalogue.toml");
    std::fs::write(&file, "[[products]]\nid = \"deck\"\nprise = 1499\n")?;
    for (path, hint) in [
        (file.display().to_string(), "catalogue.toml:3: \"prise\" is not a key of a product"),
        ("/no/such/catalogue.toml".to_owned(), "/no/such/catalogue.toml: cannot be read"),
    ] {
        let environment = BTreeMap::from([
            ("TANDEM_DATA_DIR".to_owned(), folder.path().join("data").display().to_string()),
            ("TANDEM_CATALOG".to_owned(), path),
        ]);
        let ended = Process::run(&program("tandem-server")?, folder.path(), &environment, &[]).await?;
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert_eq!(ended.log.lines().count(), 1, "{}", ended.log);
        assert!(ended.log.contains("TANDEM_CATALOG") && ended.log.contains(hint), "{}", ended.log);
    }
    Ok(())
}
