//! The input of the rules: every script once, with its facts, and the scripts that each page runs.

use std::collections::HashSet;

use crate::entities::Decoded;
use crate::html::Script;
use crate::script::{self, Blocks, Call, Facts, Kind, Span};
use crate::shop::{Page, Shop};

/// A script: a file, an element or a handler.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) source: usize,
    pub(crate) facts: Facts,
    pub(crate) is_inline: bool,
    /// A consent tool runs the script once the visitor allows it.
    pub(crate) is_held: bool,
    origin: Origin,
}

#[derive(Debug)]
enum Origin {
    /// The script is in its file from this byte on.
    At(usize),
    /// The script was decoded from an attribute.
    Decoded(Decoded),
}

impl Unit {
    fn new(source: usize, mut facts: Facts, origin: Origin, blocks: &Blocks) -> Self {
        let mut calls = std::mem::take(&mut facts.calls);
        let mut unit = Self { source, facts, is_inline: true, is_held: false, origin };
        for call in &mut calls {
            call.sides = blocks.at(unit.place(&call.span).start);
        }
        unit.facts.calls = calls;
        unit
    }

    /// The bytes of the file for bytes of the script.
    pub(crate) fn place(&self, span: &Span) -> Span {
        match &self.origin {
            Origin::At(start) => start + span.start..start + span.end,
            Origin::Decoded(decoded) => decoded.written(span),
        }
    }
}

/// A page, and the scripts that it runs.
#[derive(Debug)]
pub(crate) struct View<'s> {
    pub(crate) page: &'s Page,
    /// In the order of the page.
    pub(crate) runs: Vec<Run>,
}

/// A script on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Index of the unit.
    pub(crate) unit: usize,
    /// When the script runs: 0 while the page is read, 1 after that, 2 on an event.
    pub(crate) phase: u8,
}

/// Everything that rules look at.
#[derive(Debug)]
pub(crate) struct Survey<'s> {
    pub(crate) shop: &'s Shop,
    /// Files come first, in their order.
    pub(crate) units: Vec<Unit>,
    pub(crate) views: Vec<View<'s>>,
    /// For each unit, the views that run it.
    owners: Vec<Vec<usize>>,
}

impl<'s> Survey<'s> {
    /// Parses every script of the shop. It needs a stack of `crate::STACK_BYTES`.
    pub(crate) fn of(shop: &'s Shop) -> Self {
        let mut survey = Self { shop, units: Vec::new(), views: Vec::new(), owners: Vec::new() };
        for (i, file) in shop.files.iter().enumerate() {
            let kind = survey.kind_of(i).unwrap_or(Kind::File(file.dialect));
            let text = survey.text(file.source);
            let facts = script::read(text, kind);
            let unit = Unit::new(file.source, facts, Origin::At(0), &Blocks::of(text));
            survey.units.push(Unit { is_inline: false, ..unit });
        }
        for page in &shop.pages {
            let runs = survey.runs(page);
            survey.views.push(View { page, runs });
        }
        survey.owners = vec![Vec::new(); survey.units.len()];
        for (i, view) in survey.views.iter().enumerate() {
            for run in &view.runs {
                if let Some(owners) = survey.owners.get_mut(run.unit)
                    && owners.last() != Some(&i)
                {
                    owners.push(i);
                }
            }
        }
        survey
    }

    /// The pages that run a unit.
    pub(crate) fn views_of(&self, unit: usize) -> impl Iterator<Item = &View<'s>> {
        self.owners.get(unit).into_iter().flatten().filter_map(|view| self.views.get(*view))
    }

    /// Scripts that belong together: the scripts of a page, or a file that no page loads.
    pub(crate) fn groups(&self) -> Vec<Vec<&Unit>> {
        let pages = self.views.iter().map(|view| {
            // A script that a page names twice is one script.
            let mut seen = HashSet::new();
            let units = view.runs.iter().map(|run| run.unit).filter(|unit| seen.insert(*unit));
            units.filter_map(|unit| self.units.get(unit)).collect()
        });
        let files = self.units.iter().enumerate().take(self.shop.files.len());
        let alone = files.filter(|(i, _)| self.views_of(*i).next().is_none()).map(|(_, unit)| vec![unit]);
        pages.chain(alone).collect()
    }

    /// Whether a page that runs both calls makes only one of them.
    pub(crate) fn are_alternatives(
        &self,
        (unit, call): (&Unit, &Call),
        (other_unit, other): (&Unit, &Call),
    ) -> bool {
        (std::ptr::eq(unit, other_unit) && call.excludes(other))
            || (unit.source == other_unit.source && call.is_alternative_to(other))
    }

    /// A text of the shop.
    pub(crate) fn text(&self, source: usize) -> &'s str {
        self.shop.sources.get(source).map_or("", crate::source::Source::text)
    }

    /// How pages load a file. `None` if no page does.
    fn kind_of(&self, file: usize) -> Option<Kind> {
        let mut elements = self.shop.pages.iter().flat_map(|page| {
            page.loads
                .iter()
                .filter(move |(_, loaded)| **loaded == file)
                .map(move |(element, _)| (page, *element))
        });
        let (page, element) = elements.next()?;
        let element = page.html.scripts.get(element)?;
        Some(if element.is_module { Kind::Module } else { Kind::Classic })
    }

    fn runs(&mut self, page: &Page) -> Vec<Run> {
        let blocks = Blocks::of(self.text(page.source));
        let mut runs = Vec::new();
        for (i, element) in page.html.scripts.iter().enumerate() {
            let phase = u8::from(element.runs_late);
            match &element.what {
                Script::External(_) => {
                    // Files are the first units, in their order.
                    runs.extend(page.loads.get(&i).map(|file| Run { unit: *file, phase }));
                }
                Script::Inline(span) => {
                    let kind = if element.is_module { Kind::Module } else { Kind::Classic };
                    let text = self.text(page.source).get(span.clone()).unwrap_or_default();
                    let facts = script::read(text, kind);
                    let unit = Unit::new(page.source, facts, Origin::At(span.start), &blocks);
                    self.units.push(Unit { is_held: element.is_held, ..unit });
                    runs.push(Run { unit: self.units.len() - 1, phase });
                }
                Script::Data(_) => {}
            }
        }
        for handler in &page.html.handlers {
            let written = self.text(page.source).get(handler.span.clone()).unwrap_or_default();
            let decoded = Decoded::of(written, handler.span.start);
            let mut facts = script::read(&decoded.text, Kind::Handler);
            if let Some(event) = handler.name.strip_prefix("on").and_then(script::frequent) {
                for call in facts.calls.iter_mut().filter(|call| call.branches.is_empty()) {
                    call.repeats = Some(event.to_owned());
                }
            }
            self.units.push(Unit::new(page.source, facts, Origin::Decoded(decoded), &blocks));
            runs.push(Run { unit: self.units.len() - 1, phase: 2 });
        }
        runs
    }
}
