//! What is asked is checked by readers of it: one of `Filter.g`, and one of the patterns of names.

use super::*;
use crate::hive_tables::may_match;
use arrow::datatypes::{Field, Schema};
use mooring_spi::{FileFormat, PADDED_LENGTH, Range};
use proptest::prelude::*;
use std::sync::Arc;

fn table(partition_columns: &[(&str, DataType)]) -> TableDefinition {
    let mut fields = vec![Field::new("id", DataType::Int64, true)];
    fields
        .extend(partition_columns.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)));
    TableDefinition {
        schema_name: "s".into(),
        name: "t".into(),
        columns: Arc::new(Schema::new(fields)),
        partition_columns: partition_columns.len(),
        location: "/t/".into(),
        format: FileFormat::Parquet,
        columns_by: Default::default(),
        partition_projection: None,
        may_be_absent: false,
        compression: None,
        options: Default::default(),
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn any_of(texts: &[&str]) -> Domain {
    Domain { ranges: texts.iter().map(|it| Range::exactly(text(it))).collect(), nulls: false }
}

fn asked(columns: &[(&str, DataType)], domains: &[(&str, Domain)]) -> PartitionQuestion {
    let predicate = domains.iter().map(|(name, domain)| ((*name).to_owned(), domain.clone()));
    PartitionQuestion::of(&table(columns), &predicate.collect())
}

fn names_with(values: &[&str]) -> PartitionQuestion {
    PartitionQuestion::NamesWith(values.iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn equality_with_text_asks_for_names() {
    let columns = [("day", DataType::Utf8), ("hour", DataType::Int32), ("city", DataType::Utf8)];
    for (domains, expected) in [
        (&[("day", any_of(&["2024-01-01"]))][..], names_with(&["2024-01-01"])),
        (&[("city", any_of(&["Oslo"]))], names_with(&["", "", "Oslo"])),
        (
            &[("day", any_of(&["x"])), ("city", any_of(&["a", "b"])), ("id", any_of(&["7"]))],
            names_with(&["x"]),
        ),
        // What is escaped in names goes into a filter.
        (&[("day", any_of(&["a:b"]))], PartitionQuestion::Filter("(day = \"a:b\")".into())),
        (&[("day", any_of(&["a b", "c"]))], {
            PartitionQuestion::Filter("(day = \"a b\" or day = \"c\")".into())
        }),
    ] {
        assert_eq!(asked(&columns, domains), expected);
    }
}

#[test]
fn values_that_may_lack_spaces_are_not_asked_for() {
    let mut table = table(&[("c", DataType::Utf8)]);
    let metadata = [(PADDED_LENGTH.to_owned(), "3".to_owned())];
    let padded = Field::new("c", DataType::Utf8, true).with_metadata(metadata.into());
    table.columns = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, true), padded]));
    let predicate = [("c".to_owned(), any_of(&["abc"]))];
    assert_eq!(PartitionQuestion::of(&table, &predicate.into()), PartitionQuestion::AllNames);
}

#[test]
fn what_is_not_sure_asks_for_all_names() {
    let range = |low, high| Domain { ranges: vec![Range { low, high }], nulls: false };
    let included = |it| Bound::Included(text(it));
    let number = Domain { ranges: vec![Range::exactly(Value::Int(7))], nulls: false };
    let columns = [("p", DataType::Utf8), ("n", DataType::Int32), ("Date", DataType::Utf8)];
    let many: Vec<String> = (0..=FILTER_VALUES_MAX).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (column, domain) in [
        ("p", range(included("a"), Bound::Unbounded)),
        ("p", range(included("a"), included("b"))),
        ("p", range(Bound::Excluded(text("a")), Bound::Excluded(text("a")))),
        ("p", Domain { nulls: true, ..any_of(&["a"]) }),
        ("p", Domain { ranges: Vec::new(), nulls: true }),
        ("p", any_of(&[])),
        ("p", any_of(&["it's"])),
        ("p", any_of(&["a\\b"])),
        ("p", any_of(&["a", "say \"b\""])),
        ("p", any_of(&["São Paulo"])),
        ("p", any_of(&[""])),
        ("p", any_of(&many)),
        // A metastore may have 7 as `07`.
        ("n", number),
        // A word of the grammar.
        ("Date", any_of(&["a", "b"])),
        ("id", any_of(&["a"])),
    ] {
        let question = asked(&columns, &[(column, domain.clone())]);
        assert_eq!(question, PartitionQuestion::AllNames, "{column} {domain:?}");
    }
}

/// A reader of `Filter.g`, as far as columns are compared with literals for equality: whether the filter
/// holds for the partition that has these values by column.
struct Filter<'a> {
    rest: &'a str,
    values: &'a [(&'a str, &'a str)],
}

