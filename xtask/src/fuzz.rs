//! `cargo xtask fuzz`: the property tests with new seeds, for as long as you like. Everywhere else they repeat the
//! cases of one seed, which `.cargo/config.toml` names.

use std::collections::BTreeSet;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::command::{capture, cargo, run, step};
use crate::files::{root, walk};
use crate::programs;
use crate::tidy::{SKIPPED, test_functions};

/// Targets that are a machine of many states.
const STATEFUL: [&str; 3] =
    ["core/order/property_tests", "server/outbox/model_tests", "server/delivery/sender/hostile_tests"];
/// The package whose tests start the programs.
const BLACK_BOX: &str = "tandem-tests";
/// Cases of a target's first round. The later ones are as large as their time allows.
const FIRST_CASES: u32 = 16;
/// Cases of one round at most.
const CASES_MAX: u32 = 1_000_000;
/// A round may have this many times the cases of the one before.
const GROWTH_MAX: u32 = 8;
/// How long a round takes, more or less.
const ROUND: Duration = Duration::from_secs(10);
/// A round that takes longer hangs.
const ROUND_MAX: Duration = Duration::from_secs(15 * 60);
/// Inputs that a test may turn down in one round. Proptest's own bound is for 256 cases.
const REJECTS_MAX: &str = "100000000";
/// Minutes in a week.
const MINUTES_MAX: i64 = 7 * 24 * 60;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How long, shared between the targets
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=MINUTES_MAX))]
    minutes: u32,
    /// Run only the targets whose name contains this
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// List the targets
    #[arg(long)]
    list: bool,
}

/// The property tests of one file.
#[derive(Debug, PartialEq, Eq)]
struct Target {
    /// The file's path without what all paths have: core/money for `core/src/money/tests.rs`.
    name: String,
    /// Cargo's arguments that choose its package and program.
    program: Vec<String>,
    tests: BTreeSet<String>,
}

/// What was done with one target.
#[derive(Debug, Default)]
struct Tally {
    rounds: u32,
    /// Cases that passed, of all tests together.
    cases: u64,
    took: Duration,
    has_failed: bool,
}

impl Target {
    /// The target in a file of the workspace. `None`: it has no property tests.
    fn in_file(path: &str, text: &str, package: &str) -> anyhow::Result<Option<Self>> {
        let tests = test_functions::in_proptest(text).with_context(|| path.to_owned())?;
        let Some((folder, file)) = path.split_once('/').filter(|_| !tests.is_empty()) else {
            return Ok(None);
        };
        let file = file.trim_end_matches(".rs").trim_end_matches("/mod");
        let mut program = vec!["-p".to_owned(), package.to_owned()];
        // A crate of suites has them in its own folder.
        let in_suite = if folder == "tests" { Some(file) } else { file.strip_prefix("tests/") };
        let name = match in_suite {
            Some(file) => {
                let suite = file.split('/').next().unwrap_or(file);
                program.extend(["--test".to_owned(), suite.to_owned()]);
                file
            }
            None => {
                program.push("--lib".to_owned());
                file.trim_start_matches("src/").trim_end_matches("/tests")
            }
        };
        Ok(Some(Self { name: format!("{folder}/{name}"), program, tests }))
    }

    /// Its part of the time. What is a machine of many states needs more cases than a parser.
    fn weight(&self) -> u32 {
        if STATEFUL.contains(&self.name.as_str()) { 6 } else { 1 }
    }

    fn test(&self) -> Command {
        let mut test = cargo("test");
        test.arg("--quiet").args(&self.program);
        test
    }

