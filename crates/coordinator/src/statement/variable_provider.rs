//! Variables in queries: DataFusion asks for the type of `@@x` when it plans and for its value
//! when it makes the physical plan, where the value becomes a literal.
//!
//! datafusion-sql 55.2 passes `@@x` as typed and in one part, `@@session.x` in two parts and in
//! lower case.

use super::evaluate::read;
use super::variable_value::VariableValue;
use super::variables::Variables;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::error::{DataFusionError, Result};
use datafusion::variable::VarProvider;

/// A session's variables as they were when the statement began. It is registered for both
/// `VarType::System` and `VarType::UserDefined`.
#[derive(Debug)]
pub struct VariableProvider {
    variables: Variables,
}

impl VariableProvider {
    pub fn new(variables: &Variables) -> Self {
        Self { variables: variables.clone() }
    }

    fn read(&self, names: &[String]) -> mooring_spi::Result<VariableValue> {
        let parts: Vec<&str> = names.iter().map(String::as_str).collect();
        read(&self.variables, &parts)
    }
}

impl VarProvider for VariableProvider {
    fn get_value(&self, names: Vec<String>) -> Result<ScalarValue> {
        let value =
            self.read(&names).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(match value {
            VariableValue::Null => ScalarValue::Utf8(None),
            VariableValue::Bool(on) => ScalarValue::Int64(Some(i64::from(on))),
            VariableValue::Int(number) => ScalarValue::Int64(Some(number)),
            VariableValue::UInt(number) => ScalarValue::UInt64(Some(number)),
            VariableValue::Double(number) => ScalarValue::Float64(Some(number)),
            VariableValue::Text(text) => ScalarValue::Utf8(Some(text)),
        })
    }

    /// An unknown variable has a type too, so that its error comes from `get_value` and names it.
    fn get_type(&self, names: &[String]) -> Option<DataType> {
        Some(match self.read(names) {
            Ok(VariableValue::Bool(_) | VariableValue::Int(_)) => DataType::Int64,
            Ok(VariableValue::UInt(_)) => DataType::UInt64,
            Ok(VariableValue::Double(_)) => DataType::Float64,
            Ok(VariableValue::Null | VariableValue::Text(_)) | Err(_) => DataType::Utf8,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;
    use datafusion::sql::parser::Statement as PlannedStatement;
    use datafusion::variable::VarType;
    use std::sync::Arc;

    async fn answer(variables: &Variables, sql: &str) -> Result<String> {
        let context = SessionContext::new();
        let provider = Arc::new(VariableProvider::new(variables));
        context.register_variable(VarType::System, provider.clone());
        context.register_variable(VarType::UserDefined, provider);
        let super::super::Statement::Query(query) = super::super::parse(sql).expect("a query")
        else {
            panic!("no query: {sql}")
        };
        let mut query = query.query;
        super::super::make_unique(&mut query);
        let statement = sqlparser::ast::Statement::Query(query);
        let state = context.state();
        let plan =
            state.statement_to_plan(PlannedStatement::Statement(Box::new(statement))).await?;
        let batches = context.execute_logical_plan(plan).await?.collect().await?;
        let table = pretty_format_batches(&batches)?.to_string();
        let row = table.lines().nth(3).unwrap_or_default().to_owned();
        Ok(row
            .split('|')
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[tokio::test]
    async fn variables_plan_in_every_form() {
        let mut variables = Variables::default();
        variables.set_user("X", VariableValue::Int(41)).expect("room");
        for (sql, expected) in [
            ("SELECT @@max_allowed_packet, @@autocommit", "67108864 1"),
            ("SELECT @@session.autocommit, @@SESSION.AutoCommit", "1 1"),
            ("SELECT @@GLOBAL.time_zone, @@system_time_zone AS tz", "SYSTEM UTC"),
            ("SELECT @x + 1, @unset IS NULL", "42 true"),
            ("SELECT @@sql_select_limit", "18446744073709551615"),
            ("SELECT @@tx_isolation, @@transaction_isolation", "REPEATABLE-READ REPEATABLE-READ"),
            ("select @@lower_case_table_names limit 1", "0"),
        ] {
            let found = answer(&variables, sql).await;
            assert_eq!(found.unwrap_or_else(|error| panic!("{sql}: {error}")), expected, "{sql}");
        }
    }

    #[tokio::test]
    async fn an_unknown_variable_is_named() {
        for sql in
            ["SELECT @@max_alowed_packet", "SELECT @@session.max_alowed_packet", "SELECT @@a.b"]
        {
            let error = answer(&Variables::default(), sql).await.expect_err(sql);
            let error = mooring_engine::from_datafusion(&error);
            assert_eq!(error.kind(), mooring_spi::ErrorKind::UnknownVariable, "{sql}");
        }
    }
}
