//! Callers that go on through every crash. They repeat a failed call under the same ID, or give it up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tandem_proto::v1::{
    Browser, CaptureLeadRequest, ConfirmBrowserEventsRequest, Confirmation, CustomData, Outcome,
    RecordPurchaseRequest, TrackEventRequest,
};
use tonic::{Code, Status};

use super::sent_events::{SentEvent, SentEvents};
use crate::meta_fault::POISON;
use tandem_tests::{Caller, Person, World, messages};

/// Time limit of one call.
const DEADLINE: Duration = Duration::from_secs(5);
/// Most calls in a row that may fail before the caller gives up an event.
const TRIES_MAX: u32 = 200;
/// Probability that the caller gives up a failed call instead of repeating it.
const GIVE_UP: f64 = 0.02;
/// Share of leads and other events that Meta refuses for good.
const POISONED: f64 = 0.005;
/// Share of acknowledged calls that are repeated.
const REPEATED: f64 = 0.1;
/// Number of its own events that a caller remembers for the pixel's reports.
const RECENT_MAX: usize = 50;

/// One caller with a connection of its own.
pub(super) struct Client {
    caller: Caller,
    browser: Browser,
    sent: Arc<SentEvents>,
    stop: Arc<AtomicBool>,
    dice: StdRng,
    /// Name and ID of acknowledged events, newest last.
    recent: Vec<(&'static str, String)>,
}

/// A call that the caller repeats until it is answered.
enum Call {
    Lead(CaptureLeadRequest),
    Event(TrackEventRequest),
    Purchase(RecordPurchaseRequest),
    Confirmation(ConfirmBrowserEventsRequest),
}

struct CallAnswer {
    /// The event's ID. Empty if the RPC does not return it.
    event_id: String,
    /// Whether the server knew the event before this call.
    known: bool,
}

impl Call {
    async fn make(&self, caller: &Caller) -> Result<CallAnswer, Status> {
        match self {
            Self::Lead(message) => {
                let answer = caller.capture_lead(message.clone()).await?;
                Ok(CallAnswer { event_id: answer.event_id, known: answer.duplicate })
            }
            Self::Event(message) => {
                let answer = caller.track_event(message.clone()).await?;
                Ok(CallAnswer { event_id: answer.event_id, known: answer.duplicate })
            }
            Self::Purchase(message) => {
                let answer = caller.record_purchase(message.clone()).await?;
                Ok(CallAnswer { event_id: answer.event_id, known: answer.duplicate })
            }
            Self::Confirmation(message) => {
                let answer = caller.confirm_browser_events(message.clone()).await?;
                Ok(CallAnswer { event_id: String::new(), known: answer.accepted == 1 })
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Lead(_) => "CaptureLead",
            Self::Event(_) => "TrackEvent",
            Self::Purchase(_) => "RecordPurchase",
            Self::Confirmation(_) => "ConfirmBrowserEvents",
        }
    }
}

/// The person and the amount of an event.
struct Draft {
    person: Person,
    rupees: i64,
    is_poison: bool,
}

impl Client {
    pub(super) fn new(
        world: &World,
        sent: Arc<SentEvents>,
        stop: Arc<AtomicBool>,
        seed: u64,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            caller: world.internal()?.with_deadline(DEADLINE),
            browser: world.visitor().browser(),
            sent,
            stop,
            dice: StdRng::seed_from_u64(seed),
            recent: Vec::new(),
        })
    }