impl Filter<'_> {
    fn holds(text: &str, values: &[(&str, &str)]) -> bool {
        let mut filter = Filter { rest: text, values };
        let holds = filter.or_expression();
        assert_eq!(filter.rest.trim(), "", "in {text}");
        holds
    }

    fn or_expression(&mut self) -> bool {
        let mut holds = self.and_expression();
        while self.takes("or") {
            holds |= self.and_expression();
        }
        holds
    }

    fn and_expression(&mut self) -> bool {
        let mut holds = self.expression();
        while self.takes("and") {
            holds &= self.expression();
        }
        holds
    }

    fn expression(&mut self) -> bool {
        if self.takes("(") {
            let holds = self.or_expression();
            assert!(self.takes(")"), "no closing parenthesis before {}", self.rest);
            return holds;
        }
        let column = self.identifier();
        assert!(self.takes("="), "no `=` before {}", self.rest);
        let literal = self.literal();
        let (_, value) =
            self.values.iter().find(|(name, _)| *name == column).expect("a partition column");
        *value == literal
    }

    fn takes(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// `(Letter | Digit) (Letter | Digit | '_')*`, which no keyword and no number is.
    fn identifier(&mut self) -> String {
        let rest = self.rest.trim_start();
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let (name, rest) = rest.split_at(end.unwrap_or(rest.len()));
        assert!(name.starts_with(|it: char| it.is_ascii_alphanumeric()), "no name: {name}{rest}");
        assert!(!name.bytes().all(|it| it.is_ascii_digit()), "a number: {name}");
        let keywords = "not and or like date const struct between in";
        assert!(!keywords.split(' ').any(|it| it.eq_ignore_ascii_case(name)), "a keyword: {name}");
        self.rest = rest;
        name.to_owned()
    }

    /// In double quotes: anything but them and a backslash, which would begin an escape.
    fn literal(&mut self) -> String {
        assert!(self.takes("\""), "no literal: {}", self.rest);
        let (literal, rest) = self.rest.split_once('"').expect("a closing quote");
        assert!(!literal.contains('\\'), "an escape in {literal}");
        self.rest = rest;
        literal.to_owned()
    }
}

/// `FileUtils.escapePathName` of values in ASCII.
fn escaped(value: &str) -> String {
    let is_special = |it: char| it.is_ascii_control() || "\"#%'*/:=?\\{[]^".contains(it);
    let one = |it: char| match is_special(it) {
        true => format!("%{:02X}", u32::from(it)),
        false => it.to_string(),
    };
    value.chars().map(one).collect()
}

/// Whether a name matches what `makePartNameMatcher` makes of values, a pattern in which `*` is any text
/// and `.` any character.
fn name_matches(values: &[String], columns: &[&str], name: &str) -> bool {
    let one = |(column, value): (&&str, &String)| match value.is_empty() {
        true => format!("{column}=*"),
        false => format!("{column}={}", escaped(value)),
    };
    let parts: Vec<String> = columns.iter().zip(values).map(one).collect();
    let rest = if values.len() < columns.len() { "*" } else { "" };
    like(&format!("{}{rest}", parts.join("/")), name)
}

fn like(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let after = &pattern[first.len_utf8()..];
    if first == '*' {
        let mut ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        return ends.any(|at| like(after, &text[at..]));
    }
    let is_it = |found: &char| first == '.' || *found == first;
    text.chars().next().filter(is_it).is_some_and(|found| like(after, &text[found.len_utf8()..]))
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof!["[ab]", "[a._ :'\"\\\\=%/-]{1,2}", "[aé]{1,2}", Just("null".to_owned())]
}

fn domain() -> impl Strategy<Value = Option<Domain>> {
    let some =
        (proptest::collection::vec(value(), 0..4), any::<bool>()).prop_map(|(texts, nulls)| {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            Domain { nulls: nulls && texts.len() > 2, ..any_of(&texts) }
        });
    proptest::option::of(some)
}

proptest! {
    /// No partition that matches is missing from what the metastore answers.
    #[test]
    fn an_answer_has_all_that_match(
        domains in (domain(), domain(), domain()),
        partition in (value(), value(), value()),
    ) {
        let columns = ["p", "q_1", "in"];
        let table = table(&columns.map(|column| (column, DataType::Utf8)));
        let domains = [domains.0, domains.1, domains.2];
        let predicate: Predicate = columns
            .iter()
            .zip(domains)
            .filter_map(|(column, domain)| Some(((*column).to_owned(), domain?)))
            .collect();
        let partition = [partition.0, partition.1, partition.2];
        let matches = may_match(&table, &partition.each_ref().map(|it| text(it)), &predicate);
        let by_column: Vec<(&str, &str)> =
            columns.iter().copied().zip(partition.iter().map(String::as_str)).collect();
        let is_answered = match PartitionQuestion::of(&table, &predicate) {
            PartitionQuestion::AllNames => true,
            PartitionQuestion::Filter(filter) => Filter::holds(&filter, &by_column),
            PartitionQuestion::NamesWith(values) => {
                let name: Vec<String> =
                    by_column.iter().map(|(column, it)| format!("{column}={}", escaped(it))).collect();
                name_matches(&values, &columns, &name.join("/"))
            }
        };
        prop_assert!(is_answered || !matches);
    }
}
