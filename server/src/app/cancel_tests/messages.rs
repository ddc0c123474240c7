//! Requests of the suite.

use std::collections::HashMap;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use tandem_proto::v1;
use tonic::Request;

use super::{SECRET, TOKEN};
use crate::api::caller::Caller;
use crate::clock::Clock;

pub(super) fn internal<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {TOKEN}").parse().unwrap());
    request
}

/// A call that a handler gets past the port.
pub(super) fn direct<T>(message: T, caller: Caller) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller);
    request
}

pub(super) fn user(n: u32) -> Option<v1::User> {
    Some(v1::User { email: Some(format!("a{n}@example.com")), ..v1::User::default() })
}

pub(super) fn lead(n: u32) -> v1::CaptureLeadRequest {
    v1::CaptureLeadRequest { user: user(n), ..v1::CaptureLeadRequest::default() }
}

pub(super) fn checkout(order: String) -> v1::TrackEventRequest {
    let event_name = "InitiateCheckout".to_owned();
    v1::TrackEventRequest { event_name, user: user(1), order_id: order, ..v1::TrackEventRequest::default() }
}

pub(super) fn purchase(order: String) -> v1::RecordPurchaseRequest {
    let value = Some(v1::Money { amount: "10.50".to_owned(), currency_code: "INR".to_owned() });
    let custom_data = Some(v1::CustomData { value, ..v1::CustomData::default() });
    v1::RecordPurchaseRequest { order_id: order, user: user(1), custom_data, ..Default::default() }
}

pub(super) fn webhook(order: &str) -> v1::VerifyWebhookRequest {
    let now_s = Clock::system().now_s();
    let time = jiff::Timestamp::from_second(now_s).unwrap().to_string();
    let body = format!(
        r#"{{"data":{{"order":{{"order_id":"{order}","order_amount":10.50,"order_currency":"INR","order_tags":null}},
        "payment":{{"cf_payment_id":"9{order}","payment_status":"SUCCESS","payment_amount":10.50,"payment_currency":"INR",
        "payment_time":"{time}"}},"customer_details":{{"customer_email":"b@example.com"}}}},"event_time":"{time}",
        "type":"PAYMENT_SUCCESS_WEBHOOK"}}"#
    );
    let timestamp = (now_s * 1000).to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(timestamp.as_bytes());
    mac.update(body.as_bytes());
    let signature = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    let headers = [("x-webhook-signature", signature), ("x-webhook-timestamp", timestamp)];
    v1::VerifyWebhookRequest {
        provider: v1::Provider::Cashfree.into(),
        raw_body: body.into_bytes(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into_iter().collect::<HashMap<_, _>>(),
        content_type: "application/json".to_owned(),
        ..v1::VerifyWebhookRequest::default()
    }
}
