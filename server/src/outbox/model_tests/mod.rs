//! Compares the outbox with a small model. Random steps run on both, with crashes between steps.
//! The wall clock is set by up to ten years, while the server runs and while it is off.
//!
//! What holds whatever the clock shows: nothing that is not finished disappears, what was given up
//! stays for eight days of running time, positions only grow. And once the clock is right again,
//! everything is given up and deleted in the end.

mod model;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::conformance::{self, NOW_MS, pixel};
use super::embedded::Embedded;
use super::*;
use crate::clock::Clock;
use model::{Model, Modelled};

/// Number of keys that events are drawn from. It is small, so that repeats are common.
const KEYS: u32 = 6;
const LEASE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_secs(5);
const DAY_MS: i64 = 24 * 3600 * 1000;
/// The shortest retention there is.
const RETENTION: Duration = Duration::from_secs(8 * 24 * 3600);
/// How much later than due a deletion may be: what crashes take from the running time.
const LATE_MS: i64 = 60_000;
/// One random step. Its numbers select among the existing events or leases.
#[derive(Debug, Clone)]
enum Step {
    Append(u32),
    AppendLeased(u32),
    Claim(usize),
    Result(usize, AttemptOutcome),
    LateResult(usize),
    Release(usize),
    Replay(u32),
    Purge(u32),
    Pass(Duration),
    SetClock(i64),
    SetRight,
    Expire,
    Sweep,
    Crash,
    /// A clean stop, and a start at which the wall shows another time.
    Restart(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        Just(AttemptOutcome::Delivered),
        Just(AttemptOutcome::Retry(RETRY)),
        Just(AttemptOutcome::Unknown(RETRY)),
        Just(AttemptOutcome::Held(Duration::ZERO)),
        Just(AttemptOutcome::Refused),
        Just(AttemptOutcome::Refused),
    ];
    let step = prop_oneof![
        4 => (0..KEYS).prop_map(Step::Append),
        2 => (0..KEYS).prop_map(Step::AppendLeased),
        4 => (1..4_usize).prop_map(Step::Claim),
        6 => (any::<prop::sample::Index>(), outcome).prop_map(|(i, outcome)| Step::Result(i.index(16), outcome)),
        1 => (0..16_usize).prop_map(Step::LateResult),
        1 => (0..16_usize).prop_map(Step::Release),
        1 => (0..KEYS).prop_map(Step::Replay),
        3 => (0..KEYS).prop_map(Step::Purge),
        2 => (1..90_u64).prop_map(|s| Step::Pass(Duration::from_secs(s))),
        3 => (1..12_u64).prop_map(|days| Step::Pass(Duration::from_secs(days * 24 * 3600))),
        1 => wrong().prop_map(Step::SetClock),
        1 => Just(Step::SetRight),
        2 => Just(Step::Expire),
        4 => Just(Step::Sweep),
        1 => Just(Step::Crash),
        1 => prop_oneof![Just(0), wrong()].prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..60)
}

/// By how much a clock is set.
fn wrong() -> impl Strategy<Value = i64> {
    prop_oneof![Just(-DAY_MS), Just(DAY_MS), (-3650..3650_i64).prop_map(|days| days * DAY_MS)]
}

struct World {
    dir: tempfile::TempDir,
    store: Option<Outbox>,
    clock: Clock,
    /// Steady time of the starts before this one.
    before_ms: i64,
    /// How far the wall is from the right time, and since when (both by time that never jumps).
    wrong_ms: i64,
    set_ms: i64,
    /// How far a start may have hidden a wrong clock: a day each.
    hidden_ms: i64,
    /// The highest position so far.
    last_seq: u64,
    model: Model,
    /// Leases that are still valid. `stale` holds the others.
    leased: Vec<(u32, LeasedEvent)>,
    stale: Vec<LeasedEvent>,
}

