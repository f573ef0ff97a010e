//! Apache Thrift's binary protocol, as far as a metastore's client needs it: values without their
//! definitions, fields by number. Written here because the generated clients that there are allocate
//! what a length on the wire says, before the bytes have come, and take text unchecked.
//!
//! Source: Apache Thrift, `doc/specs/thrift-binary-protocol.md` and `thrift-rpc.md`.

use mooring_spi::{Error, ErrorKind, Result};
use std::future::Future;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncReadExt};

const BOOL: u8 = 2;
const BYTE: u8 = 3;
const DOUBLE: u8 = 4;
const I16: u8 = 6;
const I32: u8 = 8;
const I64: u8 = 10;
const STRING: u8 = 11;
const STRUCT: u8 = 12;
const MAP: u8 = 13;
const SET: u8 = 14;
const LIST: u8 = 15;
const STOP: u8 = 0;

/// Of the strict form, with the type of the message in the last byte.
const VERSION_1: u32 = 0x8001_0000;
const CALL: u8 = 1;
const REPLY: u8 = 2;
const EXCEPTION: u8 = 3;

const DEPTH_MAX: usize = 32;
/// What a value takes in memory beside its bytes, at least.
const VALUE_BYTES: usize = 48;
/// Text and lists grow as their bytes come.
const GROWTH_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    /// Every width.
    Int(i64),
    Double(f64),
    Binary(Vec<u8>),
    Struct(Struct),
    Map(Vec<(Value, Value)>),
    /// Sets too.
    List(Vec<Value>),
}

/// The fields of a struct by their numbers.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Struct(Vec<(i16, Value)>);

impl Struct {
    #[cfg(test)]
    pub(super) fn of(fields: impl IntoIterator<Item = (i16, Value)>) -> Self {
        Self(fields.into_iter().collect())
    }

    pub(super) fn get(&self, field: i16) -> Option<&Value> {
        self.0.iter().find(|(number, _)| *number == field).map(|(_, value)| value)
    }

    pub(super) fn take(&mut self, field: i16) -> Option<Value> {
        let at = self.0.iter().position(|(number, _)| *number == field)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Empty where the field is missing.
    pub(super) fn text(&self, field: i16) -> Result<String> {
        match self.get(field) {
            Some(Value::Binary(bytes)) => text(bytes),
            Some(_) => Err(corrupt(format!("field {field} is no text"))),
            None => Ok(String::new()),
        }
    }

    pub(super) fn int(&self, field: i16) -> Option<i64> {
        match self.get(field) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn structure(&self, field: i16) -> Option<&Struct> {
        match self.get(field) {
            Some(Value::Struct(inner)) => Some(inner),
            _ => None,
        }
    }

    /// Empty where the field is missing.
    pub(super) fn list(&self, field: i16) -> Result<&[Value]> {
        match self.get(field) {
            Some(Value::List(values)) => Ok(values),
            Some(_) => Err(corrupt(format!("field {field} is no list"))),
            None => Ok(&[]),
        }
    }

    /// A map of texts.
    pub(super) fn texts(&self, field: i16) -> Result<std::collections::BTreeMap<String, String>> {
        let entries = match self.get(field) {
            Some(Value::Map(entries)) => entries,
            Some(_) => return Err(corrupt(format!("field {field} is no map"))),
            None => return Ok(Default::default()),
        };
        entries.iter().map(|(key, value)| Ok((key.as_text()?, value.as_text()?))).collect()
    }
}

impl Value {
    pub(super) fn as_text(&self) -> Result<String> {
        match self {
            Value::Binary(bytes) => text(bytes),
            _ => Err(corrupt("a value that should be text is none")),
        }
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| corrupt("a text is no UTF-8"))
}

fn corrupt(what: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::CorruptData, format!("the metastore's answer cannot be read: {what}"))
}

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// A call of `method`; its arguments follow as the fields of a struct.
    pub(super) fn call(method: &str, sequence: i32) -> Self {
        let mut writer = Self::default();
        writer.0.extend((VERSION_1 | u32::from(CALL)).to_be_bytes());
        writer.bytes(method.as_bytes());
        writer.0.extend(sequence.to_be_bytes());
        writer
    }

    fn bytes(&mut self, bytes: &[u8]) {
        // No text of ours is near 2 GiB.
        self.0.extend(i32::try_from(bytes.len()).unwrap_or(i32::MAX).to_be_bytes());
        self.0.extend(bytes);
    }

    fn field(&mut self, kind: u8, number: i16) {
        self.0.push(kind);
        self.0.extend(number.to_be_bytes());
    }

    pub(super) fn text(mut self, number: i16, text: &str) -> Self {
        self.field(STRING, number);
        self.bytes(text.as_bytes());
        self
    }

    pub(super) fn int16(mut self, number: i16, value: i16) -> Self {
        self.field(I16, number);
        self.0.extend(value.to_be_bytes());
        self
    }

    pub(super) fn texts(mut self, number: i16, texts: &[String]) -> Self {
        self.field(LIST, number);
        self.0.push(STRING);
        self.0.extend(i32::try_from(texts.len()).unwrap_or(i32::MAX).to_be_bytes());
        for text in texts {
            self.bytes(text.as_bytes());
        }
        self
    }