    /// One round. Its output is shown when it fails.
    fn round(&self, seed: u64, cases: u32) -> anyhow::Result<bool> {
        let variables = [("PROPTEST_RNG_SEED", seed.to_string()), ("PROPTEST_CASES", cases.to_string())];
        let mut test = self.test();
        test.arg("--").args(&self.tests).envs(variables.clone());
        test.env("PROPTEST_MAX_GLOBAL_REJECTS", REJECTS_MAX).env("PROPTEST_MAX_LOCAL_REJECTS", REJECTS_MAX);
        let output = capture(&mut test, ROUND_MAX).with_context(|| format!("seed {seed}, {cases} cases"))?;
        if output.is_success {
            let ran = passed(&output.text);
            let named = self.tests.len();
            ensure!(ran >= named, "{}: {ran} of {named} tests ran:\n{}", self.name, output.text);
            return Ok(true);
        }
        let [(seed, seed_is), (cases, cases_is)] = variables;
        let program = self.program.join(" ");
        eprintln!("{}\n    FAILED: {}", output.text, self.name);
        eprintln!("    again: {seed}={seed_is} {cases}={cases_is} cargo test {program}");
        Ok(false)
    }

    /// Rounds until the time is up or one fails.
    fn fuzz(&self, time: Duration) -> anyhow::Result<Tally> {
        let (began, mut cases, mut tally) = (Instant::now(), FIRST_CASES, Tally::default());
        loop {
            let (seed, round) = (RandomState::new().build_hasher().finish(), Instant::now());
            tally.has_failed = !self.round(seed, cases)?;
            tally.rounds += 1;
            tally.took = began.elapsed();
            if tally.has_failed {
                return Ok(tally);
            }
            let took = round.elapsed();
            tally.cases += u64::from(cases) * self.tests.len() as u64;
            eprintln!("    seed {seed}: {cases} cases of each test in {:.1} s", took.as_secs_f64());
            let left = time.saturating_sub(tally.took);
            if left < Duration::from_secs(1) {
                return Ok(tally);
            }
            cases = next_cases(cases, took, left.min(ROUND));
        }
    }
}

pub(crate) fn run_fuzz(options: &Options) -> anyhow::Result<()> {
    let mut targets = targets()?;
    targets.retain(|target| options.target.as_ref().is_none_or(|part| target.name.contains(part)));
    ensure!(!targets.is_empty(), "there is no such target; see --list");
    if options.list {
        for target in &targets {
            eprintln!("{:<28} {} tests", target.name, target.tests.len());
        }
        return Ok(());
    }
    if targets.iter().any(|target| target.program.iter().any(|part| part == BLACK_BOX)) {
        programs::build(false)?;
    }
    let programs: BTreeSet<&[String]> = targets.iter().map(|target| target.program.as_slice()).collect();
    step("building the tests", || {
        programs.iter().try_for_each(|program| run(cargo("test").args(["--no-run"]).args(*program)))
    })?;
    let end = Instant::now() + Duration::from_secs(60 * u64::from(options.minutes));
    let mut weights: u32 = targets.iter().map(Target::weight).sum();
    let mut tallies = Vec::new();
    for target in &targets {
        eprintln!("==> {}", target.name);
        let left = end.saturating_duration_since(Instant::now());
        tallies.push((target.name.as_str(), target.fuzz(share(left, target.weight(), weights))?));
        weights -= target.weight();
    }
    show(&tallies);
    if tallies.iter().any(|(_, tally)| tally.has_failed) {
        bail!("a property does not hold; {}", regressions()?);
    }
    Ok(())
}

/// All property tests of the workspace.
fn targets() -> anyhow::Result<Vec<Target>> {
    let mut targets = Vec::new();
    for path in walk(root(), &SKIPPED)? {
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let relative = path.strip_prefix(root())?.to_string_lossy().replace('\\', "/");
        if let (true, Some((folder, _))) = (text.contains("proptest!"), relative.split_once('/')) {
            targets.extend(Target::in_file(&relative, &text, &package(folder)?)?);
        }
    }
    Ok(targets)
}

/// The name of the package in a folder of the workspace.
fn package(folder: &str) -> anyhow::Result<String> {
    let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml"))?;
    let name = manifest.lines().find_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    name.map(str::to_owned).with_context(|| format!("{folder}/Cargo.toml names no package"))
}

/// How many tests passed, by cargo's output.
fn passed(text: &str) -> usize {
    let counts = text.lines().filter_map(|line| line.strip_prefix("test result: ok. "));
    counts.filter_map(|line| line.split(' ').next()?.parse::<usize>().ok()).sum()
}

