//! Signature vectors: signatures that must verify, and signatures that must not.

use serde_json::Value;
use tandem_core::cashfree::signature::{Genuine, SignatureError, verify};

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/cashfree_signatures.json"))
        .expect("the vectors are JSON")
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().expect("an entry holds its texts")
}

fn valid<'a>(vectors: &'a Value, id: &str) -> &'a Value {
    let entries = vectors["valid"].as_array().expect("there are vectors");
    entries.iter().find(|entry| entry["id"] == id).expect("the vector exists")
}

#[test]
fn trap_06_every_valid_vector_verifies_at_any_place_in_the_list_of_secrets() {
    let vectors = vectors();
    for entry in vectors["valid"].as_array().unwrap() {
        let (secret, body) = (text(entry, "secret"), text(entry, "body").as_bytes());
        assert_eq!(body.len() as u64, entry["bytes"].as_u64().unwrap(), "{}", entry["id"]);
        let check = |secrets: &[&str]| {
            verify(secrets, text(entry, "timestamp"), body, text(entry, "signature"))
                .map(|Genuine { secret, .. }| secret)
        };
        assert_eq!(check(&[secret]), Ok(0), "{}", entry["id"]);
        assert_eq!(check(&["other", secret]), Ok(1), "{}", entry["id"]);
        assert_eq!(check(&[secret, "other", secret]), Ok(0), "{}", entry["id"]);
        assert_eq!(check(&["other"]), Err(SignatureError::Mismatch), "{}", entry["id"]);
    }
}

#[test]
fn trap_01_no_invalid_pair_verifies() {
    let vectors = vectors();
    for entry in vectors["invalid"].as_array().unwrap() {
        let of = valid(&vectors, text(entry, "body_of"));
        let outcome = verify(
            &[text(of, "secret")],
            text(entry, "timestamp"),
            text(of, "body").as_bytes(),
            text(entry, "signature"),
        );
        assert!(
            matches!(outcome, Err(SignatureError::Mismatch | SignatureError::Malformed)),
            "{}: {outcome:?}",
            entry["why"]
        );
    }
}

fn v1() -> (Vec<u8>, String, String) {
    let vectors = vectors();
    let entry = valid(&vectors, "V1");
    (text(entry, "body").into(), text(entry, "timestamp").into(), text(entry, "signature").into())
}

const SECRET: [&str; 1] = ["cf_unit_secret_01"];
const GENUINE: Genuine = Genuine { secret: 0, signed_ms: 1_763_942_400_123 };

/// The signed bytes have no separator, so everything but one cut must be refused.
#[test]
fn signed_bytes_that_are_cut_elsewhere_are_not_genuine() {
    let (body, timestamp, signature) = v1();
    let whole = [timestamp.as_bytes(), &body].concat();
    let genuine: Vec<usize> = (0..=whole.len())
        .filter(|cut| {
            let (head, rest) = whole.split_at(*cut);
            let Ok(head) = str::from_utf8(head) else { return false };
            verify(&SECRET, head, rest, &signature).is_ok()
        })
        .collect();
    assert_eq!(genuine, [timestamp.len()]);
    // Ten digits are a time in seconds, so this cut would also pass the check of its age.
    let (seconds, rest) = whole.split_at(10);
    let seconds = str::from_utf8(seconds).unwrap();
    assert_eq!(verify(&SECRET, seconds, rest, &signature), Err(SignatureError::Recut));
    let with_brace = str::from_utf8(&whole[..timestamp.len() + 1]).unwrap();
    let outcome = verify(&SECRET, with_brace, &body[1..], &signature);
    assert_eq!(outcome, Err(SignatureError::TimestampMalformed));
}

#[test]
fn trap_02_a_literal_dot_is_not_part_of_the_message() {
    let (body, timestamp, signature) = v1();
    let dotted = [b".".as_slice(), &body].concat();
    assert_eq!(verify(&SECRET, &timestamp, &dotted, &signature), Err(SignatureError::Mismatch));
}

#[test]
fn trap_03_the_timestamp_is_signed_as_text() {
    let (body, timestamp, signature) = v1();
    for other in
        [format!("0{timestamp}"), format!("+{timestamp}"), format!(" {timestamp}"), format!("{timestamp}.0")]
    {
        assert_eq!(verify(&SECRET, &other, &body, &signature), Err(SignatureError::Mismatch), "{other}");
    }
}

#[test]
fn trap_07_signatures_of_any_length_are_compared_without_a_panic() {
    let (body, timestamp, signature) = v1();
    for length in 1..signature.len() {
        let cut = &signature[..length];
        assert_eq!(verify(&SECRET, &timestamp, &body, cut), Err(SignatureError::Malformed));
    }
    let long = signature.repeat(1000);
    assert_eq!(verify(&SECRET, &timestamp, &body, &long), Err(SignatureError::Malformed));
    // 44 bytes, but not 44 characters.
    let wide = "é".repeat(22);
    assert_eq!(verify(&SECRET, &timestamp, &body, &wide), Err(SignatureError::Malformed));
}

#[test]
fn trap_08_missing_or_repeated_headers_are_never_genuine() {
    let (body, timestamp, signature) = v1();
    assert_eq!(verify(&SECRET, "", &body, &signature), Err(SignatureError::Missing));
    assert_eq!(verify(&SECRET, &timestamp, &body, " "), Err(SignatureError::Missing));
    let twice = format!("{signature}\n{signature}");
    assert_eq!(verify(&SECRET, &timestamp, &body, &twice), Err(SignatureError::Repeated));
    let twice = format!("{timestamp}\n{timestamp}");
    assert_eq!(verify(&SECRET, &twice, &body, &signature), Err(SignatureError::Repeated));
}

#[test]
fn spaces_around_the_signature_are_trimmed_and_nothing_else_is() {
    let (body, timestamp, signature) = v1();
    assert_eq!(verify(&SECRET, &timestamp, &body, &format!(" \t{signature} ")), Ok(GENUINE));
    assert_eq!(
        verify(&SECRET, &timestamp, &body, &format!("\u{a0}{signature}")),
        Err(SignatureError::Malformed)
    );
    // The last base64 character has two spare bits, and they must be zero.
    let spare = signature.replace("c=", "d=");
    assert_ne!(spare, signature);
    assert_eq!(verify(&SECRET, &timestamp, &body, &spare), Err(SignatureError::Malformed));
}
