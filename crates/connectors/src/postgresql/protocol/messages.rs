//! Messages over a connection: a type, a length, and a body that is read where it stands.
//!
//! Source: PostgreSQL's manual, 55.1 "Overview" and 55.7 "Message Formats".

use crate::database::{ByteStream, Wire};
use crate::postgresql::failure::Failure;
use std::time::Duration;

const TYPE_BYTES: usize = 1;
const LENGTH_BYTES: usize = 4;
const HEADER_BYTES: usize = TYPE_BYTES + LENGTH_BYTES;
/// Of the messages before the login is done, which come from nobody knows whom.
const LOGIN_MAX_BYTES: usize = 64 << 10;
/// As PostgreSQL bounds what it sends.
const MESSAGE_MAX_BYTES: usize = 1 << 30;

/// What a message of the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Authentication,
    BackendKeyData,
    BindComplete,
    CommandComplete,
    CopyData,
    CopyDone,
    CopyOutResponse,
    DataRow,
    EmptyQueryResponse,
    ErrorResponse,
    NoData,
    ParameterDescription,
    ParameterStatus,
    ParseComplete,
    ReadyForQuery,
    RowDescription,
    /// Notices, notifications, and what the server says of its version of the protocol.
    Aside,
    /// None that answers anything that is asked here.
    Other(u8),
}

impl Kind {
    #[inline]
    pub(crate) fn of(byte: u8) -> Self {
        match byte {
            b'd' => Self::CopyData,
            b'D' => Self::DataRow,
            b'R' => Self::Authentication,
            b'K' => Self::BackendKeyData,
            b'2' => Self::BindComplete,
            b'C' => Self::CommandComplete,
            b'c' => Self::CopyDone,
            b'H' => Self::CopyOutResponse,
            b'I' => Self::EmptyQueryResponse,
            b'E' => Self::ErrorResponse,
            b'n' => Self::NoData,
            b't' => Self::ParameterDescription,
            b'S' => Self::ParameterStatus,
            b'1' => Self::ParseComplete,
            b'Z' => Self::ReadyForQuery,
            b'T' => Self::RowDescription,
            b'N' | b'A' | b'v' => Self::Aside,
            other => Self::Other(other),
        }
    }

    /// Where another one was due.
    pub(crate) fn misplaced(self) -> Failure {
        Failure::malformed(format!("a message that has no place there ({self:?})"))
    }
}

#[derive(Debug)]
pub(crate) struct Messages {
    wire: Wire,
    /// Of the last message.
    body_bytes: usize,
    message_max_bytes: usize,
}

impl Messages {
    /// Before a login.
    pub(crate) fn new(stream: Box<dyn ByteStream>, silence: Duration) -> Self {
        Self { wire: Wire::new(stream, silence), body_bytes: 0, message_max_bytes: LOGIN_MAX_BYTES }
    }

    /// The peer is who it should be: it may be silent for so long, and send what PostgreSQL sends.
    pub(crate) fn trust(&mut self, silence: Duration) {
        self.wire.silence = silence;
        self.message_max_bytes = MESSAGE_MAX_BYTES;
    }

    pub(crate) async fn send(&mut self, messages: &[u8]) -> Result<(), Failure> {
        Ok(self.wire.send(messages).await?)
    }

    /// Waits for the next message, and gives what it will be. It is not taken.
    pub(crate) async fn peek(&mut self) -> Result<Kind, Failure> {
        self.wire.fill(TYPE_BYTES).await?;
        Ok(self.wire.buffered().first().map_or(Kind::Other(0), |byte| Kind::of(*byte)))
    }

