//! Asks Cashfree's Orders API whether an order is paid, within a budget of our own.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use tandem_core::cashfree::orders_api::{
    ApiPayment, OrderAnswer, OrderStatus, orders_api_id_ok, parse_order, parse_paying_payment, parse_refunds,
};
use tandem_core::cashfree::{MessageError, RefundNotice};
use tandem_core::currency::Currency;
use tandem_core::hash::Sha256Hex;
use tandem_core::id::OrderId;
use tandem_core::order::{TrustLevel, UnpaidStatus};
use url::Url;

use super::budget::Budget;
use crate::config::Cashfree;

/// Version of the API whose answers the parser knows.
const API_VERSION: &str = "2025-01-01";
/// Longest time of one call. A failed call is repeated once.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Orders asked per minute, including repeated calls (Cashfree allows 400, and 60 in the sandbox).
const ORDERS_PER_MINUTE: usize = 60;
/// The same, for orders that only strangers named.
const STRANGERS_ORDERS_PER_MINUTE: usize = 40;
/// Lists of payments and of refunds asked per minute (Cashfree allows 100, 30 in the sandbox). Only
/// paid orders get this far.
const LISTS_PER_MINUTE: usize = 30;
/// Pause after an answer "too many" that does not say how long, or one that our keys are
/// wrong (Cashfree, Rate Limits).
const PAUSE: Duration = Duration::from_secs(60);
/// Longest pause that an answer may ask for.
const PAUSE_MAX: Duration = Duration::from_secs(600);
/// Longest answer that is read, bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Answer of the Orders API.
#[derive(Debug)]
pub(super) enum ProviderAnswer {
    /// Paid.
    Paid(Box<PaidAnswer>),
    /// Not paid; with the digest of its payment session, where the answer has it.
    Unpaid(UnpaidStatus, Option<Sha256Hex>),
    /// Our budget is used up.
    NoBudget,
}

/// An order that is paid.
#[derive(Debug)]
pub(super) struct PaidAnswer {
    pub(super) answer: OrderAnswer,
    /// The payment that counts.
    pub(super) payment: ApiPayment,
    /// The refunds of the order that are done.
    pub(super) refunds: Vec<RefundNotice>,
}

/// Why an order's list is not there.
enum NoList {
    NoBudget,
    /// It did not come, or cannot be used.
    Unusable,
}

/// What became of one GET.
enum FetchResult {
    Answer(Vec<u8>),
    NotFound,
    /// No usable answer came.
    Nothing,
    NoBudget,
}

struct Reply {
    status: u16,
    body: Vec<u8>,
    /// How long to wait before the next question, if the answer says so.
    wait: Option<Duration>,
}

#[derive(Debug)]
pub struct OrdersApi {
    http: reqwest::Client,
    base: Url,
    client_id: String,
    orders: Budget,
    lists: Budget,
    currency: Currency,
}

