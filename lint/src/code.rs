//! Every rule's code, its severity, and why it matters. `docs/lint.md` has a section for each.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Conversions are lost or counted twice, or personal data leaks.
    Error,
    /// Measurement is worse than it could be.
    Warning,
}

impl Severity {
    /// In lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $severity:ident, $why:literal;)+) => {
        /// Which rule a finding comes from. The names are stable: scripts and `allow` use them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// How bad a finding of this rule is.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)+ }
            }

            /// Why it matters, in a sentence.
            #[must_use]
            pub fn why(self) -> &'static str {
                match self { $(Self::$variant => $why,)+ }
            }
        }
    };
}

codes! {
    /// A script that no browser can parse. ECMAScript; parsed by oxc.
    ScriptError = "script_error", Error,
        "a browser runs nothing of a script that it cannot parse: no call in it is ever made";
    /// A script that this tool does not parse: too long or nested too deeply.
    ScriptUnreadable = "script_unreadable", Warning,
        "nothing in this script was checked";
    /// Text that was escaped twice on its way into the page.
    DoubleEscaped = "double_escaped", Error,
        "nothing undoes the second escaping: scripts break, or names, addresses and IDs differ from the server's";
    /// `fbq` called without a check that it exists. Only pages with Meta's base code define it.
    UnguardedFbq = "unguarded_fbq", Error,
        "if fbq is missing, the call throws, and the rest of the script does not run";
    /// `trackSingle` or `trackSingleCustom` is called (Meta's pixel reference). Tandem needs one pixel per page.
    TrackSingle = "track_single", Error,
        "it sends nothing unless the page initialised that pixel, and then the server's copy has no browser copy";
    /// `init` of one pixel more than once on a page.
    RepeatedInit = "repeated_init", Error,
        "Meta's library warns about the duplicate pixel ID, and matching data of one of the calls may be lost";
    /// More than one pixel on a page. `fbq('track', …)` goes to all of them.
    SeveralPixels = "several_pixels", Error,
        "every track goes to all initialised pixels, under one eventID; the server reports to one";
    /// Base code without the `noscript` image that Meta's base code contains.
    MissingNoscript = "missing_noscript", Warning,
        "visitors without JavaScript are not counted at all";
    /// A page with another pixel than the other pages of the shop.
    OtherPixel = "other_pixel", Error,
        "this page's events go to a pixel that the shop's campaigns and its server do not use";
    /// A page without the pixel, in a shop whose other pages have it. Meta: the base code belongs on every page.
    PageWithoutPixel = "page_without_pixel", Warning,
        "visits of this page are not counted, and clicks that land here are not remembered";
    /// Base code after the page's content instead of in its head (Meta, "Get Started").
    LateBaseCode = "late_base_code", Warning,
        "visitors who leave before it runs are not counted, and buttons that call fbq do nothing until then";
    /// A conversion without the fourth argument's `eventID`. Meta, "Handling Duplicate Pixel and Conversions API Events".
    MissingEventId = "missing_event_id", Error,
        "without an eventID Meta cannot match the server's copy, and counts the conversion twice";
    /// `eventID` among the parameters instead of in the fourth argument. Meta's pixel reference.
    EventIdInParameters = "event_id_in_parameters", Error,
        "Meta reads the event's ID from the fourth argument only, and ignores it among the parameters";
    /// A Purchase's ID that is not `purchase_<order_id>`, which is what the server sends.
    PurchaseId = "purchase_id", Error,
        "the server sends the Purchase as purchase_<order_id>, so any other ID makes a second Purchase";
    /// `track` with a name that the shop made up. Meta's pixel reference.
    CustomNameInTrack = "custom_name_in_track", Warning,
        "Meta accepts your own names only in trackCustom, and warns in the console about others";
    /// A standard event's name that differs from Meta's in upper and lower case.
    WrongCase = "wrong_case", Error,
        "Meta compares names letter by letter: this is another event, and no campaign optimises for it";
    /// The first argument of `fbq` is not one of its methods.
    UnknownMethod = "unknown_method", Error,
        "Meta's library logs an unknown method and sends nothing";
    /// A Purchase without `value` or `currency`. Meta requires both.
    PurchaseWithoutValue = "purchase_without_value", Error,
        "Meta requires value and currency for a Purchase: without them it is refused or worth nothing";
    /// A value that is not a plain number.
    ValueNotANumber = "value_not_a_number", Error,
        "a value with a currency sign, separators or words is not a number: the sale counts as nothing";
    /// A list that is one text. Meta's pixel reference: `content_ids` and `contents` are arrays.
    ListAsText = "list_as_text", Error,
        "Meta takes the text as one product's ID, which is in no catalogue";
    /// A currency that is not an ISO 4217 code.
    CurrencyCode = "currency_code", Error,
        "Meta accepts only ISO 4217 codes of three letters, such as INR: with anything else the value is lost";
    /// Personal data among an event's parameters. Meta's terms; "never PII" in custom data.
    PersonalData = "personal_data", Error,
        "parameters are not hashed: the person's data goes to Meta as plain text, which Meta forbids and blocks";
    /// A matching key of `init` that Meta cannot use. Meta, "Advanced matching".
    MatchingKey = "matching_key", Warning,
        "Meta drops it, or hashes a value that matches nobody";
    /// The page's policy blocks Meta's library.
    CspScriptSrc = "csp_script_src", Error,
        "the browser refuses to load Meta's library: the pixel sends nothing";
    /// The page's policy blocks WebAssembly.
    CspWasm = "csp_wasm", Error,
        "without 'wasm-unsafe-eval' the browser refuses to start Tandem's WebAssembly";
    /// The page's policy forbids calls to the Tandem server or to Meta.
    CspConnectSrc = "csp_connect_src", Error,
        "the browser refuses the calls that report events";
    /// The page's policy forbids the pixel's image.
    CspImgSrc = "csp_img_src", Error,
        "the pixel reports by an image from www.facebook.com, and the browser refuses it";
    /// The page calls the Graph API by itself.
    GraphCall = "graph_call", Error,
        "a call to the Graph API needs a secret token, and its events are a third copy that is never deduplicated";
    /// An access token in a text that every visitor can read.
    LeakedToken = "leaked_token", Error,
        "every visitor can read it, and send events or read data in the shop's name";
    /// One event fired by the page's own `fbq` and by Tandem.
    CountedTwice = "counted_twice", Error,
        "Tandem fires the pixel by itself, and Meta does not deduplicate a second browser copy against the first";
    /// A call that an event such as `scroll` runs again and again.
    FiresRepeatedly = "fires_repeatedly", Error,
        "one visitor counts many times, and campaigns learn from events that did not happen";
    /// One event that the page's `fbq` fires twice.
    FiredTwice = "fired_twice", Error,
        "Meta does not deduplicate two copies from the browser: the event counts twice";
    /// A call with an event name that Tandem's server refuses.
    RefusedByTandem = "refused_by_tandem", Error,
        "Tandem refuses it: leads and purchases have calls of their own, which count them once";
}

impl Code {
    /// The code with this name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
