//! The operator's tool, run against a world.

use std::collections::BTreeMap;

use tandem_tests::process::{Ended, Environment, Process};
use tandem_tests::{INTERNAL_TOKEN, World, binaries};

/// Where the world's server is, and its token.
pub(crate) fn environment(world: &World) -> Environment {
    BTreeMap::from([
        ("TANDEM_SERVER_URL".to_owned(), world.grpc.clone()),
        ("TANDEM_INTERNAL_TOKEN".to_owned(), INTERNAL_TOKEN.to_owned()),
    ])
}

/// Runs it to its end.
pub(crate) async fn tool(world: &World, arguments: &[&str]) -> anyhow::Result<Ended> {
    Process::run(&binaries::program("tandem")?, &world.log_dir(), &environment(world), arguments).await
}
