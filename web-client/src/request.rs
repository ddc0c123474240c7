//! What the page's calls ask of the server.

use prost::Message;
use prost_types::Timestamp;
use tandem_proto::v1::tracking_service_paths as paths;
use tandem_proto::v1::{
    AdsConsent, Browser, ConfirmBrowserEventsRequest, Confirmation, Consent, CustomData, Experiment, User,
};
use wasm_bindgen::JsValue;

use crate::grpc::framing;
use crate::grpc::status::Status;
use crate::input::{Input, timestamp};
use crate::js::Page;
use crate::pixel::PixelEvent;

/// The kinds of calls, as `js/index.js` numbers them.
pub(crate) const LEAD: u32 = 0;
#[cfg(test)]
pub(crate) const EVENT: u32 = 1;
pub(crate) const CUSTOM_EVENT: u32 = 2;
pub(crate) const PURCHASE: u32 = 3;
pub(crate) const CONFIRMATION: u32 = 4;

/// A call, ready to be sent.
pub(crate) struct Prepared {
    /// The method's path.
    pub(crate) path: &'static str,
    /// The message in its frame.
    pub(crate) body: Vec<u8>,
    /// What the pixel is told if the server does not answer. `None`: nothing without its word.
    pub(crate) own: Option<PixelEvent>,
    /// Nothing may be remembered of the call, either.
    pub(crate) is_denied: bool,
}

/// What a call is made of, beside what the page gave.
pub(crate) struct Draft<'a> {
    pub(crate) page: &'a Page,
    /// The options of `Tandem.connect`.
    pub(crate) options: &'a JsValue,
    /// The visit, see `js/index.js`.
    pub(crate) visit: &'a JsValue,
    /// The client's own ID for the event.
    pub(crate) id: String,
    /// When the call was made, in milliseconds since 1970, if that is to be said. A page's clock
    /// may be days off: the receipt is the better time unless the call was delayed.
    pub(crate) made_ms: f64,
}

impl Draft<'_> {
    /// Reads the page's argument.
    pub(crate) fn prepare(self, kind: u32, name: String, of: &JsValue) -> Result<Prepared, Status> {
        let mut defaults = Input::new(self.page, self.options);
        let pixel_id = defaults.text("", "pixelId").unwrap_or_default();
        let currency = defaults.text("", "currency").unwrap_or_default();
        let mut input = Input::new(self.page, of);
        let mut user = input.user();
        user.default_country = defaults.text("", "defaultCountry");
        let custom_data = input.custom_data(&currency);
        let experiment = input.experiment().or_else(|| defaults.experiment());
        let consent = input.consent().or_else(|| defaults.consent());
        let order_id = input.text("", "orderId").unwrap_or_default();
        let mut occurred_at = input.occurred_at();
        if occurred_at.is_none() && self.made_ms > 0.0 {
            occurred_at = Some(timestamp(self.made_ms));
        }
        let claim_key = input.text("", "claimKey").unwrap_or_default();
        if kind == PURCHASE && order_id.is_empty() {
            input.fault("", "orderId", "is required");
        }
        let browser = Input::new(self.page, self.visit).browser();
        input.done()?;

        let is_denied = is_denied(consent.as_ref());
        let own = if is_denied || kind == PURCHASE {
            None
        } else {
            let name = if kind == LEAD { "Lead".to_owned() } else { name.clone() };
            let data = custom_data.encode_to_vec();
            let event = PixelEvent::new(self.page, name, self.id.clone(), &data, kind == CUSTOM_EVENT);
            if kind != LEAD {
                event.add(self.page, "order_id", &order_id);
            }
            if let Some(experiment) = &experiment {
                event.add(self.page, "experiment_id", &experiment.experiment_id);
                event.add(self.page, "variant", &experiment.variant);
                event.add(self.page, "test_group", &experiment.test_group);
            }
            Some(event)
        };
        let parts = Parts { user, browser, custom_data, experiment, consent, occurred_at };
        let texts = match kind {
            LEAD => [(6, self.id), (8, pixel_id), (9, String::new()), (10, String::new())],
            PURCHASE => [(1, order_id), (8, pixel_id), (9, claim_key), (10, String::new())],
            _ => [(6, self.id), (8, pixel_id), (9, name), (10, order_id)],
        };
        let path = match kind {
            LEAD => paths::CAPTURE_LEAD,
            PURCHASE => paths::RECORD_PURCHASE,
            _ => paths::TRACK_EVENT,
        };
        let message = parts.encode(kind, &texts);
        Ok(Prepared { path, body: framing::request(&message), own, is_denied })
    }
}

