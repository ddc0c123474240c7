//! Whatever comes, in whatever order and however often: a paid order whose proven voices consent
//! ends in one Purchase of the proven money to the proven pixel, and no stranger changes that.

use super::tests::{SALT, WAIT_MS, contact, decide, inr, order, paid, pixel};
use super::*;
use crate::event::{AdsConsent, Event};
use crate::money::{MinorUnits, Money};
use proptest::prelude::*;

const NOW_S: i64 = super::tests::NOW_S;

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// A browser names the order: at checkout, or with a claim.
    Stranger {
        /// `None`: its browser has no cookies, and a click of its own.
        fbp: Option<u8>,
        is_claim: bool,
        ads: AdsConsent,
        pixel: Option<u8>,
    },
    /// A contact with the shop's key, or from one of the shop's services.
    Proven {
        fbp: Option<u8>,
        is_internal: bool,
        ads: AdsConsent,
        pixel: Option<u8>,
    },
    /// A proof of payment; a report and some links name no payment. The amount may be zero.
    Paid {
        source: PaymentSource,
        payment: Option<u8>,
        amount: u8,
        /// The browser that the payment names.
        names: Option<u8>,
    },
    /// The Orders API says that it is not paid.
    Unpaid(UnpaidStatus),
    /// Fees, a dispute: the provider spoke of it.
    SpokenOf,
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
    /// Delivery leases the Purchase.
    Lease,
    /// Meta acknowledges it.
    Deliver,
    /// It comes back: a failed call, the end of its lease, a release.
    ComeBack,
    /// The server is killed and starts again: the order is read from its JSON.
    Restart,
}

fn ads() -> impl Strategy<Value = AdsConsent> {
    prop_oneof![
        4 => Just(AdsConsent::Unspecified),
        2 => Just(AdsConsent::Granted),
        1 => Just(AdsConsent::Denied),
        1 => Just(AdsConsent::MeasureOnly),
    ]
}

fn stranger() -> impl Strategy<Value = Step> {
    (prop::option::weighted(0.7, 0..3_u8), any::<bool>(), ads(), prop::option::of(1..4_u8))
        .prop_map(|(fbp, is_claim, ads, pixel)| Step::Stranger { fbp, is_claim, ads, pixel })
}

fn proof() -> impl Strategy<Value = Step> {
    let source = prop_oneof![
        3 => Just(PaymentSource::Webhook),
        1 => Just(PaymentSource::OrdersApi),
        1 => Just(PaymentSource::LinkOrForm),
        1 => Just(PaymentSource::Report),
    ];
    let named = prop::option::weighted(0.2, 5..7_u8);
    (source, prop::option::weighted(0.9, 0..2_u8), 0..4_u8, named).prop_map(
        |(source, payment, amount, names)| {
            let payment = payment.filter(|_| source != PaymentSource::Report);
            let payment = if matches!(source, PaymentSource::Webhook | PaymentSource::OrdersApi) {
                Some(payment.unwrap_or(0))
            } else {
                payment
            };
            Step::Paid { source, payment, amount, names }
        },
    )
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let answer =
        prop_oneof![Just(UnpaidStatus::Open), Just(UnpaidStatus::Unknown), Just(UnpaidStatus::Final)];
    prop_oneof![
        4 => stranger(),
        2 => (prop::option::weighted(0.7, 7..9_u8), any::<bool>(), ads(), prop::option::of(1..4_u8)).prop_map(
            |(fbp, is_internal, ads, pixel)| Step::Proven { fbp, is_internal, ads, pixel }
        ),
        4 => proof(),
        1 => answer.prop_map(Step::Unpaid),
        1 => Just(Step::SpokenOf),
        1 => Just(Step::Fail),
        1 => (0..2_u8).prop_map(|payment| Step::Void { payment }),
        2 => (0..2_u8, 1..3_u8, 0..40_u8).prop_map(|(payment, amount, id)| Step::Refund { payment, amount, id }),
        1 => Just(Step::WaitIsOver),
        2 => Just(Step::Lease),
        1 => Just(Step::Deliver),
        1 => Just(Step::ComeBack),
        1 => Just(Step::Restart),
    ]
}

/// The Purchase's row as a store keeps it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Row {
    Waiting(Event),
    Pending(Event),
    InFlight(Event),
    Delivered(Event),
    Withheld(WithholdReason),
}

/// What the proofs say, added up without the order's help.
#[derive(Debug, Default)]
struct Books {
    /// The payment that counts: its ID, if it has one; its money; its best proof.
    paid: Option<(Option<u8>, Money, u8)>,
    voided: Vec<u8>,
    /// Refunds by ID: payment and amount.
    refunds: Vec<(u8, u8, Money)>,
    internal: AdsConsent,
    keyed: AdsConsent,
    pixel: Option<u8>,
    fbp: Option<u8>,
    /// The latest word of that browser. Of one that refuses nothing is kept.
    fbp_says: AdsConsent,
    /// A payment named a browser, which counts before a contact's.
    names_browser: bool,
}

