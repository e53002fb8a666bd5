//! The binary: starts the runtime and returns the exit code.
//!
//! It uses the system's allocator, which is musl's in the image. Measurements against mimalloc and jemalloc showed no
//! slower start and no more memory than the better of the two. Those allocators speed up planning, but this program
//! spends nearly all of its time waiting. With dlmalloc, the first write was no faster and needed more memory.

use std::process::ExitCode;

use zonekeeper::{cli::Cli, externaldns::CommandLine};

/// The main thread plans. Two threads talk to the network, on every machine.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let arguments = std::env::args_os().skip(1).collect();
    let cli = Cli::read(arguments, CommandLine::environment()).unwrap_or_else(|error| error.exit());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(cli.run());
            // The watches end with the process. They have nothing to finish.
            runtime.shutdown_background();
            code
        }
        Err(error) => {
            eprintln!("error: cannot start the runtime: {error}");
            ExitCode::FAILURE
        }
    }
}