/// What the three requests share. Their fields have the same names and other numbers: writing them
/// here takes half the room of three generated encoders. The tests hold the numbers to
/// `tandem/v1/tracking.proto`.
struct Parts {
    user: User,
    browser: Browser,
    custom_data: CustomData,
    experiment: Option<Experiment>,
    consent: Option<Consent>,
    occurred_at: Option<Timestamp>,
}

impl Parts {
    fn encode(&self, kind: u32, texts: &[(u8, String)]) -> Vec<u8> {
        let first = if kind == PURCHASE { 2 } else { 1 };
        let mut message = Vec::new();
        put(&mut message, first, Some(&self.user));
        put(&mut message, first + 1, Some(&self.browser));
        put(&mut message, first + 2, Some(&self.custom_data));
        put(&mut message, first + 3, self.experiment.as_ref());
        put(&mut message, first + 4, self.consent.as_ref());
        put(&mut message, 7, self.occurred_at.as_ref());
        for (number, text) in texts.iter().filter(|(_, text)| !text.is_empty()) {
            message.push(number << 3 | 2);
            prost::encode_length_delimiter(text.len(), &mut message).unwrap_or_default();
            message.extend_from_slice(text.as_bytes());
        }
        message
    }
}

/// Appends a field that is a message.
fn put(out: &mut Vec<u8>, number: u8, message: Option<&impl Message>) {
    if let Some(message) = message {
        out.push(number << 3 | 2);
        // A vector has room for everything.
        let _ = message.encode_length_delimited(out);
    }
}

/// The report of what the pixel did with an event; `outcome` as `Outcome` numbers it.
pub(crate) fn confirmation(
    pixel_id: String,
    event_name: String,
    event_id: String,
    outcome: i32,
    at_ms: f64,
) -> Prepared {
    let occurred_at = Some(timestamp(at_ms));
    let confirmations = vec![Confirmation { event_name, event_id, outcome, occurred_at }];
    let request = ConfirmBrowserEventsRequest { confirmations, pixel_id };
    Prepared {
        path: paths::CONFIRM_BROWSER_EVENTS,
        body: framing::request(&request.encode_to_vec()),
        own: None,
        is_denied: false,
    }
}

/// Checks the options of `Tandem.connect`. Returns whether they deny advertising use.
pub(crate) fn check_options(page: &Page, options: &JsValue) -> Result<bool, Status> {
    let mut input = Input::new(page, options);
    let endpoint = input.text("", "endpoint").unwrap_or_default();
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        input.fault("endpoint", "", "must be the server's address, such as https://track.shop.example");
    }
    let pixel_id = input.text("", "pixelId").unwrap_or_default();
    if pixel_id.is_empty() || !pixel_id.bytes().all(|byte| byte.is_ascii_digit()) {
        input.fault("pixelId", "", "must be the pixel's ID: digits");
    }
    input.text("", "currency");
    input.experiment();
    let consent = input.consent();
    input.done()?;
    Ok(is_denied(consent.as_ref()))
}

/// Whether advertising use was refused.
fn is_denied(consent: Option<&Consent>) -> bool {
    consent.is_some_and(|consent| consent.ads == i32::from(AdsConsent::ConsentDenied))
}

#[cfg(test)]
mod tests {
    use tandem_proto::v1::{CaptureLeadRequest, RecordPurchaseRequest, TrackEventRequest};

    use super::*;