    /// Makes calls until `stop` is set.
    pub(super) async fn run(mut self) {
        while !self.stop.load(Ordering::Relaxed) {
            match self.dice.random_range(0..20) {
                0..8 => self.lead().await,
                8..14 => self.event().await,
                14..18 => self.purchase().await,
                _ => self.confirmation().await,
            }
            let pause_ms = self.dice.random_range(0..10);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    async fn lead(&mut self) {
        let draft = self.draft(true);
        let mut message = messages::lead(&draft.person);
        message.browser = Some(self.browser.clone());
        message.custom_data = Some(draft.custom_data());
        let id = message.client_event_id.clone();
        self.tell("Lead", &id, &draft, Call::Lead(message)).await;
    }

    async fn event(&mut self) {
        const NAMES: [&str; 3] = ["AddToCart", "ViewContent", "InitiateCheckout"];
        let name = NAMES[self.dice.random_range(0..NAMES.len())];
        let draft = self.draft(true);
        let mut message = messages::event(name, "1.00");
        message.user = Some(draft.person.user());
        message.browser = Some(self.browser.clone());
        message.custom_data = Some(draft.custom_data());
        let id = message.client_event_id.clone();
        self.tell(name, &id, &draft, Call::Event(message)).await;
    }

    async fn purchase(&mut self) {
        let draft = self.draft(false);
        let order = messages::order_id();
        let mut message = messages::purchase(&order, "1.00");
        message.user = Some(draft.person.user());
        message.custom_data = Some(draft.custom_data());
        // The Purchase is sent at once with a browser. Without one it waits first for a browser to join.
        message.browser = self.dice.random_bool(0.5).then(|| self.browser.clone());
        self.tell("Purchase", &format!("purchase_{order}"), &draft, Call::Purchase(message)).await;
    }

    /// Sends an event until it is acknowledged, and sometimes repeats it afterwards.
    async fn tell(&mut self, name: &'static str, id: &str, draft: &Draft, call: Call) {
        self.sent.note_sent(id, draft.sent(name));
        let Some(said) = self.insist(&call).await else { return };
        self.sent.note_acknowledged(id);
        if said.event_id != id {
            self.sent.complain(format!("{name} {id} was acknowledged as {}", said.event_id));
        }
        self.recent.push((name, id.to_owned()));
        if self.recent.len() > RECENT_MAX {
            self.recent.remove(0);
        }
        if self.dice.random_bool(REPEATED)
            && let Some(again) = self.insist(&call).await
        {
            if again.known {
                SentEvents::count(&self.sent.duplicates);
            } else {
                self.sent
                    .complain(format!("{name} {id} was acknowledged, and its repeat was accepted as new"));
            }
        }
    }

    /// Reports that the pixel fired one of the acknowledged events.
    async fn confirmation(&mut self) {
        if self.recent.is_empty() {
            return;
        }
        let (name, id) = self.recent.swap_remove(self.dice.random_range(0..self.recent.len()));
        let confirmation = Confirmation {
            event_name: name.to_owned(),
            event_id: id.clone(),
            outcome: Outcome::Fired.into(),
            ..Confirmation::default()
        };
        let message =
            ConfirmBrowserEventsRequest { confirmations: vec![confirmation], pixel_id: String::new() };
        match self.insist(&Call::Confirmation(message)).await {
            Some(said) if said.known => self.sent.note_fired(&id),
            Some(_) => self.sent.complain(format!("{name} {id} was acknowledged and is unknown now")),
            None => {}
        }
    }

    /// Repeats a call until it is answered. `None` if the caller gives it up.
    async fn insist(&mut self, call: &Call) -> Option<CallAnswer> {
        for _ in 0..TRIES_MAX {
            match call.make(&self.caller).await {
                Ok(answer) => {
                    SentEvents::count(&self.sent.answered);
                    return Some(answer);
                }
                Err(status) => {
                    SentEvents::count(&self.sent.failed);
                    if !may_pass(&status) {
                        self.sent.complain(format!("{}: {status}", call.name()));
                        return None;
                    }
                }
            }
            if self.dice.random_bool(GIVE_UP) {
                break;
            }
            let pause_ms = self.dice.random_range(10..100);
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
        SentEvents::count(&self.sent.given_up);
        None
    }

    fn draft(&mut self, may_be_poison: bool) -> Draft {
        Draft {
            person: Person::unique(),
            rupees: self.dice.random_range(1..10_000),
            is_poison: may_be_poison && self.dice.random_bool(POISONED),
        }
    }
}

/// Whether the connection failed, or the server asked for a retry.
fn may_pass(status: &Status) -> bool {
    let of_the_connection = std::error::Error::source(status).is_some();
    of_the_connection || matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled)
}

impl Draft {
    fn custom_data(&self) -> CustomData {
        let mut data = messages::deck(&format!("{}.00", self.rupees));
        if self.is_poison {
            data.content_name = POISON.to_owned();
        }
        data
    }

    fn sent(&self, name: &'static str) -> SentEvent {
        SentEvent {
            name,
            email_hash: self.person.email_hash(),
            value_minor: self.rupees * 100,
            is_poison: self.is_poison,
            acknowledged: false,
            fired: false,
        }
    }
}
