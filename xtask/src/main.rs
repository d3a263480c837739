//! The project's own commands: `cargo xtask serve`, `test`, `size`, `bench` and `books`.

mod bench;
mod books;
mod browser;
mod build;
mod kubectl;
mod run;
mod serve;
mod setup;
mod size;
mod test;

use run::Outcome;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  serve [--port N] [--dev]             set up what is missing, build, serve the page
  test [--only native|wasm|browser]    set up what is missing, run every test
  size                                 build the page and hold its size against the budget
  bench                                measure what a rollout of 300 Pods costs
  books                                apply the manifests of two books, and say what became of them
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", options @ ..] => serve::serve(options),
        ["test"] => test::test(None),
        ["test", "--only", stage] => test::test(Some(stage)),
        ["size"] => size::size(),
        ["bench"] => bench::bench(),
        ["books"] => books::books(),
        _ => Err(USAGE.to_owned()),
    };
    report(&outcome)
}

fn report(outcome: &Outcome) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
