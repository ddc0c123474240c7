//! The facts about a script that matter to tracking, as plain data. Rules do not see the syntax tree.

mod depth;
mod facts;
mod filled;
mod guard;
mod parse;
mod reader;
mod repeat;
mod roles;
mod template;
mod value;
mod visit;

pub(crate) use facts::{Call, Dialect, Facts, Kind, Target};
pub(crate) use filled::{Filled, Step};
pub(crate) use parse::read;
pub(crate) use repeat::frequent;
pub(crate) use template::{Blocks, insides, pieces};
pub(crate) use value::{Object, Part, Span, Value};
