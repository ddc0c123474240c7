//! For any inputs in any sequence and number: there is one Purchase if and only if money was paid.

use super::tests::{WAIT_MS, contact, decide, inr, order, paid};
use super::*;
use crate::event::Event;
use crate::money::Money;
use proptest::prelude::*;

const NOW_S: i64 = super::tests::NOW_S;

#[derive(Debug, Clone)]
enum Step {
    /// A claim or a checkout event of a browser.
    Contact {
        fbp: u8,
        is_claim: bool,
        denied: bool,
    },
    /// A contact with the shop's key, or from one of the shop's services.
    Proven {
        fbp: u8,
        is_internal: bool,
        denied: bool,
    },
    /// A webhook about a payment. The same payment can come again.
    Paid {
        payment: u8,
        amount: u8,
    },
    /// A message of a payment link or form about a payment, with or without the payment's ID.
    Twin {
        payment: Option<u8>,
        amount: u8,
    },
    /// The Orders API answers that the order is paid.
    Answered {
        payment: u8,
        amount: u8,
    },
    /// The Orders API answers that the order is not paid.
    UnpaidStatus(UnpaidStatus),
    /// The provider sent another message about the order, e.g. about fees or a dispute.
    SpokenOf,
    Fact {
        amount: u8,
    },
    Fail,
    Void {
        payment: u8,
    },
    Refund {
        payment: u8,
        amount: u8,
        id: u8,
    },
    WaitIsOver,
    Deliver,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let denied = || prop::bool::weighted(0.1);
    let answer =
        prop_oneof![Just(UnpaidStatus::Open), Just(UnpaidStatus::Unknown), Just(UnpaidStatus::Final)];
    prop_oneof![
        (0..3_u8, any::<bool>(), denied()).prop_map(|(fbp, is_claim, denied)| Step::Contact {
            fbp,
            is_claim,
            denied
        }),
        (0..3_u8, any::<bool>(), denied()).prop_map(|(fbp, is_internal, denied)| Step::Proven {
            fbp,
            is_internal,
            denied
        }),
        (0..2_u8, 0..3_u8).prop_map(|(payment, amount)| Step::Paid { payment, amount }),
        (prop::option::of(0..2_u8), 0..3_u8).prop_map(|(payment, amount)| Step::Twin { payment, amount }),
        (0..2_u8, 0..3_u8).prop_map(|(payment, amount)| Step::Answered { payment, amount }),
        answer.prop_map(Step::UnpaidStatus),
        Just(Step::SpokenOf),
        (0..3_u8).prop_map(|amount| Step::Fact { amount }),
        Just(Step::Fail),
        (0..2_u8).prop_map(|payment| Step::Void { payment }),
        (0..2_u8, 1..3_u8, 0..3_u8).prop_map(|(payment, amount, id)| Step::Refund { payment, amount, id }),
        Just(Step::WaitIsOver),
        Just(Step::Deliver),
        Just(Step::Restart),
    ]
}

/// The row of the Purchase as a store keeps it.
#[derive(Debug, Clone, PartialEq)]
enum Row {
    Waiting(Event),
    Pending(Event),
    Left(Event),
    Stopped,
}

fn carry_out(row: &mut Option<Row>, order: &mut Order) {
    let decision = decide(order);
    let unsent = matches!(row, None | Some(Row::Waiting(_) | Row::Pending(_)));
    match decision {
        Decision::Send(event) if unsent => *row = Some(Row::Pending(*event)),
        Decision::Hold(event, until_ms) => {
            assert_eq!(*row, None, "only the first decision can be a hold");
            assert_eq!(until_ms, NOW_S * 1000 + WAIT_MS);
            *row = Some(Row::Waiting(*event));
        }
        Decision::Withhold(..) if unsent => *row = Some(Row::Stopped),
        Decision::Withhold(..) if matches!(row, Some(Row::Left(_))) => order.mark_left(),
        Decision::TooOld(_) => panic!("no payment in this test is too old"),
        _ => {}
    }
}

/// The expected state, computed from the inputs alone without the order.
#[derive(Debug, Default)]
struct Books {
    /// The first payment: its ID, if it had one, and its amount.
    first: Option<(Option<u8>, Money)>,
    voided: Vec<u8>,
    denied_internally: bool,
}

