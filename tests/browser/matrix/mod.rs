//! Page × fault × browser: leaves a lead and buys something on every page in every case of the tables.

mod cell;
mod document;
mod purchase_cell;
mod purchase_table;
mod table;

use std::time::Instant;

use anyhow::ensure;
use tandem_tests::browser::{Browser, Profile};

use cell::Stage;
use purchase_table::{PURCHASES, THANKS};
use table::{PAGES, ROWS};

#[tokio::test]
async fn in_chromium_every_fault_ends_as_the_table_says() -> anyhow::Result<()> {
    leave_leads(Browser::Chromium).await
}

#[tokio::test]
async fn in_firefox_every_fault_ends_as_the_table_says() -> anyhow::Result<()> {
    leave_leads(Browser::Firefox).await
}

#[tokio::test]
async fn in_chromium_every_purchase_ends_as_the_table_says() -> anyhow::Result<()> {
    buy(Browser::Chromium).await
}

#[tokio::test]
async fn in_firefox_every_purchase_ends_as_the_table_says() -> anyhow::Result<()> {
    buy(Browser::Firefox).await
}

async fn leave_leads(browser: Browser) -> anyhow::Result<()> {
    let mut report = Report::new("fault");
    let mut stage = Stage::new().await?;
    for profile in [Profile::Usual, Profile::NoStorage, Profile::Private] {
        let session = stage.session(browser, profile).await?;
        report.browser = cell::name_of(&session).await?;
        for row in ROWS.iter().filter(|row| row.fault.profile() == profile) {
            let mut cells = Vec::new();
            for (page, path) in PAGES {
                cells.push((page, stage.play(&session, row, path).await));
            }
            report.add(row.name, row.copies.text(), row.told, row.queued, cells);
        }
    }
    report.finish()
}

async fn buy(browser: Browser) -> anyhow::Result<()> {
    let mut report = Report::new("purchase");
    let mut stage = Stage::new().await?;
    for profile in [Profile::Usual, Profile::NoStorage, Profile::Private] {
        let session = stage.session(browser, profile).await?;
        report.browser = cell::name_of(&session).await?;
        for row in PURCHASES.iter().filter(|row| row.fault.profile() == profile) {
            let mut cells = Vec::new();
            for (page, thanks) in THANKS {
                cells.push((page, stage.buy(&session, row, thanks).await));
            }
            report.add(row.name, row.copies_text(), row.told, row.queued, cells);
        }
    }
    report.finish()
}

/// What was seen in each cell. All rows are played, so that one failure does not hide others.
struct Report {
    began: Instant,
    /// What the first column names.
    subject: &'static str,
    browser: String,
    failures: Vec<String>,
    lines: Vec<String>,
}

impl Report {
    fn new(subject: &'static str) -> Self {
        let (failures, lines) = (Vec::new(), Vec::new());
        Self { began: Instant::now(), subject, browser: String::new(), failures, lines }
    }

    /// Adds a row: its expected copies, what the page is told, and each page's result.
    fn add(
        &mut self,
        name: &str,
        copies: &str,
        told: &str,
        is_queued: bool,
        cells: Vec<(&str, anyhow::Result<()>)>,
    ) {
        let mut line = format!("{name:32}");
        for (page, outcome) in cells {
            let seen = if outcome.is_ok() { copies } else { "FAILED" };
            line.push_str(&format!(" | {seen:12}"));
            if let Err(error) = outcome {
                self.failures.push(format!("{name}, {page}: {error:#}"));
            }
        }
        let queued = if is_queued { ", queued" } else { "" };
        self.lines.push(format!("{line} | {told}{queued}"));
    }

    /// Prints the table.
    fn finish(self) -> anyhow::Result<()> {
        let Self { began, subject, browser, failures, lines } = self;
        let heads = PAGES.map(|(page, _)| format!("{page:12}")).join(" | ");
        eprintln!("{browser}, {} s\n{subject:32} | {heads} | the page is told", began.elapsed().as_secs());
        eprintln!("{}", lines.join("\n"));
        ensure!(failures.is_empty(), "{} of the cells failed:\n{}", failures.len(), failures.join("\n"));
        Ok(())
    }
}
