//! Chunks of a file to its lines.

use std::collections::VecDeque;

use bytes::Bytes;
use mooring_spi::{Error, ErrorKind, FileFormat, Result};

/// No line is longer, unless its reader says so.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// Hive's `hive.file.max.footer`: lines that are kept back stay in memory.
pub const MAX_FOOTER_LINES: usize = 100;

/// What of a file is rows.
#[derive(Debug, Clone)]
pub struct LinesOptions {
    /// Lines at the start that are no rows; of no effect with `starts_inside`.
    pub header_lines: usize,
    /// Lines at the end that are no rows.
    pub footer_lines: usize,
    /// The first byte is not the file's first: what is before the first line end belongs to the range before.
    pub starts_inside: bool,
    /// How many bytes the range has, if the file goes on after it. A line that starts at most there is of this
    /// range, because the next range drops what is before its first line end (Hadoop's `LineRecordReader`).
    pub range_bytes: Option<u64>,
    pub max_line_bytes: usize,
}

impl Default for LinesOptions {
    fn default() -> Self {
        Self {
            header_lines: 0,
            footer_lines: 0,
            starts_inside: false,
            range_bytes: None,
            max_line_bytes: MAX_LINE_BYTES,
        }
    }
}

impl LinesOptions {
    /// Of a whole file of a format.
    pub fn of(format: &FileFormat) -> Self {
        let (header_lines, footer_lines) = format.header_and_footer_lines();
        Self { header_lines, footer_lines, ..Self::default() }
    }
}

/// Cuts chunks into lines. A line ends at a line feed, at a carriage return, or at both together, as in Hadoop's
/// `LineReader`; the last line of a file needs no end.
pub struct Lines {
    chunk: Bytes,
    /// How much of the chunk is read.
    at: usize,
    /// The start of a line that goes on in the next chunk.
    carry: Vec<u8>,
    /// The line that was answered last, when it is no part of the chunk.
    line: Vec<u8>,
    footer: VecDeque<Vec<u8>>,
    header_left: usize,
    footer_lines: usize,
    dropping: bool,
    /// The last byte read was a carriage return: a line feed that follows belongs to it.
    after_return: bool,
    finished: bool,
    /// Where the next line starts, in bytes from the start of the range.
    position: u64,
    range_bytes: Option<u64>,
    max_line_bytes: usize,
}

/// Where a line is.
enum Found {
    Chunk(usize, usize),
    Line,
}

impl Lines {
    /// # Errors
    /// `InvalidArgument` when more lines would be kept back than [`MAX_FOOTER_LINES`].
    pub fn new(options: &LinesOptions) -> Result<Self> {
        if options.footer_lines > MAX_FOOTER_LINES {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "the table's files end with {} lines that are no rows; at most {MAX_FOOTER_LINES} can be skipped",
                    options.footer_lines
                ),
            ));
        }
        Ok(Self {
            chunk: Bytes::new(),
            at: 0,
            carry: Vec::new(),
            line: Vec::new(),
            footer: VecDeque::new(),
            header_left: if options.starts_inside { 0 } else { options.header_lines },
            footer_lines: options.footer_lines,
            dropping: options.starts_inside,
            after_return: false,
            finished: false,
            position: 0,
            range_bytes: options.range_bytes,
            max_line_bytes: options.max_line_bytes,
        })
    }

    /// Takes the next chunk. Call it when [`Lines::next_line`] has none left: what is left is copied otherwise.
    pub fn push(&mut self, chunk: Bytes) {
        if self.at < self.chunk.len() {
            self.chunk = [&self.chunk[self.at..], &chunk].concat().into();
        } else {
            self.chunk = chunk;
        }
        self.at = 0;
    }

    /// No chunk follows.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// Whether no line will come any more, so that no chunk need be read.
    pub fn is_done(&self) -> bool {
        if self.beyond_range() && self.carry.is_empty() {
            return true;
        }
        self.finished && self.at >= self.chunk.len() && self.carry.is_empty()
    }

    /// The next line without its end; none when a chunk must come first, or after the end.
    ///
    /// # Errors
    /// `LimitExceeded` for a line that is too long.
    pub fn next_line(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let Some(found) = self.find()? else { return Ok(None) };
            if self.header_left > 0 {
                self.header_left -= 1;
                continue;
            }
            if self.footer_lines == 0 {
                return Ok(Some(match found {
                    Found::Chunk(start, end) => &self.chunk[start..end],
                    Found::Line => &self.line,
                }));
            }
            self.footer.push_back(match found {
                Found::Chunk(start, end) => self.chunk[start..end].to_vec(),
                Found::Line => std::mem::take(&mut self.line),
            });
            if self.footer.len() > self.footer_lines {
                self.line = self.footer.pop_front().unwrap_or_default();
                return Ok(Some(&self.line));
            }
        }
    }

    fn beyond_range(&self) -> bool {
        // Whether a line feed belongs to the last line is known with the next byte only.
        !self.after_return && self.range_bytes.is_some_and(|bytes| self.position > bytes)
    }

    fn find(&mut self) -> Result<Option<Found>> {
        loop {
            if self.after_return {
                match self.chunk.get(self.at) {
                    Some(b'\n') => {
                        self.at += 1;
                        self.position += 1;
                    }
                    Some(_) => {}
                    None if self.finished => {}
                    None => return Ok(None),
                }
                self.after_return = false;
            }
            if self.carry.is_empty() && self.beyond_range() {
                return Ok(None);
            }
            let start = self.at;
            let rest = &self.chunk[start..];
            let Some(length) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                return self.keep_rest();
            };
            let is_return = rest[length] == b'\r';
            let line_bytes = self.carry.len() + length;
            self.at = start + length + 1;
            // Where the line started was the position; a dropped part is counted as it comes.
            self.position += line_bytes as u64 + 1;
            self.after_return = is_return;
            if std::mem::take(&mut self.dropping) {
                continue;
            }
            self.check_length(line_bytes)?;
            if self.carry.is_empty() {
                return Ok(Some(Found::Chunk(start, start + length)));
            }
            self.carry.extend_from_slice(&self.chunk[start..start + length]);
            self.line.clear();
            std::mem::swap(&mut self.line, &mut self.carry);
            return Ok(Some(Found::Line));
        }
    }

    /// The chunk has no line end any more: the rest waits for the next chunk, or is the last line.
    fn keep_rest(&mut self) -> Result<Option<Found>> {
        let rest = self.chunk.len() - self.at;
        if self.dropping {
            self.position += rest as u64;
        } else {
            self.check_length(self.carry.len() + rest)?;
            self.carry.extend_from_slice(&self.chunk[self.at..]);
        }
        self.at = self.chunk.len();
        if !self.finished || self.carry.is_empty() {
            return Ok(None);
        }
        self.position += self.carry.len() as u64;
        self.line.clear();
        std::mem::swap(&mut self.line, &mut self.carry);
        Ok(Some(Found::Line))
    }

    fn check_length(&self, bytes: usize) -> Result<()> {
        if bytes > self.max_line_bytes {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a line is longer than {} bytes", self.max_line_bytes),
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