    #[test]
    fn only_a_refusal_denies() {
        let consent = |ads: AdsConsent| Consent { ads: ads.into(), ..Consent::default() };
        assert!(is_denied(Some(&consent(AdsConsent::ConsentDenied))));
        assert!(!is_denied(Some(&consent(AdsConsent::ConsentGranted))));
        assert!(!is_denied(Some(&consent(AdsConsent::ConsentUnspecified))));
        assert!(!is_denied(None));
    }

    fn parts() -> Parts {
        Parts {
            user: User { email: Some("a@example.com".to_owned()), ..User::default() },
            browser: Browser { fbp: Some("fb.1.2.3".to_owned()), ..Browser::default() },
            custom_data: CustomData { content_name: "deck".to_owned(), ..CustomData::default() },
            experiment: Some(Experiment { variant: "B".to_owned(), ..Experiment::default() }),
            consent: Some(Consent { limited_data_use: true, ..Consent::default() }),
            occurred_at: Some(timestamp(1_700_000_000_000.0)),
        }
    }

    fn texts<const N: usize>(texts: [(u8, &str); N]) -> [(u8, String); N] {
        texts.map(|(number, text)| (number, text.to_owned()))
    }

    #[test]
    fn leads_are_written_as_the_protocol_has_them() {
        let bytes = parts().encode(LEAD, &texts([(6, "id"), (8, "7"), (9, "")]));
        let Parts { user, browser, custom_data, experiment, consent, occurred_at } = parts();
        let expected = CaptureLeadRequest {
            user: Some(user),
            browser: Some(browser),
            custom_data: Some(custom_data),
            experiment,
            consent,
            client_event_id: "id".to_owned(),
            occurred_at,
            pixel_id: "7".to_owned(),
        };
        assert!(CaptureLeadRequest::decode(bytes.as_slice()).is_ok_and(|sent| sent == expected));
    }

    #[test]
    fn events_are_written_as_the_protocol_has_them() {
        let bytes = parts().encode(EVENT, &texts([(6, "id"), (8, "7"), (9, "AddToCart"), (10, "A-1")]));
        let Parts { user, browser, custom_data, experiment, consent, occurred_at } = parts();
        let expected = TrackEventRequest {
            user: Some(user),
            browser: Some(browser),
            custom_data: Some(custom_data),
            experiment,
            consent,
            client_event_id: "id".to_owned(),
            occurred_at,
            pixel_id: "7".to_owned(),
            event_name: "AddToCart".to_owned(),
            order_id: "A-1".to_owned(),
        };
        assert!(TrackEventRequest::decode(bytes.as_slice()).is_ok_and(|sent| sent == expected));
    }

    #[test]
    fn purchases_are_written_as_the_protocol_has_them() {
        let long = "x".repeat(300);
        let bytes = parts().encode(PURCHASE, &texts([(1, "A-1"), (8, "7"), (9, &long)]));
        let Parts { user, browser, custom_data, experiment, consent, occurred_at } = parts();
        let expected = RecordPurchaseRequest {
            order_id: "A-1".to_owned(),
            user: Some(user),
            browser: Some(browser),
            custom_data: Some(custom_data),
            experiment,
            consent,
            occurred_at,
            pixel_id: "7".to_owned(),
            claim_key: long,
            action_source: String::new(),
        };
        assert!(RecordPurchaseRequest::decode(bytes.as_slice()).is_ok_and(|sent| sent == expected));
    }

    #[test]
    fn a_confirmation_names_the_event_and_the_pixel() {
        let prepared =
            confirmation("7".to_owned(), "Lead".to_owned(), "id".to_owned(), 1, 1_700_000_000_900.0);
        assert_eq!(prepared.path, "/tandem.v1.TrackingService/ConfirmBrowserEvents");
        let request = ConfirmBrowserEventsRequest::decode(&prepared.body[5..]).unwrap();
        assert_eq!(request.pixel_id, "7");
        let sent = &request.confirmations[0];
        assert_eq!((sent.event_name.as_str(), sent.event_id.as_str(), sent.outcome), ("Lead", "id", 1));
        assert_eq!(sent.occurred_at.map(|at| at.seconds), Some(1_700_000_000));
    }
}
