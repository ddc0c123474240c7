//! A question on the terminal before something is deleted for good.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::error::CliError;
use crate::progress::Interrupt;

/// Whether somebody can answer.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Says what would be done and asks for a word. `refused`: what to say where the operator types anything else.
///
/// # Errors
/// The word was not typed.
pub(crate) async fn ask(what: &str, word: &str, refused: &'static str) -> Result<(), CliError> {
    eprint!("{what} Type {word} to go on: ");
    let _ = std::io::stderr().flush();
    // Reading standard input may block for ever. The program can end while this thread still waits.
    let (send, answer) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line).map(|_| line);
        drop(send.send(read));
    });
    match Interrupt::new()?.or(answer).await {
        Some(Ok(Ok(line))) if line.trim() == word => Ok(()),
        Some(Ok(Ok(_))) => Err(CliError::Setting(refused.to_owned())),
        Some(_) => Err(CliError::Setting(format!("standard input cannot be read; {refused}"))),
        None => Err(CliError::Interrupted(refused)),
    }
}
