//! `_fbp` and `_fbc` as cookies set over HTTP (`TANDEM_COOKIE_DOMAIN`), as a page of the shop gets them.

use tandem_proto::v1::{AdsConsent, Browser, CaptureLeadRequest, CaptureLeadResponse, Consent};
use tandem_proto::v1::{RecordPurchaseResponse, TrackEventResponse, tracking_service_paths as paths};
use tandem_tests::grpc_web::{Answer, header};
use tandem_tests::status::expect_code;
use tandem_tests::world::{Visitor, WorldBuilder};
use tandem_tests::{INTERNAL_TOKEN, Person, World, messages};
use tonic::Code;

const ORIGIN: &str = "https://www.shop.example";
const ATTRIBUTES: &str = "; Domain=shop.example; Path=/; Max-Age=7776000; Secure; SameSite=Lax";

fn world() -> WorldBuilder {
    World::builder()
        .without_gateway()
        .server("TANDEM_ALLOWED_ORIGINS", format!("{ORIGIN},https://other.example"))
        .server("TANDEM_COOKIE_DOMAIN", "shop.example")
}

fn page_of(world: &World) -> Visitor {
    let mut visitor = world.visitor();
    visitor.origin = Some(ORIGIN.to_owned());
    visitor
}

/// A lead of a page without cookies at this address.
fn lead(page: &str) -> CaptureLeadRequest {
    let browser = Browser { event_source_url: Some(page.to_owned()), ..Browser::default() };
    CaptureLeadRequest { browser: Some(browser), ..messages::lead(&Person::unique()) }
}

async fn capture(
    visitor: &Visitor,
    request: &CaptureLeadRequest,
    more: &[(&str, String)],
) -> anyhow::Result<Answer<CaptureLeadResponse>> {
    visitor.call_with(paths::CAPTURE_LEAD, request, more).await
}

/// The values of the two cookies that an answer sets. Each must have Meta's attributes.
fn set<T>(answer: &Answer<T>) -> (Option<String>, Option<String>) {
    let (mut fbp, mut fbc) = (None, None);
    for line in answer.headers.get_all("set-cookie") {
        let line = line.to_str().expect("cookies are ASCII");
        let pair = line.strip_suffix(ATTRIBUTES).unwrap_or_else(|| panic!("the attributes of {line}"));
        match pair.split_once('=') {
            Some(("_fbp", value)) if fbp.is_none() => fbp = Some(value.to_owned()),
            Some(("_fbc", value)) if fbc.is_none() => fbc = Some(value.to_owned()),
            _ => panic!("an unexpected cookie: {line}"),
        }
    }
    (fbp, fbc)
}

#[tokio::test]
async fn a_browser_gets_both_cookies_and_a_click_is_never_dated_anew() -> anyhow::Result<()> {
    let world = world().start().await?;
    let visitor = page_of(&world);
    let landing = format!("{ORIGIN}/?fbclid=AbC-1_x");
    let first = capture(&visitor, &lead(&landing), &[]).await?;
    let (fbp, fbc) = set(&first);
    let (fbp, fbc) = (fbp.expect("a browser ID is made"), fbc.expect("the click is kept"));
    assert!(fbp.starts_with("fb.1.") && fbp.split('.').count() == 4, "{fbp}");
    assert!(fbc.starts_with("fb.1.") && fbc.ends_with(".AbC-1_x"), "{fbc}");
    let event = world.wait_for_server_event("Lead", &first.outcome?.event_id).await?;
    assert_eq!(event.match_key("fbc"), fbc, "the event and the cookie must have the same click ID");
    assert_eq!(
        event.match_key("fbp"),
        "",
        "an event must not have an ID that the browser may refuse to store"
    );

    // The browser returns the cookies, on a page with the same click ID and on one without.
    for page in [landing.as_str(), ORIGIN] {
        let cookie = [("cookie", format!("other=1; _fbp={fbp}; _fbc={fbc}"))];
        let again = capture(&visitor, &lead(page), &cookie).await?;
        assert_eq!(set(&again), (Some(fbp.clone()), Some(fbc.clone())), "{page}");
        let event = world.wait_for_server_event("Lead", &again.outcome?.event_id).await?;
        assert_eq!((event.match_key("fbp"), event.match_key("fbc")), (fbp.as_str(), fbc.as_str()), "{page}");
    }

    let cookie = [("cookie", format!("_fbp={fbp}; _fbc={fbc}"))];
    let other_click = capture(&visitor, &lead(&format!("{ORIGIN}/?fbclid=abc-1_x")), &cookie).await?;
    let (same, other) = set(&other_click);
    assert_eq!(same, Some(fbp));
    assert!(other.is_some_and(|other| other.ends_with(".abc-1_x")), "another click is another cookie");
    let placeholder = capture(&visitor, &lead(&format!("{ORIGIN}/?fbclid=None")), &[]).await?;
    assert_eq!(set(&placeholder).1, None, "a placeholder is no click");
    let garbage = [("cookie", "_fbp=fb.1.1700000000000.abc; _fbc=fb.1.1700000000000.[fbclid]".to_owned())];
    let (made, none) = set(&capture(&visitor, &lead(ORIGIN), &garbage).await?);
    assert!(made.is_some_and(|made| made.starts_with("fb.1.")) && none.is_none());
    Ok(())
}

