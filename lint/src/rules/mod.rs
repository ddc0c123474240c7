//! The rules, with a file per family. Each rule reads the survey and reports. Rules do not depend on each other.

mod contents;
mod csp;
mod double_count;
mod escape;
mod event_id;
mod guard;
mod names;
mod number;
mod pages;
mod personal;
mod pixel;
mod repeats;
mod syntax;
mod token;
mod tracked;
mod value;

pub(crate) use token::masked;

use crate::reports::Reports;
use crate::survey::Survey;

pub(crate) const ALL: &[fn(&Survey<'_>, &mut Reports<'_>)] = &[
    syntax::check,
    escape::check,
    guard::check,
    pixel::check,
    pages::check,
    names::check,
    event_id::check,
    value::check,
    contents::check,
    repeats::check,
    personal::check,
    csp::check,
    token::check,
    double_count::check,
];