    /// A struct within the struct.
    pub(super) fn structure(mut self, number: i16, fields: impl FnOnce(Self) -> Self) -> Self {
        self.field(STRUCT, number);
        let mut inner = fields(self);
        inner.0.push(STOP);
        inner
    }

    #[cfg(test)]
    pub(super) fn int64(mut self, number: i16, value: i64) -> Self {
        self.field(I64, number);
        self.0.extend(value.to_be_bytes());
        self
    }

    #[cfg(test)]
    pub(super) fn text_map(mut self, number: i16, entries: &[(&str, &str)]) -> Self {
        self.field(MAP, number);
        self.0.extend([STRING, STRING]);
        self.0.extend(i32::try_from(entries.len()).unwrap_or(i32::MAX).to_be_bytes());
        for (key, value) in entries {
            self.bytes(key.as_bytes());
            self.bytes(value.as_bytes());
        }
        self
    }

    #[cfg(test)]
    pub(super) fn structures(mut self, number: i16, items: Vec<Self>) -> Self {
        self.field(LIST, number);
        self.0.push(STRUCT);
        self.0.extend(i32::try_from(items.len()).unwrap_or(i32::MAX).to_be_bytes());
        for item in items {
            self.0.extend(item.end());
        }
        self
    }

    #[cfg(test)]
    pub(super) fn with(mut self, fields: Self) -> Self {
        self.0.extend(fields.0);
        self
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.push(STOP);
        self.0
    }
}

/// What a call answers.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Reply {
    /// Field 0 is the value, the others are the exceptions that the method declares.
    Result(Struct),
    /// `TApplicationException`: the call as such failed.
    Exception { kind: i64, message: String },
}

/// `TApplicationException.UNKNOWN_METHOD`.
pub(super) const UNKNOWN_METHOD: i64 = 1;

/// Reads one answer, which may take `memory_max_bytes` in memory.
///
/// # Errors
/// `CorruptData` for what is no answer to this call, `SourceUnavailable` when the peer goes.
pub(super) async fn read_reply<R: AsyncRead + Unpin + Send>(
    stream: R,
    sequence: i32,
    memory_max_bytes: usize,
) -> Result<Reply> {
    let mut reader = Reader { stream, left: memory_max_bytes };
    let head = reader.stream.read_u32().await.map_err(lost)?;
    if head & 0xFFFF_0000 != VERSION_1 {
        return Err(corrupt(
            "it does not begin as Thrift's binary protocol does; is it another port, or one that \
             wants frames, TLS or SASL?",
        ));
    }
    let kind = (head & 0xFF) as u8;
    reader.binary().await?;
    if reader.stream.read_i32().await.map_err(lost)? != sequence {
        return Err(corrupt("it answers another call"));
    }
    let fields = reader.structure(DEPTH_MAX).await?;
    match kind {
        REPLY => Ok(Reply::Result(fields)),
        EXCEPTION => Ok(Reply::Exception {
            kind: fields.int(2).unwrap_or_default(),
            message: fields.text(1)?,
        }),
        other => Err(corrupt(format!("a message of type {other}"))),
    }
}

pub(super) fn lost(error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::SourceUnavailable,
        "the metastore closed the connection, as one does that wants TLS, SASL or frames, or the opposite",
    )
    .with_cause(error)
}

struct Reader<R> {
    stream: R,
    /// What the values to come may take in memory.
    left: usize,
}