impl Books {
    fn pay(&mut self, source: PaymentSource, payment: Option<u8>, money: Money) {
        let rank = source.rank();
        match &mut self.paid {
            _ if money.amount.is_zero() => {}
            None => self.paid = Some((payment, money, rank)),
            _ if source == PaymentSource::Report => {}
            Some((known, known_money, known_rank)) => {
                let is_same = match (*known, payment) {
                    (Some(ours), Some(theirs)) => ours == theirs,
                    (None, Some(_)) => rank > *known_rank || *known_money == money,
                    (_, None) => true,
                };
                if is_same {
                    *known = known.or(payment);
                    if rank > *known_rank {
                        (*known_money, *known_rank) = (money, rank);
                    }
                }
            }
        }
    }

    fn is_undone(&self) -> bool {
        let Some((Some(payment), money, _)) = self.paid else { return false };
        let back = self.refunds.iter().filter(|(_, of, _)| *of == payment).map(|(_, _, money)| money.amount);
        self.voided.contains(&payment)
            || back.fold(MinorUnits::default(), MinorUnits::saturating_add) >= money.amount
    }

    /// The word of the proven voices.
    fn consent(&self) -> AdsConsent {
        let said = |word| self.internal == word || self.keyed == word;
        AdsConsent::WORDS.into_iter().find(|word| said(*word)).unwrap_or_default()
    }
}

/// An order, its Purchase as a store would keep it, and the books.
#[derive(Debug)]
pub(super) struct World {
    pub(super) order: Order,
    pub(super) row: Option<Row>,
    books: Books,
    /// Once delivery had it, it says what was known then.
    was_leased: bool,
    deliveries: u32,
}

impl World {
    pub(super) fn new() -> Self {
        Self { order: order(), row: None, books: Books::default(), was_leased: false, deliveries: 0 }
    }

    pub(super) fn run(&mut self, step: &Step) {
        let before = self.order.clone();
        self.take(step);
        self.carry_out(&before);
    }

    fn take(&mut self, step: &Step) {
        let Self { order, books, .. } = self;
        match *step {
            Step::Stranger { fbp, is_claim, ads, pixel: named } => {
                let mut contact = contact(&format!("{fbp:?}"), is_claim);
                contact.user_data.fbp = fbp.map(|fbp| fbp.to_string());
                contact.user_data.fbc = fbp.is_none().then(|| "stolen".to_owned());
                contact.user_data.client_user_agent = fbp.is_none().then(|| "stranger".to_owned());
                (contact.consent.ads, contact.pixel) = (ads, named.map(pixel));
                order.add_contact(&contact, &SALT);
            }
            Step::Proven { fbp, is_internal, ads, pixel: named } => {
                let proof = if is_internal { ContactProof::Internal } else { ContactProof::ClaimKey };
                let mut contact = Contact { proof, pixel: named.map(pixel), ..contact("", !is_internal) };
                contact.consent.ads = ads;
                contact.user_data.fbp = fbp.map(|fbp| fbp.to_string());
                (if is_internal { &mut books.internal } else { &mut books.keyed }).revise(ads);
                books.pixel = books.pixel.or(named);
                books.fbp = books.fbp.or(fbp);
                if fbp.is_some() && fbp == books.fbp {
                    books.fbp_says.revise(ads);
                }
                order.add_contact(&contact, &SALT);
            }
            Step::Paid { source, payment, amount, names } => {
                let payment_id = payment.map(|payment| payment.to_string());
                let mut proof = Payment { source, payment_id, ..paid("", &amount.to_string()) };
                proof.user_data.fbp = names.map(|fbp| fbp.to_string());
                books.names_browser |= names.is_some();
                books.pay(source, payment, proof.money);
                order.pay(proof);
            }
            Step::Unpaid(answer) => {
                order.mark_asked(NOW_S);
                let next_s = order.note_unpaid(answer, NOW_S, true);
                assert!(next_s.is_none_or(|next_s| next_s > NOW_S), "no question follows at once");
            }
            Step::SpokenOf => {
                order.attest();
                order.plan_first_question(NOW_S);
            }
            Step::Fail => order.fail(),
            Step::Void { payment } => {
                books.voided.push(payment);
                order.void(&payment.to_string(), NOW_S);
            }
            Step::Refund { payment, amount, id } => {
                let money = inr(&amount.to_string());
                if books.refunds.iter().all(|(known, _, _)| *known != id) {
                    books.refunds.push((id, payment, money));
                    order.refund(Refund::new(id.to_string(), Some(payment.to_string()), money, NOW_S));
                }
            }
            Step::Restart => *order = serde_json::from_str(&serde_json::to_string(order).unwrap()).unwrap(),
            Step::WaitIsOver | Step::Lease | Step::Deliver | Step::ComeBack => self.move_row(step),
        }
    }

