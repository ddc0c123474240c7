//! The shop's forms: they take leads and make orders. None of them needs Tandem.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Form, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::answer;
use crate::orders::amount::Amount;
use crate::orders::{Customer, NewOrder, Order};
use crate::shop::catalogue::{Product, QUANTITY_MAX};
use crate::state::Sandbox;

/// Longest text that a form field may hold.
const FIELD_MAX_CHARS: usize = 200;

/// The lead form. The shop would write to its mailing list here; the demo only says thanks.
#[derive(Debug, Deserialize)]
pub(super) struct LeadForm {
    first_name: String,
    email: String,
}

pub(super) async fn take_lead(Form(lead): Form<LeadForm>) -> Response {
    if lead.first_name.trim().is_empty() || !looks_like_email(&lead.email) {
        return answer::error(StatusCode::BAD_REQUEST, "A first name and an e-mail address are needed.");
    }
    Redirect::to("/shop/?lead=received#free").into_response()
}

/// The checkout form, posted by the browser itself or sent as JSON by the page's script.
#[derive(Debug, Deserialize)]
pub(super) struct OrderForm {
    product: String,
    quantity: Quantity,
    first_name: String,
    last_name: String,
    email: String,
    phone: String,
    /// The path on this server to which the payment page sends the buyer back, with `{order_id}` in it. If absent,
    /// the shop's thank-you page. The examples use their own pages.
    #[serde(default)]
    return_path: Option<String>,
}

/// Forms send text, scripts may send a number.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u64),
    Text(String),
}

impl Quantity {
    fn get(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            Self::Text(text) => text.parse().unwrap_or(0),
        }
    }
}

/// `POST /shop/orders`: redirects to the payment page.
pub(super) async fn order_by_form(State(sandbox): State<Sandbox>, Form(form): Form<OrderForm>) -> Response {
    match place_order(&sandbox, &form) {
        Ok(order) => Redirect::to(&checkout_url(&order)).into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

/// `POST /shop/api/orders`: answers with the data that the page needs to continue.
pub(super) async fn order_by_script(State(sandbox): State<Sandbox>, Json(form): Json<OrderForm>) -> Response {
    match place_order(&sandbox, &form) {
        Ok(order) => Json(json!({
            "order_id": order.order_id,
            "amount": order.amount.as_str(),
            "currency": order.currency,
            "checkout_url": checkout_url(&order),
            "payment_session_id": order.session,
        }))
        .into_response(),
        Err(reason) => answer::error(StatusCode::BAD_REQUEST, &reason),
    }
}

fn checkout_url(order: &Order) -> String {
    format!("/cashfree/checkout/{}", order.session)
}

/// The price comes from the catalogue, never from the page.
fn place_order(sandbox: &Sandbox, form: &OrderForm) -> Result<Order, String> {
    let product = Product::find(&form.product).ok_or("We do not sell that.")?;
    let quantity = form.quantity.get();
    if !(1..=QUANTITY_MAX).contains(&quantity) {
        return Err(format!("Between 1 and {QUANTITY_MAX} of one thing, please."));
    }
    let texts = [&form.first_name, &form.last_name, &form.email, &form.phone];
    if texts.iter().any(|text| text.trim().is_empty() || text.chars().count() > FIELD_MAX_CHARS) {
        return Err("Please fill in your name, e-mail and mobile number.".to_owned());
    }
    if !looks_like_email(&form.email) {
        return Err("That e-mail address looks unfinished.".to_owned());
    }
    if form.phone.chars().filter(char::is_ascii_digit).count() < 10 {
        return Err("A mobile number has ten digits.".to_owned());
    }
    if form.return_path.as_deref().is_some_and(|path| !is_path_of_this_server(path)) {
        return Err("return_path must be a path of this server.".to_owned());
    }
    let tags = [("product", product.id.to_owned()), ("quantity", quantity.to_string())];
    let new = NewOrder {
        order_id: None,
        amount: Amount::parse(&product.price(quantity))?,
        currency: "INR".to_owned(),
        customer: Customer {
            id: Some(format!("buyer_{:08x}", rand::random::<u32>())),
            name: Some(format!("{} {}", form.first_name.trim(), form.last_name.trim())),
            email: Some(form.email.trim().to_owned()),
            phone: Some(form.phone.trim().to_owned()),
        },
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<BTreeMap<_, _>>(),
        return_url: form.return_path.clone(),
    };
    sandbox.orders().create(new)
}

/// An order must not send its buyer to another server. The address is read as browsers read it: to them `/\` is
/// `//`, and tabs and line feeds are nothing.
fn is_path_of_this_server(path: &str) -> bool {
    let Ok(here) = Url::parse("http://here.invalid/") else { return false };
    path.starts_with('/') && here.join(path).is_ok_and(|there| there.origin() == here.origin())
}

/// Finds typing errors only. Only a mail that arrives proves an address.
fn looks_like_email(text: &str) -> bool {
    let trimmed = text.trim();
    trimmed.chars().count() <= FIELD_MAX_CHARS
        && trimmed.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !trimmed.contains(char::is_whitespace)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_return_path_leads_to_no_other_server() {
        for good in
            ["/shop/thank-you?order_id={order_id}", "/examples/web-plain/thanks.html?order={order_id}", "/"]
        {
            assert!(is_path_of_this_server(good), "{good}");
        }
        for bad in [
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/\n\\evil.example",
            "https://evil.example",
            "",
            "a",
        ] {
            assert!(!is_path_of_this_server(bad), "{bad:?}");
        }
    }
}
