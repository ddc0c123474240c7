//! Lists that the server gives in pages.

use crate::error::CliError;

/// Most entries asked for in one call.
const PAGE_SIZE_MAX: u32 = 1000;

/// One page of a list.
pub(crate) struct Page<T> {
    pub(crate) entries: Vec<T>,
    /// Token of the next page; empty after the last.
    pub(crate) next: String,
}

/// Fetches page after page until there are `limit` entries, no more pages, or `take` returns false.
/// `fetch` is given the page's size and token. Returns whether the server has more.
pub(crate) async fn each_page<T>(
    limit: usize,
    mut fetch: impl AsyncFnMut(u32, String) -> Result<Page<T>, CliError>,
    mut take: impl FnMut(Vec<T>) -> bool,
) -> Result<bool, CliError> {
    let (mut fetched, mut token) = (0_usize, String::new());
    loop {
        let missing = u32::try_from(limit.saturating_sub(fetched)).unwrap_or(u32::MAX);
        let Page { entries, next } = fetch(missing.min(PAGE_SIZE_MAX), token).await?;
        // A server that sends empty pages and always promises more would keep the tool here for ever.
        let is_empty = entries.is_empty();
        fetched += entries.len();
        let wants_more = take(entries);
        if !wants_more || is_empty || fetched >= limit || next.is_empty() {
            return Ok(!next.is_empty());
        }
        token = next;
    }
}

/// The first `limit` entries, and whether the server has more.
pub(crate) async fn collect<T>(
    limit: usize,
    fetch: impl AsyncFnMut(u32, String) -> Result<Page<T>, CliError>,
) -> Result<(Vec<T>, bool), CliError> {
    let mut all = Vec::new();
    let has_more = each_page(limit, fetch, |entries| {
        all.extend(entries);
        true
    })
    .await?;
    all.truncate(limit);
    Ok((all, has_more))
}
