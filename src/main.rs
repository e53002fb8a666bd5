//! The binary: a runtime, and the exit code.

use std::process::ExitCode;

use clap::Parser;
use zonekeeper::cli::Cli;

/// Two threads, whatever the machine has: the work is waiting, and one thread can be busy planning.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            // Watches end with the process; nothing of theirs needs to be finished.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
