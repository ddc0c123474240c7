//! Calls that run again and again: handlers of events such as `scroll`, and intervals.
//!
//! Certainty comes first. A handler that takes itself off, and a call behind a test of something that the handler
//! changes (`if (!sent) { sent = true; … }`), may run only once.

use std::collections::{HashMap, HashSet};

use oxc_ast::ast::{
    Argument, ArrowFunctionExpression, CallExpression, Expression, Function, IdentifierReference,
    MemberExpression,
};
use oxc_ast_visit::VisitJs;
use oxc_span::GetSpan as _;
use oxc_syntax::scope::ScopeFlags;

use super::facts::Call;
use super::reader::dotted;

/// Events that fire many times for one action of a visitor.
const FREQUENT: [&str; 12] = [
    "scroll",
    "wheel",
    "mousewheel",
    "touchmove",
    "mousemove",
    "pointermove",
    "resize",
    "drag",
    "dragover",
    "timeupdate",
    "deviceorientation",
    "devicemotion",
];
/// Methods that end a repetition.
const STOPS: [&str; 8] =
    ["removeEventListener", "off", "unbind", "clearInterval", "disconnect", "unobserve", "abort", "one"];
/// Methods that change their object, as far as a later test of it is concerned.
const CHANGES: [&str; 12] = [
    "push", "add", "set", "setItem", "delete", "remove", "splice", "shift", "pop", "data", "attr", "addClass",
];
/// Functions and methods that run the function which they are given, here or soon. Others may run it once, or never.
const RUNS: [&str; 13] = [
    "forEach",
    "each",
    "map",
    "filter",
    "some",
    "every",
    "then",
    "setTimeout",
    "requestAnimationFrame",
    "requestIdleCallback",
    "queueMicrotask",
    "ready",
    "$",
];
/// Parts of names that tell of something which happens once.
const ONCE: [&str; 11] =
    ["once", "fired", "sent", "seen", "done", "track", "already", "first", "logged", "shown", "flag"];
/// Most names in tests around a call that are recorded.
const TESTS_MAX: usize = 64;
/// Most functions that call each other which are followed.
const FOLLOWED_MAX: usize = 1_000;

/// The frequent event of this name, without the namespace that jQuery allows.
pub(crate) fn frequent(name: &str) -> Option<&'static str> {
    let names = || name.split_whitespace().filter_map(|name| name.split('.').next());
    FREQUENT.into_iter().find(|event| names().any(|name| name == *event))
}

/// Whether a name is the address of the page: `location`, `window.location.href`.
fn leaves_page(name: &str) -> bool {
    let name = name.strip_suffix(".href").unwrap_or(name);
    matches!(name, "location" | "window.location" | "document.location" | "top.location")
}

/// A call, or the call of a named function, and the names that the tests around it mention.
#[derive(Debug, Clone)]
struct Seen<T> {
    what: T,
    tests: Vec<String>,
}

impl<T: Clone> Seen<T> {
    /// The same behind more tests.
    fn behind(&self, tests: &[String]) -> Self {
        let tests = self.tests.iter().chain(tests).take(TESTS_MAX).cloned().collect();
        Self { what: self.what.clone(), tests }
    }
}

/// A function: what it calls, and whether it ends its own repetition.
#[derive(Debug, Default)]
struct Frame {
    name: Option<String>,
    event: Option<String>,
    calls: Vec<Seen<usize>>,
    invoked: Vec<Seen<String>>,
    stops: bool,
    /// Whether and how often the function runs is up to the function that it is given to.
    is_unsure: bool,
    /// Names in the tests around the current place, and in tests after which the function may have ended.
    tests: Vec<String>,
}

/// The functions around the current place, and what is known of the functions before it.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    frames: Vec<Frame>,
    /// Where the functions begin that handle a frequent event.
    handlers: HashMap<u32, String>,
    /// Where the functions begin that are given to a function of which nothing is known.
    given: HashSet<u32>,
    /// Handlers of a frequent event that have no name.
    handling: Vec<Frame>,
    /// Names of functions that handle a frequent event, and the event.
    attached: Vec<(String, String)>,
    named: HashMap<String, Frame>,
    /// Names whose value a function changes. A test of such a name may let a call through only once.
    changed: HashSet<String>,
    /// The names that a variable's value comes from.
    sources: HashMap<String, Vec<String>>,
}

