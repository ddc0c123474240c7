//! A client of the sandbox's control API.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::{Person, http};

#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Address, without a trailing slash.
    pub url: String,
    http: reqwest::Client,
}

/// An event that the fake Graph API accepted.
#[derive(Debug, Clone)]
pub struct ServerEvent(pub Value);

impl ServerEvent {
    /// A field by its path in the event, such as `["custom_data", "currency"]`. `Null` if it is absent.
    #[must_use]
    pub fn field(&self, path: &[&str]) -> &Value {
        path.iter().fold(&self.0, |value, key| &value[*key])
    }

    /// A text field. Empty if it is absent.
    #[must_use]
    pub fn text(&self, path: &[&str]) -> &str {
        self.field(path).as_str().unwrap_or_default()
    }

    #[must_use]
    pub fn event_id(&self) -> &str {
        self.text(&["event_id"])
    }

    /// The only value of a match key. Empty if the key is absent.
    ///
    /// # Panics
    /// When the key has several values.
    #[must_use]
    pub fn match_key(&self, key: &str) -> &str {
        match self.field(&["user_data", key]) {
            Value::Array(values) => {
                assert!(values.len() == 1, "user_data.{key} has {} values", values.len());
                values[0].as_str().unwrap_or_default()
            }
            value => value.as_str().unwrap_or_default(),
        }
    }

    /// `custom_data.value` in hundredths.
    ///
    /// # Panics
    /// When the value is absent or not a number.
    #[must_use]
    pub fn value_minor(&self) -> i64 {
        let value = self.field(&["custom_data", "value"]);
        minor(value).unwrap_or_else(|| panic!("custom_data.value is {value}"))
    }
}

/// A JSON number with at most two decimals, in hundredths.
#[must_use]
pub fn minor(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => minor_of_text(&number.to_string()),
        Value::String(text) => minor_of_text(text),
        _ => None,
    }
}

/// A decimal with at most two decimals, in hundredths.
#[must_use]
pub fn minor_of_text(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let cents: i64 = format!("{decimals:0<2}").parse().ok()?;
    Some(whole.parse::<i64>().ok()? * 100 + cents)
}

