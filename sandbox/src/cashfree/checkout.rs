//! The checkout page. A shop sends its buyer to this page, and the page sends the buyer back.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use http::StatusCode;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde::Deserialize;

use super::pay::pay;
use crate::money;
use crate::orders::{Order, Outcome, PaymentDetails};
use crate::state::Sandbox;

const STYLE: &str = include_str!("../../assets/checkout.css");

pub(super) fn routes() -> Router<Sandbox> {
    Router::new().route("/cashfree/checkout/{session}", get(page).post(choose))
}

async fn page(State(sandbox): State<Sandbox>, Path(session): Path<String>) -> Response {
    let order = sandbox.orders().by_session(&session).cloned();
    match order {
        Some(order) => checkout_page(&order).into_response(),
        None => (StatusCode::NOT_FOUND, unknown_page()).into_response(),
    }
}

#[derive(Debug, Deserialize)]
struct Choice {
    outcome: Outcome,
}

/// Cashfree sends the buyer back by GET after any outcome (Cashfree, "Handle Return URL").
async fn choose(
    State(sandbox): State<Sandbox>,
    Path(session): Path<String>,
    Form(choice): Form<Choice>,
) -> Response {
    let order = sandbox.orders().by_session(&session).cloned();
    let Some(order) = order else {
        return (StatusCode::NOT_FOUND, unknown_page()).into_response();
    };
    pay(&sandbox, &order.order_id, choice.outcome, PaymentDetails::default(), true);
    Redirect::to(&order.return_url.replace("{order_id}", &order.order_id)).into_response()
}

fn document(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                link rel="icon" href="data:,";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    }
}

fn checkout_page(order: &Order) -> Markup {
    let amount = money::display(order.amount.as_str(), &order.currency);
    let paid = order.status() == "PAID";
    let body = html! {
        p.ribbon { "Sandbox – no money moves. The buttons decide what the bank answers." }
        main.sheet {
            section.summary aria-label="Order" {
                p.merchant { span.monogram aria-hidden="true" { "S" } "Saanjh Paper" }
                p.label { "Amount to pay" }
                p.amount { (amount) }
                dl {
                    dt { "Order" } dd.mono { (order.order_id) }
                    @if let Some(name) = &order.customer.name { dt { "Name" } dd { (name) } }
                    @if let Some(email) = &order.customer.email { dt { "E-mail" } dd { (email) } }
                    @if let Some(phone) = &order.customer.phone { dt { "Phone" } dd { (phone) } }
                }
                p.secure {
                    svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true" {
                        path fill="none" stroke="currentColor" stroke-width="1.4"
                            d="M4 7V5a4 4 0 0 1 8 0v2M3 7h10v7H3z" {}
                    }
                    "A stand-in for Cashfree’s hosted checkout"
                }
            }
            section.pay aria-label="Payment" {
                @if paid {
                    h1 { "This order is paid" }
                    p.hint { "If you pay again, the order has two payments. A shop must be able to handle that." }
                } @else {
                    h1 { "Pay with UPI" }
                    p.hint { "Approve the request in your UPI app, or decline it." }
                }
                div.method {
                    span.dot aria-hidden="true" {}
                    span { strong { "buyer@okbank" } br; small { "UPI · collect request" } }
                }
                form method="post" {
                    button #pay-success.primary name="outcome" value="success" { "Pay " (amount) }
                    button #pay-fail name="outcome" value="failed" { "Let the bank decline it" }
                    button #pay-drop.quiet name="outcome" value="dropped" { "Leave without paying" }
                }
                p.small { "Whatever you choose, the shop gets a signed webhook and you go back to its page." }
            }
        }
    };
    document("Checkout", &body)
}

fn unknown_page() -> Markup {
    let body = html! {
        main.sheet.single {
            section.pay {
                h1 { "This checkout session is not known" }
                p.hint { "It may be from before the sandbox was restarted or reset." }
                p { a href="/shop/" { "Back to the shop" } }
            }
        }
    };
    document("Checkout", &body)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Request;
    use http::header::{CONTENT_TYPE, LOCATION};

    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn each_button_pays_and_sends_the_buyer_back() {
        for (outcome, status) in [("success", "PAID"), ("failed", "ACTIVE"), ("dropped", "ACTIVE")] {
            let sandbox = testing::sandbox_with(&["--webhook-url", "http://127.0.0.1:9/none"]);
            let router = crate::router(sandbox.clone());
            let (_, order) = testing::post_json(
                &router,
                "/control/cashfree/orders",
                r#"{"order_id":"KB-4","amount":"1499.00"}"#,
            )
            .await;
            let path = format!("/cashfree/checkout/{}", order["session"].as_str().unwrap());
            let page = testing::text(testing::send(&router, testing::get(&path)).await).await;
            for part in ["₹1,499", "KB-4", "id=\"pay-success\"", "id=\"pay-fail\"", "id=\"pay-drop\""] {
                assert!(page.contains(part), "{part} is missing");
            }
            let request = Request::post(&path)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Body::from(format!("outcome={outcome}")))
                .unwrap();
            let response = testing::send(&router, request).await;
            assert_eq!(response.status(), StatusCode::SEE_OTHER);
            assert_eq!(response.headers()[LOCATION], "/shop/thank-you?order_id=KB-4");
            assert_eq!(sandbox.orders().get("KB-4").unwrap().status(), status);
        }
        let unknown = testing::send(&testing::router(), testing::get("/cashfree/checkout/none")).await;
        assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    }
}
