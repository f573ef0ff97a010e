//! What a door tells its client of a session beside the answers: its status, and what has changed
//! of it (MySQL 8.0 reference manual, section 5.1.18 "Server Tracking of Client Session State").

use super::Session;
use crate::statement::{
    Assignment, Scope, SqlMode, Statement, Transaction, VariableValue, Variables, apply,
    statement_places,
};
use mooring_spi::Result;
use std::ops::Range;

/// How a session stands after its last statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionState {
    pub autocommit: bool,
    /// A transaction was begun. It has no effect, but a driver asks whether it did what it said.
    pub in_transaction: bool,
    /// The modes in which the next statement is read.
    pub sql_mode: SqlMode,
    /// Those of the last statement.
    pub warnings: u16,
}

/// What has changed of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionChanges {
    /// The current database, after it was chosen.
    pub database: Option<String>,
    /// System variables by name, of those that `session_track_system_variables` names.
    pub variables: Vec<(String, String)>,
}

impl SessionChanges {
    pub fn is_empty(&self) -> bool {
        self.database.is_none() && self.variables.is_empty()
    }
}

/// What a session follows of itself for its door.
#[derive(Debug)]
pub(super) struct Tracker {
    state: SessionState,
    /// The variables as the client knows them, where they have changed since.
    known: Option<Variables>,
    database_chosen: bool,
    /// The warnings that are kept are of an earlier statement.
    warnings_shown: bool,
}

impl Tracker {
    pub(super) fn new(variables: &Variables) -> Self {
        let state = SessionState {
            autocommit: true,
            in_transaction: false,
            sql_mode: SqlMode::default(),
            warnings: 0,
        };
        let mut tracker =
            Self { state, known: None, database_chosen: false, warnings_shown: false };
        tracker.read(variables);
        tracker
    }

    fn read(&mut self, variables: &Variables) {
        self.state.autocommit = variables.int("autocommit").is_ok_and(|on| on != 0);
        self.state.sql_mode = variables.sql_mode();
        if self.state.autocommit {
            // MySQL commits when it is switched on.
            self.state.in_transaction = false;
        }
    }

    pub(super) fn choose_database(&mut self) {
        self.database_chosen = true;
    }

    /// Warnings from now on are those of the statement that begins.
    pub(super) fn begin_warnings(&mut self) {
        self.warnings_shown = false;
    }

    /// Called with each statement, before it runs.
    pub(super) fn begin(&mut self, statement: &Statement) {
        self.warnings_shown = matches!(statement, Statement::Show(show) if show.is_diagnostic());
        let begins = matches!(statement, Statement::Transaction(Transaction::Begin));
        let ends = matches!(
            statement,
            Statement::Transaction(Transaction::Commit | Transaction::Rollback)
                | Statement::CreateSchema { .. }
                | Statement::DropSchema { .. }
                | Statement::CreateExternalTable(_)
                | Statement::DropTable { .. }
                | Statement::Catalogs(_)
        );
        if begins || ends {
            self.state.in_transaction = begins;
        }
    }
}

impl Session {
    pub fn state(&self) -> SessionState {
        let warnings = match self.tracker.warnings_shown {
            true => 0,
            false => u16::try_from(self.warnings.len()).unwrap_or(u16::MAX),
        };
        SessionState { warnings, ..self.tracker.state }
    }

    /// What has changed since the last call, as far as the session's variables
    /// `session_track_schema` and `session_track_system_variables` want it told.
    pub fn take_changes(&mut self) -> SessionChanges {
        let mut changes = SessionChanges::default();
        if std::mem::take(&mut self.tracker.database_chosen)
            && self.variables.int("session_track_schema").is_ok_and(|on| on != 0)
        {
            changes.database = self.database_label();
        }
        if let Some(known) = self.tracker.known.take() {
            changes.variables = changed(&known, &self.variables);
        }
        changes
    }