impl Sandbox {
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), http: http::client() }
    }

    /// Changes settings of the running sandbox (`tandem_url`, `webhook_url`, `token`, …).
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn configure(&self, settings: Value) -> anyhow::Result<()> {
        self.post("/control/config", &settings).await.map(drop)
    }

    /// Scripts a fault for the next `count` calls of `target`. `None` means all calls.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn fault(&self, target: &str, count: Option<u32>, action: Value) -> anyhow::Result<()> {
        let fault = json!({ "target": target, "count": count, "delay_ms": 0, "action": action });
        self.post("/control/faults", &fault).await.map(drop)
    }

    /// Scripts a fault with all fields of the control API, such as the conditions `pixel` and `containing` (`graph`
    /// only).
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn script(&self, fault: Value) -> anyhow::Result<()> {
        self.post("/control/faults", &fault).await.map(drop)
    }

    /// Makes the fake Graph API refuse every request with this event, as Meta does, until [`Sandbox::heal`].
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn refuse_event(&self, event_id: &str) -> anyhow::Result<()> {
        let error = json!({ "error": {
            "message": "Invalid parameter", "type": "OAuthException", "code": 100, "error_subcode": 2_804_019,
            "is_transient": false, "fbtrace_id": "AtRaCe",
        } });
        let answer = json!({ "answer": { "status": 400, "body": error.to_string(), "headers": {} } });
        self.script(json!({ "target": "graph", "action": answer, "containing": event_id })).await
    }

    /// Delays the next `count` calls of `target`, which still succeed. `None` means all calls.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn delay(&self, target: &str, count: Option<u32>, delay: Duration) -> anyhow::Result<()> {
        let delay_ms = u64::try_from(delay.as_millis())?;
        let fault = json!({ "target": target, "count": count, "delay_ms": delay_ms, "action": null });
        self.post("/control/faults", &fault).await.map(drop)
    }

    /// Replaces all faults in one step.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn set_faults(&self, faults: Vec<Value>) -> anyhow::Result<()> {
        let response = self.http.put(format!("{}/control/faults", self.url)).json(&faults).send().await?;
        ensure!(response.status().is_success(), "PUT /control/faults: {}", response.status());
        Ok(())
    }

    /// Ends all faults.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn heal(&self) -> anyhow::Result<()> {
        let response = self.http.delete(format!("{}/control/faults", self.url)).send().await?;
        ensure!(response.status().is_success(), "DELETE /control/faults: {}", response.status());
        Ok(())
    }

    /// The events that the fake Graph API accepted under a name. An empty name means all events.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn server_events(&self, name: &str) -> anyhow::Result<Vec<ServerEvent>> {
        self.server_events_since(name, 0).await
    }

    /// The events that the fake Graph API accepted under a name since a time, in Unix milliseconds.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn server_events_since(&self, name: &str, since_ms: u64) -> anyhow::Result<Vec<ServerEvent>> {
        let path = match name {
            "" => "/control/graph/events".to_owned(),
            name => format!("/control/graph/events?event_name={name}"),
        };
        let mut rows = list(self.get(&path).await?);
        rows.retain(|row| row["received_at_ms"].as_u64().is_some_and(|at| at >= since_ms));
        Ok(rows.into_iter().map(|mut row| ServerEvent(row["event"].take())).collect())
    }

    /// The events that the fake Graph API accepted, each with other data of its call (`test_event_code`,
    /// `appsecret_proof`, `pixel_id`, `received_at_ms`).
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn graph_rows(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/graph/events").await.map(list)
    }

    /// The events that the fake Graph API accepted after the event with this number (0: all events). The rows are
    /// those of [`Sandbox::graph_rows`], with `number` and `lost`.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn graph_rows_after(&self, number: u64) -> anyhow::Result<Vec<Value>> {
        self.get(&format!("/control/graph/events?after={number}")).await.map(list)
    }

    /// How many requests the fake Graph API received, and how many events it accepted.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn graph_counts(&self) -> anyhow::Result<(u64, u64)> {
        let counts = self.get("/control/graph/counts").await?;
        Ok((counts["requests"].as_u64().unwrap_or_default(), counts["events"].as_u64().unwrap_or_default()))
    }

    /// The events that the fake Graph API accepted under a name and an ID.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn server_events_with_id(&self, name: &str, id: &str) -> anyhow::Result<Vec<ServerEvent>> {
        let mut events = self.server_events(name).await?;
        events.retain(|event| event.event_id() == id);
        Ok(events)
    }

    /// The calls of the Graph API so far, with refused ones.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn graph_requests(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/graph/requests").await.map(list)
    }

    /// The hits of the fake pixel.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn pixel_events(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/pixel/events").await.map(list)
    }

    /// The event IDs seen, with the number of browser and server copies.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn matches(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/matches").await.map(list)
    }

    /// Creates an order at the fake Cashfree.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn create_order(&self, order_id: &str, amount: &str, person: &Person) -> anyhow::Result<()> {
        self.create_tagged_order(order_id, amount, person, json!({})).await.map(drop)
    }

    /// [`Sandbox::create_order`] with `order_tags`. Returns the payment session's ID.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn create_tagged_order(
        &self,
        order_id: &str,
        amount: &str,
        person: &Person,
        tags: Value,
    ) -> anyhow::Result<String> {
        let order = json!({
            "order_id": order_id,
            "amount": amount,
            "currency": "INR",
            "customer": { "name": person.full_name(), "email": person.email, "phone": person.phone },
            "tags": tags,
        });
        let created = self.post("/control/cashfree/orders", &order).await?;
        Ok(created["session"].as_str().unwrap_or_default().to_owned())
    }

    /// Ends a payment attempt of an order with `success`, `failed` or `dropped`. The fake Cashfree then sends its
    /// webhook to the gateway. Returns the payment's ID.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn pay(&self, order_id: &str, outcome: &str) -> anyhow::Result<String> {
        self.attempt(order_id, outcome, true).await
    }

    /// Ends a payment attempt with success, without a webhook.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn pay_in_silence(&self, order_id: &str) -> anyhow::Result<String> {
        self.attempt(order_id, "success", false).await
    }

    /// Ends a payment attempt with `details`: `outcome`, and others that the control API knows (`payment_amount`).
    /// Sends no webhook. Returns the payment's ID.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn end_attempt(&self, order_id: &str, mut details: Value) -> anyhow::Result<String> {
        details["send_webhook"] = json!(false);
        self.attempt_as(order_id, &details).await
    }

    async fn attempt(&self, order_id: &str, outcome: &str, send_webhook: bool) -> anyhow::Result<String> {
        self.attempt_as(order_id, &json!({ "outcome": outcome, "send_webhook": send_webhook })).await
    }

    async fn attempt_as(&self, order_id: &str, details: &Value) -> anyhow::Result<String> {
        let path = format!("/control/cashfree/orders/{order_id}/pay");
        let answer = self.post(&path, details).await?;
        Ok(answer["cf_payment_id"]
            .as_str()
            .map_or_else(|| answer["cf_payment_id"].to_string(), str::to_owned))
    }

    /// Makes the fake Cashfree do something to an order: `refund`, `status` or `webhook`, as its control API describes.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn change_order(&self, order_id: &str, what: &str, details: Value) -> anyhow::Result<()> {
        self.post(&format!("/control/cashfree/orders/{order_id}/{what}"), &details).await.map(drop)
    }

    /// Makes the sandbox sign raw bytes and send them once. Returns the gateway's HTTP status.
    ///
    /// # Errors
    /// When the sandbox refuses.
    pub async fn send_webhook(&self, body: &str) -> anyhow::Result<u64> {
        let answer = self.post("/control/cashfree/webhook", &json!({ "body": body })).await?;
        answer["status"].as_u64().context("the sandbox names the status it got")
    }

    /// The orders of the fake Cashfree, with `order_id`, `order_status`, and `paid_amount` (text, or `null` before a
    /// payment).
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn orders(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/cashfree/orders").await.map(list)
    }

    /// The webhooks sent so far, with their attempts.
    ///
    /// # Errors
    /// When the sandbox does not answer.
    pub async fn webhooks(&self) -> anyhow::Result<Vec<Value>> {
        self.get("/control/cashfree/webhooks").await.map(list)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let response = self.http.get(format!("{}{path}", self.url)).send().await?;
        ensure!(response.status().is_success(), "GET {path}: {}", response.status());
        Ok(response.json().await?)
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let response = self.http.post(format!("{}{path}", self.url)).json(body).send().await?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "POST {path}: {status} {text}");
        if text.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_str(&text).with_context(|| format!("the answer of POST {path}: {text}"))
    }
}

fn list(rows: Value) -> Vec<Value> {
    match rows {
        Value::Array(rows) => rows,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_hundredths_without_rounding() {
        for (text, hundredths) in [("1499", 149_900), ("1399.5", 139_950), ("0.29", 29), ("1499.00", 149_900)]
        {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(minor(&value), Some(hundredths), "{text}");
        }
        assert_eq!(minor(&Value::Null), None);
    }
}
