//! Answers of the Orders API.

use tandem_core::cashfree::MessageError;
use tandem_core::cashfree::orders_api::{OrderStatus, orders_api_id_ok, parse_order, parse_paying_payment};
use tandem_core::currency::Currency;

const ORDER: &str = r#"{"cf_order_id":"2200000001","order_id":"KB-3001","entity":"order","order_currency":"INR",
"order_amount":1499.00,"order_status":"PAID","payment_session_id":"session_x",
"order_expiry_time":"2025-12-24T10:00:00+05:30","order_note":null,"created_at":"2025-11-24T10:00:00+05:30",
"customer_details":{"customer_id":"kb42","customer_name":"Asha Rao","customer_email":"asha@example.com",
"customer_phone":"9000012345","customer_uid":null},"order_meta":{"payment_methods":null},
"order_tags":{"fbp":"fb.1.1763941000.111"},"cart_details":null}"#;

/// One payment of the list.
fn payment(id: &str, status: &str, amount: &str, time: &str, captured: &str) -> String {
    format!(
        r#"{{"cf_payment_id":{id},"order_id":"KB-3001","entity":"payment","is_captured":{captured},
        "order_amount":1499.00,"payment_group":"upi","payment_currency":"INR","payment_amount":{amount},
        "payment_time":{time},"payment_status":"{status}","payment_message":"ok","error_details":null,
        "payment_method":{{"upi":{{"channel":"collect","upi_id":"asha@okbank"}}}}}}"#
    )
}

fn paying(payments: &[String]) -> Result<Option<(String, u64)>, MessageError> {
    let body = format!("[{}]", payments.join(","));
    let paying = parse_paying_payment(body.as_bytes(), Currency::INR)?;
    Ok(paying.map(|payment| (payment.payment_id.to_string(), payment.money.amount.get())))
}

#[test]
fn a_payment_of_zero_hides_none_that_is_one() {
    let zero = payment("\"1\"", "SUCCESS", "0.00", EARLY, "true");
    let real = payment("\"2\"", "SUCCESS", "1399.50", LATE, "true");
    assert_eq!(paying(&[zero.clone(), real]).unwrap(), Some(("2".to_owned(), 139_950)));
    assert_eq!(paying(&[zero]).unwrap(), None);
}

