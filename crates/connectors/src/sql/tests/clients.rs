//! Databases through their own command-line clients.

use super::super::{Dialect, MysqlDialect, PostgresDialect};
use std::io::{Seek, SeekFrom, Write};
use std::process::{Command, Stdio};

/// What a database says to one statement: texts of the columns, or its error.
pub(super) type Answer = Result<Vec<Vec<Option<String>>>, String>;

/// Runs SQL in a database.
pub(super) trait RunsSql {
    fn dialect(&self) -> Box<dyn Dialect>;

    /// Statements that must succeed, among them the schema.
    fn prepare(&self, schema: &str, statements: &dyn Fn(&dyn Dialect) -> Vec<String>);

    fn remove(&self, schema: &str);

    /// The answers, one per query.
    fn rows(&self, queries: &[String]) -> Vec<Answer>;
}

/// The output and the messages of a client that reads `script`.
fn run(command: &mut Command, script: &str) -> (Vec<u8>, String) {
    let mut file = tempfile::tempfile().expect("a temporary file");
    file.write_all(script.as_bytes()).expect("written");
    file.seek(SeekFrom::Start(0)).expect("rewound");
    let output = command
        .stdin(Stdio::from(file))
        .output()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

pub(super) struct Psql {
    pub(super) url: String,
}

const MARKER: &str = "=== query ";

impl Psql {
    fn command(&self) -> Command {
        let mut command = Command::new("psql");
        command
            .arg(&self.url)
            .args(["--no-psqlrc", "--quiet"])
            .env("PGOPTIONS", "-c timezone=UTC -c datestyle=ISO");
        command.env("PGCLIENTENCODING", "UTF8");
        command
    }
}

impl RunsSql for Psql {
    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(PostgresDialect)
    }

    fn prepare(&self, schema: &str, statements: &dyn Fn(&dyn Dialect) -> Vec<String>) {
        let mut script = format!(
            "SET client_min_messages TO warning; CREATE SCHEMA \"{schema}\"; SET search_path TO \"{schema}\";\n\
             CREATE COLLATION mooring_no_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);\n"
        );
        for statement in statements(&PostgresDialect) {
            script.push_str(&format!("{statement};\n"));
        }
        let (_, messages) = run(self.command().args(["-v", "ON_ERROR_STOP=1"]), &script);
        assert!(messages.is_empty(), "{messages}");
    }

    fn remove(&self, schema: &str) {
        let script =
            format!("SET client_min_messages TO warning; DROP SCHEMA \"{schema}\" CASCADE;\n");
        let (_, messages) = run(&mut self.command(), &script);
        assert!(messages.is_empty(), "{messages}");
    }

    /// As CSV in which all but null is quoted; without a header there was an error.
    fn rows(&self, queries: &[String]) -> Vec<Answer> {
        let mut script = String::new();
        for query in queries {
            script.push_str(&format!(
                "\\echo '{MARKER}'\n\\warn '{MARKER}'\n\
                 COPY ({query}) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *);\n"
            ));
        }
        let (output, messages) = run(&mut self.command(), &script);
        let output = String::from_utf8(output).expect("UTF-8");
        let outputs = output.split(MARKER).skip(1);
        let answers: Vec<Answer> = outputs
            .zip(messages.split(MARKER).skip(1))
            .map(|(output, message)| {
                let mut records =
                    csv_records(output.strip_prefix('\n').unwrap_or(output)).into_iter();
                records.next().map(|_| records.collect()).ok_or_else(|| message.trim().to_owned())
            })
            .collect();
        assert_eq!(answers.len(), queries.len(), "psql answered to fewer queries: {messages}");
        answers
    }
}

/// RFC 4180, with fields that are either quoted or null.
fn csv_records(text: &str) -> Vec<Vec<Option<String>>> {
    let mut records = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let mut record = Vec::new();
        loop {
            let (field, after) = csv_field(rest);
            record.push(field);
            rest = after;
            match rest.strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest = rest.strip_prefix('\n').unwrap_or(rest);
        records.push(record);
    }
    records
}

fn csv_field(text: &str) -> (Option<String>, &str) {
    let Some(mut rest) = text.strip_prefix('"') else {
        let end = text.find([',', '\n']).unwrap_or(text.len());
        // The header's names are not quoted.
        let field = (end > 0).then(|| text[..end].to_owned());
        return (field, &text[end..]);
    };
    let mut field = String::new();
    loop {
        let end = rest.find('"').expect("a closing quote");
        field.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return (Some(field), rest),
        }
    }
}

const MARKER_COLUMN: &str = "number of the query";

pub(super) struct MariadbClient {
    pub(super) url: url::Url,
}

