//! The shop without Tandem: pages, forms, and what the pages hand to the browser package.

use axum::body::Body;
use axum::response::Response;
use http::header::{CONTENT_TYPE, LOCATION};
use http::{Request, StatusCode};
use serde_json::Value;

use crate::testing;

fn form(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn page(flags: &[&str], path: &str) -> String {
    let response = testing::send(&testing::router_with(flags), testing::get(path)).await;
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    testing::text(response).await
}

fn location(response: &Response) -> &str {
    response.headers()[LOCATION].to_str().unwrap()
}

const BUYER: &str = "first_name=Asha&last_name=Rao&email=asha%40example.com&phone=90000+12345\
                     &city=Puducherry&state=Puducherry&postal_code=605001";

#[tokio::test]
async fn the_front_door_leads_to_the_shop() {
    let response = testing::send(&testing::router(), testing::get("/")).await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/shop/"));
}

#[tokio::test]
async fn every_page_has_its_elements() {
    let landing = page(&[], "/shop/").await;
    for part in
        ["id=\"lead-form\"", "name=\"first_name\"", "name=\"email\"", "name=\"phone\"", "id=\"lead-submit\""]
    {
        assert!(landing.contains(part), "{part} is missing on the landing page");
    }
    assert!(landing.contains("<div id=\"lead-done\" role=\"status\" hidden>"));
    let checkout = page(&[], "/shop/checkout?id=evening-set&quantity=2").await;
    for name in ["first_name", "last_name", "email", "phone", "city", "state", "postal_code"] {
        assert!(checkout.contains(&format!("name=\"{name}\"")), "{name} is missing at the checkout");
    }
    assert!(checkout.contains("id=\"checkout-form\"") && checkout.contains("id=\"pay\""));
    assert!(checkout.contains("₹3,998"));
    assert!(page(&[], "/shop/product").await.contains("The Dusk Deck"));
    for (file, kind) in
        [("shop.css", "text/css"), ("shop.js", "text/javascript"), ("serif.woff2", "font/woff2")]
    {
        let response = testing::send(&testing::router(), testing::get(&format!("/shop/assets/{file}"))).await;
        assert!(response.headers()[CONTENT_TYPE].to_str().unwrap().starts_with(kind), "{file}");
    }
}

#[tokio::test]
async fn pages_connect_to_the_configured_server_and_pixel() {
    let flags = ["--tandem-url", "http://127.0.0.1:7777/", "--pixel-id", "555,666"];
    let text = page(&flags, "/shop/product").await;
    let options = text.split("Tandem.connect(").nth(1).unwrap().split(");").next().unwrap();
    let options: Value = serde_json::from_str(options).unwrap();
    assert_eq!(options["endpoint"], "http://127.0.0.1:7777");
    assert_eq!(options["pixelId"], "555");
    assert_eq!(options["pixelScript"], "/fbevents.js");
    assert_eq!((&options["defaultCountry"], &options["currency"]), (&"IN".into(), &"INR".into()));
}

#[tokio::test]
async fn nothing_ends_the_script_element_early() {
    let text = page(&["--tandem-url", "http://127.0.0.1:7777/?</script><b>"], "/shop/").await;
    assert!(!text.contains("</script><b>"));
}

#[tokio::test]
async fn unknown_products_and_orders_are_not_found() {
    for path in
        ["/shop/product?id=car", "/shop/checkout?id=car", "/shop/thank-you", "/shop/thank-you?order_id=no"]
    {
        let response = testing::send(&testing::router(), testing::get(path)).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_lead_posted_without_script_is_thanked() {
    let router = testing::router();
    let response =
        testing::send(&router, form("/shop/leads", "first_name=Asha&email=asha%40example.com&phone=")).await;
    assert_eq!(
        (response.status(), location(&response)),
        (StatusCode::SEE_OTHER, "/shop/?lead=received#free")
    );
    assert!(page(&[], "/shop/?lead=received").await.contains("<div id=\"lead-done\" role=\"status\">"));
    let bad = testing::send(&router, form("/shop/leads", "first_name=Asha&email=asha")).await;
    assert_eq!(bad.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_order_posted_without_script_goes_to_the_payment_page_and_back() {
    let router = testing::router_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
    let ordered =
        testing::send(&router, form("/shop/orders", &format!("product=deck&quantity=1&{BUYER}"))).await;
    let checkout = location(&ordered).to_owned();
    assert!(checkout.starts_with("/cashfree/checkout/session_"), "{checkout}");

    let declined = testing::send(&router, form(&checkout, "outcome=failed")).await;
    let thank_you = location(&declined).to_owned();
    let not_paid = testing::text(testing::send(&router, testing::get(&thank_you)).await).await;
    assert!(not_paid.contains("Your bank said no") && not_paid.contains("id=\"purchase-status\""));

    let paid = testing::send(&router, form(&checkout, "outcome=success")).await;
    let thanks = testing::text(testing::send(&router, testing::get(location(&paid))).await).await;
    assert!(thanks.contains("Thank you, Asha") && thanks.contains("₹1,499"));
}

#[tokio::test]
async fn the_script_gets_an_order_at_the_shops_price() {
    let router = testing::router();
    let order = r#"{"product":"notebook","quantity":"2","first_name":"Asha","last_name":"Rao",
                    "email":"asha@example.com","phone":"+91 90000 12345","amount":"1.00"}"#;
    let (status, answer) = testing::post_json(&router, "/shop/api/orders", order).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!((&answer["amount"], &answer["currency"]), (&"1298.00".into(), &"INR".into()));
    let checkout = answer["checkout_url"].as_str().unwrap();
    assert_eq!(testing::send(&router, testing::get(checkout)).await.status(), StatusCode::OK);

    for bad in [
        order.replace("notebook", "car"),
        order.replace("\"2\"", "0"),
        order.replace("\"2\"", "10"),
        order.replace("asha@example.com", "asha"),
        order.replace("+91 90000 12345", "123"),
        order.replace("\"Rao\"", "\" \""),
    ] {
        let (status, answer) = testing::post_json(&router, "/shop/api/orders", &bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{bad}");
        assert!(answer["error"].is_string());
    }
}
