//! What was found in a script.

use std::collections::HashMap;

use super::value::{Span, Value};

/// How a browser, or a bundler, will read a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A `script` element without a type.
    Classic,
    /// A `script` element of type `module`.
    Module,
    /// The value of `onclick` and the like: a function's body.
    Handler,
    /// A file that no page is known to load, by its name's extension.
    File(Dialect),
}

/// What a file's extension says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    JavaScript,
    TypeScript,
    TypeScriptXml,
}

/// What was found in one script.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Calls of `fbq`, of Tandem and of the network.
    pub(crate) calls: Vec<Call>,
    /// Where `fbq` is defined, by Meta's base code or otherwise.
    pub(crate) defines: Vec<usize>,
    /// Names that are given one value in the script, and never another.
    pub(crate) constants: HashMap<String, Value>,
    /// String literals, with their values.
    pub(crate) texts: Vec<Text>,
    /// Modules that it imports, with the place of the name.
    pub(crate) imports: Vec<(String, Span)>,
    /// The first thing that does not parse.
    pub(crate) error: Option<SyntaxError>,
    /// It was not parsed, and why.
    pub(crate) unreadable: Option<&'static str>,
}

/// A piece of text in a script.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) value: String,
    pub(crate) span: Span,
    /// It is an argument of `JSON.parse`, `RegExp` or `replace`, where backslashes are meant.
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
    /// `fetch`, `sendBeacon`, `open` of a request, a client such as axios.
    Network,
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) target: Target,
    pub(crate) arguments: Vec<Argument>,
    /// An argument is spread (`...rest`): what stands where is not known.
    pub(crate) is_open: bool,
    pub(crate) span: Span,
    /// A test around it makes sure that `fbq` is there, or a `try` catches it.
    pub(crate) is_guarded: bool,
    /// It runs when the script runs: it stands in no function.
    pub(crate) runs_at_once: bool,
    /// The branches it stands in: which test, which side.
    pub(crate) branches: Vec<(usize, bool)>,
}

/// One argument of a call.
#[derive(Debug)]
pub(crate) struct Argument {
    pub(crate) value: Value,
    pub(crate) span: Span,
}

impl Call {
    /// The value of an argument, from 0.
    pub(crate) fn value(&self, index: usize) -> Option<&Value> {
        self.arguments.get(index).map(|argument| &argument.value)
    }

    /// The place of an argument, or of the call where there is none.
    pub(crate) fn argument_span(&self, index: usize) -> Span {
        self.arguments.get(index).map_or_else(|| self.span.clone(), |argument| argument.span.clone())
    }

    /// Whether the two stand on different sides of one test, so that never both are made.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.branches.iter().any(|(test, side)| {
            other.branches.iter().any(|(other_test, other_side)| test == other_test && side != other_side)
        })
    }
}

impl Facts {
    /// A value, or, where it is a name with one value, that value. What an object lacks is not known then:
    /// it may have been filled later.
    pub(crate) fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut value = value;
        // A name may stand for a name; a ring of them must end.
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
