//! The WebAssembly engine and the JavaScript engine: the same calls must make the same bytes, and the same answers
//! the same results.

use anyhow::Context as _;
use serde_json::{Value, json};
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{PIXEL_ID, Person, World};

use crate::{wait_until_deduplicated, world_with_shop};

/// Disables WebAssembly as a policy without `'wasm-unsafe-eval'` does.
const WITHOUT_WASM: &str = "
    for (const name of ['instantiate', 'instantiateStreaming', 'compile', 'compileStreaming']) {
        WebAssembly[name] = async () => { throw new WebAssembly.CompileError('refused by the policy'); };
    }
    WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError('refused by the policy'); } };";

/// Makes the calls of a table through the package, with a fixed clock, fixed random numbers and a fake server.
/// Records every request body, every call of `fbq`, and the result of every call.
const WALK: &str = r#"
    Date.now = () => 1764057600123;
    let dice = 0;
    crypto.getRandomValues = (words) => words.map(() => (dice = (dice * 1664525 + 1013904223) >>> 0));
    const seen = [];
    const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
    const fbq = (...call) => { seen.push(["fbq", ...call]); };
    Object.assign(fbq, { callMethod: fbq, queue: [], loaded: true, version: "2.0" });
    window.fbq = window._fbq = fbq;
    document.cookie = "_fbp=fb.1.1700000000000.1234567890";

    const encode = (text) => Array.from(new TextEncoder().encode(text));
    const field = (number, bytes) => [number << 3 | 2, ...(bytes.length < 128 ? [bytes.length] : [bytes.length & 127 | 128, bytes.length >> 7]), ...bytes];
    const frame = (flags, bytes) => [flags, 0, 0, bytes.length >> 8, bytes.length & 255, ...bytes];
    const trailers = (text) => frame(128, encode(text));
    const detail = (kind, value) => field(3, [...field(1, encode("type.googleapis.com/google.rpc." + kind)), ...field(2, value)]);
    const base64 = (bytes) => btoa(String.fromCharCode(...bytes)).replace(/=+$/, "");

    const money = (amount) => [...field(1, encode(amount)), ...field(2, encode("INR"))];
    const data = [
        ...field(1, money("1499.00")), ...field(2, encode("deck")), ...field(2, encode("book")),
        ...field(3, [...field(1, encode("deck")), 16, 2, ...field(3, money("749.5"))]),
        ...field(4, encode("product")), ...field(5, encode("Ein schönes Kapitel ✓")), 56, 3,
        ...field(8, encode("\ufeffq")), ...field(9, [0xff]), ...field(10, money("10")),
        ...field(11, [...field(1, encode("tone")), ...field(2, encode("warm"))]), ...field(12, encode("A-1")), 200, 1, 5,
    ];
    const event = (name, custom) => [...field(1, encode(name)), ...field(2, encode("id-1")), ...field(3, data), ...(custom ? [32, 1] : [])];
    const fine = (bytes) => ({ body: [...frame(0, bytes), ...trailers("grpc-status:0\r\n")] });
    const violation = (name, what) => field(1, [...field(1, encode(name)), ...field(2, encode(what))]);
    const bad = [8, 3, ...field(2, encode("no")), ...detail("BadRequest", [...violation("user.email", "has no @"), ...violation("value", "é")])];
    const delay = (seconds, nanos) => [8, 8, ...detail("RetryInfo", field(1, [...(seconds ?? []), ...(nanos ?? [])]))];
    const answers = {
        lead: fine([...field(1, encode("id-1")), ...field(2, encode("lead_id-1")), 24, 1, ...field(4, event("Lead"))]),
        tracked: fine([...field(1, encode("id-1")), 16, 1, ...field(3, event("AddToCart"))]),
        custom: fine([...field(1, encode("id-1")), ...field(3, event("Mine", true))]),
        suppressed: fine([...field(1, encode("id-1")), ...field(5, encode("consent_denied"))]),
        pending: fine([...field(1, encode("purchase_1")), 16, 1]),
        verified: fine([...field(1, encode("purchase_1")), 16, 2, 24, 1, ...field(4, event("Purchase")), ...field(6, encode("c0ffee"))]),
        fixed: fine([9, 1, 2, 3, 4, 5, 6, 7, 8, ...field(1, encode("id-1")), 21, 1, 2, 3, 4]),
        headers: { status: "0", body: frame(0, field(1, encode("id-1"))) },
        wrong: { status: "3", message: "some%20fields %E2%82%AC 100%", details: base64(bad), body: [] },
        wrongTrailers: { body: trailers("Grpc-Status: 3\r\ngrpc-message: no%2\r\ngrpc-status-details-bin: " + base64(bad) + "\r\n") },
        wrongBase64: { status: "3", details: "////", body: [] },
        refused: { status: "7", message: "origin", body: [] },
        unauthenticated: { status: "16", body: [] },
        outOfRange: { status: "11", body: [] },
        conflict: { status: "9", message: "other%0Aamount", body: [] },
        throttled: { status: "8", body: [] },
        throttledFor: { status: "8", details: base64(delay([8, 2], [16, 128, 202, 181, 238, 1])), body: [] },
        absurd: { status: "14", details: base64(delay([8, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1])), body: [] },
        internal: { status: "13", message: "x", body: [] },
        nonsense: { status: "?", body: [] },
        empty: { body: [] },
        html: { body: encode("<html>502 Bad Gateway</html>") },
        cut: { body: frame(0, [1, 2, 3]).slice(0, 6) },
        compressed: { body: [...frame(1, [1]), ...trailers("grpc-status:0")] },
        twice: { body: [...frame(0, field(1, encode("a"))), ...frame(0, field(1, encode("b"))), ...trailers("grpc-status:0")] },
        withoutId: fine([24, 1]),
        broken: fine([...field(1, encode("id-1")), 10, 200]),
        long: fine([...field(1, encode("id-1")), ...field(4, event("x".repeat(300)))]),
    };
    let next = answers.lead;
    const { fetch: realFetch, setTimeout: realTimeout } = window;
    // Retries would come between the calls at an unknown time, so this records how long they want to wait. Such a
    // wait ends early when the network is back.
    let lastMs;
    // The pixel of this page sends no request, so waiting 400 ms for one is not necessary.
    window.setTimeout = (work, ms) => (ms <= 400 ? realTimeout(work, ms % 400) : ((lastMs = ms), 0));
    const { addEventListener: realListen } = window;
    window.addEventListener = (type, ...rest) => {
        if (type === "online") seen.push(["nap", lastMs]);
        return realListen(type, ...rest);
    };
    // This fbq makes no request, so the observer reports at once that it has ended.
    window.PerformanceObserver = class {
        constructor(told) { this.told = told; }
        observe() { queueMicrotask(() => this.told({ getEntries: () => [{ name: { includes: () => true } }] })); }
        disconnect() {}
    };
    Math.random = () => 0.5;
    // Only the WebAssembly engine can hash, so this makes sure that nothing is stored.
    Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
    window.fetch = async (address, options) => {
        if (options?.method !== "POST") return realFetch(address, options);
        const { method, body, headers } = options;
        const path = new URL(address).pathname;
        seen.push(["fetch", path, method, hex(body), headers]);
        const { status, message, details, body: bytes } = path.endsWith("ConfirmBrowserEvents") ? { status: "0", body: frame(0, []) } : next;
        const found = { "grpc-status": status, "grpc-message": message, "grpc-status-details-bin": details };
        return { headers: { get: (name) => found[name] ?? null }, arrayBuffer: async () => Uint8Array.from(bytes).buffer };
    };

    const { Tandem } = await import("/pkg/index.js");
    const shown = ({ code, message, fields }) => ({ code, message, fields });
    const attempt = async (what, work) => {
        let result;
        try { result = { is: await work() }; } catch (fault) { result = { fault: shown(fault) }; }
        seen.push([what, result]);
        // The page reports the pixel's outcome later.
        await new Promise((resolve) => { setTimeout(resolve, 0); });
        return result.is;
    };
    const options = { endpoint: "https://track.shop.example/", pixelId: given[1], currency: "INR", defaultCountry: "IN" };
    for (const [what, changes] of Object.entries({
        none: null, endpoint: { endpoint: "ftp://x" }, pixel: { pixelId: "12a" }, both: { endpoint: undefined, pixelId: {} },
        currency: { currency: [] }, ads: { consent: { ads: "perhaps" } }, country: { consent: { country: "-1" } },
        experiment: { experiment: { id: {} } },
    })) await attempt("connect " + what, async () => void await Tandem.connect(changes && { ...options, ...changes }));

    const person = {
        email: "Asha@Example.com", phone: "98765 43210", firstName: "आशा", lastName: "O’Brien", city: "Bengaluru", state: "KA",
        postalCode: 560001, country: "IN", gender: "f", dateOfBirth: "1985-11-05", externalId: 12345678901234567890,
    };
    const everything = {
        ...person, value: 1499.5, currency: "usd", contentIds: ["a", 7, null, ""], contentType: "product", contentName: "n\u0000\ud83d\ude00",
        contents: [{ id: 1, quantity: "2", itemPrice: 0.1 }, { id: "b", quantity: 0 }, {}], contentCategory: "c", numItems: 0,
        searchString: "s", status: true, predictedLtv: "9999999999999999.99", properties: { tone: "warm", n: 5, no: null },
        experiment: { id: "headline", variant: "B", testGroup: "t" },
        consent: { ads: "granted", limitedDataUse: 1, country: 1, state: 1000 }, occurredAt: new Date(1764000000999), orderId: "A-1", claimKey: "c0ffee", paymentSessionId: "s",
    };
    const inputs = {
        everything, nothing: undefined, person,
        one: { contentIds: "one", contents: { id: "x" }, value: "" },
        noise: { value: 61.2 * 3, predictedLtv: 837 - 2e-13, contents: { id: "x", itemPrice: 17.93999999999994 }, properties: { n: 1234567890123456 } },
        lines: { contents: Array.from({ length: 40 }, (_, n) => ({ id: "product-" + n, quantity: 4294967295, itemPrice: n })) },
        long: { contentName: "x".repeat(20000), email: "é".repeat(100) },
        alone: { contentName: "\ud800 alone" },
        consentDenied: { ...person, consent: { ads: "denied" } },
        consentForMeasurement: { ...person, consent: { ads: "measure_only" } },
        consentEmpty: { consent: {}, experiment: {} },
        consentLarge: { consent: { country: 4294967295, state: "0003" } },
        odd: { contentIds: { a: "x", b: null }, contents: ["x", null, { id: "y" }], properties: "abc", experiment: "x", consent: "granted" },
        limits: { consent: { limitedDataUse: "false" }, properties: { fooBar: {}, "": "x" } },
        listed: { properties: ["x"], consent: { limitedDataUse: {} }, value: "1e3", predictedLtv: ".5" },
        dates: { occurredAt: "2025-11-24T10:00:00Z" }, early: { occurredAt: 999 }, before: { occurredAt: -5 }, zero: { occurredAt: 0 },
        wrong: { email: {}, contents: [{ id: [], quantity: "two", itemPrice: {} }], numItems: -1, contentIds: [{}], properties: { x: {} },
            occurredAt: "soon", consent: { ads: 1, country: "x" }, experiment: { variant: () => 1 }, orderId: {}, value: [] },
        large: { numItems: "4294967296", contents: [{ quantity: 1.5 }] },
    };
    const purchases = {
        ...Object.fromEntries(Object.entries(inputs).map(([what, input]) => [what, { orderId: "order " + what, ...input }])),
        claim: { orderId: "A-2", claimKey: "ab".repeat(32), paymentSessionId: "session_x" }, number: { orderId: 42 }, noOrder: { email: "a@example.com" },
    };
    const plainly = await Tandem.connect(options);
    const changed = await Tandem.connect({
        ...options, currency: undefined, defaultCountry: undefined,
        experiment: { id: "page" }, consent: { ads: "granted", limitedDataUse: true, country: 1, state: 1000 },
    });
    for (const [which, tandem] of Object.entries({ plainly, changed })) {
        for (const [what, input] of Object.entries(inputs)) {
            next = answers.lead;
            await attempt(`${which} lead ${what}`, () => tandem.captureLead(input));
            next = answers.tracked;
            await attempt(`${which} track ${what}`, () => tandem.track("AddToCart", input));
            next = answers.custom;
            await attempt(`${which} custom ${what}`, () => tandem.trackCustom("Mine ✓", input));
        }
        next = answers.verified;
        for (const [what, input] of Object.entries(purchases)) {
            await attempt(`${which} purchase ${what}`, () => tandem.recordPurchase(input));
        }
    }
    for (const [what, answer] of Object.entries(answers)) {
        next = answer;
        // A new queue, so that its first wait is visible.
        const plainly = await Tandem.connect(options);
        await attempt("answered lead " + what, () => plainly.captureLead(person));
        await attempt("answered track " + what, () => plainly.track("AddToCart", { ...everything, occurredAt: undefined }));
        await attempt("answered purchase " + what, () => plainly.recordPurchase({ orderId: "answered " + what }));
    }
    return { seen, scripts: performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname) };"#;

