//! What Hive's types `varchar(n)` and `char(n)` say of a text column beside its type, in the metadata of its
//! field. A type inside of a list, map or structure says nothing: it is text.

use arrow::datatypes::{DataType, Field};

/// Key of a text column's metadata: how many characters its values have at most. Whoever reads files of text
/// cuts them; in other files they are as their writer left them.
pub const CHARACTER_LENGTH: &str = "character_length";

/// Key of the metadata of a column of the type `char(n)`: n. Its values have just so many characters; spaces
/// at their ends fill them up, and comparisons do not see them.
pub const PADDED_LENGTH: &str = "padded_length";

/// Key of the metadata of a column with [`PADDED_LENGTH`] whose values come from files, which hold them with all
/// of their spaces or without: the engine makes them as long as they are. Values of other columns are so.
pub const STORED_UNPADDED: &str = "stored_unpadded";

/// The n of a column of the type `char(n)`.
pub fn padded_length(field: &Field) -> Option<usize> {
    match field.data_type() {
        DataType::Utf8 => field.metadata().get(PADDED_LENGTH)?.parse().ok(),
        _ => None,
    }
}

/// The first `length` characters of a text, and as many spaces as it lacks.
pub fn padded(text: &str, length: usize) -> String {
    let mut padded: String = text.chars().take(length).collect();
    let missing = length - padded.chars().count();
    padded.extend(std::iter::repeat_n(' ', missing));
    padded
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    #[test]
    fn texts_have_as_many_characters_as_their_type_says() {
        for (text, length, expected) in [
            ("ab", 5, "ab   "),
            ("ab   ", 5, "ab   "),
            ("abcdefg", 5, "abcde"),
            ("zwölf", 5, "zwölf"),
            ("größer", 5, "größe"),
            ("ä", 3, "ä  "),
            ("", 2, "  "),
            (" a ", 2, " a"),
        ] {
            assert_eq!(padded(text, length), expected, "{text} {length}");
        }
    }

    #[test]
    fn only_text_is_padded() {
        let of = |data_type, length: &str| {
            let metadata = HashMap::from([(PADDED_LENGTH.to_owned(), length.to_owned())]);
            padded_length(&Field::new("c", data_type, true).with_metadata(metadata))
        };
        assert_eq!(of(DataType::Utf8, "5"), Some(5));
        assert_eq!(of(DataType::Utf8, "five"), None);
        assert_eq!(of(DataType::Int32, "5"), None);
        assert_eq!(padded_length(&Field::new("c", DataType::Utf8, true)), None);
    }
}