impl Repeats {
    /// Enters the function that begins at this byte.
    pub(super) fn enter(&mut self, start: u32, name: Option<String>) {
        let event = self.handlers.remove(&start);
        let is_unsure = self.given.remove(&start);
        self.frames.push(Frame { name, event, is_unsure, ..Frame::default() });
    }

    pub(super) fn leave(&mut self) {
        let Some(mut frame) = self.frames.pop() else { return };
        if let Some(name) = frame.name.take() {
            if let Some(event) = frame.event.take() {
                self.attached.push((name.clone(), event));
            }
            self.named.entry(name).or_insert(frame);
            return;
        }
        // A function without a name runs where it stands, or is given away there.
        if let Some(around) = self.frames.last_mut().filter(|_| !frame.is_unsure) {
            let tests = &around.tests;
            around.calls.extend(frame.calls.iter().map(|seen| seen.behind(tests)));
            around.invoked.extend(frame.invoked.iter().map(|seen| seen.behind(tests)));
            around.stops |= frame.stops;
        }
        if frame.event.is_some() {
            self.handling.push(frame);
        }
    }

    /// Records a call of the facts.
    pub(super) fn call(&mut self, index: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.calls.push(Seen { what: index, tests: frame.tests.clone() });
        }
    }

    /// Enters a test, and returns what `end_test` needs.
    pub(super) fn test(&mut self, test: &Expression<'_>) -> usize {
        let Some(frame) = self.frames.last_mut() else { return 0 };
        let before = frame.tests.len();
        if before < TESTS_MAX {
            frame.tests.extend(names(test));
        }
        before
    }

    /// Leaves the test that `test` entered.
    pub(super) fn end_test(&mut self, before: usize) {
        if let Some(frame) = self.frames.last_mut() {
            frame.tests.truncate(before);
        }
    }

    /// The value of a name, or a field of it, changes.
    pub(super) fn change(&mut self, name: &str) {
        if let (false, Some(root)) = (self.frames.is_empty(), name.split('.').next()) {
            self.changed.insert(root.to_owned());
        }
    }

    /// A variable gets a value.
    pub(super) fn declare(&mut self, name: &str, value: &Expression<'_>) {
        if !self.frames.is_empty() {
            self.sources.entry(name.to_owned()).or_insert_with(|| names(value));
        }
    }

    /// A handler is assigned: `window.onscroll = …`. Another page ends what runs on this one.
    pub(super) fn assign(&mut self, name: &str, value: &Expression<'_>) {
        if leaves_page(name) {
            self.stop();
        }
        let field = name.rsplit('.').next().unwrap_or_default();
        if let Some(event) = field.strip_prefix("on").and_then(frequent) {
            self.attach(value, event);
        }
    }

    /// Looks at a call: it may add a handler, take one off, change something, or run a function of the script.
    pub(super) fn look(&mut self, it: &CallExpression<'_>) {
        let callee = it.callee.get_inner_expression();
        let method = match callee {
            Expression::Identifier(name) => name.name.as_str(),
            other => match other.as_member_expression().and_then(MemberExpression::static_property_name) {
                Some(method) => method,
                None => return,
            },
        };
        if let (Expression::Identifier(_), Some(frame)) = (callee, self.frames.last_mut()) {
            frame.invoked.push(Seen { what: method.to_owned(), tests: frame.tests.clone() });
        }
        if !RUNS.contains(&method) {
            for argument in it.arguments.iter().filter_map(Argument::as_expression) {
                let is_function = matches!(
                    argument,
                    Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)
                );
                if is_function {
                    self.given.insert(argument.span().start);
                }
            }
        }
        let leads_away = || {
            let name = dotted(callee);
            let place = name.as_deref().and_then(|name| name.strip_suffix(method)?.strip_suffix('.'));
            matches!(method, "assign" | "replace") && place.is_some_and(leaves_page)
        };
        if STOPS.contains(&method) || leads_away() {
            self.stop();
        }
        if CHANGES.contains(&method)
            && let Some(name) = dotted(callee)
        {
            self.change(&name);
        }
        match method {
            "setInterval" => self.attach_argument(it, 0, "setInterval"),
            "addEventListener" | "on" | "bind" => {
                let event = it.arguments.first().and_then(Argument::as_expression);
                let Some(Expression::StringLiteral(event)) = event else { return };
                let Some(event) = frequent(&event.value).filter(|_| !is_once(it)) else { return };
                let handler = it.arguments.iter().skip(1).position(|argument| {
                    argument
                        .as_expression()
                        .is_some_and(|value| !matches!(value, Expression::StringLiteral(_)))
                });
                self.attach_argument(it, handler.map_or(1, |i| i + 1), event);
            }
            method => {
                if let Some(event) = frequent(method) {
                    self.attach_argument(it, 0, event);
                }
            }
        }
    }

    /// Marks the calls that frequent events run.
    pub(super) fn finish(self, calls: &mut [Call]) {
        let mut waiting: Vec<(&Frame, &str)> =
            self.handling.iter().filter_map(|frame| Some((frame, frame.event.as_deref()?))).collect();
        let attached = self.attached.iter();
        waiting.extend(attached.filter_map(|(name, event)| Some((self.named.get(name)?, event.as_str()))));
        let mut followed = HashSet::new();
        while let Some((frame, event)) = waiting.pop() {
            let next = |seen: &Seen<String>| self.named.get(&seen.what);
            if frame.stops || frame.invoked.iter().filter_map(next).any(|inner| inner.stops) {
                continue;
            }
            for seen in frame.calls.iter().filter(|seen| self.is_free(seen)) {
                if let Some(call) = calls.get_mut(seen.what) {
                    call.repeats.get_or_insert_with(|| event.to_owned());
                }
            }
            for seen in frame.invoked.iter().filter(|seen| self.is_free(seen)) {
                if let Some(inner) = next(seen)
                    && followed.len() < FOLLOWED_MAX
                    && followed.insert(seen.what.as_str())
                {
                    waiting.push((inner, event));
                }
            }
        }
    }

    fn is_free<T>(&self, seen: &Seen<T>) -> bool {
        !seen.tests.iter().any(|name| {
            let from = self.sources.get(name).map(Vec::as_slice).unwrap_or_default();
            std::iter::once(name).chain(from).any(|name| {
                let name_folded = name.to_ascii_lowercase();
                self.changed.contains(name) || ONCE.iter().any(|part| name_folded.contains(part))
            })
        })
    }

    fn stop(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            frame.stops = true;
        }
    }

    fn attach_argument(&mut self, it: &CallExpression<'_>, index: usize, event: &str) {
        if let Some(handler) = it.arguments.get(index).and_then(Argument::as_expression) {
            self.attach(handler, event);
        }
    }

    fn attach(&mut self, handler: &Expression<'_>, event: &str) {
        match handler.get_inner_expression() {
            Expression::FunctionExpression(function) => {
                self.handlers.insert(function.span.start, event.to_owned());
            }
            Expression::ArrowFunctionExpression(function) => {
                self.handlers.insert(function.span.start, event.to_owned());
            }
            Expression::Identifier(name) => self.attached.push((name.name.to_string(), event.to_owned())),
            // `throttle(handler, 200)` still runs many times.
            Expression::CallExpression(wrapper) => {
                match wrapper.arguments.first().and_then(Argument::as_expression) {
                    Some(
                        inner @ (Expression::FunctionExpression(_)
                        | Expression::ArrowFunctionExpression(_)
                        | Expression::Identifier(_)),
                    ) if !dotted(&wrapper.callee).is_some_and(|name| name.ends_with("once")) => {
                        self.attach(inner, event);
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// Whether a listener is removed after its first event: `{ once: true }`.
fn is_once(it: &CallExpression<'_>) -> bool {
    it.arguments.iter().filter_map(Argument::as_expression).any(|argument| {
        let Expression::ObjectExpression(options) = argument else { return false };
        options.properties.iter().any(|property| {
            property.as_property().is_some_and(|property| {
                matches!(property.key.static_name().as_deref(), Some("once" | "signal"))
                    && !matches!(&property.value, Expression::BooleanLiteral(value) if !value.value)
            })
        })
    })
}

/// The names that an expression mentions, without those inside functions.
fn names(expression: &Expression<'_>) -> Vec<String> {
    struct Names(Vec<String>);
    impl<'a> VisitJs<'a> for Names {
        fn visit_identifier_reference(&mut self, it: &IdentifierReference<'a>) {
            if self.0.len() < TESTS_MAX {
                self.0.push(it.name.to_string());
            }
        }

        fn visit_function(&mut self, _: &Function<'a>, _: ScopeFlags) {}

        fn visit_arrow_function_expression(&mut self, _: &ArrowFunctionExpression<'a>) {}
    }
    let mut names = Names(Vec::new());
    names.visit_expression(expression);
    names.0
}
