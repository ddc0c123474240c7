//! A shop's pages and scripts, and which page loads which script.

use std::collections::HashMap;

use crate::html::{self, Html, Script};
use crate::script::Dialect;
use crate::source::Source;

/// Everything that was read. `read` and `fetch` fill it, and `check` checks it.
#[derive(Debug, Default)]
pub struct Shop {
    pub(crate) sources: Vec<Source>,
    pub(crate) pages: Vec<Page>,
    pub(crate) files: Vec<ScriptFile>,
}

#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) source: usize,
    pub(crate) html: Html,
    /// Policies in the response's header: indices of their texts.
    pub(crate) header_policies: Vec<usize>,
    /// For the index of a `script` element, the index of the file that it loads.
    pub(crate) loads: HashMap<usize, usize>,
}

/// A script in its own file.
#[derive(Debug)]
pub(crate) struct ScriptFile {
    pub(crate) source: usize,
    pub(crate) dialect: Dialect,
}

impl Shop {
    /// How many texts were read.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pages.len() + self.files.len()
    }

    /// Whether nothing was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The texts, in the order in which they were read.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Adds a page. Findings use `name`. Returns the page's index among the pages.
    pub fn add_page(&mut self, name: impl Into<String>, text: String) -> usize {
        let html = html::read(&text);
        self.sources.push(Source::new(name, text));
        let source = self.sources.len() - 1;
        self.pages.push(Page { source, html, header_policies: Vec::new(), loads: HashMap::new() });
        self.pages.len() - 1
    }

    /// Adds a script. Findings use `name`, and its extension gives the dialect. Returns the script's index
    /// among the scripts.
    pub fn add_script(&mut self, name: impl Into<String>, text: String) -> usize {
        let name = name.into();
        let dialect = match name.rsplit('.').next() {
            Some("ts" | "mts" | "cts") => Dialect::TypeScript,
            Some("tsx") => Dialect::TypeScriptXml,
            _ => Dialect::JavaScript,
        };
        self.sources.push(Source::new(name, text));
        self.files.push(ScriptFile { source: self.sources.len() - 1, dialect });
        self.files.len() - 1
    }

    /// The addresses of the scripts that a page loads: index of the element, `src`.
    #[must_use]
    pub fn links(&self, page: usize) -> Vec<(usize, String)> {
        let Some(page) = self.pages.get(page) else { return Vec::new() };
        let scripts = page.html.scripts.iter().enumerate();
        scripts
            .filter_map(|(i, element)| match &element.what {
                Script::External(address) => Some((i, address.clone())),
                _ => None,
            })
            .collect()
    }

    /// Records that a page's `script` element loads a script that was added.
    pub fn link(&mut self, page: usize, element: usize, script: usize) {
        if let Some(page) = self.pages.get_mut(page) {
            page.loads.insert(element, script);
        }
    }

    /// Records the `Content-Security-Policy` header of a page.
    pub fn add_policy(&mut self, page: usize, policy: String) {
        let Some(found) = self.pages.get(page) else { return };
        let name = self.sources.get(found.source).map_or("", Source::name);
        self.sources.push(Source::new(format!("{name} (header Content-Security-Policy)"), policy));
        let source = self.sources.len() - 1;
        if let Some(page) = self.pages.get_mut(page) {
            page.header_policies.push(source);
        }
    }
}
