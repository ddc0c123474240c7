//! What one address may cost on the thread that commits. Everything durable goes through that thread, so a call that
//! keeps it busy delays everybody's. A search looks for the costliest call: it begins with a plain call of each kind,
//! takes the change of one thing that costs most, and ends where no change costs more.
//!
//! Each trial comes from a new address that uses up its whole burst. The thread's time is the kernel's count, so it does
//! not depend on what else the machine does. It is told as a ratio to what a plain lead costs in the same run.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tandem_proto::v1::{
    ConfirmBrowserEventsRequest, Confirmation, Content, CustomData, Outcome, Property, TrackEventRequest,
};
use tandem_tests::{Caller, Person, World, messages};
use tonic::Code;

/// Calls that each address has.
const BURST: u32 = 60;
/// Calls under way at once.
const AT_ONCE: usize = 8;
/// Pairs of a call and a plain lead that are compared.
const PAIRS: u32 = 5;
/// Most that a call may cost, in plain leads.
const LEADS_MAX: f64 = 8.0;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Lead,
    Event,
    Claim,
    Confirmation,
}

/// Which order a call names.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Order {
    None,
    /// A new one each time.
    New,
    /// One that the address names again and again.
    Own,
    /// One that others have named a hundred times.
    Others,
}

/// A call, described by what may make it costly.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shape {
    kind: Kind,
    order: Order,
    /// Length of its texts, bytes.
    text: usize,
    /// Cart lines.
    contents: usize,
    /// The visitor's own properties.
    properties: usize,
    /// Confirmations in one call.
    confirmations: usize,
    /// The confirmations name events that are stored, else ones that nobody knows.
    is_known: bool,
    /// Each call is another browser.
    is_new_browser: bool,
    /// Each call repeats the first one.
    repeats: bool,
}

impl Shape {
    fn plain(kind: Kind) -> Self {
        Self {
            kind,
            order: if kind == Kind::Claim { Order::New } else { Order::None },
            text: 10,
            contents: 1,
            properties: 0,
            confirmations: 1,
            is_known: true,
            is_new_browser: false,
            repeats: false,
        }
    }

    /// The same call with one thing changed, in every way that matters to its kind.
    fn neighbours(self) -> Vec<Self> {
        let repeats = [false, true].map(|repeats| Self { repeats, ..self });
        if self.kind == Kind::Confirmation {
            let count = [1, 20, 200].map(|confirmations| Self { confirmations, ..self });
            let known = [false, true].map(|is_known| Self { is_known, ..self });
            return [count.as_slice(), &known, &repeats].concat();
        }
        let text = [10, 200, 990].map(|text| Self { text, ..self });
        let contents = [1, 20, 60].map(|contents| Self { contents, ..self });
        let properties = [0, 10, 50].map(|properties| Self { properties, ..self });
        let browser = [false, true].map(|is_new_browser| Self { is_new_browser, ..self });
        let order = [Order::New, Order::Own, Order::Others].map(|order| Self { order, ..self });
        let order = if self.kind == Kind::Lead { &[] } else { order.as_slice() };
        [order, &text, &contents, &properties, &browser, &repeats].concat()
    }

    fn custom_data(&self) -> CustomData {
        let line = |n: usize| Content {
            id: format!("{n}-{}", "x".repeat(self.text)),
            quantity: 1,
            item_price: Some(messages::rupees("1.00")),
        };
        let property = |n: usize| Property { key: format!("p{n}"), value: "y".repeat(self.text) };
        CustomData {
            value: Some(messages::rupees("1499.00")),
            contents: (0..self.contents).map(line).collect(),
            content_name: "z".repeat(self.text),
            properties: (0..self.properties).map(property).collect(),
            ..CustomData::default()
        }
    }
}

/// A world, its committer and what the trials need of it.
struct Bench {
    _world: World,
    caller: Caller,
    /// The kernel's account of the committer's time.
    account: std::path::PathBuf,
    /// IDs of stored events.
    known: Vec<String>,
    /// An order that many browsers have named.
    order: String,
    trials: u32,
}