/// A target's time, of what is left for it and those after it.
fn share(left: Duration, weight: u32, weights: u32) -> Duration {
    left * weight / weights.max(1)
}

/// Cases of a round that is to take `wanted`, when `cases` took `took`.
fn next_cases(cases: u32, took: Duration, wanted: Duration) -> u32 {
    let fitting = u128::from(cases) * wanted.as_millis() / took.as_millis().max(1);
    let fitting = u32::try_from(fitting).unwrap_or(CASES_MAX);
    fitting.min(cases.saturating_mul(GROWTH_MAX)).clamp(1, CASES_MAX)
}

fn show(tallies: &[(&str, Tally)]) {
    eprintln!("\n{:<28} {:>7} {:>12} {:>8}", "target", "rounds", "cases", "minutes");
    for (name, tally) in tallies {
        let minutes = tally.took.as_secs_f64() / 60.0;
        let failed = if tally.has_failed { "  FAILED" } else { "" };
        eprintln!("{name:<28} {:>7} {:>12} {minutes:>8.1}{failed}", tally.rounds, tally.cases);
    }
}

/// Names the files in which proptest kept inputs that failed, as far as they are not committed.
fn regressions() -> anyhow::Result<String> {
    let mut status = Command::new("git");
    status.current_dir(root()).args(["status", "--porcelain", "--untracked-files=all"]);
    let status = capture(&mut status, Duration::from_secs(60))?;
    let kept = status.text.lines().filter(|line| line.contains("proptest-regressions"));
    let kept: Vec<&str> = kept.filter_map(|line| line.get(3..)).collect();
    Ok(match kept[..] {
        [] => "an input that was kept before shows it".to_owned(),
        _ => format!("commit the inputs with the correction:\n{}", kept.join("\n")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn every_property_test_has_its_target() {
        let targets = targets().unwrap();
        let names: BTreeSet<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        assert_eq!(names.len(), targets.len(), "names are unique");
        for name in STATEFUL.into_iter().chain(["core/normalise", "core/cashfree/properties"]) {
            assert!(names.contains(name), "{name} is not among {names:?}");
        }
        let suite = targets.iter().find(|target| target.name == "core/cashfree/properties").unwrap();
        assert_eq!(suite.program, ["-p", "tandem-core", "--test", "cashfree"]);
        assert!(suite.tests.contains("arbitrary_bytes_never_panic"), "{:?}", suite.tests);
        let black_box = targets.iter().find(|target| target.name == "tests/flow/abuse/canaries").unwrap();
        assert_eq!(black_box.program, ["-p", BLACK_BOX, "--test", "flow"]);
        let model = targets.iter().find(|target| target.name == "server/outbox/model_tests").unwrap();
        assert_eq!(model.program, ["-p", "tandem-server", "--lib"]);
    }

    #[test]
    fn the_time_is_shared_by_weight_and_what_one_leaves_is_for_the_others() {
        assert_eq!(share(60 * S, 6, 20), 18 * S);
        assert_eq!(share(42 * S, 1, 14), 3 * S);
        assert_eq!(share(5 * S, 1, 1), 5 * S, "the last one takes the rest");
    }

    #[test]
    fn a_round_has_as_many_cases_as_its_time_allows() {
        assert_eq!(next_cases(100, 5 * S, 10 * S), 200);
        assert_eq!(next_cases(100, 20 * S, 10 * S), 50);
        assert_eq!(next_cases(16, S / 10, 10 * S), 128, "it grows step by step");
        assert_eq!(next_cases(1, 60 * S, S), 1, "never none");
        assert_eq!(next_cases(u32::MAX, Duration::ZERO, 10 * S), CASES_MAX);
    }

    #[test]
    fn a_run_that_ran_nothing_is_seen() {
        assert_eq!(passed("test result: ok. 0 passed; 0 failed; 9 filtered out"), 0);
        assert_eq!(passed("\ntest result: ok. 2 passed; 0 failed\n\ntest result: ok. 3 passed; 0 failed"), 5);
    }
}
