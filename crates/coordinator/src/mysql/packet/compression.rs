//! The compressed layer under the packets: frames that each hold a piece of the packet stream,
//! compressed or as it is. A frame may hold several packets, and a packet may span frames.
//!
//! Source: MySQL Source Code Documentation, "Compression", "Compressed Packet": 3 bytes length of
//! what follows, 1 byte sequence number of the frames, 3 bytes length before compression, which is
//! 0 for what was not compressed.

use super::reader::take_off;
use super::{PAYLOAD_MAX_BYTES, PacketError};
use bytes::BytesMut;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use std::io::{self, Read, Write};

pub(super) const FRAME_HEADER_BYTES: usize = 7;
/// Less is not worth compressing (`MIN_COMPRESS_LENGTH` of MySQL).
const COMPRESS_MIN_BYTES: usize = 50;
/// One frame's share of what is sent: bounds what a client must hold to decompress it.
const FRAME_MAX_BYTES: usize = 256 * 1024;
/// More takes so long that it is done on a thread for computing.
pub(super) const LONG_WORK_BYTES: usize = 16 * 1024;

/// What both sides agreed upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Zlib,
    /// `level` from 1 to 22, as the client asked.
    Zstd {
        level: i32,
    },
}

impl Algorithm {
    fn compress(self, plain: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(plain)?;
                encoder.finish()
            }
            Self::Zstd { level } => zstd::bulk::compress(plain, level),
        }
    }

    /// `None` unless exactly `length` bytes come out; never makes more than one byte beyond.
    fn decompress(self, compressed: &[u8], length: usize) -> Option<Vec<u8>> {
        let plain = match self {
            Self::Zlib => {
                let mut plain = Vec::new();
                let mut bounded = ZlibDecoder::new(compressed).take(length as u64 + 1);
                bounded.read_to_end(&mut plain).ok()?;
                plain
            }
            // Decompresses into the result itself, without a window of the sender's choice.
            Self::Zstd { .. } => zstd::bulk::decompress(compressed, length).ok()?,
        };
        (plain.len() == length).then_some(plain)
    }

    /// Cuts `plain` into frames whose first has the number `sequence`; with the number that the
    /// next frame gets.
    pub(crate) fn frames(self, plain: &[u8], mut sequence: u8) -> io::Result<(Vec<u8>, u8)> {
        let mut out = Vec::with_capacity(plain.len() / 2 + FRAME_HEADER_BYTES);
        for part in plain.chunks(FRAME_MAX_BYTES) {
            let compressed = match part.len() < COMPRESS_MIN_BYTES {
                true => None,
                // What grows is sent as it is.
                false => Some(self.compress(part)?).filter(|shorter| shorter.len() < part.len()),
            };
            let (content, plain_bytes) = match &compressed {
                Some(compressed) => (&compressed[..], part.len()),
                None => (part, 0),
            };
            out.extend_from_slice(&content.len().to_le_bytes()[..3]);
            out.push(sequence);
            out.extend_from_slice(&plain_bytes.to_le_bytes()[..3]);
            out.extend_from_slice(content);
            sequence = sequence.wrapping_add(1);
        }
        Ok((out, sequence))
    }
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameHeader {
    content_bytes: usize,
    sequence: u8,
    /// 0 when the content is not compressed.
    plain_bytes: usize,
}

impl FrameHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, sequence, d, e, f] = *bytes.first_chunk::<FRAME_HEADER_BYTES>()?;
        let number = |a, b, c| usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
        Some(Self { content_bytes: number(a, b, c), sequence, plain_bytes: number(d, e, f) })
    }
}

/// The receiving side: bytes as they came, and which frame must come next.
#[derive(Debug)]
pub(super) struct Frames {
    pub(super) algorithm: Algorithm,
    pub(super) raw: BytesMut,
    pub(super) next_sequence: u8,
}

/// A frame that is there whole.
pub(super) struct Frame {
    algorithm: Algorithm,
    content: BytesMut,
    plain_bytes: usize,
}

impl Frames {
    /// How many more bytes the next frame needs; 0 when it is there.
    pub(super) fn missing_bytes(&self) -> usize {
        let whole = FrameHeader::parse(&self.raw)
            .map_or(FRAME_HEADER_BYTES, |header| FRAME_HEADER_BYTES + header.content_bytes);
        whole.saturating_sub(self.raw.len())
    }

    /// Checks the header of the next frame, as soon as it is there, before its content is waited
    /// for: neither the content nor what it declares to become may exceed `plain_max_bytes`.
    pub(super) fn check(&self, plain_max_bytes: usize) -> Result<(), PacketError> {
        let Some(header) = FrameHeader::parse(&self.raw) else {
            return Ok(());
        };
        if header.sequence != self.next_sequence {
            return Err(PacketError::OutOfOrder);
        }
        if header.content_bytes.max(header.plain_bytes) > plain_max_bytes {
            return Err(PacketError::TooLarge);
        }
        Ok(())
    }

    /// Takes the next frame off, which must be there.
    pub(super) fn take(&mut self) -> Option<Frame> {
        let header = FrameHeader::parse(&self.raw)?;
        if self.raw.len() < FRAME_HEADER_BYTES + header.content_bytes {
            return None;
        }
        let _ = self.raw.split_to(FRAME_HEADER_BYTES);
        let content = take_off(&mut self.raw, header.content_bytes);
        self.next_sequence = header.sequence.wrapping_add(1);
        Some(Frame { algorithm: self.algorithm, content, plain_bytes: header.plain_bytes })
    }
}