impl Books {
    fn pay(&mut self, order: &mut Order, payment: Option<u8>, amount: u8, source: PaymentSource) {
        let id = payment.map(|payment| payment.to_string());
        let proof = Payment { source, payment_id: id, ..paid("", &amount.to_string()) };
        self.first.get_or_insert((payment, proof.money));
        order.pay(proof);
    }

    fn owes(&self) -> bool {
        self.first.is_some_and(|(_, money)| money.amount.get() > 0)
    }

    fn is_voided(&self) -> bool {
        self.first.and_then(|(payment, _)| payment).is_some_and(|payment| self.voided.contains(&payment))
    }
}

fn take(step: &Step, order: &mut Order, books: &mut Books, row: &mut Option<Row>, departures: &mut u32) {
    match *step {
        Step::Contact { fbp, is_claim, denied } => {
            let mut contact = contact(&fbp.to_string(), is_claim);
            contact.consent.denied = denied;
            order.contact(&contact);
        }
        Step::Proven { fbp, is_internal, denied } => {
            let mut contact = contact(&fbp.to_string(), true);
            (contact.is_internal, contact.consent.denied) = (is_internal, denied);
            books.denied_internally |= is_internal && denied;
            if is_internal {
                order.contact(&contact)
            } else {
                order.proven_contact(&contact)
            };
        }
        Step::Paid { payment, amount } => books.pay(order, Some(payment), amount, PaymentSource::Webhook),
        Step::Twin { payment, amount } => books.pay(order, payment, amount, PaymentSource::Webhook),
        Step::Answered { payment, amount } => {
            order.mark_asked(NOW_S);
            books.pay(order, Some(payment), amount, PaymentSource::OrdersApi);
        }
        Step::UnpaidStatus(answer) => {
            order.mark_asked(NOW_S);
            let next_s = order.note_unpaid(answer, NOW_S);
            assert!(next_s.is_none_or(|next_s| next_s > NOW_S), "no question follows at once");
        }
        Step::SpokenOf => {
            order.attest();
            order.plan_first_question(NOW_S);
        }
        Step::Fact { amount } => books.pay(order, None, amount, PaymentSource::Report),
        Step::Fail => order.fail(),
        Step::Void { payment } => {
            books.voided.push(payment);
            order.void(&payment.to_string(), NOW_S);
        }
        Step::Refund { payment, amount, id } => {
            let money = inr(&amount.to_string());
            order.refund(Refund::new(id.to_string(), Some(payment.to_string()), money, NOW_S));
        }
        Step::WaitIsOver => {
            if let Some(Row::Waiting(event)) = &row {
                *row = Some(Row::Pending(event.clone()));
            }
        }
        Step::Deliver => {
            if let Some(Row::Pending(event)) = &row {
                *departures += 1;
                assert!(!books.denied_internally && !books.is_voided(), "this Purchase must not be sent");
                *row = Some(Row::Left(event.clone()));
            }
        }
        Step::Restart => {
            *order = serde_json::from_str(&serde_json::to_string(order).unwrap()).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8000))]
    #[test]
    fn one_purchase_iff_paid_whatever_the_order_of_inputs(steps in prop::collection::vec(step(), 1..40)) {
        let (mut order, mut books) = (order(), Books::default());
        let (mut row, mut departures) = (None, 0);
        for step in steps {
            take(&step, &mut order, &mut books, &mut row, &mut departures);
            carry_out(&mut row, &mut order);

            prop_assert_eq!(row.is_some(), books.owes(), "a Purchase exists iff money was paid");
            prop_assert!(departures <= 1);
            if let Some(Row::Waiting(event) | Row::Pending(event) | Row::Left(event)) = &row {
                prop_assert_eq!(event.custom_data.value, books.first.map(|(_, money)| money));
                prop_assert_eq!(event.id.as_str(), "purchase_KB-1");
            }
            match &row {
                Some(Row::Stopped) => prop_assert!(order.withheld().is_some()),
                Some(Row::Pending(_)) => prop_assert!(
                    order.must_not_leave().is_none(),
                    "a Purchase that must not be sent is stopped at once"
                ),
                Some(Row::Left(_)) => prop_assert_eq!(order.withheld(), None, "a sent Purchase is not withheld"),
                _ => {}
            }
            // A paid order causes no question.
            prop_assert!(order.paid().is_none() || !order.wants_question(i64::MAX));
        }
    }
}
