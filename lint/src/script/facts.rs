//! The facts about a script that rules use.

use std::collections::HashMap;

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
    /// The call runs when the script runs: it is not in a function.
    pub(crate) runs_at_once: bool,
    /// The branches around the call: the test, and which side of it.
    pub(crate) branches: Vec<(usize, bool)>,
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

    /// Whether the two calls are on different sides of one test, so that only one of them runs.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.branches.iter().any(|(test, side)| {
            other.branches.iter().any(|(other_test, other_side)| test == other_test && side != other_side)
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
