//! The outbox against a model that fits on one page: random steps on both, a crash between
//! any two of them, and after each step every event is in the same state in both.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::conformance::{self, NOW_MS, pixel};
use super::embedded::Embedded;
use super::*;
use crate::clock::Clock;

/// Keys that events are drawn from: few, so that repeats are common.
const KEYS: u32 = 6;
const LEASE: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_secs(5);

/// What happens next. Numbers choose among what is there.
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
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        Just(AttemptOutcome::Delivered),
        Just(AttemptOutcome::Retry(RETRY)),
        Just(AttemptOutcome::Unknown(RETRY)),
        Just(AttemptOutcome::Held(Duration::ZERO)),
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
        1 => (0..KEYS).prop_map(Step::Purge),
        2 => (1..90_u64).prop_map(|s| Step::Pass(Duration::from_secs(s))),
        1 => prop_oneof![Just(-86_400_000_i64), Just(86_400_000)].prop_map(Step::SetClock),
        1 => Just(Step::Crash),
    ];
    prop::collection::vec(step, 1..40)
}

/// One event of the model: its state, and when it is due in time that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Modelled {
    state: State,
    due_ms: i64,
}

/// The model: what the outbox promises, without saying how.
#[derive(Debug, Default)]
struct Model(BTreeMap<u32, Modelled>);

impl Model {
    fn append(&mut self, key: u32, state: State, due_ms: i64) {
        self.0.entry(key).or_insert(Modelled { state, due_ms });
    }

    /// Due are pending events, and leased ones whose lease has ended.
    fn due(&self, now_ms: i64) -> usize {
        let waits = |event: &&Modelled| matches!(event.state, State::Pending | State::InFlight);
        self.0.values().filter(waits).filter(|event| event.due_ms <= now_ms).count()
    }

    fn finish(&mut self, key: u32, outcome: AttemptOutcome, now_ms: i64) {
        let wait =
            |wait: Duration| Modelled { state: State::Pending, due_ms: now_ms + crate::clock::millis(wait) };
        let after = match outcome {
            AttemptOutcome::Delivered => Modelled { state: State::Delivered, due_ms: 0 },
            AttemptOutcome::HeldAlone => Modelled { state: State::Held, due_ms: 0 },
            AttemptOutcome::Refused => Modelled { state: State::DeadLetter, due_ms: 0 },
            AttemptOutcome::Retry(w) | AttemptOutcome::Unknown(w) | AttemptOutcome::Held(w) => wait(w),
        };
        self.0.insert(key, after);
    }

    fn crash(&mut self, now_ms: i64) {
        for event in self.0.values_mut().filter(|event| event.state == State::InFlight) {
            *event = Modelled { state: State::Pending, due_ms: now_ms };
        }
    }
}

struct World {
    dir: tempfile::TempDir,
    store: Option<Outbox>,
    clock: Clock,
    model: Model,
    /// Leases that are still good, and those that are not any more.
    leased: Vec<(u32, LeasedEvent)>,
    stale: Vec<LeasedEvent>,
}

impl World {
    fn new() -> Self {
        let (dir, clock) = (tempfile::tempdir().unwrap(), Clock::fixed(NOW_MS));
        let store = Some(Outbox::new(Embedded::open(dir.path(), clock.clone()).unwrap()));
        Self { dir, store, clock, model: Model::default(), leased: Vec::new(), stale: Vec::new() }
    }

    fn store(&self) -> &Outbox {
        self.store.as_ref().expect("it is open between steps")
    }

    /// Time that never jumps, in which the model's schedules are.
    fn now_ms(&self) -> i64 {
        self.clock.steady_ms()
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
                self.store().events.append(conformance::event(key)).await.unwrap();
                self.model.append(key, State::Pending, now_ms);
            }
            Step::AppendLeased(key) => {
                let leased = NewEvent { initial: Initial::Leased(LEASE), ..conformance::event(key) };
                self.store().events.append(leased).await.unwrap();
                self.model.append(key, State::InFlight, now_ms + crate::clock::millis(LEASE));
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
                assert_eq!(replayed == 1, is_dead);
                if is_dead {
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
            Step::Pass(span) => self.clock.set_ms(self.clock.now_ms() + crate::clock::millis(span)),
            Step::SetClock(by_ms) => {
                self.clock.jump_ms(by_ms);
                // A machine's clock is not set twice within one write: this is the write.
                self.store().queue.has_due(pixel()).await.unwrap();
            }
            Step::Crash => self.crash(),
        }
    }

    /// What a killed process leaves: the files as they are.
    fn crash(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["tandem.db", "tandem.db-wal"] {
            copy_file(self.dir.path(), copy.path(), name);
        }
        drop(self.store.take());
        self.dir = copy;
        self.store = Some(Outbox::new(Embedded::open(self.dir.path(), self.clock.clone()).unwrap()));
        self.stale.extend(self.leased.drain(..).map(|(_, event)| event));
        self.model.crash(self.now_ms());
    }

    async fn record(&self, event: &LeasedEvent, outcome: AttemptOutcome) {
        let result = AttemptResult { seq: event.seq, lease_no: event.lease_no, outcome, code: "code" };
        self.store().queue.record(conformance::call(), vec![result]).await.unwrap();
    }

    /// Every event is where the model has it, and the totals agree.
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
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_outbox_does_what_the_model_does(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.step(step).await;
                world.check().await;
            }
        });
    }
}
