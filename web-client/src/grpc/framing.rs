//! Frames of gRPC-web: a flag byte, a big-endian length, the content.

use alloc::vec::Vec;

/// Flag of the frame that contains the trailers.
const TRAILERS: u8 = 0x80;
/// Flag of compressed content. Requests never ask for it.
const COMPRESSED: u8 = 0x01;
/// Bytes before a frame's content.
const HEAD_BYTES: usize = 5;

/// The body of a request with one message.
pub(crate) fn request(message: &[u8]) -> Vec<u8> {
    let mut body = [0].to_vec();
    body.extend_from_slice(&(message.len() as u32).to_be_bytes());
    body.extend_from_slice(message);
    body
}

/// The parts of a response's body.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Response<'a> {
    /// The message, if there is one.
    pub(crate) message: Option<&'a [u8]>,
    /// The trailers' lines, `name: value`, separated by CRLF. Empty if there are none.
    pub(crate) trailers: &'a [u8],
}

/// Splits the response of a unary call. `None` if it is cut short or compressed, or has more than one message.
pub(crate) fn response(mut body: &[u8]) -> Option<Response<'_>> {
    let mut parts = Response::default();
    while let Some((head, rest)) = body.split_first_chunk::<HEAD_BYTES>() {
        let [flags, length @ ..] = *head;
        let content = rest.get(..u32::from_be_bytes(length) as usize)?;
        body = rest.get(content.len()..)?;
        match flags {
            TRAILERS => parts.trailers = content,
            0 if parts.message.is_none() => parts.message = Some(content),
            _ => return None,
        }
    }
    (body.is_empty()).then_some(parts)
}

const _: () = assert!(
    TRAILERS & COMPRESSED == 0,
    "a compressed frame differs from both plain frames, so it is refused"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(flags: u8, content: &[u8]) -> Vec<u8> {
        let mut frame = request(content);
        frame[0] = flags;
        frame
    }

    #[test]
    fn a_request_is_one_plain_frame() {
        assert_eq!(request(b"abc"), [0, 0, 0, 0, 3, b'a', b'b', b'c']);
        assert_eq!(request(b""), [0; 5]);
    }

    #[test]
    fn message_and_trailers_are_found() {
        let body = [frame(0, b"abc"), frame(TRAILERS, b"grpc-status: 0\r\n")].concat();
        let parts = response(&body).unwrap();
        assert_eq!(parts.message, Some(b"abc".as_slice()));
        assert_eq!(parts.trailers, b"grpc-status: 0\r\n");
    }

    #[test]
    fn trailers_alone_and_nothing_at_all_are_responses() {
        let body = frame(TRAILERS, b"grpc-status:3");
        assert_eq!(response(&body), Some(Response { message: None, trailers: b"grpc-status:3" }));
        assert_eq!(response(b""), Some(Response::default()));
    }

    #[test]
    fn an_empty_message_is_a_message() {
        assert_eq!(response(&frame(0, b"")).unwrap().message, Some(b"".as_slice()));
    }

    #[test]
    fn what_is_cut_short_compressed_or_doubled_is_refused() {
        let body = frame(0, b"abc");
        for cut in 1..body.len() {
            assert_eq!(response(&body[..cut]), None, "cut after {cut}");
        }
        assert_eq!(response(&frame(COMPRESSED, b"abc")), None);
        assert_eq!(response(&[frame(0, b"a"), frame(0, b"b")].concat()), None);
        assert_eq!(response(&[0, 0xff, 0xff, 0xff, 0xff, 1]), None);
    }
}
