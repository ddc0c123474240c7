//! The explanations of codes that operators read. The pages under `docs/codes/` and the table in
//! `docs/webhook-codes.md` are compiled in, so documentation and answers cannot differ.

use tandem_core::code;

/// Folder of the pages about events' codes, in the repository.
const FOLDER: &str = "docs/codes";
/// The page about webhooks' codes, in the repository.
const WEBHOOKS_PATH: &str = "docs/webhook-codes.md";
const WEBHOOKS: &str = include_str!("../../../docs/webhook-codes.md");
/// Heading of the part about webhooks that are kept.
const KEPT_WEBHOOKS: &str = "## Genuine and not usable";

macro_rules! pages {
    ($($code:literal)+) => {
        /// Every code and its page's text.
        const PAGES: &[(&str, &str)] =
            &[$(($code, include_str!(concat!("../../../docs/codes/", $code, ".md")))),+];
    };
}

pages! {
    "api_version_ended" "app_secret_proof" "clock_untrusted" "consent_conflict" "consent_denied" "crawler"
    "dedup_window_passed" "delivered"
    "delivered_short" "delivered_without_click_id" "erased" "match_keys_insufficient" "measure_only" "meta_bad_answer"
    "meta_blocked"
    "meta_no_answer" "meta_received_none" "meta_refused" "meta_throttled" "meta_transient"
    "meta_unknown_error" "meta_unreachable" "other_environment" "page_missing" "paused" "permission_missing"
    "person_gone" "pixel_not_found" "refunded_before_sent" "request_refused"
    "sandbox_without_test_code" "token_refused" "too_old" "unconfigured" "zero_amount"
}

/// An explained code. The texts are Markdown without block structure: backticks mark code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodePage {
    pub(crate) code: String,
    /// What the code means, in one sentence.
    pub(crate) meaning: String,
    /// What happened; may be empty.
    pub(crate) what_happened: String,
    pub(crate) what_to_do: String,
    /// The page's path in the repository.
    pub(crate) path: String,
}

pub(crate) fn of_event(code: &str) -> Option<CodePage> {
    let (_, text) = PAGES.iter().find(|(known, _)| *known == code)?;
    let mut page = CodePage {
        code: code.to_owned(),
        meaning: String::new(),
        what_happened: String::new(),
        what_to_do: String::new(),
        path: format!("{FOLDER}/{code}.md"),
    };
    for paragraph in text.split("\n\n").skip(1).map(joined) {
        if let Some(text) = paragraph.strip_prefix("**What happened.** ") {
            text.clone_into(&mut page.what_happened);
        } else if let Some(text) = paragraph.strip_prefix("**What to do.** ") {
            text.clone_into(&mut page.what_to_do);
        } else if page.meaning.is_empty() {
            page.meaning = paragraph;
        }
    }
    Some(page)
}

/// The explanation of a dead-lettered webhook's code. A table has a row per reason. The advice is
/// the same for all.
pub(crate) fn of_webhook(code: &str) -> Option<CodePage> {
    let (_, kept) = WEBHOOKS.split_once(KEPT_WEBHOOKS)?;
    let quoted = format!("`{code}`");
    let meaning = kept.lines().find_map(|line| {
        let (codes, meaning) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        codes.split(", ").any(|known| known == quoted).then_some(meaning)
    })?;
    let common = joined(kept.split("\n\n").nth(1)?);
    let (happened, to_do) = common.split_at(common.find("To act on it after all")?);
    Some(CodePage {
        code: code.to_owned(),
        meaning: meaning.to_owned(),
        what_happened: happened.trim_end().to_owned(),
        what_to_do: to_do.to_owned(),
        path: WEBHOOKS_PATH.to_owned(),
    })
}

/// A paragraph on one line.
fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Fails the build if a code of the product has no page here.
const _: () = assert!(PAGES.len() == code::CODES.len(), "a code of core/src/code.rs is missing in PAGES");

#[cfg(test)]
mod tests {
    use tandem_core::cashfree::MessageError;

    use super::*;

    #[test]
    fn every_code_says_what_happened_and_what_to_do() {
        for code in code::CODES {
            let page = of_event(code).unwrap_or_else(|| panic!("{code} has no page"));
            assert!(page.meaning.ends_with('.') || page.meaning.ends_with(')'), "{page:?}");
            assert!(!page.what_happened.is_empty() && !page.what_to_do.is_empty(), "{page:?}");
            assert!(!format!("{page:?}").contains("**"), "{page:?}");
        }
        assert_eq!(of_event("unheard_of"), None);
        assert_eq!(of_event("too_old").map(|page| page.path).as_deref(), Some("docs/codes/too_old.md"));
    }

    #[test]
    fn every_reason_of_a_dead_webhook_is_explained() {
        use MessageError::{
            BadAmount, BadCurrency, BadOrderId, BadPaymentId, BadStatus, BadSubjectId, DuplicateKey,
            MissingOrderId, MissingPaymentId, MissingStatus, NotAForm, NotJson, StatusTypeMismatch,
            TooComplex, TooDeep, WrongRoot,
        };
        for error in [
            BadAmount,
            BadCurrency,
            BadOrderId,
            BadPaymentId,
            BadStatus,
            BadSubjectId,
            DuplicateKey,
            MissingOrderId,
            MissingPaymentId,
            MissingStatus,
            NotAForm,
            NotJson,
            StatusTypeMismatch,
            TooComplex,
            TooDeep,
            WrongRoot,
        ] {
            let page = of_webhook(error.code()).unwrap_or_else(|| panic!("{error:?} has no page"));
            assert!(!page.meaning.is_empty(), "{page:?}");
            assert!(page.what_to_do.contains("resend it from Cashfree's dashboard"), "{page:?}");
            assert!(page.what_happened.starts_with("The body is not kept"), "{page:?}");
        }
        assert_eq!(of_webhook("signature_mismatch"), None, "webhooks with a wrong signature are not kept");
    }
}
