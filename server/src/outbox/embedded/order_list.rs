//! Lists of orders, for operators. Pages go by the row's number: it needs no index, and an
//! order that changes meanwhile keeps its place.

use rusqlite::types::{Type, Value};
use rusqlite::{Connection, params_from_iter};

use crate::outbox::{OrderFilter, OrderView, Page};

/// Orders, newest first.
pub(super) fn list_orders(
    db: &Connection,
    filter: &OrderFilter,
    page: Page,
) -> rusqlite::Result<Vec<OrderView>> {
    let mut sql = "SELECT rowid, state, created_ms, updated_ms FROM orders WHERE rowid < ?".to_owned();
    let mut values = vec![Value::Integer(page.below_seq.map_or(i64::MAX, u64::cast_signed))];
    let mut and = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push_str(condition);
            values.push(value);
        }
    };
    and(" AND id = ?", filter.id.as_ref().map(|id| Value::Text(id.as_str().to_owned())));
    and(" AND paid = ?", filter.paid_only.then_some(Value::Integer(1)));
    and(" AND updated_ms >= ?", filter.updated_from_ms.map(Value::Integer));
    and(" AND updated_ms < ?", filter.updated_before_ms.map(Value::Integer));
    sql.push_str(" ORDER BY rowid DESC LIMIT ?");
    values.push(Value::Integer(i64::try_from(page.size).unwrap_or(i64::MAX)));
    let mut statement = db.prepare_cached(&sql)?;
    let rows = statement.query_map(params_from_iter(values), |row| {
        let json: String = row.get(1)?;
        let order = serde_json::from_str(&json)
            .map_err(|fault| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, Box::new(fault)))?;
        Ok(OrderView { seq: row.get(0)?, order, created_ms: row.get(2)?, updated_ms: row.get(3)? })
    })?;
    rows.collect()
}
