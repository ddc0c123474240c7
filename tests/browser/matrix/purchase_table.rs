//! The ways in which a purchase can go, the faults that it can meet, and the result of each. The tests, their output
//! and `docs/browser-matrix.md` use this table.

use tandem_tests::browser::Profile;

use super::table::{Copies, Fault};

/// What the payment and the buyer do around the thank-you page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Course {
    /// The payment's webhook comes before the page opens.
    Verified,
    /// The webhook comes after the page was told "pending".
    Pending,
    /// The bank declines the payment. The provider sends the buyer to the page all the same.
    Failed,
    /// The purchase has fired. Then the buyer opens the page in a second tab of the same browser.
    SecondTab,
    /// Two tabs show the page and wait for the webhook together.
    TwoTabsPending,
    /// The purchase has fired. The buyer goes on to another page, and back.
    BackButton,
    /// The purchase has fired. The buyer reloads the page.
    Reload,
}

/// A course under a fault, and its result on every page and in every browser.
#[derive(Debug)]
pub(super) struct PurchaseRow {
    pub(super) course: Course,
    pub(super) fault: Fault,
    /// A short name of course and fault.
    pub(super) name: &'static str,
    /// The field `pixel` of the first call's result.
    pub(super) told: &'static str,
    /// The field `queued` of the first call's result.
    pub(super) queued: bool,
    /// Which sides send a copy. `None`: no side.
    pub(super) copies: Option<Copies>,
    /// What the server knows about the pixel in the end (`browser_outcome` of `GetEvent`). Empty: nothing.
    pub(super) reported: &'static str,
    /// The reason for the result, for the document.
    pub(super) because: &'static str,
}

impl PurchaseRow {
    pub(super) fn copies_text(&self) -> &'static str {
        self.copies.map_or("none", Copies::text)
    }
}

/// A thank-you page: its name, and its path up to the order's ID.
pub(super) const THANKS: [(&str, &str); 3] = [
    ("plain HTML", "/examples/web-plain/?order_id="),
    ("React", "/examples/web-react/thank-you?order_id="),
    ("demo shop", "/shop/thank-you?order_id="),
];

/// A row without a fault, in which the pixel and the server send their copies.
const fn both(course: Course, name: &'static str, told: &'static str, because: &'static str) -> PurchaseRow {
    PurchaseRow {
        course,
        fault: Fault::None,
        name,
        told,
        queued: false,
        copies: Some(Copies::Both),
        reported: "fired",
        because,
    }
}

pub(super) const PURCHASES: [PurchaseRow; 13] = [
    both(Course::Verified, "verified", "fired", "The webhook was there before the buyer."),
    both(
        Course::Pending,
        "pending",
        "pending",
        "The page asks again after 2, 5, 10, 30 and 60 s, and fires when the server knows the payment.",
    ),
    PurchaseRow {
        copies: None,
        reported: "",
        ..both(
            Course::Failed,
            "failed",
            "pending",
            "Nobody paid, so no side sends anything. A stranger is not told that a payment failed.",
        )
    },
    both(Course::SecondTab, "second tab", "fired", "The browser remembers that the order has fired."),
    both(
        Course::TwoTabsPending,
        "two tabs, both pending",
        "pending",
        "Both ask. The first to be answered fires, under a lock that the tabs share.",
    ),
    both(Course::BackButton, "back button", "fired", "The browser remembers that the order has fired."),
    both(Course::Reload, "reload", "fired", "The browser remembers that the order has fired."),
    PurchaseRow {
        fault: Fault::Blocked("/fbevents.js"),
        copies: Some(Copies::ServerOnly),
        reported: "blocked",
        ..both(Course::Verified, "verified, blocked fbevents.js", "blocked", "Meta's library never came.")
    },
    PurchaseRow {
        fault: Fault::SlowServer,
        ..both(
            Course::Verified,
            "verified, slow server",
            "fired",
            "The call waits for the answer, up to 12 s.",
        )
    },
    PurchaseRow {
        fault: Fault::ServerRestart,
        queued: true,
        ..both(
            Course::Pending,
            "pending, server restart",
            "pending",
            "The pixel never fires a purchase without the server's word. The page asks until the server is back.",
        )
    },
    PurchaseRow {
        fault: Fault::Offline,
        ..both(
            Course::Pending,
            "pending, offline meanwhile",
            "pending",
            "The payment is confirmed while the browser is offline. The page asks again when the network is back.",
        )
    },
    PurchaseRow {
        fault: Fault::Profile(Profile::NoStorage),
        ..both(
            Course::Verified,
            "verified, cookies and storage off",
            "fired",
            "Nothing is remembered between pages.",
        )
    },
    PurchaseRow {
        fault: Fault::Profile(Profile::Private),
        ..both(
            Course::BackButton,
            "back button, private window",
            "fired",
            "The window remembers the order as long as it is open.",
        )
    },
];
