//! `mysql_async`: what `tests/clients/drivers.py` asks of a driver.

#![expect(clippy::print_stdout, reason = "its answers are lines of standard output")]

use std::error::Error;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Params, Row, SslOpts, Value};

const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);
/// How `parameters.tsv` writes NULL.
const NULL: &str = "\\N";

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcomes = [
        report("right password", right_password().await),
        report("wrong password", wrong_password().await),
        report("current database", current_database().await),
        report("types", types().await),
        report("five executions", five_executions().await),
        report("time limit", time_limit().await),
        report("cancel", cancel().await),
    ];
    if outcomes.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn report(check: &str, outcome: Result) -> bool {
    match &outcome {
        Ok(()) => println!("ok\t{check}"),
        Err(error) => println!("failed\t{check}\t{}", escaped(&error.to_string())),
    }
    outcome.is_ok()
}

fn told(name: &str) -> Result<String> {
    let variable = format!("MOORING_TEST_{name}");
    std::env::var(&variable).map_err(|error| format!("{variable}: {error}").into())
}

fn lines(file: &str) -> Result<Vec<Vec<String>>> {
    let text = std::fs::read_to_string(format!("{}/{file}", told("FOLDER")?))?;
    Ok(text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect())
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r")
}

async fn open(password: &str, database: Option<String>) -> Result<Conn> {
    let tls = (told("TLS")? == "yes").then(|| {
        SslOpts::default()
            .with_danger_accept_invalid_certs(true)
            .with_danger_skip_domain_validation(true)
    });
    let options = OptsBuilder::default()
        .ip_or_hostname(told("HOST")?)
        .tcp_port(told("PORT")?.parse()?)
        .user(Some(told("USER")?))
        .pass(Some(password))
        .db_name(database)
        .prefer_socket(false)
        .ssl_opts(tls);
    Ok(Conn::new(options).await?)
}

async fn open_well() -> Result<Conn> {
    open(&told("PASSWORD")?, None).await
}

async fn expect_seven(connection: &mut Conn) -> Result {
    let rows: Vec<i64> = connection.query("SELECT 7").await?;
    expect(&rows, &vec![7])
}

fn expect<T: PartialEq + std::fmt::Debug>(got: &T, wanted: &T) -> Result {
    if got == wanted { Ok(()) } else { Err(format!("{got:?} instead of {wanted:?}").into()) }
}

fn expect_error<T: std::fmt::Debug>(
    number: u16,
    outcome: std::result::Result<T, mysql_async::Error>,
) -> Result {
    match outcome {
        Err(mysql_async::Error::Server(error)) if error.code == number => Ok(()),
        other => Err(format!("{other:?} instead of error {number}").into()),
    }
}

async fn right_password() -> Result {
    for _ in 0..2 {
        let mut connection = open_well().await?;
        expect_seven(&mut connection).await?;
        connection.disconnect().await?;
    }
    Ok(())
}

async fn wrong_password() -> Result {
    for password in ["wrong", ""] {
        match open(password, None).await {
            Ok(_) => return Err("logged in".into()),
            Err(error) => match error.downcast::<mysql_async::Error>() {
                Ok(error) => expect_error::<()>(1045, Err(*error))?,
                Err(other) => return Err(other),
            },
        }
    }
    Ok(())
}

async fn current_database() -> Result {
    let database = told("DATABASE")?;
    let mut connection = open(&told("PASSWORD")?, Some(database.clone())).await?;
    let got: Option<String> = connection.query_first("SELECT DATABASE()").await?;
    expect(&got, &Some(database))
}

async fn types() -> Result {
    let mut connection = open_well().await?;
    for protocol in ["text", "binary"] {
        for case in lines("cases.tsv")? {
            let [name, sql] = case.as_slice() else {
                return Err(format!("not a case: {case:?}").into());
            };
            let facets = match value(&mut connection, sql, protocol == "binary").await {
                Ok(facets) => facets,
                Err(error) => format!("error={}", escaped(&error.to_string())),
            };
            println!("value\t{protocol}\t{name}\t{facets}");
        }
    }
    Ok(())
}

async fn value(connection: &mut Conn, sql: &str, prepared: bool) -> Result<String> {
    let row: Option<Row> = if prepared {
        connection.exec_first(sql, ()).await?
    } else {
        connection.query_first(sql).await?
    };
    let row = row.ok_or("no row")?;
    let columns = row.columns();
    let column = columns.first().ok_or("no column")?;
    let mut facets = format!(
        "type={:?}\tcharset={}\tlength={}\tdecimals={}\tflags={:#06x}\tvalue=",
        column.column_type(),
        column.character_set(),
        column.column_length(),
        column.decimals(),
        column.flags().bits(),
    );
    match row.as_ref(0).ok_or("no value")? {
        Value::Bytes(bytes) => write!(facets, "{}", bytes.escape_ascii())?,
        other => write!(facets, "{}", escaped(&format!("{other:?}")))?,
    }
    Ok(facets)
}

async fn five_executions() -> Result {
    let mut connection = open_well().await?;
    let statement = connection.prep(told("PREPARED")?).await?;
    for row in lines("parameters.tsv")? {
        let mut parameters: Vec<Value> = row
            .iter()
            .map(|text| if text == NULL { Value::NULL } else { Value::from(text.as_str()) })
            .collect();
        if let (Some(first), Some(text)) =
            (parameters.first_mut(), row.first().filter(|text| *text != NULL))
        {
            *first = Value::Int(text.parse()?);
        }
        let got: Option<Row> =
            connection.exec_first(&statement, Params::Positional(parameters)).await?;
        let got: Vec<String> = got.ok_or("no row")?.unwrap().into_iter().map(text_of).collect();
        expect(&got, &row)?;
    }
    connection.close(statement).await?;
    Ok(())
}

fn text_of(value: Value) -> String {
    match value {
        Value::NULL => NULL.into(),
        Value::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::Date(year, month, day, 0, 0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        other => format!("{other:?}"),
    }
}

async fn time_limit() -> Result {
    let mut connection = open_well().await?;
    connection.query_drop(told("LIMIT")?).await?;
    let outcome = connection.query::<i64, _>(told("LONG")?).await;
    expect_error(told("LIMIT_ERROR")?.parse()?, outcome)?;
    await_running(false).await?;
    expect_seven(&mut connection).await
}

/// The driver has no way of its own but KILL.
async fn cancel() -> Result {
    let mut connection = open_well().await?;
    let id: Option<u64> = connection.query_first("SELECT CONNECTION_ID()").await?;
    let long = told("LONG")?;
    let running = tokio::spawn(async move {
        let outcome = connection.query::<i64, _>(long).await;
        (connection, outcome)
    });
    await_running(true).await?;
    let mut other = open_well().await?;
    other.query_drop(format!("KILL QUERY {}", id.ok_or("no CONNECTION_ID()")?)).await?;
    let (mut connection, outcome) = tokio::time::timeout(PATIENCE, running).await??;
    expect_error(1317, outcome)?;
    await_running(false).await?;
    expect_seven(&mut connection).await
}

/// Until the process list has the long statement, or has it no more.
async fn await_running(wanted: bool) -> Result {
    let marker = told("MARKER")?;
    let mut connection = open_well().await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let rows: Vec<Row> = connection.query("SHOW FULL PROCESSLIST").await?;
        let statements = rows.iter().filter_map(|row| row.get::<Option<String>, _>(7).flatten());
        if statements.into_iter().any(|sql| sql.contains(&marker)) == wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(format!("the process list does not come to running: {wanted}").into());
        }
        tokio::time::sleep(POLL).await;
    }
}
