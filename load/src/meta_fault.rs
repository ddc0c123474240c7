//! What is wrong with Meta for a while.

use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

/// In the content name of events that Meta refuses under every fault: poison among the good ones.
pub(crate) const POISON: &str = "torture poison";

/// One fault of Meta's, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MetaFault {
    /// Answers as it should.
    Up,
    /// Answers with HTTP 500.
    Down,
    /// Takes half a second for each answer.
    Slow,
    /// Refuses the token.
    Refusing,
    /// Never answers.
    Hanging,
    /// Closes connections without an answer, and has taken nothing.
    Cutting,
    /// Takes some batches, and their answers are lost: the case in which a repeat counts twice.
    Losing,
}

impl MetaFault {
    /// All of them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Up, Self::Down, Self::Slow, Self::Refusing, Self::Hanging, Self::Cutting, Self::Losing];

    /// Up in two of five cases, so that work is done; else any of the others.
    pub(crate) fn random(dice: &mut StdRng) -> Self {
        if dice.random_bool(0.4) { Self::Up } else { Self::ALL[dice.random_range(1..Self::ALL.len())] }
    }

    /// A word for the report.
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

    /// The sandbox's faults. The poison comes first: it is refused by each of them that reads events.
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
