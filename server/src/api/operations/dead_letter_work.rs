//! Replays and purges dead letters by filter. The caller asks for long work in steps, so that a
//! person can watch and stop it. Each step writes in small transactions, so that ingest continues
//! meanwhile.

use tandem_core::field_code::FieldCode;
use tandem_proto::v1;

use super::dead_letters::Selection;
use super::service::Operations;
use super::wire::page;
use crate::api::Reject;
use crate::outbox::{Page, Replayed};

/// Most dead letters that one transaction changes.
const CHUNK: usize = 500;
/// Most dead letters in one step, so that a step stays short.
const STEP_MAX: u32 = 10_000;

/// Where the next step of a purge continues. A purge goes through events first, then through
/// webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    Events(Option<u64>),
    Webhooks(Option<u64>),
}

impl Cursor {
    fn read(token: &str) -> Result<Self, Reject> {
        let position = |digits: &str| {
            let seq = digits.parse().map_err(|_| Reject::field("page_token", FieldCode::PageTokenMalformed));
            if digits.is_empty() { Ok(None) } else { seq.map(Some) }
        };
        match token.strip_prefix('w') {
            Some(digits) => position(digits).map(Self::Webhooks),
            None => position(token).map(Self::Events),
        }
    }

    fn token(self) -> String {
        let digits = |seq: Option<u64>| seq.map(|seq| seq.to_string()).unwrap_or_default();
        match self {
            Self::Events(below) => digits(below),
            Self::Webhooks(below) => format!("w{}", digits(below)),
        }
    }
}

/// Most dead letters that a step handles.
fn step_size(max_events: u32) -> Result<usize, Reject> {
    match max_events {
        0 => Ok(usize::MAX),
        1..=STEP_MAX => Ok(max_events as usize),
        _ => {
            let text = format!("This must be at most {STEP_MAX}.");
            Err(Reject::field_with("max_events", FieldCode::OutOfRange, text))
        }
    }
}

/// Refuses an empty filter without `all`, so that nobody changes every dead letter by mistake.
fn explicit_filter(filter: Option<v1::DeadLetterFilter>, all: bool) -> Result<v1::DeadLetterFilter, Reject> {
    let filter = filter.unwrap_or_default();
    if filter == v1::DeadLetterFilter::default() && !all {
        let text = "This is empty. Name the dead letters you mean, or set all.";
        return Err(Reject::field_with("filter", FieldCode::FilterMalformed, text));
    }
    Ok(filter)
}

impl Operations {
    pub(super) async fn replay(
        &self,
        request: v1::ReplayDeadLettersRequest,
    ) -> Result<v1::ReplayDeadLettersResponse, Reject> {
        let kind = request.kind();
        let given = explicit_filter(request.filter.clone(), request.all)?;
        if given.webhook_sequence != 0 || kind == v1::DeadLetterKind::Webhooks {
            let selection = Selection::read(given, v1::DeadLetterKind::Webhooks)?;
            return self.replay_webhooks(selection, &request).await;
        }
        let Some(filter) = Selection::read(given, v1::DeadLetterKind::Events)?.events else {
            return Ok(v1::ReplayDeadLettersResponse::default());
        };
        let mut left = step_size(request.max_events)?;
        let mut below_seq = page(&request.page_token, 0)?.below_seq;
        let mut total = Replayed::default();
        let next_page_token = loop {
            let page = Page { below_seq, size: CHUNK.min(left) };
            let events = self.operators.list(filter.clone(), page).await?;
            let is_last = events.len() < page.size;
            left -= events.len();
            below_seq = events.last().map(|event| event.seq).or(below_seq);
            if request.dry_run {
                for event in &events {
                    total.count(self.replayable(event), request.allow_double_count);
                }
            } else if !events.is_empty() {
                let seqs = events.iter().map(|event| event.seq).collect();
                total += self.operators.replay(seqs, request.allow_double_count).await?;
            }
            if is_last {
                break String::new();
            }
            if left == 0 {
                break Cursor::Events(below_seq).token();
            }
        };
        if total.replayed > 0 && !request.dry_run {
            self.delivery.pixels().for_each(|pixel| self.delivery.wake(pixel));
            tracing::info!(replayed = total.replayed, "dead letters replayed");
        }
        Ok(v1::ReplayDeadLettersResponse {
            replayed: total.replayed,
            skipped_double_count: total.skipped_double_count,
            skipped_unsendable: total.skipped_unsendable,
            next_page_token,
            skipped_webhooks: 0,
        })
    }