impl World {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(NOW_MS));
        let store = Some(Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap()));
        Self {
            dir,
            store,
            clock,
            before_ms: 0,
            wrong_ms: 0,
            set_ms: NOW_MS,
            hidden_ms: 3 * 60_000,
            last_seq: 0,
            model: Model::default(),
            leased: Vec::new(),
            stale: Vec::new(),
        }
    }

    fn store(&self) -> &Outbox {
        self.store.as_ref().expect("it is open between steps")
    }

    /// Time that never jumps. The model's schedules use it.
    fn now_ms(&self) -> i64 {
        self.before_ms + self.clock.steady_ms()
    }

    /// A wrong time that was steady for a day may have become the one that is trusted.
    fn note_steady(&mut self) {
        if self.now_ms() - self.set_ms >= DAY_MS {
            self.hidden_ms = self.hidden_ms.max(self.wrong_ms.abs()) + 60_000;
        }
    }

    fn set_clock(&mut self, by_ms: i64) {
        self.note_steady();
        self.wrong_ms += by_ms;
        self.set_ms = self.now_ms();
        self.clock.jump_ms(by_ms);
    }

    /// Whether the store may give up and delete. A wrong time is trusted only once it has been
    /// steady for a day.
    fn is_trusted(&self) -> bool {
        let is_trusted = self.clock.trusted().is_some();
        let is_right = self.wrong_ms.abs() <= self.hidden_ms;
        assert!(!is_trusted || is_right || self.now_ms() - self.set_ms >= DAY_MS, "{}", self.wrong_ms);
        is_trusted
    }

    /// Whether the wall shows that events are too old. All of them happened at the same time.
    fn looks_too_old(&self) -> bool {
        NOW_MS / 1000 < tandem_core::event::oldest_time_s(self.clock.now_s())
    }

    async fn append(&mut self, event: NewEvent, key: u32, state: State, due_ms: i64) {
        let event = NewEvent { received_ms: self.clock.now_ms(), ..event };
        if let Appended::New { seq } = self.store().events.append(event).await.unwrap() {
            assert!(seq > self.last_seq, "positions only grow: {seq} after {}", self.last_seq);
            self.last_seq = seq;
        }
        self.model.append(key, state, due_ms);
    }

    async fn expire(&mut self) {
        let (now_ms, gives_up) = (self.now_ms(), self.is_trusted() && self.looks_too_old());
        let waiting = self.model.0.values_mut().filter(|event| gives_up && event.state == State::Pending);
        let given_up = waiting.map(|event| *event = Modelled { state: State::DeadLetter, due_ms: now_ms });
        assert_eq!(given_up.count(), self.store().queue.expire(100).await.unwrap());
    }

    async fn sweep(&mut self) {
        while self.store().operators.sweep(RETENTION, 2).await.unwrap() > 0 {}
        let (now_ms, deletes) = (self.now_ms(), self.is_trusted());
        let mut gone = Vec::new();
        for (key, event) in self.model.0.iter().filter(|(_, event)| event.state.is_finished()) {
            let late_ms = now_ms - event.due_ms - crate::clock::millis(RETENTION);
            let is_gone = self.seq_of(*key).await.is_none();
            assert!(!is_gone || (deletes && late_ms >= 0), "kept for {late_ms} ms more than its time");
            assert!(is_gone || !deletes || late_ms < LATE_MS, "{late_ms} ms past its time");
            if is_gone {
                gone.push(*key);
            }
        }
        self.model.0.retain(|key, _| !gone.contains(key));
    }

    /// Once the clock is right, all that waits is given up, and all that is given up goes.
    async fn end(&mut self) {
        self.set_clock(-self.wrong_ms);
        self.clock.confirm();
        self.pass(9 * DAY_MS);
        assert!(self.is_trusted());
        self.expire().await;
        for event in self.store().queue.lease(pixel(), 100, LEASE).await.unwrap() {
            self.model.finish(self.key_of(&event).await, AttemptOutcome::Refused, self.now_ms());
            self.record(&event, AttemptOutcome::Refused).await;
        }
        self.pass(9 * DAY_MS);
        self.sweep().await;
        assert!(self.model.0.is_empty(), "{:?}", self.model);
        self.check().await;
    }

    fn pass(&self, ms: i64) {
        self.clock.set_ms(self.clock.now_ms() + ms);
    }

    async fn key_of(&self, event: &LeasedEvent) -> u32 {
        let views = self.store().operators.at(Arc::from([event.seq])).await.unwrap();
        (0..KEYS).find(|key| conformance::event(*key).id == views[0].id).expect("one of ours")
    }

    async fn seq_of(&self, key: u32) -> Option<u64> {
        let wanted = EventKey { id: conformance::event(key).id, name: None, pixel: None };
        self.store().operators.find(wanted).await.unwrap().first().map(|(event, _)| event.seq)
    }

    async fn step(&mut self, step: Step) {
        let now_ms = self.now_ms();
        match step {
            Step::Append(key) => {
                self.append(conformance::event(key), key, State::Pending, now_ms).await;
            }
            Step::AppendLeased(key) => {
                self.append(
                    conformance::leased(key),
                    key,
                    State::InFlight,
                    now_ms + crate::clock::millis(LEASE),
                )
                .await;
            }
            Step::Claim(max) => {
                let due = self.model.due(now_ms);
                assert_eq!(self.store().queue.has_due(pixel()).await.unwrap(), due > 0, "what is due");
                let leased = self.store().queue.lease(pixel(), max, LEASE).await.unwrap();
                assert_eq!(leased.len(), due.min(max), "what is leased");
                for event in leased {
                    let key = self.key_of(&event).await;
                    let (ended, good): (Vec<_>, Vec<_>) =
                        self.leased.drain(..).partition(|(of, _)| *of == key);
                    self.stale.extend(ended.into_iter().map(|(_, event)| event));
                    self.leased = good;
                    let until_ms = now_ms + crate::clock::millis(LEASE);
                    self.model.0.insert(key, Modelled { state: State::InFlight, due_ms: until_ms });
                    self.leased.push((key, event));
                }
            }
            Step::Result(i, outcome) => {
                if self.leased.is_empty() {
                    return;
                }
                let (key, event) = self.leased.remove(i % self.leased.len());
                self.record(&event, outcome).await;
                self.model.finish(key, outcome, now_ms);
                self.stale.push(event);
            }
            Step::LateResult(i) => {
                if !self.stale.is_empty() {
                    let event = self.stale[i % self.stale.len()].clone();
                    self.record(&event, AttemptOutcome::Refused).await;
                }
            }
            Step::Release(i) => {
                if !self.leased.is_empty() {
                    let (key, event) = self.leased.remove(i % self.leased.len());
                    self.store().queue.release(vec![(event.seq, event.lease_no)]).await.unwrap();
                    self.model.0.insert(key, Modelled { state: State::Pending, due_ms: now_ms });
                    self.stale.push(event);
                }
            }
            Step::Replay(key) => {
                let Some(seq) = self.seq_of(key).await else { return };
                let replayed = self.store().operators.replay(vec![seq], false).await.unwrap().replayed;
                let is_dead = self.model.0.get(&key).is_some_and(|event| event.state == State::DeadLetter);
                assert_eq!(replayed == 1, is_dead && !self.looks_too_old());
                if replayed == 1 {
                    self.model.0.insert(key, Modelled { state: State::Pending, due_ms: now_ms });
                }
            }
            Step::Purge(key) => {
                let Some(seq) = self.seq_of(key).await else { return };
                let is_dead = self.model.0.get(&key).is_some_and(|event| event.state == State::DeadLetter);
                assert_eq!(self.store().operators.purge(vec![seq]).await.unwrap() == 1, is_dead);
                if is_dead {
                    self.model.0.remove(&key);
                    self.stale.retain(|event| event.seq != seq);
                }
            }
            Step::Pass(span) => {
                self.pass(crate::clock::millis(span));
                // A server writes once a minute, and so keeps its running time.
                self.store().operators.probe().await.unwrap();
            }
            Step::SetClock(by_ms) => {
                self.set_clock(by_ms);
                // A machine's clock is not set twice within one write: this is the write.
                self.store().queue.has_due(pixel()).await.unwrap();
            }
            Step::SetRight => {
                self.set_clock(-self.wrong_ms);
                self.store().queue.has_due(pixel()).await.unwrap();
            }
            Step::Expire => self.expire().await,
            Step::Sweep => self.sweep().await,
            Step::Crash => self.crash(),
            Step::Restart(by_ms) => {
                self.note_steady();
                drop(self.store.take());
                let (now_ms, wall_ms) = (self.now_ms(), self.clock.now_ms() + by_ms);
                self.clock = Clock::fixed(wall_ms);
                self.before_ms = now_ms - self.clock.steady_ms();
                self.wrong_ms += by_ms;
                if by_ms != 0 {
                    self.set_ms = now_ms;
                }
                self.start(by_ms);
            }
        }
    }

    /// Opens the store; the wall shows a time that is `shift_ms` further than it should be.
    fn start(&mut self, shift_ms: i64) {
        self.store = Some(Outbox::new(Embedded::open(self.dir.path(), self.clock.clone()).unwrap()));
        self.stale.extend(self.leased.drain(..).map(|(_, event)| event));
        self.hidden_ms += DAY_MS;
        self.model.start(self.now_ms(), shift_ms);
    }

    /// What a killed process leaves: the files as they are.
    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["tandem.db", "tandem.db-wal"] {
            copy_file(self.dir.path(), copy.path(), name);
        }
        drop(self.store.take());
        self.dir = copy;
        self.start(0);
    }

    async fn record(&self, event: &LeasedEvent, outcome: AttemptOutcome) {
        let result = AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code: "code" };
        self.store().queue.record(conformance::call(), vec![result]).await.unwrap();
    }

    /// Checks that every event has the model's state, and that the totals agree.
    async fn check(&self) {
        let listed = self
            .store()
            .operators
            .list(EventFilter::default(), Page { below_seq: None, size: 100 })
            .await
            .unwrap();
        let stored: BTreeMap<String, State> =
            listed.iter().map(|event| (event.id.as_str().to_owned(), event.state)).collect();
        let modelled: BTreeMap<String, State> = self
            .model
            .0
            .iter()
            .map(|(key, event)| (conformance::event(*key).id.as_str().to_owned(), event.state))
            .collect();
        assert_eq!(stored, modelled);
        conformance::check_totals(self.store(), listed.len() as u64).await;
    }
}

fn copy_file(from: &Path, to: &Path, name: &str) {
    if from.join(name).exists() {
        std::fs::copy(from.join(name), to.join(name)).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_outbox_does_what_the_model_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.step(step).await;
                world.check().await;
            }
            world.end().await;
        });
    }
}
