//! What operators ask about orders, and the answers' shape.

use tandem_core::id::OrderId;
use tandem_core::order::Order;

/// Which orders to list. All conditions that are given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderFilter {
    /// Exact ID.
    pub id: Option<OrderId>,
    /// Only those with a proof of payment.
    pub paid_only: bool,
    /// Changed at or after, Unix milliseconds.
    pub updated_from_ms: Option<i64>,
    /// Changed before, Unix milliseconds.
    pub updated_before_ms: Option<i64>,
}

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderView {
    /// Position; grows with each order that is first heard of.
    pub seq: u64,
    /// The order.
    pub order: Order,
    /// When it was first heard of, Unix milliseconds.
    pub created_ms: i64,
    /// When it last changed, Unix milliseconds.
    pub updated_ms: i64,
}