impl MariadbClient {
    fn command(&self) -> Command {
        let mut command = Command::new("mariadb");
        let password = self.url.password().unwrap_or_default();
        command
            .args([
                "--no-defaults",
                "--default-character-set=utf8mb4",
                "--binary-as-hex",
                "--protocol=tcp",
            ])
            .arg(format!("--host={}", self.url.host_str().expect("a host")))
            .arg(format!("--port={}", self.url.port().unwrap_or(3306)))
            .arg(format!("--user={}", self.url.username()))
            .env("MYSQL_PWD", password);
        command
    }

    fn must(&self, script: &str) -> Vec<u8> {
        let (output, messages) = run(self.command().arg("--batch"), script);
        assert!(!messages.contains("ERROR"), "{messages}");
        output
    }

    fn server(&self) -> MysqlDialect {
        let output = self.must("SELECT VERSION();\n");
        let text = String::from_utf8(output).expect("UTF-8");
        let version = text.lines().nth(1).expect("a version");
        let mut numbers = version.split(|character: char| !character.is_ascii_digit());
        let mut number = || numbers.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        let version_numbers = (number(), number(), number());
        MysqlDialect { mariadb: version.contains("MariaDB"), version: version_numbers }
    }
}

impl RunsSql for MariadbClient {
    fn dialect(&self) -> Box<dyn Dialect> {
        Box::new(self.server())
    }

    fn prepare(&self, schema: &str, statements: &dyn Fn(&dyn Dialect) -> Vec<String>) {
        let dialect = self.dialect();
        let mut script = format!(
            "SET SESSION time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES';\nCREATE DATABASE `{schema}`;\n"
        );
        for statement in statements(&*dialect) {
            script.push_str(&format!("{statement};\n"));
        }
        self.must(&script);
    }

    fn remove(&self, schema: &str) {
        self.must(&format!("DROP DATABASE `{schema}`;\n"));
    }

    /// As XML, which tells null from text. A query of no rows makes none; an error names its line.
    fn rows(&self, queries: &[String]) -> Vec<Answer> {
        let settings = if self.server().mariadb { MysqlDialect::HASHED_JOINS } else { "" };
        let mut script = format!("SET SESSION {};\n", MysqlDialect::SESSION);
        for (at, query) in queries.iter().enumerate() {
            assert!(!query.contains('\n'), "one line per query");
            script.push_str(&format!("SELECT '{at}' AS `{MARKER_COLUMN}`; {settings}{query};\n"));
        }
        let (output, messages) = run(self.command().args(["--xml", "--force"]), &script);
        let output = String::from_utf8(output).expect("UTF-8");
        let mut answers: Vec<Answer> = vec![Ok(Vec::new()); queries.len()];
        let mut current = None;
        for row in output.split("<row>").skip(1) {
            let fields = xml_fields(row);
            if let [(name, Some(number))] = fields.as_slice()
                && name == MARKER_COLUMN
            {
                current = Some(number.parse::<usize>().expect("a number"));
                continue;
            }
            let answer = &mut answers[current.expect("a marker first")];
            let row = fields.into_iter().map(|(_, field)| field).collect();
            answer.as_mut().expect("no error yet").push(row);
        }
        assert_eq!(
            current,
            queries.len().checked_sub(1),
            "mariadb answered to fewer queries: {messages}"
        );
        for message in messages.lines().filter(|message| message.starts_with("ERROR")) {
            let line: usize = message
                .split_once(" at line ")
                .and_then(|(_, rest)| rest.split(':').next()?.trim().parse().ok())
                .unwrap_or_else(|| panic!("{message}"));
            answers[line - 2] = Err(message.to_owned());
        }
        answers
    }
}

/// The fields of one row, by name.
fn xml_fields(row: &str) -> Vec<(String, Option<String>)> {
    row.split("<field name=\"")
        .skip(1)
        .map(|field| {
            let (name, rest) = field.split_once('"').expect("a name");
            let value = rest.strip_prefix('>').map(|value| {
                let (value, _) = value.split_once("</field>").expect("an end");
                value
                    .replace("&lt;", "<")
                    .replace("&gt;", ">")
                    .replace("&quot;", "\"")
                    .replace("&amp;", "&")
            });
            (name.to_owned(), value)
        })
        .collect()
}

#[test]
fn null_is_not_the_empty_text() {
    let texts = |texts: &[Option<&str>]| -> Vec<Option<String>> {
        texts.iter().map(|text| text.map(str::to_owned)).collect()
    };
    assert_eq!(
        csv_records("c0,c1,c2\n\"a\"\"b\n\",,\"\"\n,,\n"),
        [
            texts(&[Some("c0"), Some("c1"), Some("c2")]),
            texts(&[Some("a\"b\n"), None, Some("")]),
            texts(&[None, None, None]),
        ]
    );
    let fields = xml_fields(
        "\n\t<field name=\"a\">&lt;&amp;lt; </field>\n\t<field name=\"b\" xsi:nil=\"true\" />\n\t<field name=\"c\"></field>\n",
    );
    let expected = [("a", Some("<&lt; ")), ("b", None), ("c", Some(""))];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned)));
    assert_eq!(fields, expected);
}
