//! The facts about a script that matter to tracking, as plain data. Rules do not see the syntax tree.

mod depth;
mod facts;
mod guard;
mod parse;
mod reader;
mod template;
mod value;
mod visit;

pub(crate) use facts::{Call, Dialect, Facts, Kind, Target};
pub(crate) use parse::read;
pub(crate) use value::{Object, Part, Span, Value};
