//! The functions that know the session: their values are constants of one statement, folded into
//! the plan before any of it reaches a worker.

use super::{Session, clock};
use crate::mysql::SERVER_VERSION;
use arrow::datatypes::DataType;
use chrono::Utc;
use datafusion::common::ScalarValue;
use datafusion::error::Result as PlannerResult;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use mooring_engine::SessionFunctions;
use std::sync::Arc;

/// A function without arguments that has one value during a statement.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> PlannerResult<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _arguments: ScalarFunctionArgs) -> PlannerResult<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

impl Session {
    /// MySQL 8.0 Reference Manual, section 14.15 "Information Functions".
    pub(super) fn functions(&self, time_zone: &str) -> SessionFunctions {
        let now = Utc::now();
        let time_zone = time_zone.to_owned();
        let client = self.client.clone();
        let database = self.database_label();
        Arc::new(move || {
            let text = |value: Option<String>| ScalarValue::Utf8(value);
            let login = format!("{}@{}", client.user, client.address.ip().to_canonical());
            let account = format!("{}@{}", client.user, client.account_host);
            let values = [
                ("database", text(database.clone())),
                ("schema", text(database.clone())),
                ("user", text(Some(login.clone()))),
                ("session_user", text(Some(login.clone()))),
                ("system_user", text(Some(login))),
                ("current_user", text(Some(account))),
                ("connection_id", ScalarValue::UInt64(Some(client.connection_id.into()))),
                ("version", text(Some(SERVER_VERSION.to_string()))),
            ];
            let function = |(name, value)| {
                let signature = Signature::nullary(Volatility::Stable);
                Arc::new(ScalarUDF::from(Constant { name, value, signature }))
            };
            let constants = values.into_iter().map(function);
            constants.chain(clock::functions(now, &time_zone)).collect()
        })
    }
}
