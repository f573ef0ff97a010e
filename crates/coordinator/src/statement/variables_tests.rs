use super::*;

fn text(text: &str) -> VariableValue {
    VariableValue::text(text)
}

fn session(variables: &Variables, name: &str) -> VariableValue {
    variables.get(Scope::Session, name).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_session_begins_with_the_servers_values() {
    let server = ServerVariables::new([
        ("port", VariableValue::Int(3400)),
        ("wait_timeout", VariableValue::Int(60)),
    ]);
    let mut variables = Variables::new(Arc::new(server.expect("known values")));
    assert_eq!(session(&variables, "PORT"), VariableValue::Int(3400));
    variables.set(Scope::Session, "wait_timeout", VariableValue::Int(5)).expect("a session's");
    assert_eq!(session(&variables, "wait_timeout"), VariableValue::Int(5));
    let global = variables.get(Scope::Global, "wait_timeout").expect("known");
    assert_eq!(global, VariableValue::Int(60));
    variables.reset(Scope::Session, "wait_timeout").expect("a session's");
    assert_eq!(session(&variables, "wait_timeout"), VariableValue::Int(60));
}

// The accepted forms: MySQL 8.0 reference manual, section 5.1.8, and its errors 1193, 1231, 1238.
#[test]
fn values_are_brought_into_form() {
    let mut variables = Variables::default();
    for (name, value, expected) in [
        ("autocommit", text("off"), VariableValue::Bool(false)),
        ("autocommit", VariableValue::Int(1), VariableValue::Bool(true)),
        ("net_write_timeout", VariableValue::Int(-5), VariableValue::Int(1)),
        ("sql_select_limit", VariableValue::UInt(u64::MAX), VariableValue::UInt(u64::MAX)),
        ("sql_select_limit", VariableValue::Int(7), VariableValue::UInt(7)),
        ("sql_mode", text("strict_trans_tables"), text("STRICT_TRANS_TABLES")),
        ("time_zone", text("+5:30"), text("+05:30")),
        ("time_zone", text("system"), text("SYSTEM")),
        ("time_zone", text("Europe/Berlin"), text("Europe/Berlin")),
        ("transaction_isolation", text("read-committed"), text("READ-COMMITTED")),
        ("tx_isolation", VariableValue::Int(3), text("SERIALIZABLE")),
        ("character_set_results", VariableValue::Null, VariableValue::Null),
        ("character_set_client", text("utf8"), text("utf8mb3")),
        ("session_track_transaction_info", text("state"), text("STATE")),
        ("target_partitions", VariableValue::Int(12), VariableValue::Int(12)),
    ] {
        variables.set(Scope::Session, name, value).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(session(&variables, name), expected, "{name}");
    }
}

#[test]
fn wrong_changes_say_why() {
    let mut variables = Variables::default();
    let mut refused = |scope, name, value| {
        let error = variables.set(scope, name, value).expect_err(name);
        (error.kind(), error.message().to_owned())
    };
    let (kind, message) = refused(Scope::Session, "autocomit", VariableValue::Int(1));
    assert_eq!(kind, ErrorKind::UnknownVariable);
    assert!(message.contains("did you mean `autocommit`?"), "{message}");
    let (kind, message) = refused(Scope::Session, "autocommit", text("maybe"));
    assert_eq!(kind, ErrorKind::WrongVariableValue);
    assert_eq!(message, "variable `autocommit` can't be set to the value of `maybe`");
    for (scope, name, value, expected) in [
        (Scope::Session, "version", text("9"), ErrorKind::ReadOnlyVariable),
        (Scope::Global, "version", text("9"), ErrorKind::ReadOnlyVariable),
        (Scope::Session, "init_connect", text(""), ErrorKind::GlobalVariable),
        (Scope::Global, "wait_timeout", VariableValue::Int(1), ErrorKind::Unsupported),
        (Scope::Session, "time_zone", text("Mars/Base"), ErrorKind::UnknownTimeZone),
        (Scope::Session, "time_zone", text("+15:00"), ErrorKind::UnknownTimeZone),
        (Scope::Session, "character_set_client", text("latin1"), ErrorKind::UnknownCharacterSet),
        (
            Scope::Session,
            "character_set_client",
            VariableValue::Null,
            ErrorKind::WrongVariableValue,
        ),
        (Scope::Session, "wait_timeout", text("x"), ErrorKind::WrongVariableValue),
    ] {
        assert_eq!(refused(scope, name, value).0, expected, "{name}");
    }
}

#[test]
fn names_set_four_variables_at_once() {
    let mut variables = Variables::default();
    variables.set_names(Some("UTF8MB4"), Some("utf8mb4_unicode_ci")).expect("known names");
    assert_eq!(session(&variables, "collation_connection"), text("utf8mb4_unicode_ci"));
    variables.set_names(Some("utf8"), None).expect("a known name");
    assert_eq!(session(&variables, "character_set_results"), text("utf8mb3"));
    assert_eq!(session(&variables, "collation_connection"), text("utf8mb3_bin"));
    variables.set_character_set(None).expect("the default");
    assert_eq!(session(&variables, "character_set_connection"), text("utf8mb4"));
    assert!(variables.set_names(Some("latin1"), None).is_err());
    assert!(variables.set_names(Some("utf8mb4"), Some("utf8mb3_bin")).is_err());
}

#[test]
fn user_variables_are_bounded() {
    let mut variables = Variables::default();
    assert_eq!(variables.user("x"), VariableValue::Null);
    variables.set_user("X", VariableValue::Int(1)).expect("room");
    assert_eq!(variables.user("x"), VariableValue::Int(1));
    for number in 1..USER_VARIABLES_MAX {
        variables.set_user(&format!("v{number}"), VariableValue::Null).expect("room");
    }
    let full = variables.set_user("one_more", VariableValue::Null).expect_err("no room");
    assert_eq!(full.kind(), ErrorKind::LimitExceeded);
    variables.set_user("x", VariableValue::Int(2)).expect("its own place");
    let large = text(&"x".repeat(USER_VARIABLE_BYTES_MAX + 1));
    assert!(variables.set_user("x", large).is_err());
}

#[test]
fn sql_mode_tells_how_to_read() {
    let mut variables = Variables::default();
    assert_eq!(variables.sql_mode(), SqlMode::default());
    variables.set(Scope::Session, "sql_mode", text("ANSI")).expect("a mode");
    assert!(variables.sql_mode().ansi_quotes);
}

#[test]
fn all_are_listed_by_name() {
    let all = Variables::default().all(Scope::Session);
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(all.iter().any(|(name, _)| *name == "tx_isolation"));
}
