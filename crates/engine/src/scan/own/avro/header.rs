//! The start of a file: magic bytes, a map of metadata, and the sync marker that ends every block.

use super::encoding::{Cursor, Unread};
use super::input::Input;
use super::{corrupt, unread};
use mooring_formats::AvroCodec;
use mooring_spi::{ErrorKind, Result};

/// What the header may take; writers put their schema and little else there.
const HEADER_BYTES_MAX: usize = 16 << 20;

const MAGIC: &[u8] = b"Obj\x01";

pub(super) const SYNC_BYTES: usize = 16;

pub(super) struct Header {
    /// The writer's schema, JSON.
    pub schema: Vec<u8>,
    pub codec: AvroCodec,
    pub sync: [u8; SYNC_BYTES],
    /// How long it is.
    pub bytes: u64,
}

impl Header {
    /// Reads it, and leaves `input` after it.
    ///
    /// # Errors
    /// `CorruptData` for a file of another form, `Unsupported` for a codec that is not known, `LimitExceeded`
    /// for more than 16 MiB; what the store answers.
    pub async fn read(input: &mut Input) -> Result<Self> {
        let mut wanted = MAGIC.len() + SYNC_BYTES;
        loop {
            input.fill(wanted).await?;
            match parse(input.bytes()) {
                Ok(parsed) => {
                    let (header, bytes) = (parsed.checked()?, parsed.bytes);
                    input.skip(bytes);
                    return Ok(header);
                }
                Err(Unread::Corrupt(what)) => return Err(corrupt(format!("its header: {what}"))),
                Err(Unread::Ends) if input.is_read() => {
                    return Err(corrupt("it ends in its header"));
                }
                Err(Unread::Ends) if input.bytes().len() <= HEADER_BYTES_MAX => {}
                Err(Unread::Ends | Unread::TooLong(_)) => {
                    let message = format!("its header has more than {HEADER_BYTES_MAX} bytes");
                    return Err(unread(ErrorKind::LimitExceeded, message));
                }
            }
            wanted = input.bytes().len() * 2;
        }
    }
}

/// Of the header what it says of the rows.
#[derive(Debug)]
struct Parsed<'a> {
    schema: Option<&'a [u8]>,
    codec: Option<&'a [u8]>,
    sync: [u8; SYNC_BYTES],
    bytes: usize,
}

impl Parsed<'_> {
    fn checked(&self) -> Result<Header> {
        let schema = self.schema.ok_or_else(|| corrupt("its header has no `avro.schema`"))?;
        let codec = AvroCodec::of_name(self.codec.unwrap_or(b"null"))
            .map_err(|error| unread(error.kind(), error.message()))?;
        Ok(Header { schema: schema.to_vec(), codec, sync: self.sync, bytes: self.bytes as u64 })
    }
}

fn parse(bytes: &[u8]) -> Result<Parsed<'_>, Unread> {
    let mut cursor = Cursor::new(bytes);
    let start = &bytes[..bytes.len().min(MAGIC.len())];
    if !MAGIC.starts_with(start) {
        return Err(Unread::corrupt("it does not begin with `Obj` and 1, as Avro files do"));
    }
    cursor.take(MAGIC.len())?;
    let (mut schema, mut codec) = (None, None);
    loop {
        let count = cursor.long()?;
        if count == 0 {
            break;
        }
        // The block's size in bytes, for readers that pass over it.
        if count < 0 {
            length(&mut cursor)?;
        }
        for _ in 0..count.unsigned_abs() {
            let key_bytes = length(&mut cursor)?;
            let key = cursor.take(key_bytes)?;
            let value_bytes = length(&mut cursor)?;
            let value = cursor.take(value_bytes)?;
            match key {
                b"avro.schema" => schema = Some(value),
                b"avro.codec" => codec = Some(value),
                _ => {}
            }
        }
    }
    let sync = cursor.take(SYNC_BYTES)?;
    let sync = sync.try_into().map_err(|_| Unread::Ends)?;
    Ok(Parsed { schema, codec, sync, bytes: cursor.place() })
}

/// Said to be long is enough to be refused: the rest is not read for it.
fn length(cursor: &mut Cursor<'_>) -> Result<usize, Unread> {
    match cursor.length()? {
        length if length <= HEADER_BYTES_MAX => Ok(length),
        length => Err(Unread::TooLong(length as u64)),
    }
}