async fn walk(world: &World, session: &Session, prepare: &str) -> anyhow::Result<Value> {
    Shop::new(session, &world.sandbox.url).open("/events-manager?fbclid=Click_1").await?;
    session.run("localStorage.clear()", vec![]).await?;
    session.run(&format!("{prepare}{WALK}"), vec![json!(world.grpc), json!(PIXEL_ID)]).await
}

#[tokio::test]
async fn both_engines_write_the_same_bytes_and_read_the_same_answers() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    let compiled = walk(&world, &session, "").await?;
    let plain = walk(&world, &session, WITHOUT_WASM).await?;
    for (walked, is_plain) in [(&compiled, false), (&plain, true)] {
        let scripts = walked["scripts"].to_string();
        assert_eq!(scripts.contains("plain.js"), is_plain, "the page loaded the wrong engine: {scripts}");
    }
    let list = |walked: &Value| walked["seen"].as_array().cloned().context("what was seen");
    let (compiled, plain) = (list(&compiled)?, list(&plain)?);
    for (place, (one, other)) in compiled.iter().zip(&plain).enumerate() {
        assert_eq!(
            one,
            other,
            "the engines differ at {place}; before it: {:#?}",
            compiled.get(place.wrapping_sub(1))
        );
    }
    assert_eq!(compiled.len(), plain.len());
    // Checks that the table was used and that its calls had results.
    let count = |kind: &str| compiled.iter().filter(|row| row[0] == kind).count();
    assert!(count("fetch") > 150 && count("fbq") > 80, "{} calls, {} of fbq", count("fetch"), count("fbq"));
    let named = compiled.iter().filter(|row| row.to_string().contains("has no @")).count();
    assert!(named >= 6, "refusals name their fields: {named}");
    Ok(())
}

