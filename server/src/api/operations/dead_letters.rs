//! `ListDeadLetters` and `GetDeadLetter`, and what a filter selects. Replay and purge are in
//! `dead_letter_work`.

use tandem_core::field_code::FieldCode;
use tandem_core::id::EventId;
use tandem_proto::v1;
use tonic::Status;

use super::events::{attempt, state_of, summary};
use super::service::Operations;
use super::wire::{millis, next_page, page, timestamp};
use crate::api::Reject;
use crate::insight::code_pages::{self, CodePage};
use crate::outbox::{
    DeadWebhook, DeadWebhookFilter, EventFilter, EventKey, EventView, Page, Replayable, State, StoreError,
};

/// Number of webhooks that a search by digest reads at a time.
const WEBHOOKS_READ: usize = 1000;

/// What a filter selects: one filter per kind. `None`: the kind is excluded.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) events: Option<EventFilter>,
    pub(super) webhooks: Option<WebhookSelection>,
}

#[derive(Debug)]
pub(super) struct WebhookSelection {
    filter: DeadWebhookFilter,
    seq: Option<u64>,
}

impl Selection {
    pub(super) fn read(filter: v1::DeadLetterFilter, kind: v1::DeadLetterKind) -> Result<Self, Reject> {
        let text = |text: String| Some(text).filter(|text| !text.is_empty());
        let (name, id, pixel) = (text(filter.event_name), text(filter.event_id), text(filter.pixel_id));
        let code = text(filter.code);
        let seq = Some(filter.webhook_sequence).filter(|seq| *seq != 0);
        let (from_ms, before_ms) = (filter.finished_after.map(millis), filter.finished_before.map(millis));
        let about_events = name.is_some() || id.is_some() || pixel.is_some();
        if seq.is_some() && (about_events || kind == v1::DeadLetterKind::Events) {
            let text = "This names a webhook. Leave out event_name, event_id, pixel_id and kind EVENTS.";
            return Err(Reject::field_with("filter.webhook_sequence", FieldCode::FilterMalformed, text));
        }
        if about_events && kind == v1::DeadLetterKind::Webhooks {
            let text = "Webhooks have no event name, event ID or pixel to filter by.";
            return Err(Reject::field_with("kind", FieldCode::FilterMalformed, text));
        }
        let are_events = kind != v1::DeadLetterKind::Webhooks && seq.is_none();
        let are_webhooks = kind != v1::DeadLetterKind::Events && !about_events;
        let webhooks = are_webhooks.then(|| WebhookSelection {
            filter: DeadWebhookFilter {
                code: code.clone(),
                received_from_ms: from_ms,
                received_before_ms: before_ms,
            },
            seq,
        });
        let events = are_events.then(|| EventFilter {
            name,
            state: Some(State::DeadLetter),
            pixel,
            id,
            code,
            finished_from_ms: from_ms,
            finished_before_ms: before_ms,
            ..EventFilter::default()
        });
        Ok(Self { events, webhooks })
    }
}

impl Operations {
    pub(super) async fn dead_letters(
        &self,
        request: v1::ListDeadLettersRequest,
    ) -> Result<v1::ListDeadLettersResponse, Reject> {
        let kind = request.kind();
        let events_page = page(&request.page_token, request.page_size)?;
        let webhooks_page = page(&request.webhook_page_token, request.page_size)
            .map_err(|_| Reject::field("webhook_page_token", FieldCode::PageTokenMalformed))?;
        let selection = Selection::read(request.filter.unwrap_or_default(), kind)?;
        // A caller with a page token of one kind has already seen the first page of the other.
        let goes_on = |here: &str, there: &str| !here.is_empty() || there.is_empty();
        let mut answer = v1::ListDeadLettersResponse::default();
        if let Some(filter) = selection.events
            && goes_on(&request.page_token, &request.webhook_page_token)
        {
            let events = self.operators.list(filter, events_page).await?;
            answer.next_page_token = next_page(&events, events_page);
            let held = self.held_pixels();
            answer.events = events.into_iter().map(|event| summary(event, &held)).collect();
        }
        if let Some(selection) = &selection.webhooks
            && goes_on(&request.webhook_page_token, &request.page_token)
        {
            let webhooks = self.dead_webhooks(selection, webhooks_page).await?;
            let last = webhooks.last().filter(|_| webhooks.len() == webhooks_page.size);
            answer.next_webhook_page_token = last.map(|last| last.seq.to_string()).unwrap_or_default();
            answer.webhooks = webhooks.into_iter().map(webhook).collect();
        }
        Ok(answer)
    }

