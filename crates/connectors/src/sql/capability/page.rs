//! The page of docs/ that says what is pushed, made of the tables.

use super::{Answer, Capabilities, MYSQL, POSTGRES, Subject};
use std::fmt::Write;

const HEAD: &str = "\
# What databases are asked to do

Made from the capability tables in `crates/connectors/src/sql/capability/`, which decide what is pushed down; a test compares.
Write it anew with `MOORING_WRITE_DOCS=1 cargo test -p mooring-connectors push_down_page`.

What stands in no line is not pushed, and `EXPLAIN` says why. What can fail (an overflow) is pushed neither in conditions nor below
`CASE`, `AND`, `OR`, `IN` and `COALESCE`, where a database may work it out for rows that need it not. `CAST`
stands under the type that it makes. \"Other types\" are those that are fetched and not computed with: JSON, arrays, numbers of no fixed
digits, and whatever the page of a catalog says to be so. Texts are compared by their bytes, whatever their collation.
";

/// The text of docs/push-down-functions.md.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for table in [&POSTGRES, &MYSQL] {
        write_table(&mut page, table);
    }
    page
}

fn write_table(page: &mut String, table: &Capabilities) {
    // Writing to a string cannot fail.
    let _ =
        write!(page, "\n## {}\n\n| what | pushed | not pushed |\n|---|---|---|\n", table.database);
    let mut written: Vec<Subject> = Vec::new();
    for entry in table.entries {
        if written.contains(&entry.subject) {
            continue;
        }
        written.push(entry.subject);
        let (mut pushed, mut refused) = (Vec::new(), Vec::new());
        for line in table.entries.iter().filter(|line| line.subject == entry.subject) {
            let kinds = line.kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            match line.answer {
                Answer::Pushed => pushed.push(kinds),
                Answer::PushedWhere(condition) => pushed.push(format!("{kinds} where {condition}")),
                Answer::Refused(reason) => refused.push(format!("{kinds}: {reason}")),
            }
        }
        let _ = writeln!(
            page,
            "| {} | {} | {} |",
            entry.subject,
            pushed.join("; "),
            refused.join("; ")
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn push_down_page_is_that_of_the_tables() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/push-down-functions.md");
        if std::env::var_os("MOORING_WRITE_DOCS").is_some() {
            std::fs::write(path, super::page()).expect("docs can be written");
        }
        let committed = std::fs::read_to_string(path).expect("the page is there");
        assert!(
            committed == super::page(),
            "docs/push-down-functions.md is old: run this test with MOORING_WRITE_DOCS=1"
        );
    }
}
