//! Measures what Tandem costs a page, in headless Chromium: `cargo xtask bench page`.

use clap::Parser;
use serde_json::{Value, json};
use tandem_tests::browser::{Session, Shop};
use tandem_tests::{PIXEL_ID, World};

/// Loads the browser package and calls it, and compares with bare requests of the same size to the same server
#[derive(Parser)]
#[command(name = "page")]
struct Arguments {
    /// Number of loads of the package
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(3..))]
    loads: u32,
    /// Number of calls, and of bare requests
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(3..))]
    calls: u32,
}

/// An empty page on the package's origin.
const BLANK: &str = "/livez";

/// The beginning of both scripts.
const OPTIONS: &str = "
    const [endpoint, pixelId] = given;
    const options = { endpoint, pixelId, pixelScript: '/fbevents.js', defaultCountry: 'IN', currency: 'INR' };";

/// Loads the package, then fetches the same files once more in parallel without running them.
const LOAD: &str = "
    const began = performance.now();
    const { Tandem } = await import('/tandem/index.js');
    const imported = performance.now();
    await Tandem.connect(options);
    const ready = performance.now();
    const entries = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/tandem/'));
    const files = entries.map(({ name }) => name);
    const bytes = entries.reduce((sum, { decodedBodySize }) => sum + decodedBodySize, 0);
    const fetched = performance.now();
    await Promise.all(files.map(async (file) => (await fetch(file, { cache: 'no-store' })).arrayBuffer()));
    const bare = performance.now() - fetched;
    return { imported: imported - began, ready: ready - began, bare, bytes, files: files.length };";

/// Alternates calls and bare requests, one at a time. A bare request has the call's body with another event ID, so
/// that the server does the same work for both.
const CALLS: &str = "
    const real = window.fetch;
    let last, left, back, open = 0;
    window.fetch = async (address, request) => {
        const isCall = String(address).endsWith('/CaptureLead');
        if (isCall) { left = performance.now(); last = [address, request]; }
        open++;
        try {
            const answer = await real(address, request);
            if (isCall) back = performance.now();
            return answer;
        } finally { open--; }
    };
    const quiet = async () => { do await new Promise((next) => { setTimeout(next, 5); }); while (open); };

    const { Tandem } = await import('/tandem/index.js');
    const tandem = await Tandem.connect(options);
    let number = 0, latest;
    const call = async () => {
        const lead = { email: `asha.${++number}@example.com`, phone: '+91 98765 43210', firstName: 'Asha', lastName: 'Rao',
            contentName: 'Free chapter', value: 1499 };
        const began = performance.now();
        latest = await tandem.captureLead(lead);
        const took = performance.now() - began;
        if (latest.queued || latest.pixel != 'fired') throw JSON.stringify(latest);
        await quiet();
        return { took, before: left - began, answered: back - began };
    };
    const bare = async (keepalive) => {
        const [address, { headers, body }] = last;
        const bytes = new Uint8Array(body.slice ? body.slice() : body);
        const text = new TextDecoder('latin1').decode(bytes);
        const place = text.indexOf(latest.eventId);
        if (place < 0) throw 'the body does not carry the event ID as text';
        bytes.set(new TextEncoder().encode(crypto.randomUUID()), place);
        const began = performance.now();
        const answer = await real(address, { method: 'POST', headers, body: bytes, keepalive });
        await answer.arrayBuffer();
        const took = performance.now() - began;
        if (!answer.ok || (answer.headers.get('grpc-status') ?? '0') !== '0') throw answer.headers.get('grpc-message');
        await quiet();
        return { took, bytes: bytes.length };
    };
    for (let i = 0; i < 10; i++) { await call(); await bare(false); await bare(true); }
    const calls = [], bares = [], lasting = [];
    const turns = [
        async () => calls.push(await call()),
        async () => bares.push(await bare(false)),
        async () => lasting.push(await bare(true)),
    ];
    for (let i = 0; i < given[2]; i++) {
        for (let turn = 0; turn < 3; turn++) await turns[(i + turn) % 3]();
    }
    return { calls, bares, lasting };";

/// Milliseconds, sorted.
struct Times(Vec<f64>);

impl Times {
    fn of<'a>(rows: impl IntoIterator<Item = &'a Value>, key: &str) -> Self {
        let mut times: Vec<f64> = rows.into_iter().filter_map(|row| row[key].as_f64()).collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The percentile `hundredth` of the times, in milliseconds.
    fn at(&self, hundredth: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((self.0.len() * hundredth / 100).min(last)).copied().unwrap_or(f64::NAN)
    }

    fn median(&self) -> f64 {
        self.at(50)
    }

    fn line(&self, what: &str) {
        println!("{what:46} {:8.2} {:8.2}", self.median(), self.at(95));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let Arguments { loads, calls } = Arguments::parse();
    let world = World::builder().without_gateway().server("TANDEM_LOG", "warn").start().await?;
    let session = Session::start().await?;
    let shop = Shop::new(&session, &world.sandbox.url);
    let given = || vec![json!(world.grpc), json!(PIXEL_ID), json!(calls)];

    let mut rows = Vec::new();
    for _ in 0..loads {
        shop.open(BLANK).await?;
        rows.push(session.run(&format!("{OPTIONS}{LOAD}"), given()).await?);
    }
    println!("{:46} {:>8} {:>8}", "milliseconds", "median", "p95");
    let (ready, fetched) = (Times::of(&rows, "ready"), Times::of(&rows, "bare"));
    Times::of(&rows, "imported").line("load: scripts there and run");
    ready.line("load: first call can be made");
    let (files, bytes) = (&rows[0]["files"], &rows[0]["bytes"]);
    fetched.line(&format!("the same {files} files ({bytes} bytes), fetched alone"));
    println!("{:46} {:8.2}", "load / fetched alone", ready.median() / fetched.median());

    shop.open(BLANK).await?;
    // One script makes all calls. Each takes about ten milliseconds.
    let all = session.run(&format!("{OPTIONS}{CALLS}"), given()).await?;
    let list = |key: &str| all[key].as_array().cloned().unwrap_or_default();
    let (called, bares) = (list("calls"), list("bares"));
    let (call, bare) = (Times::of(&called, "took"), Times::of(&bares, "took"));
    let answered = Times::of(&called, "answered");
    Times::of(&called, "before").line("captureLead: request leaves");
    answered.line("captureLead: server has answered");
    call.line("captureLead: resolves, pixel's request through");
    bare.line(&format!("a bare fetch of the same {} bytes", bares[0]["bytes"]));
    let lasting = list("lasting");
    Times::of(&lasting, "took").line("the same with keepalive, as Tandem's");
    println!("{:46} {:8.2}", "captureLead's answer / bare fetch", answered.median() / bare.median());
    println!("{:46} {:8.2}", "captureLead / bare fetch", call.median() / bare.median());
    Ok(())
}
