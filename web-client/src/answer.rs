//! Reads the server's answers.

use crate::grpc::framing;
use crate::grpc::status::{OK, Status};
use crate::node::Node;
use crate::schema::{Method, index, is_word, role};
use crate::wire::Fields;

/// The answer to a call of any kind.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// The event ID for the server and the pixel.
    pub(crate) event_id: &'a [u8],
    /// The server already had the event, or knew the order.
    pub(crate) is_duplicate: bool,
    /// The payment is not known yet.
    pub(crate) is_pending: bool,
    /// The event that the pixel must fire now, an encoded `BrowserEvent`.
    pub(crate) event: Option<&'a [u8]>,
    /// Comes with a Purchase to fire; the page gives it back when it confirms. Empty for other events.
    pub(crate) confirm_key: &'a [u8],
}

/// Finds the message in a gRPC-web response, from the headers and the body. `headers` has gRPC's headers by their names
/// without `grpc-`.
///
/// A missing answer and an answer that is not gRPC-web give `UNAVAILABLE`, so that the call is tried again. Such an
/// answer may be a proxy's error page, and is not the server's refusal.
pub(crate) fn message<'a>(headers: Node<'_>, body: &'a [u8]) -> Result<&'a [u8], Status> {
    let parts = framing::response(body).unwrap_or_default();
    let header = |name: &[u8]| Some(headers.get(name)).filter(|value| !value.is_absent()).map(Node::text);
    match Status::read(&header).or_else(|| Status::from_trailers(parts.trailers)) {
        Some(status) if status.code == OK => parts.message.ok_or_else(Status::unavailable),
        Some(status) => Err(status),
        None => Err(Status::unavailable()),
    }
}

impl<'a> Answer<'a> {
    /// Reads the answer of an RPC. Every answer but that to a report names its event.
    pub(crate) fn read(method: &Method, message: &'a [u8]) -> Result<Self, Status> {
        let mut answer = Self::default();
        for (number, value) in Fields(message) {
            match method.answer.field(number).map(|field| field.role) {
                Some(role::EVENT_ID) => answer.event_id = value.bytes(),
                Some(role::DUPLICATE) => answer.is_duplicate = value.number() != 0,
                Some(role::BROWSER_EVENT) => answer.event = Some(value.bytes()),
                Some(role::STATE) => {
                    answer.is_pending = is_word(index::PURCHASE_STATE, value.number(), b"pending");
                }
                Some(role::CONFIRM_KEY) => answer.confirm_key = value.bytes(),
                _ => {}
            }
        }
        let has_id = method.answer.fields().any(|field| field.role == role::EVENT_ID);
        if has_id && answer.event_id.is_empty() { Err(Status::unavailable()) } else { Ok(answer) }
    }
}

#[cfg(test)]
mod tests {
    use prost::Message as _;
    use tandem_proto::v1::{
        BrowserEvent, CaptureLeadResponse, PurchaseState, RecordPurchaseResponse, TrackEventResponse,
    };

    use super::*;
    use crate::grpc::framing::request as frame;
    use crate::grpc::status::UNAVAILABLE;
    use crate::schema;

    fn event() -> Option<BrowserEvent> {
        Some(BrowserEvent { event_name: "Lead".to_owned(), ..BrowserEvent::default() })
    }

    fn expected(bytes: &[u8]) -> Answer<'_> {
        Answer { event_id: b"id", is_duplicate: true, event: Some(bytes), ..Answer::default() }
    }

    #[test]
    fn answers_are_read_as_the_protocol_writes_them() {
        let bytes = event().unwrap_or_default().encode_to_vec();
        let lead = CaptureLeadResponse {
            event_id: "id".to_owned(),
            lead_id: "lead_id".to_owned(),
            duplicate: true,
            browser_event: event(),
            suppressed_reason: "x".to_owned(),
        };
        assert_eq!(Answer::read(&schema::CAPTURE_LEAD, &lead.encode_to_vec()).ok(), Some(expected(&bytes)));
        let tracked = TrackEventResponse {
            event_id: "id".to_owned(),
            duplicate: true,
            browser_event: event(),
            suppressed_reason: "x".to_owned(),
        };
        assert_eq!(Answer::read(&schema::TRACK_EVENT, &tracked.encode_to_vec()).ok(), Some(expected(&bytes)));
        let mut purchase = RecordPurchaseResponse {
            event_id: "id".to_owned(),
            state: PurchaseState::Verified.into(),
            duplicate: true,
            browser_event: event(),
            suppressed_reason: "x".to_owned(),
            confirm_key: "c0ffee".to_owned(),
        };
        let paid = Answer { confirm_key: b"c0ffee", ..expected(&bytes) };
        assert_eq!(Answer::read(&schema::RECORD_PURCHASE, &purchase.encode_to_vec()).ok(), Some(paid));
        purchase.set_state(PurchaseState::Pending);
        assert!(Answer::read(&schema::RECORD_PURCHASE, &purchase.encode_to_vec()).unwrap().is_pending);
    }

    #[test]
    fn an_answer_without_an_id_is_none() {
        assert!(Answer::read(&schema::CAPTURE_LEAD, b"").is_err_and(|status| status.code == UNAVAILABLE));
        assert_eq!(Answer::read(&schema::CONFIRM_BROWSER_EVENTS, b"").ok(), Some(Answer::default()));
    }

    #[test]
    fn the_status_is_found_in_headers_and_in_trailers() {
        let none = Node::Absent;
        let mut body = frame(b"hi");
        body.extend_from_slice(&[0x80, 0, 0, 0, 13]);
        body.extend_from_slice(b"grpc-status:0");
        assert_eq!(message(none, &body).ok(), Some(b"hi".as_slice()));
        let refused = Node::read(br#"{"status":"3","message":"no"}"#);
        let status = message(refused, b"").unwrap_err();
        assert_eq!((status.code, status.message.as_slice()), (3, b"no".as_slice()));
    }

    #[test]
    fn what_is_no_grpc_answer_is_no_answer() {
        let none = Node::Absent;
        for body in [b"".as_slice(), b"<html>502 Bad Gateway</html>", &frame(b"hi")] {
            assert!(message(none, body).is_err_and(|status| status.code == UNAVAILABLE));
        }
        let fine = Node::read(br#"{"status":"0"}"#);
        assert!(message(fine, b"").is_err(), "an OK status without a message is an error");
    }
}