    /// The store keeps no bodies of webhooks. If a webhook was about a payment and names its order,
    /// the payment provider is asked about that order instead.
    async fn replay_webhooks(
        &self,
        selection: Selection,
        request: &v1::ReplayDeadLettersRequest,
    ) -> Result<v1::ReplayDeadLettersResponse, Reject> {
        let mut answer = v1::ReplayDeadLettersResponse::default();
        let Some(selection) = selection.webhooks else { return Ok(answer) };
        let mut left = step_size(request.max_events)?;
        let Cursor::Webhooks(mut below_seq) = Cursor::read(&format!("w{}", request.page_token))? else {
            return Ok(answer);
        };
        while left > 0 {
            let size = CHUNK.min(left);
            let webhooks = self.dead_webhooks(&selection, Page { below_seq, size }).await?;
            let is_last = webhooks.len() < size;
            left -= webhooks.len();
            below_seq = webhooks.last().map(|webhook| webhook.seq).or(below_seq);
            let mut asked = Vec::new();
            for webhook in &webhooks {
                match self.orders.answers_for(&webhook.kind, webhook.order_id.as_deref()) {
                    None => answer.skipped_webhooks += 1,
                    Some(order) => {
                        if !request.dry_run {
                            self.orders.ask_about(order).await?;
                        }
                        asked.push(webhook.seq);
                    }
                }
            }
            answer.replayed += asked.len() as u64;
            if !request.dry_run && !asked.is_empty() {
                tracing::info!(
                    webhooks = asked.len(),
                    "the payment provider is asked about dead webhooks' orders"
                );
                self.operators.purge_webhooks(asked).await?;
            }
            if is_last {
                return Ok(answer);
            }
        }
        answer.next_page_token = below_seq.map(|seq| seq.to_string()).unwrap_or_default();
        Ok(answer)
    }

    pub(super) async fn purge(
        &self,
        request: v1::PurgeDeadLettersRequest,
    ) -> Result<v1::PurgeDeadLettersResponse, Reject> {
        let kind = request.kind();
        let selection = Selection::read(explicit_filter(request.filter, request.all)?, kind)?;
        let mut left = step_size(request.max_events)?;
        let mut cursor = Cursor::read(&request.page_token)?;
        let mut answer = v1::PurgeDeadLettersResponse::default();
        let store = &self.operators;
        while left > 0 {
            let size = CHUNK.min(left);
            let (seqs, next): (Vec<u64>, _) = match cursor {
                Cursor::Events(below_seq) => {
                    let events = match &selection.events {
                        Some(filter) => store.list(filter.clone(), Page { below_seq, size }).await?,
                        None => Vec::new(),
                    };
                    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
                    let next = match seqs.last() {
                        Some(last) if seqs.len() == size => Cursor::Events(Some(*last)),
                        _ => Cursor::Webhooks(None),
                    };
                    answer.purged_events += match request.dry_run || seqs.is_empty() {
                        true => seqs.len() as u64,
                        false => store.purge(seqs.clone()).await?,
                    };
                    (seqs, Some(next))
                }
                Cursor::Webhooks(below_seq) => {
                    let webhooks = match &selection.webhooks {
                        Some(selection) => self.dead_webhooks(selection, Page { below_seq, size }).await?,
                        None => Vec::new(),
                    };
                    let seqs: Vec<u64> = webhooks.iter().map(|webhook| webhook.seq).collect();
                    let is_last = seqs.len() < size;
                    let next = seqs.last().filter(|_| !is_last).map(|last| Cursor::Webhooks(Some(*last)));
                    answer.purged_webhooks += match request.dry_run || seqs.is_empty() {
                        true => seqs.len() as u64,
                        false => store.purge_webhooks(seqs.clone()).await?,
                    };
                    (seqs, next)
                }
            };
            left -= seqs.len();
            let Some(next) = next else {
                answer.next_page_token = String::new();
                break;
            };
            cursor = next;
            answer.next_page_token = cursor.token();
        }
        let (events, webhooks) = (answer.purged_events, answer.purged_webhooks);
        if !request.dry_run && events + webhooks > 0 {
            tracing::info!(events, webhooks, "an operator purged dead letters");
        }
        Ok(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_token() {
        for cursor in [
            Cursor::Events(None),
            Cursor::Events(Some(41)),
            Cursor::Webhooks(None),
            Cursor::Webhooks(Some(u64::MAX)),
        ] {
            assert_eq!(Cursor::read(&cursor.token()), Ok(cursor));
        }
        for foreign in ["x", "w-1", "41w", "99999999999999999999", " "] {
            assert!(Cursor::read(foreign).is_err(), "{foreign}");
        }
    }

    #[test]
    fn a_step_has_a_bound_and_none_means_all() {
        assert_eq!((step_size(0), step_size(1), step_size(STEP_MAX)), (Ok(usize::MAX), Ok(1), Ok(10_000)));
        assert!(step_size(STEP_MAX + 1).is_err());
    }

    #[test]
    fn an_empty_filter_needs_all() {
        assert!(explicit_filter(None, false).is_err());
        assert!(explicit_filter(Some(v1::DeadLetterFilter::default()), false).is_err());
        assert!(explicit_filter(None, true).is_ok());
        let some = v1::DeadLetterFilter { code: "too_old".into(), ..Default::default() };
        assert_eq!(explicit_filter(Some(some.clone()), false), Ok(some));
    }
}
