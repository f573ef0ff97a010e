//! Reads one large result: as fast as it comes, slowly, or into a file.

use crate::Server;
use crate::answer::{Tally, TextValues};
use crate::failure::Result;
use clap::Args;
use serde_json::{Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// A slow reader looks at the clock once in so many rows.
const ROWS_PER_LOOK: u64 = 1000;

#[derive(Args)]
pub struct Reading {
    #[arg(long)]
    sql: String,
    /// Over the binary protocol.
    #[arg(long)]
    prepared: bool,
    /// Reads no faster than so many million bytes a second.
    #[arg(long)]
    megabytes_per_second: Option<f64>,
    /// Also writes the rows there, as MariaDB's `LOAD DATA INFILE` takes them by default.
    #[arg(long, conflicts_with = "prepared")]
    into: Option<PathBuf>,
}

impl Reading {
    pub fn run(&self, server: &Server) -> Result<Value> {
        let mut connection = server.connect()?;
        let mut file = self.into.as_ref().map(File::create).transpose()?.map(BufWriter::new);
        let prepared = self.prepared.then(|| connection.prepare(&self.sql)).transpose()?;
        let start = Instant::now();
        match prepared {
            Some(statement) => connection.execute(statement, None)?,
            None => connection.query(self.sql.as_bytes())?,
        }
        let tally = connection.take_rows(|payload, before| {
            if let Some(file) = &mut file {
                write_line(payload, file)?;
            }
            if before.rows.is_multiple_of(ROWS_PER_LOOK) {
                self.hold_back(before, start);
            }
            Ok(())
        })?;
        if let Some(file) = &mut file {
            file.flush()?;
        }
        let seconds = start.elapsed().as_secs_f64();
        Ok(json!({ "rows": tally.rows, "bytes": tally.bytes, "seconds": seconds }))
    }

    fn hold_back(&self, before: Tally, start: Instant) {
        if let Some(megabytes_per_second) = self.megabytes_per_second {
            let due = Duration::from_secs_f64(before.bytes as f64 / 1e6 / megabytes_per_second);
            thread::sleep(due.saturating_sub(start.elapsed()));
        }
    }
}

/// Columns end with a tab, lines with a line feed; `\` escapes both and itself; `\N` is NULL.
fn write_line(payload: &[u8], file: &mut impl Write) -> Result<()> {
    for (index, value) in TextValues(payload).enumerate() {
        if index > 0 {
            file.write_all(b"\t")?;
        }
        let Some(value) = value? else {
            file.write_all(b"\\N")?;
            continue;
        };
        for piece in value.split_inclusive(|byte| matches!(byte, b'\t' | b'\n' | b'\\')) {
            match piece {
                [start @ .., last @ (b'\t' | b'\n' | b'\\')] => {
                    file.write_all(start)?;
                    file.write_all(&[b'\\', *last])?;
                }
                plain => file.write_all(plain)?,
            }
        }
    }
    file.write_all(b"\n")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::write_line;

    /// MariaDB documentation, "LOAD DATA INFILE": the defaults of FIELDS and LINES.
    #[test]
    fn lines_are_escaped() {
        let mut file = Vec::new();
        write_line(b"\x01a\xFB\x05b\tc\\d", &mut file).expect("written");
        assert_eq!(file, b"a\t\\N\tb\\\tc\\\\d\n");
    }
}
