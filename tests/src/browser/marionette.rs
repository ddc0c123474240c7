//! Firefox's own remote protocol, Marionette: JSON messages with a length prefix, one command at a time
//! (firefox-source-docs, testing/marionette/Protocol).

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// Longest message that is read, in bytes. A screenshot of a long page takes some megabytes.
const MESSAGE_MAX_BYTES: usize = 64 << 20;

/// A connection to a running Firefox.
#[derive(Debug)]
pub(super) struct Marionette {
    stream: BufReader<TcpStream>,
    sent: u64,
}

/// Firefox's answer to a command: a value, or an error with WebDriver's fields (`error`, `message`, `stacktrace`).
pub(super) type Answer = Result<Value, Value>;

impl Marionette {
    /// Connects, and reads the greeting.
    pub(super) async fn connect(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("connecting to Marionette")?;
        let mut connection = Self { stream: BufReader::new(stream), sent: 0 };
        let greeting = connection.read().await?;
        ensure!(greeting["marionetteProtocol"] == 3, "Firefox has another version of Marionette: {greeting}");
        Ok(connection)
    }

    /// Sends a command and waits for its answer.
    pub(super) async fn call(&mut self, name: &str, parameters: &Value) -> anyhow::Result<Answer> {
        self.sent += 1;
        let message = json!([0, self.sent, name, parameters]).to_string();
        self.stream.write_all(format!("{}:{message}", message.len()).as_bytes()).await?;
        let mut answer = self.read().await.with_context(|| format!("the answer to {name}"))?;
        ensure!(answer[0] == 1 && answer[1] == self.sent, "an answer to another command: {answer}");
        let (error, value) = (answer[2].take(), answer[3].take());
        Ok(if error.is_null() { Ok(value) } else { Err(error) })
    }

    async fn read(&mut self) -> anyhow::Result<Value> {
        let mut length = Vec::new();
        self.stream.read_until(b':', &mut length).await?;
        ensure!(length.pop() == Some(b':'), "Firefox has closed the connection");
        let length: usize = std::str::from_utf8(&length)?.parse().context("a message's length")?;
        ensure!(length <= MESSAGE_MAX_BYTES, "a message of {length} bytes");
        let mut message = vec![0; length];
        self.stream.read_exact(&mut message).await?;
        Ok(serde_json::from_slice(&message)?)
    }
}
