//! Standard output. `println!` panics when its reader has gone, as in `zonekeeper plan | head`; here that is an error.

use std::io;

use clap::ValueEnum;

use super::heading::Heading;

/// Prints a text.
macro_rules! say {
    ($($text:tt)*) => {
        std::io::Write::write_fmt(&mut std::io::stdout(), format_args!($($text)*))?
    };
}

/// Prints a line.
macro_rules! sayln {
    ($($text:tt)*) => {{
        let line = format!($($text)*);
        crate::cli::output::say!("{line}\n");
    }};
}

pub(super) use {say, sayln};

/// The format of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Text for people
    Text,
    /// JSON for programs
    Json,
}

// === impl Format ===

impl Format {
    /// Prints the heading of a command, for a person. A program finds it in the JSON, which is the whole output.
    pub fn introduce(self, heading: &Heading) -> io::Result<()> {
        match self {
            Self::Text => say!("{heading}"),
            Self::Json => eprint!("{heading}"),
        }
        Ok(())
    }
}

/// Whether an error is that the reader of the output has gone. It knows that, so nobody needs to be told.
pub(super) fn has_no_reader(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
