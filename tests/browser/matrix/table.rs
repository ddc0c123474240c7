//! The faults that a lead can meet, and the result of each. The tests, their output and `docs/browser-matrix.md` use
//! this table.

use tandem_tests::browser::{Policy, Profile};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The browser refuses requests whose address contains this text, as an ad blocker does.
    Blocked(&'static str),
    /// The page has this Content Security Policy.
    Policy(Policy),
    /// The network is disconnected before the form is sent, and comes back after the form has shown its error.
    Offline,
    /// Each of the server's answers takes 1.5 s longer, including the preflight's.
    SlowServer,
    /// The server is killed before the form is sent, and starts again after the page's thanks.
    ServerRestart,
    /// The visitor's browser has these settings.
    Profile(Profile),
}

/// Which sides send a copy of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copies {
    /// Meta's pixel and the server send it under one ID, and Meta counts one event.
    Both,
    /// Only the server sends it, under the ID that the page was told.
    ServerOnly,
}

/// A fault, and the result of a lead under it on every page and in every browser.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) fault: Fault,
    /// A short name of the fault.
    pub(super) name: &'static str,
    /// The field `pixel` of the call's result.
    pub(super) told: &'static str,
    /// The field `queued` of the call's result.
    pub(super) queued: bool,
    pub(super) copies: Copies,
    /// The reason for the result, for the document.
    pub(super) because: &'static str,
}

impl Fault {
    /// The browser settings under this fault.
    pub(super) fn profile(self) -> Profile {
        if let Self::Profile(profile) = self { profile } else { Profile::Usual }
    }
}

impl Copies {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Both => "both, one ID",
            Self::ServerOnly => "server only",
        }
    }
}

/// A page with the lead form: its name and its path.
pub(super) const PAGES: [(&str, &str); 3] =
    [("plain HTML", "/examples/web-plain/"), ("React", "/examples/web-react/"), ("demo shop", "/shop/")];

pub(super) const ROWS: [Row; 11] = [
    Row {
        fault: Fault::None,
        name: "nothing",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "",
    },
    Row {
        fault: Fault::Blocked("/fbevents.js"),
        name: "blocked fbevents.js",
        told: "blocked",
        queued: false,
        copies: Copies::ServerOnly,
        because: "Meta's library never came. The server's copy carries the match keys of the form.",
    },
    Row {
        fault: Fault::Blocked(".wasm"),
        name: "blocked .wasm",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "JavaScript does the work of WebAssembly.",
    },
    Row {
        fault: Fault::Policy(Policy::StrictWithoutWasm),
        name: "CSP without 'wasm-unsafe-eval'",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "JavaScript does the work of WebAssembly.",
    },
    Row {
        fault: Fault::Policy(Policy::Strict),
        name: "strict CSP with what is needed",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "The policy is below.",
    },
    Row {
        fault: Fault::Offline,
        name: "offline",
        told: "fired",
        queued: true,
        copies: Copies::ServerOnly,
        because: "Meta's library took the event, could not send it, and does not try again. \
                  The server gets the event when the network is back.",
    },
    Row {
        fault: Fault::SlowServer,
        name: "slow server",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "The call waits for the answer, up to 5 s.",
    },
    Row {
        fault: Fault::ServerRestart,
        name: "server restart",
        told: "fired",
        queued: true,
        copies: Copies::Both,
        because: "The pixel fires at once under the page's own ID; the server gets the event under the same ID \
                  when it is back.",
    },
    Row {
        fault: Fault::Blocked("/tr/"),
        name: "ad blocker on /tr",
        told: "fired",
        queued: false,
        copies: Copies::ServerOnly,
        because: "Meta's library took the event. No page learns that its request was refused.",
    },
    Row {
        fault: Fault::Profile(Profile::NoStorage),
        name: "cookies and storage off",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "There is no `_fbp` or `_fbc`. Calls that could not be sent are kept only while their page is open.",
    },
    Row {
        fault: Fault::Profile(Profile::Private),
        name: "private window",
        told: "fired",
        queued: false,
        copies: Copies::Both,
        because: "Cookies and storage last as long as the window.",
    },
];
