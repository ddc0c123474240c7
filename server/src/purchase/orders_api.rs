//! Asking Cashfree's Orders API whether an order is paid, within a budget of our own.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use secrecy::ExposeSecret as _;
use tandem_core::cashfree::orders_api::{
    ApiPayment, OrderAnswer, OrderStatus, orders_api_id_ok, parse_order, parse_paying_payment,
};
use tandem_core::currency::Currency;
use tandem_core::id::OrderId;
use url::Url;

use crate::config::Cashfree;

/// Version of the API whose answers the parser knows.
const API_VERSION: &str = "2025-01-01";
/// Bound on one call; it is made once more on failure.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Orders asked per minute (Cashfree allows 400, 60 in the sandbox).
const ORDERS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();
/// Payment lists asked per minute (Cashfree allows 100, 30 in the sandbox).
const PAYMENTS_PER_MINUTE: NonZeroU32 = NonZeroU32::new(20).unwrap();
/// Longest answer read.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What the Orders API said.
#[derive(Debug)]
pub(super) enum Said {
    /// Paid, by this payment.
    Paid(Box<OrderAnswer>, Box<ApiPayment>),
    /// Not paid, and it will not be.
    Final,
    /// Not paid yet, unknown, or no usable answer.
    NotYet,
    /// Our budget is spent.
    NoBudget,
}

/// A client of the Orders API.
#[derive(Debug)]
pub struct OrdersApi {
    http: reqwest::Client,
    base: Url,
    client_id: String,
    orders: DefaultDirectRateLimiter,
    payments: DefaultDirectRateLimiter,
    currency: Currency,
}

impl OrdersApi {
    /// Makes a client if a client ID is configured. `currency`: where an answer names none.
    pub fn new(settings: &Cashfree, currency: Currency) -> Result<Option<Self>, reqwest::Error> {
        let Some(client_id) = settings.client_id.clone() else { return Ok(None) };
        let http = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Some(Self {
            http,
            base: settings.api_url.clone(),
            client_id,
            orders: RateLimiter::direct(Quota::per_minute(ORDERS_PER_MINUTE)),
            payments: RateLimiter::direct(Quota::per_minute(PAYMENTS_PER_MINUTE)),
            currency,
        }))
    }

    /// Asks about one order.
    pub(super) async fn ask(&self, settings: &Cashfree, order: &OrderId) -> Said {
        if !orders_api_id_ok(order.as_str()) {
            return Said::Final;
        }
        if self.orders.check().is_err() {
            return Said::NoBudget;
        }
        let Some(body) = self.get(settings, &["orders", order.as_str()]).await else { return Said::NotYet };
        let answer = match parse_order(&body, self.currency) {
            Ok(answer) if answer.order_id == *order => answer,
            Ok(_) => return Said::NotYet,
            Err(problem) => {
                tracing::warn!(
                    order.id = order.as_str(),
                    code = problem.code(),
                    "the Orders API's answer is not usable"
                );
                return Said::NotYet;
            }
        };
        match answer.status {
            OrderStatus::Paid => {}
            OrderStatus::Expired | OrderStatus::Terminated => return Said::Final,
            OrderStatus::Active | OrderStatus::Unknown => return Said::NotYet,
        }
        if self.payments.check().is_err() {
            return Said::NoBudget;
        }
        let Some(body) = self.get(settings, &["orders", order.as_str(), "payments"]).await else {
            return Said::NotYet;
        };
        match parse_paying_payment(&body, self.currency) {
            Ok(Some(payment)) if payment.order_id.as_ref().is_none_or(|id| id == order) => {
                Said::Paid(Box::new(answer), Box::new(payment))
            }
            Ok(_) => Said::NotYet,
            Err(problem) => {
                tracing::warn!(
                    order.id = order.as_str(),
                    code = problem.code(),
                    "the payment list is not usable"
                );
                Said::NotYet
            }
        }
    }

    /// One GET, made once more when it fails.
    async fn get(&self, settings: &Cashfree, path: &[&str]) -> Option<Vec<u8>> {
        for _ in 0..2 {
            match self.try_get(settings, path).await {
                Ok((200, body)) => return Some(body),
                Ok((status, _)) if status < 500 => {
                    if status != 404 {
                        tracing::warn!(http.status = status, "the Orders API refused a question");
                    }
                    return None;
                }
                Ok((status, _)) => tracing::debug!(http.status = status, "the Orders API failed"),
                Err(fault) => tracing::debug!(fault = %fault.without_url(), "the Orders API did not answer"),
            }
        }
        None
    }

    async fn try_get(&self, settings: &Cashfree, path: &[&str]) -> reqwest::Result<(u16, Vec<u8>)> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Each segment is percent-encoded.
            segments.pop_if_empty().extend(path);
        }
        let secret = settings.secrets.as_ref().and_then(|secrets| secrets.list().into_iter().next());
        let mut response = self
            .http
            .get(url)
            .header("x-client-id", &self.client_id)
            .header("x-client-secret", secret.as_ref().map_or("", |secret| secret.expose_secret()))
            .header("x-api-version", API_VERSION)
            .send()
            .await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Ok((599, Vec::new()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok((status, body))
    }
}