#[tokio::test]
async fn both_engines_wait_alike() -> anyhow::Result<()> {
    let (world, session) = (world_with_shop().await?, Session::start().await?);
    Shop::new(&session, &world.sandbox.url).open("/events-manager").await?;
    let script = "const { pause, schedule } = await import('/pkg/plain.js');
        return [[1, 2, 3, 4, 5, 6, 7, 8, 4294967295].map((failures) => pause(failures, 1)),
            [pause(0, 0), pause(3, 0), pause(3, 0.5), pause(3, 0.3337)],
            [0, 1, 2, 3, 4, 5].map((n) => schedule(n) ?? null)];";
    let waits = session.run(script, vec![]).await?;
    // The same figures as in the tests of web-client/src/retry.rs.
    let expected = json!([
        [1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000, 30000],
        [500, 2000, 3000, 2667],
        [2000, 5000, 10000, 30000, 60000, null],
    ]);
    assert_eq!(waits, expected);
    Ok(())
}

#[tokio::test]
async fn a_page_that_forbids_webassembly_delivers_the_lead_under_one_id() -> anyhow::Result<()> {
    let (world, session, person) = (world_with_shop().await?, Session::start().await?, Person::unique());
    Shop::new(&session, &world.sandbox.url).open("/events-manager").await?;
    let script = format!(
        "{WITHOUT_WASM}
        const {{ Tandem }} = await import('/pkg/index.js');
        const [endpoint, pixelId, person] = given;
        const tandem = await Tandem.connect({{ endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR' }});
        return {{
            lead: await tandem.captureLead({{ ...person, contentName: 'Free chapter' }}),
            mistake: await tandem.captureLead({{ email: 'nobody' }}).catch(({{ code, fields }}) => ({{ code, fields }})),
        }};"
    );
    let given = json!({ "email": person.email, "phone": person.phone, "firstName": person.first_name });
    let seen = session.run(&script, vec![json!(world.grpc), json!(PIXEL_ID), given]).await?;
    assert_eq!(seen["mistake"]["code"], "INVALID_ARGUMENT", "{seen}");
    assert_eq!(seen["mistake"]["fields"][0]["field"], "user.email", "{seen}");
    let lead = &seen["lead"];
    assert_eq!((&lead["pixel"], &lead["queued"]), (&json!("fired"), &json!(false)), "{lead}");
    let id = lead["eventId"].as_str().unwrap_or_default();
    let server = world.wait_for_server_event("Lead", id).await?;
    assert_eq!(server.match_key("em"), person.email_hash());
    assert_eq!(server.match_key("ph"), person.phone_hash());
    wait_until_deduplicated(&world, "Lead", id).await
}
