//! The facts about a script that rules use.

use std::collections::HashMap;

use super::template::Side;
use super::value::{Span, Value};

/// How a browser or a bundler reads a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A `script` element without a type.
    Classic,
    /// A `script` element of type `module`.
    Module,
    /// The value of `onclick` and the like: a function's body.
    Handler,
    /// A file that no page is known to load. Its extension gives the dialect.
    File(Dialect),
}

/// The language, by a file's extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    JavaScript,
    TypeScript,
    TypeScriptXml,
}

#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Calls of `fbq`, of Tandem and of the network.
    pub(crate) calls: Vec<Call>,
    /// Where `fbq` is defined, by Meta's base code or otherwise.
    pub(crate) defines: Vec<usize>,
    /// Names to which the script assigns exactly one value.
    pub(crate) constants: HashMap<String, Value>,
    /// String literals, with their values.
    pub(crate) texts: Vec<Text>,
    /// Modules that the script imports, with the place of the name.
    pub(crate) imports: Vec<(String, Span)>,
    /// The first thing that does not parse.
    pub(crate) error: Option<SyntaxError>,
    /// Why the script was not parsed. `None` if it was parsed.
    pub(crate) unreadable: Option<&'static str>,
}

/// A piece of text in a script.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Span,
    /// The text is an argument of `JSON.parse`, `RegExp` or `replace`, where backslashes are intended.
    pub(crate) is_escaped_by_design: bool,
}

/// Why a script does not parse.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub(crate) message: String,
    pub(crate) span: Span,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Fbq,
    /// A method of Tandem's browser package.
    Tandem(String),
    /// `fetch`, `sendBeacon`, `open` of a request, or a client such as axios.
    Network,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) arguments: Vec<Argument>,
    /// An argument is spread (`...rest`), so the positions of the others are not known.
    pub(crate) is_open: bool,
    pub(crate) span: Span,
    /// A test around the call checks that `fbq` exists, or a `try` catches the error.
    pub(crate) is_guarded: bool,
    /// Where the function around the call begins, which runs later. `None`: the call runs when the script runs.
    pub(crate) function: Option<usize>,
    /// The branches around the call, the innermost first.
    pub(crate) branches: Vec<Branch>,
    /// The sides of a template's conditions around the call. They are those of the whole text, not of the script alone.
    pub(crate) sides: Vec<Side>,
    /// The event that makes the call run again and again: `scroll`. Nothing in the script stops it.
    pub(crate) repeats: Option<String>,
}

/// One side of a test around a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Branch {
    /// Where the test begins.
    pub(crate) test: usize,
    pub(crate) side: bool,
    /// The test is a condition. A `try` is none: its side is run unless something fails.
    pub(crate) is_condition: bool,
}

/// One argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

impl Call {
    /// The value of an argument. `index` counts from 0.
    pub(crate) fn value(&self, index: usize) -> Option<&Value> {
        self.arguments.get(index).map(|argument| &argument.value)
    }

    /// The place of an argument, or of the call if it has no such argument.
    pub(crate) fn argument_span(&self, index: usize) -> Span {
        self.arguments.get(index).map_or_else(|| self.span.clone(), |argument| argument.span.clone())
    }

    /// Whether the call runs when the script runs: it is in no function that is called later.
    pub(crate) fn runs_at_once(&self) -> bool {
        self.function.is_none()
    }

    /// Whether two calls of one script are on different sides of one test, so that only one of them runs.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.branches.iter().any(|branch| {
            other.branches.iter().any(|other| branch.test == other.test && branch.side != other.side)
        })
    }

    /// Whether two calls of one text are on different sides of a template's condition, so that a page gets only one.
    pub(crate) fn is_alternative_to(&self, other: &Self) -> bool {
        self.sides.iter().any(|(block, side)| {
            other.sides.iter().any(|(other_block, other_side)| block == other_block && side != other_side)
        })
    }
}

impl Facts {
    /// The value itself. For a name with exactly one value, that value. Missing keys of such an object are not known,
    /// because they may be set later.
    pub(crate) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut value = value;
        // A name may refer to another name. A limit stops cycles.
        for _ in 0..8 {
            match value {
                Value::Name(name) => match self.constants.get(name) {
                    Some(next) => value = next,
                    None => return value,
                },
                _ => return value,
            }
        }
        value
    }
}