impl<R: AsyncRead + Unpin + Send> Reader<R> {
    fn charge(&mut self, bytes: usize) -> Result<()> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| {
            Error::new(
                ErrorKind::LimitExceeded,
                "the metastore's answer is longer than `message_max_bytes` allows",
            )
        })?;
        Ok(())
    }

    async fn length(&mut self) -> Result<usize> {
        let length = self.stream.read_i32().await.map_err(lost)?;
        usize::try_from(length).map_err(|_| corrupt(format!("a length of {length}")))
    }

    async fn binary(&mut self) -> Result<Vec<u8>> {
        let length = self.length().await?;
        self.charge(length)?;
        let mut bytes = Vec::with_capacity(length.min(GROWTH_MAX));
        let mut limited = (&mut self.stream).take(length as u64);
        limited.read_to_end(&mut bytes).await.map_err(lost)?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(lost(std::io::ErrorKind::UnexpectedEof.into())),
        }
    }

    /// Fields up to the end of the struct; `depth` structs, lists and maps may stand within it.
    fn structure(
        &mut self,
        depth: usize,
    ) -> Pin<Box<dyn Future<Output = Result<Struct>> + Send + '_>> {
        Box::pin(async move {
            let mut fields = Vec::new();
            loop {
                let kind = self.stream.read_u8().await.map_err(lost)?;
                if kind == STOP {
                    return Ok(Struct(fields));
                }
                let number = self.stream.read_i16().await.map_err(lost)?;
                fields.push((number, self.value(kind, depth).await?));
            }
        })
    }

    async fn value(&mut self, kind: u8, depth: usize) -> Result<Value> {
        self.charge(VALUE_BYTES)?;
        Ok(match kind {
            BOOL => Value::Bool(self.stream.read_u8().await.map_err(lost)? != 0),
            BYTE => Value::Int(self.stream.read_i8().await.map_err(lost)?.into()),
            I16 => Value::Int(self.stream.read_i16().await.map_err(lost)?.into()),
            I32 => Value::Int(self.stream.read_i32().await.map_err(lost)?.into()),
            I64 => Value::Int(self.stream.read_i64().await.map_err(lost)?),
            DOUBLE => Value::Double(self.stream.read_f64().await.map_err(lost)?),
            STRING => Value::Binary(self.binary().await?),
            STRUCT | MAP | SET | LIST => {
                let depth = depth.checked_sub(1).ok_or_else(|| corrupt("it is nested too deep"))?;
                match kind {
                    STRUCT => Value::Struct(self.structure(depth).await?),
                    MAP => self.map(depth).await?,
                    _ => self.list(depth).await?,
                }
            }
            other => return Err(corrupt(format!("a value of type {other}"))),
        })
    }

    fn list(&mut self, depth: usize) -> Pin<Box<dyn Future<Output = Result<Value>> + Send + '_>> {
        Box::pin(async move {
            let kind = self.stream.read_u8().await.map_err(lost)?;
            let length = self.length().await?;
            let mut values = Vec::with_capacity(length.min(GROWTH_MAX / VALUE_BYTES));
            for _ in 0..length {
                values.push(self.value(kind, depth).await?);
            }
            Ok(Value::List(values))
        })
    }

    fn map(&mut self, depth: usize) -> Pin<Box<dyn Future<Output = Result<Value>> + Send + '_>> {
        Box::pin(async move {
            let key = self.stream.read_u8().await.map_err(lost)?;
            let value = self.stream.read_u8().await.map_err(lost)?;
            let length = self.length().await?;
            let mut entries = Vec::with_capacity(length.min(GROWTH_MAX / VALUE_BYTES / 2));
            for _ in 0..length {
                entries.push((self.value(key, depth).await?, self.value(value, depth).await?));
            }
            Ok(Value::Map(entries))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn read(bytes: &[u8]) -> Result<Reply> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(read_reply(bytes, 7, LIMIT))
    }

    /// An answer whose fields are those of `call`.
    fn reply(kind: u8, call: Writer) -> Vec<u8> {
        let mut bytes = call.end();
        bytes[3] = kind;
        bytes
    }

    fn answer() -> Writer {
        Writer::call("get_table", 7)
    }

    #[test]
    fn what_is_written_is_read() {
        let names = ["a".to_owned(), "ü".to_owned()];
        let bytes = reply(
            REPLY,
            answer().structure(0, |table| table.text(1, "t").int16(2, -5).texts(3, &names)),
        );
        let Reply::Result(fields) = read(&bytes).expect("an answer") else {
            panic!("an exception");
        };
        let table = fields.structure(0).expect("a struct");
        assert_eq!((table.text(1).expect("text"), table.int(2)), ("t".to_owned(), Some(-5)));
        let found: Result<Vec<String>> =
            table.list(3).expect("a list").iter().map(Value::as_text).collect();
        assert_eq!(found.expect("texts"), names);
        assert_eq!(table.text(9).expect("nothing"), "");
        assert!(table.list(1).is_err() && table.texts(1).is_err());
    }

    #[test]
    fn exceptions_of_the_protocol_are_told_apart() {
        let bytes = reply(EXCEPTION, answer().text(1, "Invalid method name"));
        let expected = Reply::Exception { kind: 0, message: "Invalid method name".to_owned() };
        assert_eq!(read(&bytes).expect("an answer"), expected);
    }

    #[test]
    fn absurd_lengths_take_no_memory() {
        let head = reply(REPLY, answer());
        let head = &head[..head.len() - 1];
        for tail in [
            &b"\x0b\0\0\x7f\xff\xff\xff"[..],
            b"\x0b\0\0\xff\xff\xff\xff",
            b"\x0f\0\0\x0c\x7f\xff\xff\xff\0\0\0",
            b"\x0d\0\0\x0b\x0b\x7f\xff\xff\xff",
        ] {
            let error = read(&[head, tail].concat()).expect_err("refused");
            assert_ne!(error.kind(), ErrorKind::Internal, "{error}");
        }
        // A list of two million empty structs is short on the wire.
        let many = [&b"\x0f\0\0\x0c\0\x20\0\0"[..], &[0; 0x20_0000]].concat();
        let error = read(&[head, &many].concat()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        let deep = b"\x0c\0\x01".repeat(100_000);
        let error = read(&[head, &deep].concat()).expect_err("refused");
        assert_eq!(error.kind(), ErrorKind::CorruptData, "{error}");
    }

    #[test]
    fn another_protocol_is_named() {
        let error = read(b"HTTP/1.1 400 Bad Request\r\n").expect_err("refused");
        assert!(error.message().contains("Thrift"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_or_read(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let head = reply(REPLY, answer());
            let _ = read(&[&head[..head.len() - 1], &bytes].concat());
        }
    }
}