impl Frame {
    /// Whether [`Frame::open`] takes long.
    pub(super) fn is_long(&self) -> bool {
        // What holds nothing may be long as well: zlib has empty blocks, zstd has skipped frames.
        self.plain_bytes.max(self.content.len()) > LONG_WORK_BYTES && self.plain_bytes > 0
    }

    /// What the frame holds.
    pub(super) fn open(self) -> Result<Vec<u8>, PacketError> {
        debug_assert!(self.plain_bytes <= PAYLOAD_MAX_BYTES);
        if self.plain_bytes == 0 {
            return Ok(self.content.to_vec());
        }
        self.algorithm.decompress(&self.content, self.plain_bytes).ok_or(PacketError::NotCompressed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALGORITHMS: [Algorithm; 2] = [Algorithm::Zlib, Algorithm::Zstd { level: 3 }];

    /// From the documentation's example of a compressed packet: the text `."select
    /// "012345678901234567890123456789012345"` as a COM_QUERY.
    const DOCUMENTED: [u8; 41] = [
        0x22, 0x00, 0x00, 0x00, 0x32, 0x00, 0x00, 0x78, 0x9c, 0xd3, 0x63, 0x60, 0x60, 0x60, 0x2e,
        0x4e, 0xcd, 0x49, 0x4d, 0x2e, 0x51, 0x50, 0x32, 0x30, 0x34, 0x32, 0x36, 0x31, 0x35, 0x33,
        0xb7, 0xb0, 0xc4, 0xcd, 0x52, 0x02, 0x00, 0x0c, 0xd1, 0x0a, 0x6c,
    ];

    fn opened(algorithm: Algorithm, bytes: &[u8]) -> Result<Vec<u8>, PacketError> {
        let mut frames = Frames { algorithm, raw: bytes.into(), next_sequence: 0 };
        let mut plain = Vec::new();
        loop {
            frames.check(PAYLOAD_MAX_BYTES)?;
            match frames.take() {
                Some(frame) => plain.extend(frame.open()?),
                None => return Ok(plain),
            }
        }
    }

    #[test]
    fn the_documented_frame_is_opened() {
        let plain = opened(Algorithm::Zlib, &DOCUMENTED).expect("a frame");
        assert_eq!(plain, b"\x2E\0\0\0\x03select \"012345678901234567890123456789012345\"");
    }

    #[test]
    fn short_and_incompressible_pieces_are_sent_as_they_are() {
        for algorithm in ALGORITHMS {
            let (out, next) = algorithm.frames(&[b'x'; COMPRESS_MIN_BYTES - 1], 7).expect("frames");
            assert_eq!((&out[..7], next), (&[49, 0, 0, 7, 0, 0, 0][..], 8));
            let (out, _) = algorithm.frames(&[b'x'; COMPRESS_MIN_BYTES], 7).expect("frames");
            assert_eq!(out[4..7], [50, 0, 0]);
        }
    }

    #[test]
    fn a_frame_that_becomes_more_than_it_declares_is_refused() {
        for algorithm in ALGORITHMS {
            let bomb = algorithm.compress(&vec![0; 10_000_000]).expect("compressed");
            for declared in [9_999_999_usize, 1000, 10_000_001] {
                assert_eq!(algorithm.decompress(&bomb, declared), None);
            }
            let mut frame = bomb.len().to_le_bytes()[..3].to_vec();
            frame.extend([0, 0xE8, 3, 0]);
            frame.extend(bomb);
            assert!(matches!(opened(algorithm, &frame), Err(PacketError::NotCompressed)));
        }
    }

    #[test]
    fn the_declared_length_is_checked_before_the_content_is_there() {
        let header = BytesMut::from(&[10, 0, 0, 0, 0xFF, 0xFF, 0xFF][..]);
        let frames = Frames { algorithm: Algorithm::Zlib, raw: header, next_sequence: 0 };
        assert!(matches!(frames.check(1 << 20), Err(PacketError::TooLarge)));
        assert!(frames.check(PAYLOAD_MAX_BYTES).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_framed_is_read_back(unit in "[ab]{1,9}", times in 0_usize..80_000, zstd: bool) {
            let plain = unit.repeat(times).into_bytes();
            let algorithm = ALGORITHMS[usize::from(zstd)];
            let (frames, _) = algorithm.frames(&plain, 0).expect("frames");
            prop_assert_eq!(opened(algorithm, &frames).expect("frames"), plain);
        }

        #[test]
        fn any_bytes_are_refused_or_opened(bytes: Vec<u8>, zstd: bool) {
            let _ = opened(ALGORITHMS[usize::from(zstd)], &bytes);
        }

        #[test]
        fn mutated_and_truncated_frames_are_refused_or_opened(
            at in 0_usize..DOCUMENTED.len(), byte: u8, length in 0_usize..=DOCUMENTED.len(),
        ) {
            let mut bytes = DOCUMENTED;
            bytes[at] = byte;
            let _ = opened(Algorithm::Zlib, &bytes[..length]);
        }
    }
}
