//! Faults of the fake Graph API.

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// Content name of events that Meta refuses under every fault.
pub(crate) const POISON: &str = "torture poison";

/// One fault of the fake Graph API, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetaFault {
    /// Answers normally.
    Up,
    /// Answers with HTTP 500.
    Down,
    /// Delays each answer by half a second.
    Slow,
    Refusing,
    Hanging,
    /// Closes the connection without an answer, and accepts nothing.
    Cutting,
    /// Accepts some batches and loses their answers. A retry then counts twice.
    Losing,
}

impl MetaFault {
    pub(crate) const ALL: [Self; 7] =
        [Self::Up, Self::Down, Self::Slow, Self::Refusing, Self::Hanging, Self::Cutting, Self::Losing];

    /// `Up` in two of five cases, so that events are delivered. Otherwise one of the others.
    pub(crate) fn random(dice: &mut StdRng) -> Self {
        if dice.random_bool(0.4) { Self::Up } else { Self::ALL[dice.random_range(1..Self::ALL.len())] }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "500s",
            Self::Slow => "slow",
            Self::Refusing => "token refused",
            Self::Hanging => "hanging",
            Self::Cutting => "cut",
            Self::Losing => "answer lost",
        }
    }

    /// The sandbox's faults. The refusal of [`POISON`] comes first, so it applies before the fault itself.
    pub(crate) fn faults(self) -> Vec<Value> {
        let error = |code: u32, subcode: u32| {
            json!({ "error": {
                "message": "Invalid parameter", "type": "OAuthException", "code": code, "error_subcode": subcode,
                "is_transient": code == 2, "fbtrace_id": "AtRaCe",
            } })
        };
        let answer = |status: u16, body: &Value| json!({ "answer": { "status": status, "body": body.to_string(), "headers": {} } });
        let poison =
            json!({ "target": "graph", "containing": POISON, "action": answer(400, &error(100, 2_804_019)) });
        let own = match self {
            Self::Up => None,
            Self::Down => Some(json!({ "target": "graph", "action": answer(500, &error(2, 0)) })),
            Self::Slow => Some(json!({ "target": "graph", "delay_ms": 500 })),
            Self::Refusing => Some(json!({ "target": "graph", "action": "refuse_token" })),
            Self::Hanging => Some(json!({ "target": "graph", "action": "hang" })),
            Self::Cutting => Some(json!({ "target": "graph", "action": "cut" })),
            Self::Losing => Some(json!({ "target": "graph", "action": "cut", "accept": true, "count": 2 })),
        };
        std::iter::once(poison).chain(own).collect()
    }
}
