//! Compares fake Cashfree, gateway, store and fake Graph API: all must have the same payments.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use tandem_proto::v1::{ListOrdersRequest, OrderSummary};
use tandem_tests::sandbox::minor_of_text;
use tandem_tests::{Sandbox, World};

use super::Storm;
use super::plan::PlannedOrder;
use super::report::Report;
use crate::arrivals::Arrivals;
use crate::drain::drain;
use crate::resend::{Kill, ResendReason, reason_for};

/// How long the outbox may take to become empty.
const DRAIN_LIMIT: Duration = Duration::from_secs(300);

pub(super) async fn compare(
    world: &World,
    orders: &[PlannedOrder],
    mut storm: Storm,
    report: &mut Report,
) -> anyhow::Result<()> {
    drain(world, &mut storm.arrivals, DRAIN_LIMIT).await?;
    let owed: BTreeMap<&str, i64> =
        orders.iter().filter_map(|order| Some((order.id.as_str(), order.paid_minor?))).collect();
    storm.sender.look(|tally| {
        report.by_status = tally.by_status.clone();
        (report.taken, report.refused) = (tally.taken, tally.refused);
        (report.given_up, report.slowest) = (tally.given_up, tally.slowest);
        report.complaints.append(&mut tally.complaints);
    });
    cashfree(&world.sandbox, &owed, report).await?;
    store(world, &owed, report).await?;
    graph(&storm.arrivals, &owed, &storm.kills, report);
    report.finish();
    Ok(())
}

/// The payments at the fake Cashfree must be those of the plan.
async fn cashfree(sandbox: &Sandbox, owed: &BTreeMap<&str, i64>, report: &mut Report) -> anyhow::Result<()> {
    for order in sandbox.orders().await? {
        report.orders_made += 1;
        let id = order["order_id"].as_str().unwrap_or_default();
        let paid = order["paid_amount"].as_str().and_then(minor_of_text);
        report.paid_at_cashfree.add(paid);
        if paid != owed.get(id).copied() {
            report.complain(format!("{id}: {paid:?} was paid at Cashfree, {:?} was planned", owed.get(id)));
        }
    }
    Ok(())
}

/// The paid orders in the store must be those of the plan.
async fn store(world: &World, owed: &BTreeMap<&str, i64>, report: &mut Report) -> anyhow::Result<()> {
    let mut seen = HashMap::new();
    for order in paid_orders(world).await? {
        let paid = order.paid.as_ref().and_then(|money| minor_of_text(&money.amount));
        report.paid_in_store.add(paid);
        if paid.is_none() || paid != owed.get(order.order_id.as_str()).copied() {
            let planned = owed.get(order.order_id.as_str());
            report.complain(format!("{}: the store has {paid:?}, {planned:?} was paid", order.order_id));
        }
        if seen.insert(order.order_id.clone(), ()).is_some() {
            report.complain(format!("{} is in the store twice", order.order_id));
        }
        *report.proofs.entry(order.proof).or_default() += 1;
    }
    Ok(())
}

async fn paid_orders(world: &World) -> anyhow::Result<Vec<OrderSummary>> {
    let operator = world.internal()?;
    let (mut orders, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListOrdersRequest {
            page_size: 1000,
            page_token,
            paid_only: true,
            ..ListOrdersRequest::default()
        };
        let answer = operator.list_orders(request).await?;
        orders.extend(answer.orders);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(orders);
        }
    }
}

/// Each paid order must have one Purchase with the paid amount, and no other order may have one.
fn graph(arrivals: &Arrivals, owed: &BTreeMap<&str, i64>, kills: &[Kill], report: &mut Report) {
    for (_, id, copies) in arrivals.all().filter(|(name, ..)| *name == "Purchase") {
        let order = id.strip_prefix("purchase_").unwrap_or_default();
        let first = &copies[0];
        report.purchased.add(first.value_minor);
        report.with_signals += u64::from(first.has_fbp);
        match owed.get(order) {
            None => report.complain(format!("{id} arrived and was never paid")),
            Some(paid) if copies.iter().any(|copy| copy.value_minor != Some(*paid)) => {
                report.complain(format!("{id} has the value {:?}, {paid} was paid", first.value_minor));
            }
            Some(_) => {}
        }
        for (before, copy) in copies.iter().zip(&copies[1..]) {
            match reason_for(before, copy, kills) {
                ResendReason::Killed => report.again_killed += 1,
                ResendReason::AnswerLost => report.again_lost += 1,
                ResendReason::None => {
                    report.complain(format!("{id} arrived at {} and again at {}", before.at_ms, copy.at_ms));
                }
            }
        }
    }
    for order in owed.keys() {
        if arrivals.of("Purchase", &format!("purchase_{order}")).is_empty() {
            report.complain(format!("LOST: {order} was paid, and no Purchase arrived"));
        }
    }
}
