//! Bytes of a file to Arrow batches: the text formats of Hive, read line by line exactly as Hive's SerDes
//! read them, and the codecs that compress whole files and single blocks.
//!
//! This crate does no input or output of its own and never knows DataFusion: a reader feeds it chunks and
//! takes batches. Wherever Hive's releases differ, the comment at the rule says which one is followed.

mod decoder;
mod lines;
mod column;
mod batch;
mod values;
mod text;
mod open_csv;
mod json;
mod compressed;
mod deflated;
mod avro_blocks;

pub use avro_blocks::{AVRO_SNAPPY_BYTES_MAX, AvroBlock, AvroCodec};
pub use compressed::{BlockCodec, BlockDecoder, BlockError, decompressed};
pub use decoder::{LineDecoder, MAX_BATCH_BYTES, decoder};
pub use lines::{Lines, LinesOptions, MAX_FOOTER_LINES, MAX_LINE_BYTES};
