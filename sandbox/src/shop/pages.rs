//! Landing page, product page and checkout.

use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;
use serde_json::json;

use crate::shop::catalogue::{PRODUCTS, Product, QUANTITY_MAX};
use crate::shop::layout::{self, Page};
use crate::state::Sandbox;

/// `?lead=received` after a form that was posted without JavaScript.
#[derive(Debug, Deserialize)]
pub(super) struct LandingQuery {
    lead: Option<String>,
}

pub(super) async fn landing(State(sandbox): State<Sandbox>, Query(query): Query<LandingQuery>) -> Markup {
    let received = query.lead.as_deref() == Some("received");
    let deck = &PRODUCTS[0];
    let body = html! {
        section.hero {
            div.wrap.split {
                div {
                    p.eyebrow { (deck.name) " · " (deck.tagline) }
                    h1 { "Put the day down " em { "gently" } "." }
                    p.lede {
                        "Fifty-two letterpress cards for the hour between work and sleep. One question an evening, \
                         ten quiet minutes, and the phone in another room."
                    }
                    p.actions {
                        a.button href="/shop/product?id=deck" { "See the deck · " (deck.price_text(1)) }
                        a.link href="#free" { "Try seven evenings free" }
                    }
                }
                div.picture.tone-dusk { (PreEscaped(deck.illustration)) }
            }
        }
        section.facts aria-label="In short" {
            ul.wrap {
                li { strong { "Cotton rag, letterpress" } span { "Printed two hundred decks at a time in Sivakasi" } }
                li { strong { "Ten minutes" } span { "Shorter than the queue for the lift on a Monday" } }
                li { strong { "No plastic" } span { "Not in the box, not around it, not in the post" } }
            }
        }
        section #evenings.steps {
            div.wrap {
                h2 { "How an evening goes" }
                ol {
                    li { span.number { "1" } h3 { "Light something" } p { "A lamp, a candle, the small light over the stove. The day ends when you say it does." } }
                    li { span.number { "2" } h3 { "Draw one card" } p { "“What can wait until morning?” “Who made today easier?” Only one. The others keep." } }
                    li { span.number { "3" } h3 { "Answer on paper" } p { "Three lines in a notebook, or out loud to someone you like. Then put it away." } }
                }
            }
        }
        section #shop.products {
            div.wrap {
                h2 { "Made for the last hour" }
                div.grid {
                    @for product in &PRODUCTS {
                        a.card href={ "/shop/product?id=" (product.id) } {
                            div.picture.(product.tone) { (PreEscaped(product.illustration)) }
                            div.caption {
                                h3 { (product.name) }
                                p { (product.tagline) }
                                p.price { (product.price_text(1)) }
                            }
                        }
                    }
                }
            }
        }
        section.letter {
            div.wrap {
                blockquote {
                    p { "I bought it for my mother. She rang on the third night to read me her answer, and we talked for an hour about a mango tree." }
                    footer { "Ira D., Nagpur" }
                }
            }
        }
        section #free.lead {
            div.wrap.split {
                div {
                    p.eyebrow { "Free by e-mail" }
                    h2 { "Seven evenings, on us" }
                    p { "One card each evening for a week, to print or to read on the screen you were going to look at anyway. If you like them, the other forty-five are in the box." }
                }
                (lead_form(received))
            }
        }
    };
    layout::document(
        &sandbox.live(),
        &Page {
            title: "Cards and notebooks for the evening",
            description: "The Dusk Deck: 52 letterpress cards for the last hour of the day.",
            body,
            script: Some((
                "leadPage",
                json!({ "contentName": "Seven evenings sampler", "value": PRODUCTS[0].price_rupees, "currency": "INR" }),
            )),
        },
    )
}

fn lead_form(received: bool) -> Markup {
    html! {
        div.panel {
            form #lead-form method="post" action="/shop/leads" hidden[received] {
                label { span { "First name" } input name="first_name" autocomplete="given-name" required maxlength="80"; }
                label { span { "E-mail" } input type="email" name="email" autocomplete="email" required maxlength="200"; }
                label {
                    span { "Mobile " small { "optional, for one reminder on WhatsApp" } }
                    input type="tel" name="phone" autocomplete="tel" placeholder="98765 43210" maxlength="30";
                }
                p.form-error role="alert" hidden {}
                button #lead-submit.button type="submit" { "Send me the first card" }
                p.small { "Seven mails, then we stop. We never pass your address on." }
            }
            div #lead-done role="status" hidden[!received] {
                svg viewBox="0 0 48 48" width="56" height="56" aria-hidden="true" {
                    circle cx="24" cy="24" r="23" fill="#f6c667" {}
                    path d="M14 25l7 7 14-15" fill="none" stroke="#3d2a4d" stroke-width="3.500" stroke-linecap="round" stroke-linejoin="round" {}
                }
                h3 { "The first card is on its way" }
                p { "Look for a mail from Saanjh at dusk. Tonight’s question: what went better than you feared?" }
                p.small { a href="/shop/product?id=deck" { "See all 52 cards" } }
            }
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ProductQuery {
    id: Option<String>,
}

pub(super) async fn product(State(sandbox): State<Sandbox>, Query(query): Query<ProductQuery>) -> Response {
    let Some(product) = Product::find(query.id.as_deref().unwrap_or("deck")) else {
        return not_found(&sandbox);
    };
    let body = html! {
        section.product {
            div.wrap.split.wide-left {
                div.picture.tall.(product.tone) { (PreEscaped(product.illustration)) }
                div {
                    p.crumbs { a href="/shop/#shop" { "Shop" } " / " (product.name) }
                    h1 { (product.name) }
                    p.tagline { (product.tagline) }
                    p.price.large { (product.price_text(1)) small { "including taxes" } }
                    p { (product.story) }
                    form #add-form action="/shop/checkout" method="get" {
                        input type="hidden" name="id" value=(product.id);
                        div.buy {
                            div.stepper {
                                button type="button" data-step="-1" aria-label="One fewer" { "−" }
                                input #quantity name="quantity" type="number" value="1" min="1" max=(QUANTITY_MAX) aria-label="Quantity";
                                button type="button" data-step="1" aria-label="One more" { "+" }
                            }
                            button #add-to-bag.button type="submit" { "Add to bag and check out" }
                        }
                    }
                    ul.ticks { @for fact in product.facts { li { (fact) } } }
                    details open { summary { "Delivery and returns" } p { "Posted from Puducherry within two working days; three to five days to most PIN codes. Send it back within 30 days if it is not for you, even if you have read all of it." } }
                    details { summary { "Paper and printing" } p { "Everything is printed with soy inks on paper made without felling a tree. Small variations are the press, not a fault." } }
                }
            }
        }
        @if product.id != "notebook" {
            section.samples {
                div.wrap {
                    h2 { "Three from the deck" }
                    div.grid {
                        @for (number, question) in [("07", "What can wait until morning?"), ("19", "Who made today easier, and do they know?"), ("41", "Which worry of last month never came?")] {
                            figure { span { "No. " (number) } p { (question) } }
                        }
                    }
                }
            }
        }
    };
    let page = Page {
        title: product.name,
        description: product.tagline,
        body,
        script: Some(("productPage", product_data(product))),
    };
    layout::document(&sandbox.live(), &page).into_response()
}

