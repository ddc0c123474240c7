//! The steps of people and programs in a world, in the product's own words.

use std::fmt::Display;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::Value;
use tandem_proto::v1::{
    CaptureLeadResponse, Confirmation, EventState, EventSummary, GetEventRequest, GetEventResponse,
    GetOrderRequest, ListEventsRequest, Outcome,
};
use tonic::{Code, Status};

use super::{Caller, Visitor, World};
use crate::cashfree::Webhook;
use crate::sandbox::ServerEvent;
use crate::{INTERNAL_TOKEN, Person, messages, wait};

impl World {
    /// A visitor of the shop with cookies, an address and a browser.
    #[must_use]
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.grpc, &self.sandbox.url)
    }

    /// A program without a token.
    ///
    /// # Errors
    /// When the server's address is unusable.
    pub fn stranger(&self) -> anyhow::Result<Caller> {
        Caller::new(&self.grpc)
    }

    /// A service of the shop, with the internal token.
    ///
    /// # Errors
    /// When the server's address is unusable.
    pub fn internal(&self) -> anyhow::Result<Caller> {
        Ok(Caller::new(&self.grpc)?.with_token(INTERNAL_TOKEN))
    }

    /// A visitor leaves a lead.
    ///
    /// # Errors
    /// When the server does not accept it.
    pub async fn capture_lead(
        &self,
        visitor: &Visitor,
        person: &Person,
    ) -> anyhow::Result<CaptureLeadResponse> {
        let answer = visitor.capture_lead(messages::lead(person)).await?;
        answer.outcome.context("CaptureLead")
    }

    /// A buyer's payment of `amount` rupees succeeds. Cashfree tells the gateway, which must answer 200.
    ///
    /// # Errors
    /// When the gateway answers otherwise.
    pub async fn pay_order(&self, order_id: &str, amount: &str, person: &Person) -> anyhow::Result<()> {
        let status = self.post_webhook(&Webhook::paid(order_id, amount, person)).await?;
        ensure!(status == 200, "the gateway answered {status} to the payment of {order_id}");
        Ok(())
    }

    /// Posts a webhook to the gateway as Cashfree does. Returns the HTTP status.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_webhook(&self, webhook: &Webhook) -> anyhow::Result<u16> {
        let headers = [
            ("x-webhook-signature", webhook.signature.as_str()),
            ("x-webhook-timestamp", &webhook.timestamp),
        ];
        let response = self.post_to_gateway(&headers, webhook.body.clone()).await?;
        Ok(response.status().as_u16())
    }

    /// Posts bytes with these headers to the gateway's webhook route.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn post_to_gateway(
        &self,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> anyhow::Result<reqwest::Response> {
        let mut request = self
            .http
            .post(format!("{}/webhooks/cashfree", self.gateway))
            .header("content-type", "application/json")
            .header("x-webhook-version", "2025-01-01")
            .header("user-agent", "Cashfree-Webhooks/1");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body).send().await.context("posting to the gateway")
    }

    /// [`wait::eventually`]. Keeps the world's folder on failure.
    ///
    /// # Errors
    /// When the time is over.
    pub async fn eventually<T>(
        &self,
        what: impl Display,
        probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        self.eventually_within(wait::PATIENCE, what, probe).await
    }

    /// [`World::eventually`] with a different limit.
    ///
    /// # Errors
    /// When the time is over.
    pub async fn eventually_within<T>(
        &self,
        limit: Duration,
        what: impl Display,
        probe: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let found = wait::eventually_within(limit, what, probe).await;
        if found.is_err() {
            self.troubled.store(true, Ordering::Relaxed);
        }
        found
    }

    /// Waits until the server has accepted a claim. From then on the server knows the order, and the claim waits for
    /// its payment.
    ///
    /// # Errors
    /// When the time is over.
    pub async fn wait_for_claim(&self, order_id: &str) -> anyhow::Result<()> {
        let operator = self.internal()?;
        self.eventually(format!("a claim of {order_id}"), async || {
            let request = GetOrderRequest { order_id: order_id.to_owned() };
            match operator.get_order(request).await {
                Ok(_) => Ok(Some(())),
                Err(status) if status.code() == Code::NotFound => Ok(None),
                Err(status) => Err(status.into()),
            }
        })
        .await
    }

    /// Waits until the fake Graph API has accepted an event, and expects exactly one copy.
    ///
    /// # Errors
    /// When no copy arrives, or more than one.
    pub async fn wait_for_server_event(&self, name: &str, id: &str) -> anyhow::Result<ServerEvent> {
        let what = format!("{name} {id} at the Graph API");
        let mut events = self
            .eventually(what, async || {
                let events = self.sandbox.server_events_with_id(name, id).await?;
                Ok(Some(events).filter(|events| !events.is_empty()))
            })
            .await?;
        ensure!(events.len() == 1, "{name} {id} came {} times", events.len());
        Ok(events.remove(0))
    }

    /// Shows that everything was sent: captures a lead of a new person, and waits until it has arrived and the outbox
    /// is empty.
    ///
    /// # Errors
    /// When the outbox does not become empty.
    pub async fn wait_until_all_is_sent(&self) -> anyhow::Result<()> {
        let lead = self.capture_lead(&self.visitor(), &Person::unique()).await?;
        self.wait_for_server_event("Lead", &lead.event_id).await?;
        self.wait_for_health("an empty outbox", |health| health["outbox"]["pending"] == 0).await.map(drop)
    }

    /// Waits until the health figures satisfy `says`, and returns them. The server may reuse figures for some
    /// seconds, so one request is not enough.
    ///
    /// # Errors
    /// When the time is over. The message contains the last figures.
    pub async fn wait_for_health(&self, what: &str, says: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let mut latest = Value::Null;
        let found = self
            .eventually(what, async || {
                latest = self.health().await?;
                Ok(says(&latest).then(|| latest.clone()))
            })
            .await;
        found.with_context(|| format!("health says {latest}"))
    }

    /// `GET /api/tracking-health`, with any status.
    ///
    /// # Errors
    /// When no JSON comes.
    pub async fn health(&self) -> anyhow::Result<Value> {
        let response = self.get("/api/tracking-health").await?;
        Ok(response.json().await?)
    }

    /// `GET` on the server's HTTP port.
    ///
    /// # Errors
    /// When no answer comes.
    pub async fn get(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        Ok(self.http.get(format!("{}{path}", self.http_url)).send().await?)
    }

    /// The page reports that its pixel fired an event.
    ///
    /// # Errors
    /// When the server does not accept the report.
    pub async fn confirm_fired(&self, visitor: &Visitor, name: &str, id: &str) -> anyhow::Result<(u32, u32)> {
        let confirmation = Confirmation {
            event_name: name.to_owned(),
            event_id: id.to_owned(),
            outcome: Outcome::Fired.into(),
            ..Confirmation::default()
        };
        let answer = visitor.confirm(vec![confirmation]).await?.outcome?;
        Ok((answer.accepted, answer.unknown))
    }

    /// The page reports that its pixel fired a Purchase, with the key that it got with it.
    ///
    /// # Errors
    /// When the server does not take the report.
    pub async fn confirm_purchase(
        &self,
        visitor: &Visitor,
        order_id: &str,
        confirm_key: &str,
    ) -> anyhow::Result<(u32, u32)> {
        let confirmation = Confirmation {
            event_name: "Purchase".to_owned(),
            event_id: format!("purchase_{order_id}"),
            outcome: Outcome::Fired.into(),
            confirm_key: confirm_key.to_owned(),
            ..Confirmation::default()
        };
        let answer = visitor.confirm(vec![confirmation]).await?.outcome?;
        Ok((answer.accepted, answer.unknown))
    }

    /// Asks for one event as an operator.
    ///
    /// # Errors
    /// The server's status.
    pub async fn event(&self, name: &str, id: &str) -> anyhow::Result<GetEventResponse> {
        let request =
            GetEventRequest { event_id: id.to_owned(), event_name: name.to_owned(), pixel_id: String::new() };
        Ok(self.internal()?.get_event(request).await?)
    }

    /// Lists events in a state as an operator. `EventState::Unspecified` means any state.
    ///
    /// # Errors
    /// The server's status.
    pub async fn events(&self, name: &str, state: EventState) -> Result<Vec<EventSummary>, Status> {
        let request = ListEventsRequest {
            event_name: name.to_owned(),
            state: state.into(),
            page_size: 1000,
            ..ListEventsRequest::default()
        };
        let caller = self.internal().map_err(|error| Status::internal(error.to_string()))?;
        Ok(caller.list_events(request).await?.events)
    }

    /// Waits until an event has a state.
    ///
    /// # Errors
    /// When it does not reach the state in time.
    pub async fn wait_for_state(
        &self,
        name: &str,
        id: &str,
        state: EventState,
    ) -> anyhow::Result<EventSummary> {
        self.eventually(format!("{name} {id} to be {state:?}"), async || {
            let event = self.event(name, id).await?.event.context("GetEvent has an event")?;
            Ok(Some(event).filter(|event| event.state() == state))
        })
        .await
    }
}
