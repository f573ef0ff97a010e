//! Cutting bytes at a separator.

use super::Dialect;

/// The parts of bytes between the separators of a depth. Empty bytes are one empty part.
pub(super) struct Fields<'a> {
    /// What is left; none after the last part.
    rest: Option<&'a [u8]>,
    separator: u8,
    escape: Option<u8>,
    /// How many parts come before the one that takes all the rest.
    until_rest: Option<usize>,
}

impl<'a> Fields<'a> {
    /// Parts of a struct of `count` fields (`LazyStruct.parse`): the last takes the rest if the dialect says so.
    pub(super) fn new(bytes: &'a [u8], dialect: &Dialect, depth: usize, count: usize) -> Self {
        let until_rest = dialect.last_takes_rest.then(|| count.saturating_sub(1));
        Self { until_rest, ..Self::elements(bytes, dialect, depth) }
    }

    /// Elements of an array or entries of a map.
    pub(super) fn elements(bytes: &'a [u8], dialect: &Dialect, depth: usize) -> Self {
        Self {
            rest: Some(bytes),
            separator: dialect.separators[depth],
            escape: dialect.escape,
            until_rest: None,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        if let Some(until_rest) = &mut self.until_rest {
            if *until_rest == 0 {
                self.rest = None;
                return Some(rest);
            }
            *until_rest -= 1;
        }
        let end = find(rest, self.separator, self.escape);
        self.rest = rest.get(end + 1..).filter(|_| end < rest.len());
        Some(&rest[..end])
    }
}

/// Where the first separator is that no escape stands before; the length when there is none.
pub(super) fn find(bytes: &[u8], separator: u8, escape: Option<u8>) -> usize {
    let Some(escape) = escape else {
        return bytes.iter().position(|byte| *byte == separator).unwrap_or(bytes.len());
    };
    let mut at = 0;
    while at < bytes.len() && bytes[at] != separator {
        // An escape at the very end stands for itself.
        at += if bytes[at] == escape && at + 1 < bytes.len() { 2 } else { 1 };
    }
    at
}