#[tokio::test]
async fn what_the_page_says_goes_first_and_every_call_of_an_event_renews() -> anyhow::Result<()> {
    let world = world().start().await?;
    let visitor = page_of(&world);
    let cookie = [("cookie", "_fbp=fb.1.1700000000000.5".to_owned())];
    let expected = (Some(visitor.fbp.clone()), Some(visitor.fbc.clone()));
    let mut event = messages::event("ViewContent", "1499.00");
    event.browser = Some(visitor.browser());
    let answer = visitor.call_with::<TrackEventResponse>(paths::TRACK_EVENT, &event, &cookie).await?;
    assert_eq!(set(&answer), expected);
    let mut claim = messages::purchase(&messages::order_id(), "1499.00");
    claim.browser = Some(visitor.browser());
    let more = [cookie[0].clone(), ("grpc-timeout", "1S".to_owned())];
    let answer = visitor.call_with::<RecordPurchaseResponse>(paths::RECORD_PURCHASE, &claim, &more).await?;
    assert_eq!(set(&answer), expected);
    // A report of the pixel's outcome carries no consent.
    assert_eq!(set(&visitor.confirm(Vec::new()).await?), (None, None));
    Ok(())
}

#[tokio::test]
async fn without_consent_no_cookie_is_set() -> anyhow::Result<()> {
    let mut world = world().start().await?;
    let request = |ads: AdsConsent| {
        let consent = Consent { ads: ads.into(), ..Consent::default() };
        CaptureLeadRequest { consent: Some(consent), ..lead(&format!("{ORIGIN}/?fbclid=AbC")) }
    };
    let cookie = [("cookie", "_fbp=fb.1.1700000000000.5".to_owned())];
    for (required, ads, is_set) in [
        ("false", AdsConsent::ConsentDenied, false),
        ("false", AdsConsent::ConsentUnspecified, true),
        ("true", AdsConsent::ConsentUnspecified, false),
        ("true", AdsConsent::ConsentDenied, false),
        ("true", AdsConsent::ConsentGranted, true),
    ] {
        if world.server_environment().get("TANDEM_CONSENT_REQUIRED").map_or("false", String::as_str)
            != required
        {
            world.restart_server_with(&[("TANDEM_CONSENT_REQUIRED", required)]).await?;
        }
        let answer = capture(&page_of(&world), &request(ads), &cookie).await?;
        let (fbp, fbc) = set(&answer);
        answer.outcome?;
        assert_eq!((fbp.is_some(), fbc.is_some()), (is_set, is_set), "required {required}, {ads:?}");
    }
    Ok(())
}

#[tokio::test]
async fn only_pages_of_the_domain_get_cookies() -> anyhow::Result<()> {
    let mut world = world().start().await?;
    let cookie = ("cookie", "_fbp=fb.1.1700000000000.5".to_owned());
    let mut visitor = page_of(&world);
    visitor.origin = Some("https://evil.example".to_owned());
    let refused = capture(&visitor, &lead(ORIGIN), std::slice::from_ref(&cookie)).await?;
    assert_eq!(set(&refused), (None, None), "an unlisted origin");
    expect_code("an unlisted origin", refused.outcome, Code::PermissionDenied);

    visitor.origin = Some("https://other.example".to_owned());
    let foreign = capture(&visitor, &lead("https://other.example/"), std::slice::from_ref(&cookie)).await?;
    assert_eq!(set(&foreign), (None, None), "a page of another domain");
    let event = world.wait_for_server_event("Lead", &foreign.outcome?.event_id).await?;
    assert_eq!(event.match_key("fbp"), "");

    visitor.origin = None;
    let program = capture(&visitor, &lead(ORIGIN), std::slice::from_ref(&cookie)).await?;
    assert_eq!(set(&program), (None, None), "no page");
    program.outcome?;
    let token = ("authorization", format!("Bearer {INTERNAL_TOKEN}"));
    for origin in [None, Some(ORIGIN.to_owned())] {
        visitor.origin = origin;
        let service = capture(&visitor, &lead(ORIGIN), &[cookie.clone(), token.clone()]).await?;
        assert_eq!(set(&service), (None, None), "an internal caller");
        service.outcome?;
    }
    visitor.origin = Some(ORIGIN.to_owned());
    let mut broken = lead(ORIGIN);
    broken.user.get_or_insert_default().phone = Some("12".to_owned());
    let refused = capture(&visitor, &broken, std::slice::from_ref(&cookie)).await?;
    assert_eq!(set(&refused), (None, None), "a refusal");
    expect_code("a refusal", refused.outcome, Code::InvalidArgument);

    world.restart_server_with(&[("TANDEM_COOKIE_DOMAIN", "")]).await?;
    let unset = capture(&page_of(&world), &lead(ORIGIN), &[cookie]).await?;
    assert_eq!(set(&unset), (None, None), "without the setting");
    let event = world.wait_for_server_event("Lead", &unset.outcome?.event_id).await?;
    assert_eq!(event.match_key("fbp"), "", "without the setting the server must ignore cookies");
    Ok(())
}

#[tokio::test]
async fn listed_pages_may_send_their_cookies_along_and_no_others() -> anyhow::Result<()> {
    let world = world().start().await?;
    let mut visitor = page_of(&world);
    for (origin, allowed) in [(ORIGIN, "true"), ("https://evil.example", ""), ("null", "")] {
        visitor.origin = Some(origin.to_owned());
        let preflight = visitor.preflight(paths::CAPTURE_LEAD, "content-type,x-grpc-web").await?;
        let answer = capture(&visitor, &lead(ORIGIN), &[]).await?;
        for headers in [preflight.headers(), &answer.headers] {
            assert_eq!(header(headers, "access-control-allow-credentials"), allowed, "{origin}");
            // A page of another origin may read its refusal, but not with cookies.
            let named = if origin == "null" { "" } else { origin };
            assert_eq!(header(headers, "access-control-allow-origin"), named, "never a wildcard");
        }
    }
    Ok(())
}