#[test]
fn the_orders_tags_name_its_browser() {
    let signals = |tags: &str| {
        let body = ORDER.replace(r#"{"fbp":"fb.1.1763941000.111"}"#, tags);
        let mut data = tandem_core::user_data::UserData::default();
        let order = parse_order(body.as_bytes(), Currency::INR).unwrap();
        order.order_tags.add_signals(&mut data, 1_763_942_400_000);
        (data.fbp, data.fbc)
    };
    let (fbp, fbc) = ("fb.1.1763941000000.1234567890", "fb.1.1763941000000.IwAR0_AbC");
    let both = (Some(fbp.to_owned()), Some(fbc.to_owned()));
    assert_eq!(signals(&format!(r#"{{"fbp":"{fbp}","fbc":"{fbc}","utm":"diwali"}}"#)), both);
    assert_eq!(signals(&format!(r#"{{"_fbp":" {fbp}","_fbc":"{fbc}"}}"#)), both, "as the cookies are called");
    for none in ["null", "{}", r#"{"fbp":"undefined","fbc":"null"}"#, r#"{"fbp":1,"fbc":["x"]}"#] {
        assert_eq!(signals(none), (None, None), "{none}");
    }
    let expired = r#"{"fbc":"fb.1.1663941000000.IwAR0_AbC"}"#;
    assert_eq!(signals(expired), (None, None), "a click of three years ago");
}

const EARLY: &str = "\"2025-11-24T10:01:00+05:30\"";
const LATE: &str = "\"2025-11-24T10:02:00+05:30\"";

#[test]
fn an_order_is_read() {
    let order = parse_order(ORDER.as_bytes(), Currency::INR).unwrap();
    assert_eq!(order.order_id.as_str(), "KB-3001");
    assert_eq!(order.status, OrderStatus::Paid);
    assert_eq!(order.order_money.map(|money| money.amount.get()), Some(149_900));
    assert_eq!((order.created_at_s, order.expires_at_s), (Some(1_763_958_600), Some(1_766_550_600)));
    assert_eq!(order.order_tags.get("fbp"), Some("fb.1.1763941000.111"));
    assert_eq!(
        order.customer.email.as_ref().map(tandem_core::personal::Raw::expose),
        Some("asha@example.com")
    );
    assert!(!format!("{order:?}").contains("asha"));
}

#[test]
fn every_status_has_its_meaning() {
    for (word, status) in [
        ("ACTIVE", OrderStatus::Active),
        ("paid", OrderStatus::Paid),
        ("EXPIRED", OrderStatus::Expired),
        ("TERMINATED", OrderStatus::Terminated),
        ("TERMINATION_REQUESTED", OrderStatus::Terminated),
        ("PARTIALLY_PAID", OrderStatus::Unknown),
        ("SOMETHING_NEW", OrderStatus::Unknown),
    ] {
        let body = ORDER.replace("\"PAID\"", &format!("\"{word}\""));
        assert_eq!(parse_order(body.as_bytes(), Currency::INR).unwrap().status, status, "{word}");
    }
    let error = br#"{"message":"order not found","code":"order_not_found","type":"invalid_request_error"}"#;
    assert_eq!(parse_order(error, Currency::INR).err(), Some(MessageError::MissingStatus));
    assert_eq!(parse_order(b"[]", Currency::INR).err(), Some(MessageError::WrongRoot));
    assert_eq!(parse_order(b"<html>", Currency::INR).err(), Some(MessageError::NotJson));
}

#[test]
fn trap_23_of_several_successful_payments_the_earliest_counts() {
    let failed = payment("\"1\"", "FAILED", "1499.00", EARLY, "false");
    let first = payment("\"700100200312\"", "SUCCESS", "1399.50", EARLY, "true");
    let second = payment("\"700100200311\"", "SUCCESS", "1499.00", LATE, "true");
    let expected = Ok(Some(("700100200312".to_owned(), 139_950)));
    assert_eq!(paying(&[failed.clone(), second.clone(), first.clone()]), expected);
    assert_eq!(paying(&[first, second, failed.clone()]), expected);
    assert_eq!(paying(&[failed]), Ok(None));
    assert_eq!(paying(&[]), Ok(None));
}

#[test]
fn of_equal_times_the_lowest_number_counts() {
    let nine = payment("9", "SUCCESS", "9", EARLY, "true");
    let ten = payment("\"10\"", "SUCCESS", "10", EARLY, "true");
    assert_eq!(paying(&[ten.clone(), nine.clone()]), Ok(Some(("9".to_owned(), 900))));
    let timeless = payment("1", "SUCCESS", "1", "null", "true");
    assert_eq!(paying(&[timeless, ten]), Ok(Some(("10".to_owned(), 1000))));
}

#[test]
fn an_authorisation_that_is_not_captured_is_no_payment() {
    assert_eq!(paying(&[payment("1", "SUCCESS", "1", EARLY, "false")]), Ok(None));
    for captured in ["true", "null"] {
        assert!(paying(&[payment("1", "SUCCESS", "1", EARLY, captured)]).unwrap().is_some(), "{captured}");
    }
    for waiting in ["PENDING", "NOT_ATTEMPTED", "FLAGGED", "USER_DROPPED", "CANCELLED", "VOID"] {
        assert_eq!(paying(&[payment("1", waiting, "1", EARLY, "true")]), Ok(None), "{waiting}");
    }
}

#[test]
fn garbage_in_a_successful_payment_is_an_error_and_elsewhere_is_not() {
    assert_eq!(paying(&[payment("1", "SUCCESS", "1.005", EARLY, "true")]), Err(MessageError::BadAmount));
    assert_eq!(paying(&[payment("1", "FAILED", "1.005", EARLY, "true")]), Ok(None));
    assert_eq!(parse_paying_payment(b"{}", Currency::INR), Err(MessageError::WrongRoot));
}

#[test]
fn only_ids_that_cashfree_can_have_made_are_asked_for() {
    for good in ["KB1", "KB-3001", "a_b", &"x".repeat(45)] {
        assert!(orders_api_id_ok(good), "{good}");
    }
    for bad in ["", "KB", &"x".repeat(46), "../x", "a b", "a/b", "a%2Fb", "ключ", "a\0b", "order?x=1"] {
        assert!(!orders_api_id_ok(bad), "{bad}");
    }
}

#[test]
fn cash_is_no_payment_here_either() {
    let upi = payment("\"2\"", "SUCCESS", "10.00", LATE, "true");
    for group in ["cash_on_delivery", "COD", "cash"] {
        let cash = payment("\"1\"", "SUCCESS", "10.00", EARLY, "true")
            .replace("\"payment_group\":\"upi\"", &format!("\"payment_group\":{group:?}"));
        assert_eq!(paying(std::slice::from_ref(&cash)), Ok(None), "{group}");
        assert_eq!(paying(&[cash, upi.clone()]), Ok(Some(("2".to_owned(), 1_000))), "{group}");
    }
}
