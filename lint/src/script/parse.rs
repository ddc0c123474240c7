//! Parses a script to its facts.

use oxc_allocator::Allocator;
use oxc_ast_visit::VisitJs as _;
use oxc_parser::{ParseOptions, Parser, ParserReturn};
use oxc_span::SourceType;

use super::facts::{Dialect, Facts, Kind, SyntaxError};
use super::reader::Reader;
use super::visit::Visitor;
use super::{depth, template};

/// Longest script that is parsed, in bytes. Whole shops' bundles are smaller.
pub(crate) const SCRIPT_BYTES_MAX: usize = 8 << 20;

/// Reads a script. It needs a stack of `crate::STACK_BYTES`.
pub(crate) fn read(text: &str, kind: Kind) -> Facts {
    if text.len() > SCRIPT_BYTES_MAX {
        return Facts { unreadable: Some("it is longer than 8 MiB"), ..Facts::default() };
    }
    if !depth::is_safe(text) {
        return Facts { unreadable: Some("it nests too deeply"), ..Facts::default() };
    }
    let allocator = Allocator::default();
    let first = parse(&allocator, text, kind);
    let Some(error) = error_of(&first, text) else { return facts(&first, text) };
    // A template is not JavaScript before its engine has filled it in.
    if let Some(filled) = template::filled(text) {
        let allocator = Allocator::default();
        let second = parse(&allocator, &filled, kind);
        return match error_of(&second, text) {
            None => facts(&second, text),
            Some(error) => Facts { error: Some(error), ..facts(&second, text) },
        };
    }
    Facts { error: Some(error), ..facts(&first, text) }
}

fn parse<'a>(allocator: &'a Allocator, text: &'a str, kind: Kind) -> ParserReturn<'a> {
    let source_type = match kind {
        Kind::Classic | Kind::Handler => SourceType::script(),
        Kind::Module => SourceType::mjs(),
        Kind::File(Dialect::JavaScript) => SourceType::unambiguous().with_jsx(true),
        Kind::File(Dialect::TypeScript) => SourceType::ts(),
        Kind::File(Dialect::TypeScriptXml) => SourceType::tsx(),
    };
    let options =
        ParseOptions { allow_return_outside_function: kind == Kind::Handler, ..ParseOptions::default() };
    Parser::new(allocator, text, source_type).with_options(options).parse()
}

fn error_of(parsed: &ParserReturn<'_>, text: &str) -> Option<SyntaxError> {
    if !parsed.panicked && !parsed.diagnostics.has_errors() {
        return None;
    }
    let diagnostic = parsed.diagnostics.first()?;
    let span = diagnostic.labels.iter().next().map_or(0..0, |label| {
        let start = (label.offset() as usize).min(text.len());
        start..start.saturating_add(label.len() as usize).min(text.len())
    });
    Some(SyntaxError { message: diagnostic.message.to_string(), span })
}

/// `written` is the script before a template's placeholders were filled in.
fn facts(parsed: &ParserReturn<'_>, written: &str) -> Facts {
    let mut visitor = Visitor::new(Reader { text: written });
    visitor.visit_program(&parsed.program);
    visitor.into_facts()
}