    pub(super) async fn dead_webhooks(
        &self,
        selection: &WebhookSelection,
        page: Page,
    ) -> Result<Vec<DeadWebhook>, StoreError> {
        let Some(seq) = selection.seq else {
            return self.operators.dead_webhooks(selection.filter.clone(), page).await;
        };
        if page.below_seq.is_some_and(|below| below <= seq) {
            return Ok(Vec::new());
        }
        let only = Page { below_seq: Some(seq.saturating_add(1)), size: 1 };
        let mut found = self.operators.dead_webhooks(selection.filter.clone(), only).await?;
        found.retain(|webhook| webhook.seq == seq);
        Ok(found)
    }

    pub(super) async fn dead_letter(
        &self,
        request: v1::GetDeadLetterRequest,
    ) -> Result<v1::GetDeadLetterResponse, Status> {
        let (seq, digest) = (request.webhook_sequence, request.body_sha256.to_ascii_lowercase());
        match (request.event_id.is_empty(), seq, digest.is_empty()) {
            (false, 0, true) => {
                let text = |text: String| Some(text).filter(|text| !text.is_empty());
                let id = EventId::parse(&request.event_id)
                    .map_err(|error| Reject::field("event_id", error.into()))?;
                let key = EventKey { id, name: text(request.event_name), pixel: text(request.pixel_id) };
                self.dead_event(key).await
            }
            (true, 1.., true) => self.dead_webhook(|webhook| webhook.seq == seq, Some(seq)).await,
            (true, 0, false) => self.dead_webhook(|webhook| webhook.body_sha256 == digest, None).await,
            _ => {
                let text = "Give one of event_id, webhook_sequence and body_sha256.";
                Err(Reject::field_with("event_id", FieldCode::Required, text).into())
            }
        }
    }

    async fn dead_event(&self, key: EventKey) -> Result<v1::GetDeadLetterResponse, Status> {
        let found = self.operators.find(key).await.map_err(Reject::from)?;
        let held = self.held_pixels();
        let elsewhere = found.first().map(|(event, _)| state_of(event, &held));
        let mut dead = found.into_iter().filter(|(event, _)| event.state == State::DeadLetter);
        let Some((event, attempts)) = dead.next() else {
            return Err(match elsewhere {
                None => Reject::NotFound.into(),
                Some(state) => {
                    let state = state.as_str_name().trim_start_matches("EVENT_STATE_").to_ascii_lowercase();
                    Status::not_found(format!("the event is not a dead letter: its state is {state}"))
                }
            });
        };
        if dead.next().is_some() {
            let text = "Several dead letters carry this ID. Give event_name and pixel_id too.";
            return Err(Reject::field_with("event_name", FieldCode::Required, text).into());
        }
        let replay = match self.replayable(&event) {
            Replayable::Yes => v1::ReplayVerdict::Ready,
            Replayable::MayCountTwice => v1::ReplayVerdict::MayCountTwice,
            Replayable::TooOld => v1::ReplayVerdict::TooOld,
            Replayable::PersonGone => v1::ReplayVerdict::PersonGone,
        };
        Ok(v1::GetDeadLetterResponse {
            page: event.code.as_deref().and_then(code_pages::of_event).map(explained),
            event: Some(summary(event, &held)),
            attempts: attempts.into_iter().map(attempt).collect(),
            webhook: None,
            replay: replay.into(),
        })
    }

