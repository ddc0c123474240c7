//! Every rule's code: how bad it is, and why it matters. `docs/lint.md` has a section for each.

use serde::Serialize;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Conversions are lost, counted twice, or data goes where it must not.
    Error,
    /// Something is measured worse than it could be.
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
        "what stands in this script was not checked";
    /// Text that was escaped twice on its way into the page.
    DoubleEscaped = "double_escaped", Error,
        "the second escaping is never undone: scripts break, or names, addresses and IDs differ from the server's";
    /// `fbq` called where nothing says that it exists. Meta's base code defines it per page.
    UnguardedFbq = "unguarded_fbq", Error,
        "where fbq is missing the call throws, and the rest of the script is not run";
    /// `trackSingle` and `trackSingleCustom`: Meta's pixel reference; Tandem counts on one pixel per page.
    TrackSingle = "track_single", Error,
        "it sends nothing unless that very pixel was initialised on the page, and the server's copy has no twin then";
    /// `init` of one pixel more than once on a page.
    RepeatedInit = "repeated_init", Error,
        "Meta's library warns of the duplicate pixel ID; matching data that only one of them brings may be lost";
    /// More than one pixel on a page. `fbq('track', …)` goes to all of them.
    SeveralPixels = "several_pixels", Error,
        "every track goes to all initialised pixels, under one eventID; the server reports to one";
    /// Base code without its `noscript` image. Meta's base code.
    MissingNoscript = "missing_noscript", Warning,
        "visitors without JavaScript are not counted at all";
    /// A conversion without the fourth argument's `eventID`. Meta, "Handling Duplicate Pixel and Conversions API Events".
    MissingEventId = "missing_event_id", Error,
        "without an eventID Meta cannot match the server's copy, and counts the conversion twice";
    /// `eventID` among the parameters instead of in the fourth argument. Meta's pixel reference.
    EventIdInParameters = "event_id_in_parameters", Error,
        "Meta takes the event's ID from the fourth argument only; among the parameters it is ignored";
    /// A Purchase's ID that is not `purchase_<order_id>`, which is what the server sends.
    PurchaseId = "purchase_id", Error,
        "the server sends the Purchase as purchase_<order_id>; any other ID makes it a second Purchase";
    /// A name of the shop's own sent by `track`. Meta's pixel reference.
    CustomNameInTrack = "custom_name_in_track", Warning,
        "Meta knows names of your own only through trackCustom, and warns in the console about others";
    /// A standard event's name in other letters than Meta's.
    WrongCase = "wrong_case", Error,
        "names are compared letter by letter: this is another event, which no campaign optimises for";
    /// The first argument of `fbq` is no method of it.
    UnknownMethod = "unknown_method", Error,
        "Meta's library logs an unknown method and sends nothing";
    /// A Purchase without `value` or `currency`. Meta requires both.
    PurchaseWithoutValue = "purchase_without_value", Error,
        "Meta requires value and currency of a Purchase; without them it is refused or worth nothing";
    /// A value that is no plain number.
    ValueNotANumber = "value_not_a_number", Error,
        "a value with a currency sign, separators or words is not a number: the sale counts as nothing";
    /// A currency that is no ISO 4217 code.
    CurrencyCode = "currency_code", Error,
        "Meta takes currencies as three letters of ISO 4217, such as INR; with anything else the value is lost";
    /// Personal data among an event's parameters. Meta's terms; "never PII" in custom data.
    PersonalData = "personal_data", Error,
        "parameters are not hashed: the person's data goes to Meta in the clear, which Meta forbids and blocks";
    /// A matching key of `init` that Meta cannot use. Meta, "Advanced matching".
    MatchingKey = "matching_key", Warning,
        "Meta drops it, or hashes something that matches nobody";
    /// The page's policy keeps Meta's library out.
    CspScriptSrc = "csp_script_src", Error,
        "the browser refuses to load Meta's library: the pixel sends nothing";
    /// The page's policy keeps WebAssembly from starting.
    CspWasm = "csp_wasm", Error,
        "without 'wasm-unsafe-eval' the browser refuses to start Tandem's WebAssembly";
    /// The page's policy forbids calls to the Tandem server or to Meta.
    CspConnectSrc = "csp_connect_src", Error,
        "the browser refuses the calls that report events";
    /// The page's policy forbids the pixel's image.
    CspImgSrc = "csp_img_src", Error,
        "the pixel reports by an image from www.facebook.com, which the browser refuses";
    /// The page calls the Graph API by itself.
    GraphCall = "graph_call", Error,
        "a call to the Graph API needs a secret token, and its events are a third copy that nobody deduplicates";
    /// An access token in what every visitor can read.
    LeakedToken = "leaked_token", Error,
        "whoever opens the page can read it, and send events or read data in the shop's name";
    /// One event fired by the page's own `fbq` and by Tandem.
    CountedTwice = "counted_twice", Error,
        "Tandem fires the pixel by itself; a second browser copy is not deduplicated against the first";
    /// A call that Tandem's server refuses by its name.
    RefusedByTandem = "refused_by_tandem", Error,
        "Tandem refuses it: leads and purchases have calls of their own, which make sure that they are counted once";
}

impl Code {
    /// The code of a name.
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
