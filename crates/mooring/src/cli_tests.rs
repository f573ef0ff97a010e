use super::*;

fn arguments(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

fn parsed(line: &str) -> Invocation {
    parse(arguments(line)).map_err(|error| error.to_string()).expect("a right command line")
}

fn refused(line: &str) -> String {
    parse(arguments(line)).err().expect("a wrong command line").to_string()
}

fn settings(invocation: &Invocation) -> Vec<(&str, &str, &str)> {
    let flags = invocation.flags.iter();
    flags.map(|flag| (flag.name, flag.key.as_str(), flag.value.as_str())).collect()
}

#[test]
fn the_definition_is_consistent() {
    CommandLine::command().debug_assert();
}

#[test]
fn no_command_is_all_in_one() {
    let invocation = parsed("mooring --ready-file ready.json");
    assert_eq!(invocation.command, Command::AllInOne);
    assert_eq!(invocation.ready_file, Some("ready.json".into()));
    assert_eq!(invocation.config, None);
}

#[test]
fn shared_flags_count_before_and_after_the_command() {
    let invocation = parsed("mooring --set a.b=1 --config f coordinator --set c.d=x=y");
    assert_eq!(invocation.command, Command::Coordinator);
    assert_eq!(invocation.config, Some("f".into()));
    assert_eq!(settings(&invocation), [("--set", "a.b", "1"), ("--set", "c.d", "x=y")]);
    assert!(refused("mooring --config f worker --config g").contains("`--config` stands twice"));
    assert!(refused("mooring --set a.b").contains("KEY=VALUE"));
}

#[test]
fn a_worker_has_several_coordinators() {
    let invocation =
        parsed("mooring worker --coordinator a:1 --set worker.coordinators=c:3 --coordinator b:2");
    assert_eq!(invocation.command, Command::Worker);
    let last = ("--coordinator", "worker.coordinators", "a:1,b:2");
    assert_eq!(settings(&invocation).last(), Some(&last));
    assert!(parsed("mooring worker").flags.is_empty());
    assert!(refused("mooring worker --coordinator a").contains("HOST:PORT"));
}

#[test]
fn the_ready_file_is_for_roles() {
    assert!(parsed("mooring worker --ready-file r").ready_file.is_some());
    assert!(refused("mooring --ready-file r user list").contains("for the roles"));
    assert!(refused("mooring config --ready-file r").contains("--ready-file"));
}

#[test]
fn tpch_load() {
    let line = "mooring tpch load --scale 0.1 --into lake.sf1 --files 4 --location s3://b/p";
    let into = SchemaTarget { catalog: "lake".to_owned(), schema: "sf1".to_owned() };
    let location = Some("s3://b/p".to_owned());
    let load = TpchLoad { scale: 0.1, into, files: NonZeroU32::new(4), location };
    assert_eq!(parsed(line).command, Command::TpchLoad(load));
    for wrong in ["0", "-1", "NaN", "inf", "big"] {
        let text = refused(&format!("mooring tpch load --into lake.sf1 --scale={wrong}"));
        assert!(text.contains("a number above 0"), "{text}");
    }
    for wrong in ["lake", "lake.", ".sf1", "a.b.c"] {
        let text = refused(&format!("mooring tpch load --scale 1 --into {wrong}"));
        assert!(text.contains("`CATALOG.SCHEMA`"), "{text}");
    }
}

#[test]
fn a_user_is_added_with_exactly_one_password_source() {
    let add = |rest: &str| match parsed(&format!("mooring user add alice {rest}")).command {
        Command::UserAdd(add) => add,
        other => panic!("not a user: {other:?}"),
    };
    let user = add("--password-env SECRET --admin --plugin mysql_native_password");
    assert_eq!((user.name.as_str(), user.host.as_str()), ("alice", "%"));
    assert_eq!(user.password(), PasswordSource::Environment("SECRET"));
    assert!(user.admin);
    assert_eq!(user.plugin, AuthenticationPlugin::MysqlNativePassword);

    let user = add("--password-stdin --host 10.%");
    assert_eq!(user.host, "10.%");
    assert_eq!(user.password(), PasswordSource::StandardInput);
    assert!(!user.admin);
    assert_eq!(user.plugin, AuthenticationPlugin::CachingSha2Password);
    assert_eq!(add("--no-password").password(), PasswordSource::NoPassword);

    refused("mooring user add alice");
    refused("mooring user add alice --no-password --password-stdin");
}

#[test]
fn a_password_has_exactly_one_source() {
    match parsed("mooring user password alice --host 10.% --password-env SECRET").command {
        Command::UserPassword(password) => {
            assert_eq!(password.user.host.as_deref(), Some("10.%"));
            assert_eq!(password.password(), PasswordSource::Environment("SECRET"));
        }
        other => panic!("not a password: {other:?}"),
    }
    refused("mooring user password alice");
}

#[test]
fn the_other_commands() {
    assert_eq!(parsed("mooring user list").command, Command::UserList);
    for (line, host) in [
        ("mooring user remove alice --host localhost", Some("localhost".to_owned())),
        ("mooring user drop alice", None),
    ] {
        let user = UserName { name: "alice".to_owned(), host };
        assert_eq!(parsed(line).command, Command::UserRemove(user));
    }
    let invocation = parsed("mooring config --set log.filter=debug");
    assert_eq!(invocation.command, Command::Config);
    assert_eq!(settings(&invocation), [("--set", "log.filter", "debug")]);
    assert!(refused("mooring --version").contains(env!("CARGO_PKG_VERSION")));
}