    /// The newest webhook for which `is_it` holds, at `seq` if that is known.
    async fn dead_webhook(
        &self,
        is_it: impl Fn(&DeadWebhook) -> bool,
        seq: Option<u64>,
    ) -> Result<v1::GetDeadLetterResponse, Status> {
        let size = if seq.is_some() { 1 } else { WEBHOOKS_READ };
        let mut below_seq = seq.map(|seq| seq.saturating_add(1));
        let found = loop {
            let page = Page { below_seq, size };
            let store = &self.operators;
            let webhooks =
                store.dead_webhooks(DeadWebhookFilter::default(), page).await.map_err(Reject::from)?;
            let is_last = webhooks.len() < size || seq.is_some();
            below_seq = webhooks.last().map(|webhook| webhook.seq);
            let found = webhooks.into_iter().find(&is_it);
            if found.is_some() || is_last {
                break found;
            }
        };
        let Some(found) = found else {
            return Err(Status::not_found("no dead letter is this webhook"));
        };
        Ok(v1::GetDeadLetterResponse {
            page: code_pages::of_webhook(&found.code).map(explained),
            replay: match self.orders.answers_for(&found.kind, found.order_id.as_deref()) {
                Some(_) => v1::ReplayVerdict::Asks.into(),
                None => v1::ReplayVerdict::Webhook.into(),
            },
            webhook: Some(webhook(found)),
            ..v1::GetDeadLetterResponse::default()
        })
    }

    pub(super) fn replayable(&self, event: &EventView) -> Replayable {
        Replayable::judge(
            event.has_person,
            event.time_s,
            event.code.as_deref(),
            self.insight.now_ms().div_euclid(1000),
        )
    }
}

fn webhook(webhook: DeadWebhook) -> v1::WebhookDeadLetter {
    v1::WebhookDeadLetter {
        webhook_type: webhook.kind,
        order_id: webhook.order_id.unwrap_or_default(),
        code: webhook.code,
        received_at: Some(timestamp(webhook.received_ms)),
        body_sha256: webhook.body_sha256,
        body_bytes: webhook.body_bytes,
        sequence: webhook.seq,
    }
}

fn explained(page: CodePage) -> v1::CodePage {
    v1::CodePage {
        code: page.code,
        meaning: page.meaning,
        what_happened: page.what_happened,
        what_to_do: page.what_to_do,
        path: page.path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(filter: v1::DeadLetterFilter, kind: v1::DeadLetterKind) -> Result<(bool, bool), Reject> {
        Selection::read(filter, kind)
            .map(|selection| (selection.events.is_some(), selection.webhooks.is_some()))
    }

    #[test]
    fn what_names_an_event_means_no_webhook_and_the_other_way_round() {
        use v1::DeadLetterKind::{Events, Unspecified, Webhooks};
        let any = v1::DeadLetterFilter::default();
        let code = v1::DeadLetterFilter { code: "bad_amount".into(), ..any.clone() };
        let name = v1::DeadLetterFilter { event_name: "Lead".into(), ..any.clone() };
        let webhook = v1::DeadLetterFilter { webhook_sequence: 7, ..any.clone() };
        for (filter, kind, events, webhooks) in [
            (&any, Unspecified, true, true),
            (&code, Unspecified, true, true),
            (&code, Events, true, false),
            (&code, Webhooks, false, true),
            (&name, Unspecified, true, false),
            (&name, Events, true, false),
            (&webhook, Unspecified, false, true),
            (&webhook, Webhooks, false, true),
        ] {
            assert_eq!(kinds(filter.clone(), kind), Ok((events, webhooks)), "{filter:?} {kind:?}");
        }
        let both = v1::DeadLetterFilter { event_id: "id".into(), ..webhook.clone() };
        for (filter, kind) in [(name, Webhooks), (webhook, Events), (both, Unspecified)] {
            assert!(kinds(filter.clone(), kind).is_err(), "{filter:?} {kind:?}");
        }
    }
}