impl OrdersApi {
    /// Builds a client if a client ID is configured. `currency`: used where an answer names none.
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
            orders: Budget::new(ORDERS_PER_MINUTE, STRANGERS_ORDERS_PER_MINUTE),
            lists: Budget::new(LISTS_PER_MINUTE, LISTS_PER_MINUTE),
            currency,
        }))
    }

    /// Asks whether one order is paid.
    pub(super) async fn ask(
        &self,
        settings: &Cashfree,
        order: &OrderId,
        trust: TrustLevel,
    ) -> ProviderAnswer {
        if !orders_api_id_ok(order.as_str()) {
            return ProviderAnswer::Unpaid(UnpaidStatus::Final, None);
        }
        let open = ProviderAnswer::Unpaid(UnpaidStatus::Open, None);
        let body = match self.get(settings, &["orders", order.as_str()], &self.orders, trust).await {
            FetchResult::Answer(body) => body,
            FetchResult::NotFound => return ProviderAnswer::Unpaid(UnpaidStatus::Unknown, None),
            FetchResult::Nothing => return open,
            FetchResult::NoBudget => return ProviderAnswer::NoBudget,
        };
        let answer = match parse_order(&body, self.currency) {
            Ok(answer) if answer.order_id == *order => answer,
            Ok(_) => return open,
            Err(error) => {
                tracing::warn!(
                    order.id = order.as_str(),
                    code = error.code(),
                    "the Orders API's answer cannot be used"
                );
                return open;
            }
        };
        let open = ProviderAnswer::Unpaid(UnpaidStatus::Open, answer.payment_session);
        match answer.status {
            OrderStatus::Paid => {}
            OrderStatus::Expired | OrderStatus::Terminated => {
                return ProviderAnswer::Unpaid(UnpaidStatus::Final, answer.payment_session);
            }
            OrderStatus::Active | OrderStatus::Unknown => return open,
        }
        let payment = match self.list(settings, order, "payments", trust, parse_paying_payment).await {
            Ok(Some(payment)) if payment.order_id.as_ref().is_none_or(|id| id == order) => payment,
            Ok(_) | Err(NoList::Unusable) => return open,
            Err(NoList::NoBudget) => return ProviderAnswer::NoBudget,
        };
        // Without them a Purchase could leave whose money went back while webhooks were away.
        match self.list(settings, order, "refunds", trust, parse_refunds).await {
            Ok(refunds) => ProviderAnswer::Paid(Box::new(PaidAnswer { answer, payment, refunds })),
            Err(NoList::Unusable) => open,
            Err(NoList::NoBudget) => ProviderAnswer::NoBudget,
        }
    }

    /// Asks for a list of an order.
    async fn list<T>(
        &self,
        settings: &Cashfree,
        order: &OrderId,
        list: &str,
        trust: TrustLevel,
        parse: fn(&[u8], Currency) -> Result<T, MessageError>,
    ) -> Result<T, NoList> {
        let body = match self.get(settings, &["orders", order.as_str(), list], &self.lists, trust).await {
            FetchResult::Answer(body) => body,
            FetchResult::NotFound | FetchResult::Nothing => return Err(NoList::Unusable),
            FetchResult::NoBudget => return Err(NoList::NoBudget),
        };
        parse(&body, self.currency).map_err(|error| {
            let order = order.as_str();
            tracing::warn!(
                order.id = order,
                list,
                code = error.code(),
                "the Orders API's list cannot be used"
            );
            NoList::Unusable
        })
    }

    /// One GET, made once more when it fails; each takes from the budget.
    async fn get(
        &self,
        settings: &Cashfree,
        path: &[&str],
        budget: &Budget,
        trust: TrustLevel,
    ) -> FetchResult {
        for attempt in 0..2 {
            if !budget.take(trust) {
                return if attempt == 0 { FetchResult::NoBudget } else { FetchResult::Nothing };
            }
            match self.try_get(settings, path).await {
                Ok(Reply { status: 200, body, .. }) => return FetchResult::Answer(body),
                Ok(Reply { status: 404, .. }) => return FetchResult::NotFound,
                Ok(Reply { status: status @ (401 | 403 | 429), wait, .. }) => {
                    // The answer says nothing about the order, and further questions would be refused too.
                    tracing::warn!(
                        http.status = status,
                        "the Orders API refuses questions; Tandem pauses them"
                    );
                    self.orders.pause(wait.unwrap_or(PAUSE).min(PAUSE_MAX));
                    return FetchResult::NoBudget;
                }
                Ok(Reply { status, .. }) if status < 500 => {
                    tracing::warn!(http.status = status, "the Orders API refused a question");
                    return FetchResult::Nothing;
                }
                Ok(Reply { status, .. }) => tracing::debug!(http.status = status, "the Orders API failed"),
                Err(error) => tracing::debug!(error = %error.without_url(), "the Orders API did not answer"),
            }
        }
        FetchResult::Nothing
    }

    async fn try_get(&self, settings: &Cashfree, path: &[&str]) -> reqwest::Result<Reply> {
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
        // Cashfree's pages name either of the first two headers (Rate Limits; API Limits).
        let wait = ["x-ratelimit-retry", "x-ratelimit-reset", "retry-after"].into_iter().find_map(|name| {
            let seconds = response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok()?;
            (seconds > 0).then(|| Duration::from_secs(seconds))
        });
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Ok(Reply { status: 599, body: Vec::new(), wait });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, body, wait })
    }
}