    /// Where the statements of a text stand in it.
    pub async fn statements(&self, text: &str) -> Vec<Range<usize>> {
        let mode = self.tracker.state.sql_mode;
        let Ok(_admitted) = self.hub.long_statement(text.len()).await else {
            // Who runs the whole of it is told.
            return std::iter::once(0..text.len()).collect();
        };
        match text.len() > super::SHORT_BYTES {
            // The thread's other connections go on elsewhere meanwhile.
            true => tokio::task::block_in_place(|| statement_places(text, mode)),
            false => statement_places(text, mode),
        }
    }

    /// Variables, warnings and transaction as at the start of the session; the current database
    /// stays (MySQL 8.0 C API Developer Guide, `mysql_reset_connection()`).
    pub fn reset(&mut self) {
        let before = self.variables.clone();
        self.variables.restart();
        self.variables_changed(before);
        self.warnings.clear();
        self.tracker.state.in_transaction = false;
    }

    /// Ends a connection, as `KILL` does.
    ///
    /// # Errors
    /// As [`super::SessionHub::kill`].
    pub fn end_connection(&self, connection_id: u32) -> Result<()> {
        self.hub.kill(connection_id, false, &self.client)
    }

    pub(super) fn assign(&mut self, assignments: &[Assignment]) -> Result<()> {
        let before = self.variables.clone();
        apply(&mut self.variables, assignments)?;
        self.variables_changed(before);
        Ok(())
    }

    fn variables_changed(&mut self, before: Variables) {
        self.tracker.known.get_or_insert(before);
        self.tracker.read(&self.variables);
    }
}

/// The tracked variables that have another value than `known`.
fn changed(known: &Variables, now: &Variables) -> Vec<(String, String)> {
    let tracked = now.text("session_track_system_variables").unwrap_or_default();
    let shown = |value: VariableValue| value.shown().unwrap_or_default();
    if tracked.trim() == "*" {
        let before = known.all(Scope::Session);
        let after = now.all(Scope::Session);
        return before
            .into_iter()
            .zip(after)
            .filter(|((_, before), (_, after))| before != after)
            .map(|(_, (name, value))| (name.to_owned(), shown(value)))
            .collect();
    }
    tracked
        .split(',')
        .map(str::trim)
        .filter_map(|name| {
            // A name that there is no variable of has no value to tell.
            let before = known.get(Scope::Session, name).ok()?;
            let after = now.get(Scope::Session, name).ok()?;
            (before != after).then(|| (name.to_owned(), shown(after)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        Variables::default()
    }

    /// The default of `session_track_system_variables`, MySQL 8.0 reference manual.
    #[test]
    fn tracked_variables_are_told_when_they_change() {
        let before = variables();
        let mut after = variables();
        after.set(Scope::Session, "time_zone", VariableValue::Text("+02:00".into())).expect("set");
        after.set(Scope::Session, "autocommit", VariableValue::Bool(false)).expect("set");
        after.set(Scope::Session, "batch_size", VariableValue::Int(100)).expect("set");
        let expected = [("time_zone", "+02:00"), ("autocommit", "OFF")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(changed(&before, &after), expected);
        assert_eq!(changed(&after, &after), []);
    }

    #[test]
    fn a_star_tracks_all() {
        let mut before = variables();
        let name = "session_track_system_variables";
        before.set(Scope::Session, name, VariableValue::Text("*".into())).expect("set");
        let mut after = before.clone();
        after.set(Scope::Session, "batch_size", VariableValue::Int(100)).expect("set");
        assert_eq!(changed(&before, &after), [("batch_size".to_owned(), "100".to_owned())]);
    }

    /// MySQL 8.0 reference manual, sections 13.3.1 and 13.3.3: what begins and what ends a
    /// transaction.
    #[test]
    fn transactions_are_followed() {
        let parse = |sql| crate::statement::parse(sql).expect("a statement");
        let mut tracker = Tracker::new(&variables());
        for (sql, expected) in [
            ("SELECT 1", false),
            ("START TRANSACTION", true),
            ("SELECT 1", true),
            ("COMMIT", false),
            ("BEGIN", true),
            ("CREATE DATABASE x", false),
            ("BEGIN", true),
            ("ROLLBACK", false),
        ] {
            tracker.begin(&parse(sql));
            assert_eq!(tracker.state.in_transaction, expected, "{sql}");
        }
    }
}