    /// The text of an error in the form of protocol 2, in which a server tells that it cannot begin a process for the
    /// connection: a type, and text up to a zero byte. `None` where the error has the form of all other messages.
    pub(crate) async fn bare_error(&mut self) -> Result<Option<String>, Failure> {
        self.wire.fill(HEADER_BYTES).await?;
        if self.next_bytes().is_ok() {
            return Ok(None);
        }
        // It is the last that the server says.
        let mut wanted = HEADER_BYTES;
        while self.wire.buffered().len() < LOGIN_MAX_BYTES && self.wire.fill(wanted).await.is_ok() {
            wanted = self.wire.buffered().len() + 1;
        }
        let text = self.wire.buffered().get(TYPE_BYTES..).unwrap_or_default();
        let text = text.split(|byte| *byte == 0).next().unwrap_or_default();
        Ok(Some(String::from_utf8_lossy(text).trim_end().to_owned()))
    }

    /// Takes the next message. What it says is its [`Self::body`], until the next one.
    #[inline]
    pub(crate) async fn next(&mut self) -> Result<Kind, Failure> {
        loop {
            let whole = self.next_bytes()?;
            if self.wire.buffered().len() >= whole {
                let kind = Kind::of(self.wire.buffered()[0]);
                self.wire.take(whole);
                self.body_bytes = whole - HEADER_BYTES;
                return Ok(kind);
            }
            self.wire.fill(whole).await?;
        }
    }

    /// Of the next message with its header, as far as it is known.
    #[inline]
    fn next_bytes(&self) -> Result<usize, Failure> {
        let Some((header, _)) = self.wire.buffered().split_first_chunk::<HEADER_BYTES>() else {
            return Ok(HEADER_BYTES);
        };
        let [_, a, b, c, d] = *header;
        let length = i32::from_be_bytes([a, b, c, d]);
        let body = usize::try_from(length).ok().and_then(|length| length.checked_sub(LENGTH_BYTES));
        match body {
            Some(body) if body <= self.message_max_bytes => Ok(HEADER_BYTES + body),
            _ => Err(Failure::malformed(format!("a message of {length} bytes"))),
        }
    }

    /// Of the last message.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        self.wire.taken(self.body_bytes)
    }

    /// Whether the server has not said a word unasked, and is there.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.wire.is_quiet()
    }

    /// Gives back the memory that long messages took.
    pub(crate) fn shrink(&mut self) {
        self.wire.shrink();
        self.body_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    const PATIENCE: Duration = Duration::from_secs(30);

    async fn received(bytes: Vec<u8>) -> Result<Vec<(Kind, Vec<u8>)>, Failure> {
        let (ours, mut theirs) = tokio::io::duplex(64);
        let writing = tokio::spawn(async move {
            // A reader that gives up closes.
            let _ = theirs.write_all(&bytes).await;
        });
        let mut messages = Messages::new(Box::new(ours), PATIENCE);
        let mut read = Vec::new();
        let outcome = loop {
            match messages.next().await {
                Ok(kind) => read.push((kind, messages.body().to_vec())),
                Err(Failure::Lost(_)) => break Ok(read),
                Err(other) => break Err(other),
            }
        };
        drop(messages);
        writing.await.expect("written");
        outcome
    }

    #[tokio::test]
    async fn messages_are_told_apart() {
        let long = vec![7; 1000];
        let sent = [&b"1\0\0\0\x04d\0\0\0\x06abd\0\0\x03\xec"[..], &long, b"Z\0\0\0\x05I"].concat();
        let expected = [
            (Kind::ParseComplete, vec![]),
            (Kind::CopyData, b"ab".to_vec()),
            (Kind::CopyData, long),
            (Kind::ReadyForQuery, b"I".to_vec()),
        ];
        assert_eq!(received(sent).await.expect("messages"), expected);
    }

    #[tokio::test]
    async fn no_length_is_believed() {
        for length in [0_i32, 3, -1, i32::MIN, i32::MAX, 64 * 1024 + 5] {
            let sent = [&b"d"[..], &length.to_be_bytes()].concat();
            let refused = received(sent).await;
            assert!(matches!(refused, Err(Failure::Malformed(_))), "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
            let _ = runtime.block_on(received(bytes));
        }
    }
}
