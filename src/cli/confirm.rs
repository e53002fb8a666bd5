//! The question before something is written.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::output::{say, sayln};

/// The answer of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
}

/// Asks a question on the terminal. Without a terminal, the answer is no.
pub(super) fn confirm(question: &str) -> io::Result<Answer> {
    if !io::stdin().is_terminal() {
        sayln!("nothing is written: there is no terminal to ask on; --yes writes without a question");
        return Ok(Answer::No);
    }
    say!("{question} [y/N] ");
    io::stdout().flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(if matches!(answer.trim(), "y" | "Y" | "yes") { Answer::Yes } else { Answer::No })
}
