//! Finds what breaks tracking in a shop's pages: `tandem lint`.
//!
//! | module | contains |
//! |---|---|
//! | `read`, `fetch` | read a `Shop` from paths or an address |
//! | `shop`, `source` | the texts that were read, and positions in them |
//! | `html`, `entities` | a page's scripts, handlers and policies |
//! | `script/` | a script's calls, names and texts as plain data |
//! | `survey` | the shop as the rules see it: each script once, and what each page runs |
//! | `rules/` | a file per family of rules |
//! | `code`, `finding`, `reports`, `allow` | findings |
//! | `render` | prints findings like a compiler |
//!
//! Only the operator's tool depends on it; the servers never do.

mod allow;
mod code;
mod entities;
mod fetch;
mod finding;
mod html;
mod read;
mod render;
mod reports;
mod rules;
mod script;
mod shop;
mod source;
mod survey;

pub use code::{Code, Severity};
pub use fetch::{FetchError, fetch, redirects_of_one_site};
pub use finding::Finding;
pub use read::{ReadError, read};
pub use render::{Style, render, summary};
pub use shop::Shop;
pub use source::{Position, Source};

/// Stack for parsing and walking scripts. `script/depth.rs` refuses scripts that would need more. The system allocates
/// only the memory that is used.
const STACK_BYTES: usize = 512 << 20;

/// Checks a shop. Findings of `allowed` codes and findings that a comment allows are left out. The findings are in the
/// order of the texts and of their positions.
///
/// # Panics
/// If the system cannot start a thread.
#[must_use]
pub fn check(shop: &Shop, allowed: &[Code]) -> Vec<Finding> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("lint".to_owned()).stack_size(STACK_BYTES);
        let work = thread.spawn_scoped(scope, || {
            let survey = survey::Survey::of(shop);
            let mut reports = reports::Reports::new(shop, allowed);
            for rule in rules::ALL {
                rule(&survey, &mut reports);
            }
            reports.into_findings()
        });
        match work.expect("the system gives a thread").join() {
            Ok(findings) => findings,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