impl Bench {
    async fn start() -> anyhow::Result<Self> {
        let world = World::builder()
            .server("TANDEM_RATE_LIMIT", format!("1/s burst {BURST}"))
            // Delivery's own writes are not the callers'.
            .server_without("FACEBOOK_ACCESS_TOKEN")
            .without_gateway()
            .start()
            .await?;
        let threads = std::fs::read_dir(format!("/proc/{}/task", world.server_id()?))?;
        let account = threads
            .filter_map(|thread| Some(thread.ok()?.path()))
            .find(|thread| {
                std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name.trim() == "committer")
            })
            .ok_or_else(|| anyhow::anyhow!("no thread is called committer"))?
            .join("schedstat");
        let caller = world.stranger()?;
        let mut bench = Self {
            _world: world,
            caller,
            account,
            known: Vec::new(),
            order: messages::order_id(),
            trials: 0,
        };
        for _ in 0..300 {
            let lead = messages::lead(&Person::unique());
            bench.known.push(lead.client_event_id.clone());
            bench.new_address().capture_lead(lead).await?;
        }
        let heavy = Shape {
            order: Order::Others,
            text: 990,
            contents: 20,
            is_new_browser: true,
            ..Shape::plain(Kind::Event)
        };
        for n in 0..100 {
            let caller = bench.new_address();
            bench.call(&caller, heavy, n).await?;
        }
        Ok(bench)
    }

    fn new_address(&mut self) -> Caller {
        self.trials += 1;
        let address = format!("10.{}.{}.1", self.trials / 256, self.trials % 256);
        self.caller.clone().with_header("x-forwarded-for", address)
    }

    /// Nanoseconds that the committer has worked.
    fn worked(&self) -> anyhow::Result<u64> {
        let account = std::fs::read_to_string(&self.account)?;
        Ok(account.split(' ').next().unwrap_or_default().parse()?)
    }

    /// Makes one call.
    async fn call(&self, caller: &Caller, shape: Shape, n: u32) -> anyhow::Result<()> {
        let number = if shape.repeats { 0 } else { n };
        let fbp = format!("fb.1.1700000000000.{}", if shape.is_new_browser { n } else { self.trials });
        let browser = tandem_proto::v1::Browser { fbp: Some(fbp), ..Default::default() };
        let order_id = match shape.order {
            Order::None => String::new(),
            Order::New => format!("KB-{}-{number}", self.trials),
            Order::Own => format!("KB-{}", self.trials),
            Order::Others => self.order.clone(),
        };
        let id = format!("0198c5f0-0000-7000-8000-{:04x}{number:08x}", self.trials);
        let outcome = match shape.kind {
            Kind::Lead => {
                let mut lead = messages::lead(&Person::unique());
                (lead.client_event_id, lead.custom_data, lead.browser) =
                    (id, Some(shape.custom_data()), Some(browser));
                caller.capture_lead(lead).await.map(drop)
            }
            Kind::Event => {
                let event = TrackEventRequest {
                    event_name: "InitiateCheckout".to_owned(),
                    client_event_id: id,
                    custom_data: Some(shape.custom_data()),
                    browser: Some(browser),
                    user: Some(Person::unique().user()),
                    order_id,
                    ..TrackEventRequest::default()
                };
                caller.track_event(event).await.map(drop)
            }
            Kind::Claim => {
                let mut claim = messages::purchase(&order_id, "1499.00");
                (claim.custom_data, claim.browser) = (Some(shape.custom_data()), Some(browser));
                claim.user = Some(Person::unique().user());
                caller
                    .clone()
                    .with_deadline(Duration::from_millis(300))
                    .record_purchase(claim)
                    .await
                    .map(drop)
            }
            Kind::Confirmation => {
                let one = |i: usize| Confirmation {
                    event_name: "Lead".to_owned(),
                    event_id: match shape.is_known {
                        true => self.known[(i + n as usize) % self.known.len()].clone(),
                        false => format!("0198c5f0-0000-7000-9000-{:04x}{number:04x}{i:04x}", self.trials),
                    },
                    outcome: if i.is_multiple_of(2) { Outcome::Blocked } else { Outcome::Failed }.into(),
                    ..Confirmation::default()
                };
                let confirmations = (0..shape.confirmations).map(one).collect();
                let request = ConfirmBrowserEventsRequest { confirmations, pixel_id: String::new() };
                caller.confirm_browser_events(request).await.map(drop)
            }
        };
        match outcome {
            // Too fast, or larger than a call may be: it does not reach the committer.
            Err(status)
                if matches!(
                    status.code(),
                    Code::ResourceExhausted | Code::InvalidArgument | Code::OutOfRange
                ) =>
            {
                Ok(())
            }
            // A claim's caller does not wait for the proof.
            Err(status) if shape.kind == Kind::Claim && is_timeout(&status) => Ok(()),
            outcome => outcome.map_err(|status| anyhow::anyhow!("{shape:?}: {status}")),
        }
    }

    /// Time of the committer for each call that an address may make, nanoseconds.
    async fn cost(&mut self, shape: Shape) -> anyhow::Result<f64> {
        let caller = self.new_address();
        let before = self.worked()?;
        let calls = (0..BURST + 5).map(|n| self.call(&caller, shape, n));
        // Not all at once, or what a call costs beyond its first token would be refused to all of them.
        futures_util::stream::iter(calls).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok((self.worked()? - before) as f64 / f64::from(BURST))
    }
}

fn is_timeout(status: &tonic::Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded)
}

/// The costliest call of a kind that the search finds.
async fn costliest(bench: &mut Bench, kind: Kind) -> anyhow::Result<Shape> {
    let mut best = Shape::plain(kind);
    let mut most = bench.cost(best).await?;
    loop {
        let from = best;
        for tried in from.neighbours() {
            let cost = bench.cost(tried).await?;
            if cost > most {
                (best, most) = (tried, cost);
            }
        }
        // A second look: the first may have hit on a bad moment.
        most = most.min(bench.cost(best).await?);
        if best == from {
            return Ok(best);
        }
    }
}

/// What a call costs in plain leads, measured side by side.
async fn in_leads(bench: &mut Bench, shape: Shape) -> anyhow::Result<f64> {
    let (mut call, mut lead) = (0.0, 0.0);
    for _ in 0..PAIRS {
        call += bench.cost(shape).await?;
        lead += bench.cost(Shape::plain(Kind::Lead)).await?;
    }
    let leads = call / lead;
    eprintln!("{leads:.1} plain leads of {:.0} µs: {shape:?}", lead / 1000.0 / f64::from(PAIRS));
    Ok(leads)
}

#[tokio::test]
async fn no_call_keeps_the_committer_busier_than_a_few_leads() -> anyhow::Result<()> {
    let mut bench = Bench::start().await?;
    for kind in [Kind::Lead, Kind::Event, Kind::Claim, Kind::Confirmation] {
        let shape = costliest(&mut bench, kind).await?;
        let leads = in_leads(&mut bench, shape).await?;
        assert!(
            leads <= LEADS_MAX,
            "one call costs the committer as much as {leads:.1} plain leads: {shape:?}"
        );
    }
    Ok(())
}
