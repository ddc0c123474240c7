//! Money of one environment never counts in the other, whatever happens in either.

use proptest::prelude::*;

use super::property_tests::{Step, World, step};
use super::tests::order;
use super::{Environment, Order};

/// One shop's order ID in both environments. The server is set to one of them at a time, and finds
/// the order of that one.
#[derive(Debug)]
struct Shop {
    worlds: [World; 2],
    current: usize,
}

impl Shop {
    fn new() -> Self {
        let of = |environment| {
            let mut world = World::new();
            world.order = Order { environment, ..order() };
            world
        };
        Self { worlds: [of(Environment::Production), of(Environment::Sandbox)], current: 0 }
    }

    /// Runs a step where the server is set to, and checks both environments.
    fn run(&mut self, step: &Step) {
        let other = self.worlds[1 - self.current].row.clone();
        self.worlds[self.current].run(step);
        self.worlds.iter().for_each(World::check);
        assert_eq!(self.worlds[1 - self.current].row, other, "the other environment's Purchase waits");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn money_of_one_environment_ends_in_its_own_purchase(
        steps in prop::collection::vec((prop::bool::weighted(0.2), step()), 1..60),
    ) {
        let mut shop = Shop::new();
        for (switches, step) in &steps {
            if *switches {
                // The server is started again with the other CASHFREE_ENVIRONMENT.
                shop.current = 1 - shop.current;
                shop.run(&Step::Restart);
            }
            shop.run(step);
        }
        for (world, environment) in shop.worlds.iter_mut().zip([Environment::Production, Environment::Sandbox]) {
            world.end();
            prop_assert_eq!(world.order.environment(), environment);
        }
    }
}
