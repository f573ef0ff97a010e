//! Where tokens stand in their text: sqlparser counts lines and characters, slices need bytes.

use sqlparser::tokenizer::Location;

/// Turns places into byte offsets, one after the other in ascending order.
pub(super) struct Offsets<'a> {
    rest: std::str::Chars<'a>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'a> Offsets<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.chars(), length: text.len(), line: 1, column: 1 }
    }

    /// `None` for a place before the last one asked for, or beyond the text.
    pub(super) fn of(&mut self, place: Location) -> Option<usize> {
        while (self.line, self.column) < (place.line, place.column) {
            match self.rest.next()? {
                '\n' => {
                    self.line += 1;
                    self.column = 1;
                }
                _ => self.column += 1,
            }
        }
        let here = (self.line, self.column) == (place.line, place.column);
        here.then(|| self.length - self.rest.as_str().len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_characters_and_offsets_in_bytes() {
        let text = "aé\nß x";
        let mut offsets = Offsets::new(text);
        assert_eq!(offsets.of(Location::new(1, 2)), Some(1));
        assert_eq!(offsets.of(Location::new(1, 3)), Some(3));
        assert_eq!(offsets.of(Location::new(2, 3)).map(|at| &text[at..]), Some("x"));
        assert_eq!(offsets.of(Location::new(2, 4)), Some(text.len()));
        assert_eq!(offsets.of(Location::new(1, 1)), None);
        assert_eq!(offsets.of(Location::new(9, 1)), None);
    }
}
