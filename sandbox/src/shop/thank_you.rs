//! The page to which the payment page sends the buyer back, whatever the outcome.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::json;

use crate::money;
use crate::orders::{Order, Outcome};
use crate::shop::catalogue::Product;
use crate::shop::layout::{self, Page};
use crate::shop::pages;
use crate::state::Sandbox;

#[derive(Debug, Deserialize)]
pub(super) struct ThankYouQuery {
    order_id: Option<String>,
}

/// `GET /shop/thank-you`. The shop looks up in its own records whether the order is paid, because a visit to this page
/// proves nothing. The page calls Tandem in every case, because Tandem decides for itself.
pub(super) async fn page(State(sandbox): State<Sandbox>, Query(query): Query<ThankYouQuery>) -> Response {
    let order = query.order_id.and_then(|order_id| sandbox.orders().get(&order_id).cloned());
    let Some(order) = order else { return pages::not_found(&sandbox) };
    let paid = order.status() == "PAID";
    let body = html! {
        section.message {
            div.wrap.narrow {
                @if paid { (thanks(&order)) } @else { (not_paid(&order)) }
                (tracking_note())
            }
        }
    };
    let page = Page {
        title: if paid { "Thank you" } else { "Payment not completed" },
        description: "Your order.",
        body,
        script: Some(("thankYouPage", json!({ "orderId": order.order_id }))),
    };
    layout::document(&sandbox.live(), &page).into_response()
}

fn thanks(order: &Order) -> Markup {
    let name = order.customer.name.as_deref().unwrap_or_default();
    let first_name = name.split_whitespace().next().unwrap_or_default();
    let product = order.tags.get("product").and_then(|id| Product::find(id));
    html! {
        svg.sun viewBox="0 0 120 70" width="120" height="70" aria-hidden="true" {
            path d="M26 46a34 34 0 0 1 68 0z" fill="#f6c667" {}
            path d="M8 54h104M24 63h72" stroke="#d9643a" stroke-width="3.500" stroke-linecap="round" {}
        }
        h1 { "Thank you" @if !first_name.is_empty() { ", " (first_name) } "." }
        p.lede { "Your order is paid and already on the packing table. We will write when it leaves Puducherry." }
        div.panel.receipt {
            @if let Some(product) = product {
                div.line {
                    div.picture.thumb.(product.tone) { (PreEscaped(product.illustration)) }
                    div {
                        strong { (product.name) } br;
                        span { (product.tagline) } br;
                        span { "Quantity " (order.tags.get("quantity").map_or("1", String::as_str)) }
                    }
                    span.price { (money::display(order.amount.as_str(), &order.currency)) }
                }
            }
            dl {
                dt { "Order" } dd.mono { (order.order_id) }
                dt { "Paid" } dd { (money::display(order.amount.as_str(), &order.currency)) " by UPI" }
                @if let Some(email) = &order.customer.email { dt { "Receipt to" } dd { (email) } }
            }
        }
    }
}

fn not_paid(order: &Order) -> Markup {
    let declined = order.payments.last().is_some_and(|payment| payment.outcome == Outcome::Failed);
    html! {
        h1 { @if declined { "Your bank said no" } @else { "Not paid yet" } }
        p.lede {
            @if declined { "Nothing was charged. It is usually a mistyped PIN; your bag is still here." }
            @else { "You came back before paying. Your bag is still here." }
        }
        p.actions {
            a.button href={ "/cashfree/checkout/" (order.session) } { "Try the payment again" }
            a.link href="/shop/" { "Keep looking around" }
        }
        p.small { "Order " span.mono { (order.order_id) } }
    }
}

/// Shows what Tandem answered, for people who try the sandbox. It is not for buyers.
fn tracking_note() -> Markup {
    html! {
        aside.tracking {
            span.badge { "Sandbox" }
            p #purchase-status { "Tandem is not connected. The shop also works without it." }
            a href="/events-manager" { "Events Manager" }
        }
    }
}
