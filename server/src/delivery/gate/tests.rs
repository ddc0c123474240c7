use super::*;
use proptest::prelude::*;

fn worked() -> CallFeedback {
    CallFeedback { called: true, worked: true, took: Duration::from_millis(50), ..CallFeedback::default() }
}

fn failed() -> CallFeedback {
    CallFeedback { called: true, failed: true, ..CallFeedback::default() }
}

fn held(reason: &'static str) -> CallFeedback {
    CallFeedback { called: true, held: Some((reason, Duration::from_secs(15))), ..CallFeedback::default() }
}

fn paused(seconds: u64) -> CallFeedback {
    let pause = Some((Duration::from_secs(seconds), code::META_THROTTLED));
    CallFeedback { called: true, pause, ..CallFeedback::default() }
}

/// A gate that allows several calls at once.
fn open_gate() -> Gate {
    let mut gate = Gate::default();
    for _ in 0..10 {
        let permit = gate.permit(0, 0, false).expect("it is open");
        gate.apply(permit, &worked(), 0);
    }
    gate
}

#[test]
fn a_refused_token_holds_the_pixel_and_probes_grow_rare() {
    let mut gate = open_gate();
    let (first, second) = (gate.permit(0, 0, false).unwrap(), gate.permit(0, 1, false).unwrap());
    gate.apply(first, &held(code::TOKEN_REFUSED), 0);
    gate.apply(second, &held(code::TOKEN_REFUSED), 0);
    assert_eq!(gate.state(0), (PixelState::Held, code::TOKEN_REFUSED));
    assert_eq!(gate.permit(14_999, 0, false), None, "both failures count as one");
    let probe = gate.permit(15_000, 0, false).expect("a probe");
    assert!(probe.is_probe);
    assert_eq!(gate.permit(15_000, 0, true), None, "one probe at a time");
    gate.apply(probe, &held(code::TOKEN_REFUSED), 15_000);
    assert_eq!(gate.permit(44_999, 0, false), None, "twice the wait");
    let probe = gate.permit(45_000, 0, false).expect("the next probe");
    gate.apply(probe, &worked(), 45_000);
    assert_eq!(gate.state(45_000).0, PixelState::Delivering);
}

#[test]
fn another_token_and_an_operators_word_end_the_wait() {
    for is_renewed in [true, false] {
        let mut gate = open_gate();
        let permit = gate.permit(0, 0, false).unwrap();
        gate.apply(permit, &held(code::TOKEN_REFUSED), 0);
        if !is_renewed {
            gate.resume();
        }
        assert!(gate.permit(1, 0, is_renewed).is_some_and(|permit| permit.is_probe));
    }
}

#[test]
fn a_late_success_of_before_does_not_end_a_hold() {
    let mut gate = open_gate();
    let (first, second) = (gate.permit(0, 0, false).unwrap(), gate.permit(0, 1, false).unwrap());
    gate.apply(first, &held(code::TOKEN_REFUSED), 0);
    gate.apply(second, &worked(), 1);
    assert_eq!(gate.state(1).0, PixelState::Held);
}

#[test]
fn a_probe_that_sent_nothing_is_made_again_at_once() {
    let mut gate = open_gate();
    let permit = gate.permit(0, 0, false).unwrap();
    gate.apply(permit, &held(code::TOKEN_REFUSED), 0);
    let probe = gate.permit(15_000, 0, false).unwrap();
    gate.apply(probe, &CallFeedback::default(), 15_000);
    assert!(
        gate.permit(15_000, 0, false).is_some(),
        "the probe was not sent, because its event was given up first"
    );
}

#[test]
fn a_pause_stops_everything_and_says_why() {
    let mut gate = open_gate();
    let permit = gate.permit(0, 0, false).unwrap();
    gate.apply(permit, &paused(60), 0);
    assert_eq!(gate.state(0), (PixelState::OpenCircuit, code::META_THROTTLED));
    assert_eq!(gate.permit(59_999, 0, false), None);
    assert!(gate.permit(60_000, 0, false).is_some());
    assert_eq!(gate.state(60_000).0, PixelState::Delivering);
}

#[test]
fn a_shorter_pause_does_not_cut_a_longer_one() {
    let mut gate = open_gate();
    let (first, second) = (gate.permit(0, 0, false).unwrap(), gate.permit(0, 1, false).unwrap());
    gate.apply(first, &paused(600), 0);
    gate.apply(second, &paused(60), 0);
    assert_eq!(gate.permit(599_999, 0, false), None);
}

#[test]
fn an_allowance_nearly_used_up_pauses_before_meta_refuses() {
    let mut gate = open_gate();
    let permit = gate.permit(0, 0, false).unwrap();
    gate.apply(permit, &CallFeedback { usage_percent: STOP_PERCENT, ..worked() }, 0);
    assert_eq!(gate.permit(59_000, 0, false), None);
    assert!(gate.permit(60_000, 0, false).is_some());
}

#[test]
fn the_circuit_opens_and_one_probe_closes_it() {
    let mut gate = open_gate();
    for _ in 0..5 {
        let permit = gate.permit(0, 0, false).unwrap();
        gate.apply(permit, &failed(), 0);
    }
    assert_eq!(gate.state(0).0, PixelState::OpenCircuit);
    let probe = gate.permit(2000, 0, false).expect("a probe");
    assert!(probe.is_probe);
    gate.cancel(probe, 2000);
    let probe = gate.permit(2000, 0, false).expect("nothing was sent");
    assert_eq!(gate.permit(2000, 0, false), None);
    gate.apply(probe, &worked(), 2000);
    assert_eq!(gate.state(2000).0, PixelState::Delivering);
}

#[test]
fn no_more_calls_are_out_than_the_window_bears() {
    let mut gate = Gate::default();
    let first = gate.permit(0, 0, false).unwrap();
    assert_eq!(gate.permit(0, 1, false), None, "only one call goes out at the start");
    gate.apply(first, &worked(), 0);
    assert!(gate.permit(0, 1, false).is_some());
}

proptest! {
    /// After any sequence of steps the gate opens again by itself within the longest wait.
    #[test]
    fn it_never_stays_shut(steps in prop::collection::vec((0..6_u8, 0..100_000_i64), 0..60)) {
        let mut gate = Gate::default();
        let mut now_ms = 0;
        let mut out: Vec<Permit> = Vec::new();
        for (kind, wait_ms) in steps {
            now_ms += wait_ms;
            if let Some(permit) = gate.permit(now_ms, out.len(), false) {
                out.push(permit);
            }
            let feedback = match kind {
                0 => worked(),
                1 => failed(),
                2 => held(code::TOKEN_REFUSED),
                3 => paused(30),
                4 => CallFeedback::default(),
                _ => continue,
            };
            if !out.is_empty() {
                gate.apply(out.remove(0), &feedback, now_ms);
            }
        }
        for permit in out {
            gate.apply(permit, &failed(), now_ms);
        }
        prop_assert!(gate.permit(now_ms + 6 * 3_600_000, 0, false).is_some());
        prop_assert!(gate.calls_max() >= 1);
    }
}
