//! Values of columns of the type `char(n)`.

use super::*;

#[test]
fn values_of_char_have_all_of_their_characters() {
    let dates = [("type", "date"), ("format", "dd-MM-yyyy"), ("range", "01-02-2024,03-02-2024")];
    let integers = [("type", "integer"), ("range", "9,11")];
    for (hive_type, length, properties, wanted, folder) in [
        ("char(5)", 5, &[("type", "enum"), ("values", "eu,us")][..], "us", "us"),
        ("char(5)", 5, &integers[..], "10", "10"),
        ("char(5)", 5, &[("digits", "3"), integers[0], integers[1]], "010", "010"),
        ("char(12)", 12, &dates, "02-02-2024", "02-02-2024"),
        ("char(5)", 5, &[("type", "injected")], "a b", "a b"),
        // What is too long is cut, in whatever order its texts are.
        ("char(5)", 5, &dates, "02-02", "02-02-2024"),
        ("char(1)", 1, &integers, "9", "9"),
    ] {
        let table = of_column(hive_type, properties).expect("defined");
        let value = text(&format!("{wanted:length$}"));
        let predicate = one_of("c", slice::from_ref(&value));
        assert_eq!(folders(&table, &predicate), [format!("c={folder}")], "{hive_type} {wanted}");
        assert_eq!(found(&table, &predicate)[0].values, [value]);
    }
    let cut = of_column("char(1)", &integers).expect("defined");
    assert_eq!(folders(&cut, &one_of("c", &[text("1")])), ["c=10", "c=11"]);
    let injected = of_column("char(2)", &[("type", "injected")]).expect("defined");
    for nobody in ["  ", "abc"] {
        assert!(folders(&injected, &one_of("c", &[text(nobody)])).is_empty(), "`{nobody}`");
    }
}
