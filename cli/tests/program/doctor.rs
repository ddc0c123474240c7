//! `tandem doctor` against a fake server: what is asked, exit codes, both outputs.

use serde_json::Value;
use tandem_proto::v1::DiagnoseRequest;

use crate::fake::{Call, Fake, start};
use crate::{TOKEN, ask, run};

#[tokio::test]
async fn it_fails_when_a_check_did_and_asks_for_a_test_event_only_when_told_to() {
    let fake = Fake::default();
    let addr = start(&fake).await;
    let quiet = ask(addr, &["doctor", "--skip-gateway"]).await;
    assert_eq!((quiet.code, quiet.err.as_str()), (Some(0), ""), "{}", quiet.out);
    assert!(quiet.out.contains("0 failed"), "{}", quiet.out);
    assert!(!quiet.out.contains('\u{1b}'), "nothing from the server steers the terminal");

    let asked = ask(addr, &["doctor", "--skip-gateway", "--send-test-event", "--json"]).await;
    assert_eq!((asked.code, asked.err.as_str()), (Some(1), ""), "{}", asked.out);
    let report: Value = serde_json::from_str(&asked.out).unwrap();
    assert_eq!(report["result"], "failed");
    let failed: Vec<&Value> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "failed")
        .collect();
    assert_eq!(failed.len(), 1, "{report}");
    assert_eq!(
        (&failed[0]["check"], &failed[0]["subject"]),
        (&"test_event".into(), &"123456789012345".into())
    );
    assert_eq!(failed[0]["advice"], "set FACEBOOK_TEST_EVENT_CODE");
    let expected = [false, true].map(|send_test_event| Call::Diagnose(DiagnoseRequest { send_test_event }));
    assert_eq!(*fake.calls.lock().unwrap(), expected);
}

#[tokio::test]
async fn what_is_away_is_a_failed_check_and_no_usage_error() {
    // Port 9 (discard) has no listener here.
    let variables = [("TANDEM_SERVER_URL", "http://127.0.0.1:9"), ("TANDEM_INTERNAL_TOKEN", TOKEN)];
    let said = run(&variables, &["doctor", "--gateway-url", "http://127.0.0.1:9"]).await;
    assert_eq!(said.code, Some(1), "{}", said.err);
    for code in ["[server_away]", "[gateway_away]", "-> start tandem-server", "-> start tandem-gateway"] {
        assert!(said.out.contains(code), "{code}: {}", said.out);
    }
    for bad in ["ftp://x", "nonsense"] {
        assert_eq!(run(&variables, &["doctor", "--shop-url", bad]).await.code, Some(2), "{bad}");
    }
}
