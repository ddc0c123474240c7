//! The status of a call: from headers or from trailers, with its details.

use alloc::vec::Vec;

use super::base64;
use crate::json::Json;
use crate::retry::THROTTLED_MS;
use crate::text::number;
use crate::wire::Fields;

pub(crate) const OK: u32 = 0;
/// The code of a status that is not a number.
pub(crate) const UNKNOWN: u32 = 2;
pub(crate) const INVALID_ARGUMENT: u32 = 3;
pub(crate) const RESOURCE_EXHAUSTED: u32 = 8;
/// Also for a missing answer, and for an answer that is not gRPC-web.
pub(crate) const UNAVAILABLE: u32 = 14;

/// Names of the codes that a page gets, see [`Status::correctable_code`].
const NAMES: [(u32, &str); 5] = [
    (INVALID_ARGUMENT, "INVALID_ARGUMENT"),
    (7, "PERMISSION_DENIED"),
    (9, "FAILED_PRECONDITION"),
    (11, "OUT_OF_RANGE"),
    (16, "UNAUTHENTICATED"),
];

/// Prefix of gRPC's headers and trailers.
const PREFIX: &[u8] = b"grpc-";

/// Why a call failed.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) code: u32,
    pub(crate) message: Vec<u8>,
    /// The wrong fields (`google.rpc.BadRequest`) as JSON objects, separated by commas.
    pub(crate) fields: Json,
    /// One of the wrong fields is the time of the event.
    is_time: bool,
    /// Least time to wait before the next try, in milliseconds (`google.rpc.RetryInfo`).
    pub(crate) retry_after_ms: u32,
}

impl Status {
    /// The status of a call without a usable answer.
    pub(crate) fn unavailable() -> Self {
        Self { code: UNAVAILABLE, ..Self::default() }
    }

    /// Reads a status. `look_up` returns a header or trailer by its name without `grpc-`, in lower case. `None` if there
    /// is no status.
    pub(crate) fn read(look_up: &dyn Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Self> {
        let code = number(look_up(b"status")?.trim_ascii()).map_or(UNKNOWN, |code| code as u32);
        let message = look_up(b"message").map(|text| percent_decode(&text)).unwrap_or_default();
        let mut status = Self { code, message, ..Self::default() };
        if let Some(details) = look_up(b"status-details-bin").and_then(|text| base64::decode(&text)) {
            status.read_details(&details);
        }
        Some(status)
    }

    /// Adds a wrong field. `code` is the stable name of what is wrong.
    pub(crate) fn add_field(&mut self, field: &[u8], code: &[u8], description: &[u8]) {
        self.is_time |= field == b"occurred_at";
        self.fields.open(b'{');
        for (key, value) in [(b"field".as_slice(), field), (b"code", code), (b"description", description)] {
            self.fields.key(key);
            self.fields.text(value);
        }
        self.fields.close(b'}');
    }

    /// The value that JavaScript throws, as JSON after a mark: `{code, message, fields, isTime}` for a mistake that the page can correct, else
    /// the milliseconds to wait before the next try.
    pub(crate) fn thrown(&self, mark: u8) -> Json {
        let mut json = Json([mark].into());
        let Some(code) = self.correctable_code() else {
            json.number(self.wait_ms().into());
            return json;
        };
        json.open(b'{');
        for (key, value) in [(b"code".as_slice(), code.as_bytes()), (b"message", &self.message)] {
            json.key(key);
            json.text(value);
        }
        json.key(b"fields");
        json.open(b'[');
        json.0.extend_from_slice(&self.fields.0);
        json.close(b']');
        if self.is_time {
            json.key(b"isTime");
            json.flag(true);
        }
        json.close(b'}');
        json
    }

    /// Reads a status from a trailers frame.
    pub(crate) fn from_trailers(trailers: &[u8]) -> Option<Self> {
        Self::read(&|wanted: &[u8]| {
            trailers.split(|byte| *byte == b'\n').find_map(|line| {
                let colon = line.iter().position(|byte| *byte == b':')?;
                let (name, value) = line.split_at_checked(colon)?;
                let (prefix, name) = name.trim_ascii().split_at_checked(PREFIX.len())?;
                let is_wanted = prefix.eq_ignore_ascii_case(PREFIX) && name.eq_ignore_ascii_case(wanted);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                is_wanted.then(|| value.to_vec())
            })
        })
    }

    /// The code's name, if the page can correct the mistake. Such a call is not repeated, and the page gets the error.
    pub(crate) fn correctable_code(&self) -> Option<&'static str> {
        NAMES.iter().find(|(code, _)| *code == self.code).map(|(_, name)| *name)
    }

    /// Least time to wait before the next try, in milliseconds.
    pub(crate) fn wait_ms(&self) -> u32 {
        match self.retry_after_ms {
            0 if self.code == RESOURCE_EXHAUSTED => THROTTLED_MS,
            wait_ms => wait_ms,
        }
    }

    /// `google.rpc.Status`: `details` (3) of `google.protobuf.Any`: `type_url` (1), `value` (2).
    fn read_details(&mut self, status: &[u8]) {
        for (_, detail) in Fields(status).filter(|(number, _)| *number == 3) {
            let (mut kind, mut value) = ([].as_slice(), [].as_slice());
            for (number, part) in Fields(detail.bytes()) {
                match number {
                    1 => kind = part.bytes(),
                    2 => value = part.bytes(),
                    _ => {}
                }
            }
            if kind.ends_with(b"google.rpc.BadRequest") {
                self.read_violations(value);
            } else if kind.ends_with(b"google.rpc.RetryInfo") {
                self.read_delay(value);
            }
        }
    }

