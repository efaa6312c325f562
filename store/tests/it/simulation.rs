//! The conformance suite on the simulated store without faults.

use firnline_store::sim::Simulation;
use firnline_store::{Env, Store};

fn store() -> Store {
    let env = Env::system();
    Simulation::new(1, &env).connect(&env)
}

firnline_store::conformance_suite!(store());