    /// What the queue does to the Purchase.
    fn move_row(&mut self, step: &Step) {
        self.row = match (step, self.row.take()) {
            (Step::WaitIsOver, Some(Row::Waiting(event))) => Some(Row::Pending(event)),
            (Step::Lease, Some(Row::Pending(event))) => Some(match self.order.must_not_leave() {
                None => {
                    self.was_leased = true;
                    Row::InFlight(event)
                }
                Some(why) => {
                    self.order.mark_stopped(why);
                    Row::Withheld(why)
                }
            }),
            (Step::Deliver, Some(Row::InFlight(event))) => {
                self.deliveries += 1;
                self.order.mark_delivered();
                Some(Row::Delivered(event))
            }
            (Step::ComeBack, Some(Row::InFlight(event))) => Some(Row::Pending(event)),
            (_, row) => row,
        };
    }

    fn carry_out(&mut self, before: &Order) {
        let has_left = matches!(self.row, Some(Row::InFlight(_) | Row::Delivered(_)));
        match decide(&mut self.order) {
            Decision::Nothing => {}
            Decision::TooOld(_) => panic!("nothing here is old"),
            _ if has_left => self.order.mark_left(before),
            Decision::Send(event) => self.row = Some(Row::Pending(*event)),
            Decision::Hold(event, until_ms) => {
                assert_eq!(until_ms, NOW_S * 1000 + WAIT_MS, "the wait has one end");
                self.row = Some(Row::Waiting(*event));
            }
            Decision::Withhold(_, why) | Decision::Stop(why) => self.row = Some(Row::Withheld(why)),
        }
    }

    pub(super) fn check(&self) {
        let Self { order, row, books, was_leased, deliveries } = self;
        assert_eq!(row.is_some(), books.paid.is_some(), "a Purchase exists iff money was paid");
        assert!(*deliveries <= 1, "and one only");
        if let Some(Row::Waiting(event) | Row::Pending(event)) = row
            && !was_leased
        {
            assert_eq!(event.id.as_str(), "purchase_KB-1");
            assert_eq!(
                event.custom_data.value,
                books.paid.map(|(_, money, _)| money),
                "the best proof counts"
            );
            if let Some(named) = books.pixel {
                assert_eq!(event.pixel, pixel(named), "the proven pixel");
            }
            if let Some(fbp) = books.fbp.filter(|_| !books.names_browser) {
                let kept = (books.fbp_says != AdsConsent::Denied).then(|| fbp.to_string());
                assert_eq!(event.user_data.fbp, kept, "the proven browser");
            }
        }
        let must_stay = books.is_undone() || books.consent() == AdsConsent::Denied;
        match row {
            Some(Row::Withheld(why)) => {
                assert!(must_stay || !books.consent().is_explicit(), "no stranger withholds it: {why:?}");
                assert_eq!(order.withheld(), Some(*why));
            }
            Some(Row::Waiting(_)) => assert!(!must_stay, "what may not leave is stopped at once"),
            Some(Row::Delivered(_)) => assert_eq!(order.withheld(), None, "it did leave"),
            _ => {}
        }
        // Nobody is asked about an order that is paid.
        assert!(order.paid().is_none() || !order.wants_question(i64::MAX));
    }

    /// Lets the world come to rest, and checks that what should leave has left.
    pub(super) fn end(&mut self) {
        for step in [Step::ComeBack, Step::WaitIsOver, Step::Lease, Step::Deliver] {
            self.run(&step);
            self.check();
        }
        let refused = self.order.must_not_leave();
        match &self.row {
            None => assert!(self.books.paid.is_none()),
            Some(Row::Delivered(_)) => assert_eq!(self.deliveries, 1),
            Some(Row::Withheld(why)) => assert_eq!(refused, Some(*why), "nothing is withheld for nothing"),
            Some(row) => panic!("it should have left: {row:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]
    #[test]
    fn a_paid_order_ends_in_one_purchase_of_what_its_proofs_say(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
            world.check();
        }
        world.end();
    }

    #[test]
    fn no_stranger_changes_what_a_payment_that_names_its_browser_ends_in(
        (names, amount) in (5..7_u8, 1..4_u8),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut world, mut alone) = (World::new(), World::new());
        let source = PaymentSource::Webhook;
        let paid = Step::Paid { source, payment: Some(0), amount, names: Some(names) };
        for step in std::iter::once(&paid).chain(&steps) {
            world.run(step);
            if !matches!(step, Step::Stranger { .. }) {
                alone.run(step);
            }
            prop_assert_eq!(&world.row, &alone.row);
        }
    }

    #[test]
    fn no_stranger_changes_what_a_proven_order_ends_in(
        (fbp, named, is_internal) in (7..9_u8, 1..4_u8, any::<bool>()),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let (mut world, mut alone) = (World::new(), World::new());
        let proven = Step::Proven { fbp: Some(fbp), is_internal, ads: AdsConsent::Granted, pixel: Some(named) };
        for step in std::iter::once(&proven).chain(&steps) {
            world.run(step);
            if !matches!(step, Step::Stranger { .. }) {
                alone.run(step);
            }
            prop_assert_eq!(&world.row, &alone.row);
        }
        world.end();
        alone.end();
        prop_assert_eq!(world.row, alone.row);
    }
}