/// The data about a product that the page hands to the browser package.
fn product_data(product: &Product) -> serde_json::Value {
    json!({ "id": product.id, "name": product.name, "price": product.price_rupees, "currency": "INR" })
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckoutQuery {
    id: Option<String>,
    quantity: Option<String>,
}

pub(super) async fn checkout(State(sandbox): State<Sandbox>, Query(query): Query<CheckoutQuery>) -> Response {
    let Some(product) = Product::find(query.id.as_deref().unwrap_or("deck")) else {
        return not_found(&sandbox);
    };
    let asked = query.quantity.and_then(|text| text.parse::<u64>().ok()).unwrap_or(1);
    let quantity = asked.clamp(1, QUANTITY_MAX);
    let body = html! {
        section.checkout {
            div.wrap.split.wide-left {
                div {
                    h1 { "Checkout" }
                    (checkout_form(product, quantity))
                }
                (order_summary(product, quantity))
            }
        }
    };
    let mut data = product_data(product);
    data["quantity"] = json!(quantity);
    let page = Page {
        title: "Checkout",
        description: "Address and payment.",
        body,
        script: Some(("checkoutPage", data)),
    };
    layout::document(&sandbox.live(), &page).into_response()
}

fn checkout_form(product: &Product, quantity: u64) -> Markup {
    let field = |label: &str, name: &str, kind: &str, autocomplete: &str, class: &str| {
        html! {
            label class=(class) {
                span { (label) }
                input type=(kind) name=(name) autocomplete=(autocomplete) required maxlength="120";
            }
        }
    };
    html! {
        form #checkout-form method="post" action="/shop/orders" {
            input type="hidden" name="product" value=(product.id);
            input type="hidden" name="quantity" value=(quantity);
            fieldset {
                legend { "Who is it for?" }
                (field("First name", "first_name", "text", "given-name", "half"))
                (field("Last name", "last_name", "text", "family-name", "half"))
                (field("E-mail", "email", "email", "email", ""))
                (field("Mobile", "phone", "tel", "tel", ""))
            }
            fieldset {
                legend { "Where to?" }
                label { span { "House and street " small { "optional in this demo" } } input name="street" autocomplete="street-address" maxlength="200"; }
                (field("City", "city", "text", "address-level2", "half"))
                (field("State", "state", "text", "address-level1", "half"))
                (field("PIN code", "postal_code", "text", "postal-code", "half"))
                label.half { span { "Country" } input value="India" disabled; }
            }
            p.form-error role="alert" hidden {}
            button #pay.button.wide type="submit" { "Pay " (product.price_text(quantity)) }
            p.small.center { "You pay on the page of our payment partner and come straight back." }
        }
    }
}

fn order_summary(product: &Product, quantity: u64) -> Markup {
    html! {
        aside.panel.summary {
            h2 { "Your bag" }
            div.line {
                div.picture.thumb.(product.tone) { (PreEscaped(product.illustration)) }
                div { strong { (product.name) } br; span { (product.tagline) } br; span { "Quantity " (quantity) } }
                span.price { (product.price_text(quantity)) }
            }
            dl {
                dt { "Items" } dd { (product.price_text(quantity)) }
                dt { "Delivery" } dd { "Free" }
                dt.total { "Total" } dd.total { (product.price_text(quantity)) }
            }
            p.small { "Taxes are included. 30 days to send it back." }
        }
    }
}

pub(super) fn not_found(sandbox: &Sandbox) -> Response {
    let body = html! {
        section.message {
            div.wrap {
                h1 { "That shelf is empty" }
                p.lede { "The address may be old, or the sandbox has been reset since." }
                p { a.button href="/shop/" { "To the front page" } }
            }
        }
    };
    let page = Page { title: "Not found", description: "Nothing here.", body, script: None };
    (StatusCode::NOT_FOUND, layout::document(&sandbox.live(), &page)).into_response()
}
