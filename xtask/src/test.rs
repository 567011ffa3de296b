//! `cargo xtask test`: every test there is, on the real stack.

use std::{env, process::Command};

use anyhow::{Result, bail};

use crate::{
    image::{self, Flavour},
    parity, sdk, stack, workspace,
};

/// Which tests; none named means all of them, and parity too.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Runs only the tests whose names contain one of these, and no parity
    #[arg(value_name = "FILTER")]
    filters: Vec<String>,
}

/// Starts the stack, puts both flavours of the frontend into its registry, and runs the tests,
/// those too that need all this and are ignored elsewhere.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let stack = stack::up()?;
    let frontend = image::push_to_stack(&stack, Flavour::Dockerfile)?;
    image::push_to_stack(&stack, Flavour::Fal)?;
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut tests = Command::new(cargo);
    tests
        .current_dir(workspace::root())
        .args(["test", "--workspace", "--", "--include-ignored"])
        .args(&arguments.filters);
    stack.environment(&mut tests)?;
    tests.envs(sdk::python().map(|python| ("FAL_PYTHON", python)));
    // Shown where tests are looked for: on stdout.
    let status = tests.status()?;
    if !status.success() {
        bail!("a test failed ({status})");
    }
    if arguments.filters.is_empty() {
        parity::run_all(&stack, &frontend)?;
    }
    Ok(())
}
