//! A signed webhook in other pieces: the signature covers timestamp and body without a separator, so whoever has seen
//! one genuine webhook may cut its bytes elsewhere. No such message may say anything that the genuine one does not.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use sha2::Sha256;
use tandem_core::cashfree::Webhook;
use tandem_core::cashfree::legacy::LegacyForm;
use tandem_core::cashfree::signature::{timestamp_ms, verify};
use tandem_core::currency::Currency;

const SECRET: &str = "a_secret_of_cashfree";

fn sign(signed: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key of any length");
    mac.update(signed);
    STANDARD.encode(mac.finalize().into_bytes())
}

/// What a message means once its signature fits: its time and its content key.
fn meaning(timestamp: &str, body: &[u8], signature: &str) -> Option<(i64, String)> {
    verify(&[SECRET], timestamp, body, signature).ok()?;
    let webhook = Webhook::parse(body, Currency::INR).ok()?;
    Some((timestamp_ms(timestamp)?, webhook.event_key().to_owned()))
}

fn samples() -> Vec<&'static str> {
    let lines = include_str!("../../vectors/cashfree_webhooks.txt").lines();
    lines.filter(|line| line.contains('{')).filter_map(|line| Some(line.split_once(' ')?.1)).collect()
}

/// What a forger does to a genuine message. None of it needs the secret.
#[derive(Debug, Clone)]
enum Change {
    /// Cuts the signed bytes at another place.
    Cut(prop::sample::Index),
    /// Cuts among the timestamp's digits, or this many bytes behind them.
    CutNear(usize),
    /// Puts bytes between timestamp and body, on one side of the cut.
    Between(Vec<u8>, bool),
    /// Replaces one byte of the body.
    Byte(prop::sample::Index, u8),
    /// Takes a part of the body out.
    Remove(prop::sample::Index, usize),
    /// Puts a part of the body there twice.
    Repeat(prop::sample::Index, usize),
}

fn change() -> impl Strategy<Value = Change> {
    let separators =
        prop::sample::select(vec![" ", "\n", "\t", "\0", "0", "00", ".", "-", "{", "{}", "\u{feff}"]);
    prop_oneof![
        4 => any::<prop::sample::Index>().prop_map(Change::Cut),
        4 => (0..40_usize).prop_map(Change::CutNear),
        2 => (separators, any::<bool>()).prop_map(|(text, side)| Change::Between(text.as_bytes().to_vec(), side)),
        1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        1 => (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, n)| Change::Remove(at, n)),
        1 => (any::<prop::sample::Index>(), 1..40_usize).prop_map(|(at, n)| Change::Repeat(at, n)),
    ]
}

/// Timestamp and body after the change.
fn changed(timestamp: &str, body: &[u8], change: &Change) -> (Vec<u8>, Vec<u8>) {
    let all = [timestamp.as_bytes(), body].concat();
    let at_cut = |at: usize| {
        let (timestamp, body) = all.split_at(at.min(all.len()));
        (timestamp.to_vec(), body.to_vec())
    };
    let mut body = body.to_vec();
    match change {
        Change::Cut(at) => return at_cut(at.index(all.len() + 1)),
        Change::CutNear(at) => return at_cut(*at),
        Change::Between(bytes, true) => {
            return ([timestamp.as_bytes(), bytes].concat(), body);
        }
        Change::Between(bytes, false) => body = [bytes, body.as_slice()].concat(),
        Change::Byte(at, byte) => {
            let at = at.index(body.len());
            body[at] = *byte;
        }
        Change::Remove(at, n) => {
            let at = at.index(body.len());
            body.drain(at..(at + n).min(body.len()));
        }
        Change::Repeat(at, n) => {
            let at = at.index(body.len());
            let part = body[at..(at + n).min(body.len())].to_vec();
            body.splice(at..at, part);
        }
    }
    (timestamp.as_bytes().to_vec(), body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn a_recut_webhook_means_what_the_genuine_one_means_or_nothing(
        timestamp in "[0-9]{9,14}|0{1,3}17[0-9]{8}|17[0-9]{11}",
        sample in any::<prop::sample::Index>(),
        changes in prop::collection::vec(change(), 1..4),
    ) {
        let body = sample.get(&samples()).as_bytes();
        let signature = sign(&[timestamp.as_bytes(), body].concat());
        let genuine = meaning(&timestamp, body, &signature);
        let (mut recut, mut recut_body) = (timestamp.clone(), body.to_vec());
        for change in &changes {
            if recut_body.is_empty() {
                break;
            }
            let (text, rest) = changed(&recut, &recut_body, change);
            // A header that is no UTF-8 never gets this far.
            let Ok(text) = String::from_utf8(text) else { return Ok(()) };
            (recut, recut_body) = (text, rest);
        }
        if verify(&[SECRET], &recut, &recut_body, &signature).is_ok() {
            prop_assert_eq!((recut.as_str(), recut_body.as_slice()), (timestamp.as_str(), body), "there is one way to cut");
        }
        let found = meaning(&recut, &recut_body, &signature);
        prop_assert!(found.is_none() || found == genuine, "{recut:?} {:?}", String::from_utf8_lossy(&recut_body));
    }

    #[test]
    fn a_signature_in_another_spelling_is_none(
        sample in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        sign_at in prop::sample::select(vec!['A', 'B', 'z', '0', '+', '/', '-', '_', '=', ' ', '\n', ',', 'é']),
        is_added in any::<bool>(),
    ) {
        let body = sample.get(&samples()).as_bytes();
        let signature = sign(&[b"1763942400123", body].concat());
        let mut letters: Vec<char> = signature.chars().collect();
        let at = at.index(letters.len());
        if is_added { letters.insert(at, sign_at) } else { letters[at] = sign_at }
        let other: String = letters.into_iter().collect();
        prop_assume!(other.trim() != signature);
        prop_assert!(verify(&[SECRET], "1763942400123", body, &other).is_err(), "{}", other);
    }

    /// The older form is signed field by field, sorted by name, again without a separator.
    #[test]
    fn a_changed_form_of_the_older_kind_verifies_as_nothing_else(
        body in "(orderId|orderAmount|referenceId|txStatus|paymentMode|txMsg|txTime|signature|x)=[A-Za-z0-9%+/=.&-]{0,60}",
        more in "(&(orderId|orderAmount|txStatus|signature)=[A-Za-z0-9%]{0,12}){0,6}",
    ) {
        if let Ok(form) = LegacyForm::parse(format!("{body}{more}").as_bytes()) {
            prop_assert!(form.verify(&[SECRET]).is_err(), "nobody signed it");
            let _ = form.read(Currency::INR);
        }
    }
}