    /// `google.rpc.BadRequest`: `field_violations` (1) of `field` (1), `description` (2), `reason` (3).
    fn read_violations(&mut self, request: &[u8]) {
        for (_, violation) in Fields(request).filter(|(number, _)| *number == 1) {
            let (mut field, mut description, mut code) = ([].as_slice(), [].as_slice(), [].as_slice());
            for (number, part) in Fields(violation.bytes()) {
                match number {
                    1 => field = part.bytes(),
                    2 => description = part.bytes(),
                    3 => code = part.bytes(),
                    _ => {}
                }
            }
            self.add_field(field, code, description);
        }
    }

    /// `google.rpc.RetryInfo`: `retry_delay` (1) of `seconds` (1), `nanos` (2).
    fn read_delay(&mut self, info: &[u8]) {
        for (_, delay) in Fields(info).filter(|(number, _)| *number == 1) {
            for (number, part) in Fields(delay.bytes()) {
                // Negative delays and delays of more than a day are ignored.
                match (number, part.number()) {
                    (1, seconds @ 0..=86_400) => self.retry_after_ms += seconds as u32 * 1000,
                    (2, nanos @ 0..1_000_000_000) => self.retry_after_ms += nanos as u32 / 1_000_000,
                    _ => {}
                }
            }
        }
    }
}

/// Decodes the percent-encoding of `grpc-message`. Invalid escapes are kept.
fn percent_decode(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some((&byte, rest)) = bytes.split_first() {
        bytes = rest;
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match rest {
            [high, low, after @ ..] if byte == b'%' => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push((high << 4 | low) as u8);
                    bytes = after;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn trailers_are_read_whatever_their_spelling() {
        let status =
            Status::from_trailers(b"Grpc-Status:5\r\ngrpc-message: not%20here%2C \xe2\x82\xac\r\n").unwrap();
        assert_eq!((status.code, status.message.as_slice()), (5, "not here, \u{20ac}".as_bytes()));
        assert_eq!(Status::from_trailers(b"grpc-status: 0\r\n").unwrap().code, OK);
        assert_eq!(Status::from_trailers(b"grpc-status: ?\r\n").unwrap().code, UNKNOWN);
        assert!(Status::from_trailers(b"grpc-message: lost\r\n").is_none());
        assert!(Status::from_trailers(b"").is_none());
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(percent_decode(b"100% of %zz %4"), b"100% of %zz %4");
        assert_eq!(percent_decode(b"%E2%82%AC%"), "\u{20ac}%".as_bytes());
    }

    /// `bytes` as field `number` of a message.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, bytes.len() as u8], bytes].concat()
    }

    fn detail(kind: &str, value: &[u8]) -> Vec<u8> {
        let kind = format!("type.googleapis.com/google.rpc.{kind}");
        field(3, &[field(1, kind.as_bytes()), field(2, value)].concat())
    }

    #[test]
    fn details_name_fields_and_delays() {
        let violation = [field(1, b"user.email"), field(2, b"has no @"), field(3, b"MALFORMED")].concat();
        let delay = prost_types::Duration { seconds: 2, nanos: 500_000_000 }.encode_to_vec();
        let details = [
            vec![8, 3],
            field(2, b"some fields are wrong"),
            detail("BadRequest", &field(1, &violation)),
            detail("Help", &[0xff]),
            detail("RetryInfo", &field(1, &delay)),
        ];
        let mut status = Status::default();
        status.read_details(&details.concat());
        let fields = r#"{"field":"user.email","code":"MALFORMED","description":"has no @"}"#;
        assert_eq!(String::from_utf8_lossy(&status.fields.0), fields);
        status.code = INVALID_ARGUMENT;
        let thrown = format!(r#"!{{"code":"INVALID_ARGUMENT","message":"","fields":[{fields}]}}"#);
        assert_eq!(status.thrown(b'!').0, thrown.as_bytes());
        assert_eq!(Status { code: RESOURCE_EXHAUSTED, ..Status::default() }.thrown(b'!').0, b"!5000");
        assert_eq!(Status::unavailable().thrown(b'!').0, b"!0");
        assert_eq!(status.retry_after_ms, 2500);
    }

    #[test]
    fn absurd_delays_are_no_delays() {
        for seconds in [-1, i64::MAX, 86_401] {
            let delay = prost_types::Duration { seconds, nanos: 0 }.encode_to_vec();
            let mut status = Status::default();
            status.read_details(&detail("RetryInfo", &field(1, &delay)));
            assert_eq!(status.retry_after_ms, 0, "{seconds}");
        }
    }

    #[test]
    fn broken_details_are_left_out() {
        let lines = b"grpc-status: 3\r\ngrpc-message: no\r\ngrpc-status-details-bin: ////\r\n";
        let status = Status::from_trailers(lines).unwrap();
        assert_eq!((status.code, status.fields.0.len()), (INVALID_ARGUMENT, 0));
        assert_eq!(status.correctable_code(), Some("INVALID_ARGUMENT"));
        assert_eq!(Status::unavailable().correctable_code(), None);
    }
}
