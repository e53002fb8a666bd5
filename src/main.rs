//! The binary: a runtime, and the exit code.
//!
//! Memory is handed out by the system's allocator, in the image that of musl. Measured against mimalloc and jemalloc it
//! makes no start slower, and needs no more memory than the better of the two. What they save is a part of the time
//! that planning takes, and nearly all of this program's time is waiting.

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
