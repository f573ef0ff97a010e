//! The command line. It only says what was asked for; what that needs is decided elsewhere.
//!
//! The flags that every command takes may stand before and after the command's name. They are
//! not clap's global arguments, of which the later place silently replaces the earlier one
//! (`mooring --set a=1 worker --set b=2` would lose `a`): here both count.

use crate::config::{Flag, check_host_port};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use mooring_state::ANY_HOST;
use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// More than the largest scale that TPC-H knows.
const SCALE_MAX: f64 = 1_000_000.0;

/// What was asked for. Has no `Debug`: a flag's value may be a secret.
pub(crate) struct Invocation {
    pub(crate) command: Command,
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// Every `--set`, then the role's own flags.
    pub(crate) flags: Vec<Flag>,
    /// For the roles only.
    pub(crate) ready_file: Option<PathBuf>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    AllInOne,
    Coordinator,
    Worker,
    TpchLoad(TpchLoad),
    UserAdd(UserAdd),
    UserList,
    UserRemove(UserName),
    UserPassword(UserPassword),
    Config,
}

/// # Errors
/// What clap has to say: a wrong command line, or the text of `--help` or `--version`.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Invocation, clap::Error> {
    let CommandLine { before, command } = CommandLine::try_parse_from(arguments)?;
    let (after, own_flags, command) = match command {
        Some(subcommand) => subcommand.into_parts(),
        None => (RoleArguments::default(), Vec::new(), Command::AllInOne),
    };
    let ready_file = one("--ready-file", before.ready_file, after.ready_file)?;
    if ready_file.is_some() && !command.is_role() {
        return Err(refuse("`--ready-file` is for the roles: `mooring`, `coordinator`, `worker`"));
    }
    let config = one("--config", before.shared.config, after.shared.config)?;
    let mut flags = before.shared.set;
    flags.extend(after.shared.set);
    flags.extend(own_flags);
    Ok(Invocation { command, config, flags, ready_file })
}

/// A flag that takes one value, of the two places where it may stand.
fn one<T>(name: &str, before: Option<T>, after: Option<T>) -> Result<Option<T>, clap::Error> {
    if before.is_some() && after.is_some() {
        return Err(refuse(&format!("`{name}` stands twice; write it once")));
    }
    Ok(before.or(after))
}

fn refuse(message: &str) -> clap::Error {
    CommandLine::command().error(ErrorKind::ArgumentConflict, message)
}

impl Command {
    fn is_role(&self) -> bool {
        match self {
            Command::AllInOne | Command::Coordinator | Command::Worker => true,
            Command::TpchLoad(_)
            | Command::UserAdd(_)
            | Command::UserList
            | Command::UserRemove(_)
            | Command::UserPassword(_)
            | Command::Config => false,
        }
    }
}

/// A federated SQL query engine that runs where the data is.
///
/// Without a command: a whole cluster in one process, for a laptop. It answers MySQL clients on
/// 127.0.0.1:3307 (user `root`, no password) and keeps its state in `./mooring-data`.
#[derive(Parser)]
#[command(
    name = "mooring",
    version,
    after_help = "Example:\n  mooring --set coordinator.mysql.listen=127.0.0.1:3306"
)]
struct CommandLine {
    #[command(flatten)]
    before: RoleArguments,
    #[command(subcommand)]
    command: Option<Subcommands>,
}

#[derive(Args, Default)]
struct Shared {
    /// The configuration file [default: `mooring.toml` in the working folder, if there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets one setting, over file and environment; may be repeated. `mooring config` lists them.
    /// Others on this machine see the command line: give a secret as `env:NAME` or `file:PATH`
    #[arg(long, value_name = "KEY=VALUE", value_parser = assignment)]
    set: Vec<Flag>,
}

#[derive(Args, Default)]
struct RoleArguments {
    #[command(flatten)]
    shared: Shared,
    /// A JSON file with the bound addresses, written when everything listens
    #[arg(long, value_name = "PATH")]
    ready_file: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Subcommands {
    /// Starts a coordinator: plans queries and answers clients
    #[command(after_help = "Example:\n  mooring coordinator --config /etc/mooring.toml")]
    Coordinator {
        #[command(flatten)]
        role: RoleArguments,
    },
    /// Starts a worker that joins a cluster
    #[command(after_help = "Example:\n  mooring worker --coordinator coordinator.example:50061")]
    Worker {
        #[command(flatten)]
        role: RoleArguments,
        /// The internal address of a coordinator; may be repeated, and a name may resolve to
        /// several addresses [default: the setting `worker.coordinators`]
        #[arg(long = "coordinator", value_name = "HOST:PORT", value_parser = check_host_port)]
        coordinators: Vec<String>,
    },
    /// Makes TPC-H tables
    #[command(subcommand)]
    Tpch(Tpch),
    /// Manages the users who may log in
    #[command(subcommand)]
    User(User),
    /// Prints every setting, its value and what it does, as a configuration file
    #[command(after_help = "Example:\n  mooring config > mooring.toml")]
    Config {
        #[command(flatten)]
        shared: Shared,
    },
}

#[derive(Subcommand)]
enum Tpch {
    /// Generates the eight tables into a schema
    #[command(after_help = "Example:\n  mooring tpch load --scale 1 --into lake.sf1")]
    Load {
        #[command(flatten)]
        shared: Shared,
        #[command(flatten)]
        load: TpchLoad,
    },
}

#[derive(Subcommand)]
enum User {
    /// Adds a user, with exactly one way to give the password
    #[command(
        after_help = "Example:\n  ALICE_PASSWORD=... mooring user add alice --password-env ALICE_PASSWORD\n  \
                      mooring user add bob --host 10.% --password-stdin"
    )]
    Add {
        #[command(flatten)]
        shared: Shared,
        #[command(flatten)]
        add: UserAdd,
    },
    /// Lists the users
    #[command(after_help = "Example:\n  mooring user list --config /etc/mooring.toml")]
    List {
        #[command(flatten)]
        shared: Shared,
    },
    /// Removes a user. Its open connections go on until they end
    #[command(visible_alias = "drop", after_help = "Example:\n  mooring user remove alice")]
    Remove {
        #[command(flatten)]
        shared: Shared,
        #[command(flatten)]
        user: UserName,
    },
    /// Gives a user another password, with exactly one way to give it
    #[command(after_help = "Example:\n  mooring user password alice --password-stdin")]
    Password {
        #[command(flatten)]
        shared: Shared,
        #[command(flatten)]
        password: UserPassword,
    },
}

#[derive(Args, Debug, PartialEq)]
pub(crate) struct TpchLoad {
    /// The scale factor: 1 is about 1 GB of text
    #[arg(long, value_name = "FACTOR", value_parser = scale)]
    pub(crate) scale: f64,
    /// The schema, which is made when it is missing
    #[arg(long, value_name = "CATALOG.SCHEMA", value_parser = schema_target)]
    pub(crate) into: SchemaTarget,
    /// Files per large table [default: as many as its size asks for]
    #[arg(long, value_name = "N")]
    pub(crate) files: Option<NonZeroU32>,
    /// Where the files go: a folder or an s3:// URL [default: the catalog's warehouse]
    #[arg(long, value_name = "URL")]
    pub(crate) location: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaTarget {
    pub(crate) catalog: String,
    pub(crate) schema: String,
}

#[derive(Args, Debug, PartialEq)]
pub(crate) struct UserAdd {
    /// The user's name
    pub(crate) name: String,
    /// From where the user may connect: an address, a network such as `10.0.0.0/8`, a pattern
    /// over addresses such as `10.%`, or `localhost` for this machine
    #[arg(long, value_name = "PATTERN", default_value = ANY_HOST)]
    pub(crate) host: String,
    #[command(flatten)]
    password: PasswordArguments,
    /// The user may manage users and catalogs
    #[arg(long)]
    pub(crate) admin: bool,
    /// How the user proves the password
    #[arg(long, value_enum, default_value = "caching_sha2_password")]
    pub(crate) plugin: AuthenticationPlugin,
}

/// A user that is there.
#[derive(Args, Debug, PartialEq)]
pub(crate) struct UserName {
    /// The user's name
    pub(crate) name: String,
    /// The host of the user, where there are several of that name
    #[arg(long, value_name = "PATTERN")]
    pub(crate) host: Option<String>,
}

#[derive(Args, Debug, PartialEq)]
pub(crate) struct UserPassword {
    #[command(flatten)]
    pub(crate) user: UserName,
    #[command(flatten)]
    password: PasswordArguments,
}

#[derive(Args, Debug, PartialEq)]
#[group(required = true, multiple = false)]
struct PasswordArguments {
    /// The environment variable that holds the password
    #[arg(long, value_name = "VAR")]
    password_env: Option<String>,
    /// The password is the first line of standard input
    #[arg(long)]
    password_stdin: bool,
    /// The user has no password
    #[arg(long)]
    no_password: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PasswordSource<'a> {
    /// The variable's name.
    Environment(&'a str),
    StandardInput,
    NoPassword,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthenticationPlugin {
    #[value(name = "caching_sha2_password")]
    CachingSha2Password,
    #[value(name = "mysql_native_password")]
    MysqlNativePassword,
}

impl UserAdd {
    pub(crate) fn password(&self) -> PasswordSource<'_> {
        self.password.source()
    }
}

impl UserPassword {
    pub(crate) fn password(&self) -> PasswordSource<'_> {
        self.password.source()
    }
}

impl PasswordArguments {
    fn source(&self) -> PasswordSource<'_> {
        let PasswordArguments { password_env, password_stdin, no_password } = self;
        debug_assert!(password_env.is_some() || *password_stdin || *no_password);
        match password_env {
            Some(name) => PasswordSource::Environment(name),
            None if *no_password => PasswordSource::NoPassword,
            None => PasswordSource::StandardInput,
        }
    }
}

impl Subcommands {
    /// The flags after the command's name, the role's own flags as settings, and the command.
    fn into_parts(self) -> (RoleArguments, Vec<Flag>, Command) {
        let command_of =
            |shared, command| (RoleArguments { shared, ready_file: None }, Vec::new(), command);
        match self {
            Subcommands::Coordinator { role } => (role, Vec::new(), Command::Coordinator),
            Subcommands::Worker { role, coordinators } => {
                (role, coordinators_flag(&coordinators), Command::Worker)
            }
            Subcommands::Tpch(Tpch::Load { shared, load }) => {
                command_of(shared, Command::TpchLoad(load))
            }
            Subcommands::User(User::Add { shared, add }) => {
                command_of(shared, Command::UserAdd(add))
            }
            Subcommands::User(User::List { shared }) => command_of(shared, Command::UserList),
            Subcommands::User(User::Remove { shared, user }) => {
                command_of(shared, Command::UserRemove(user))
            }
            Subcommands::User(User::Password { shared, password }) => {
                command_of(shared, Command::UserPassword(password))
            }
            Subcommands::Config { shared } => command_of(shared, Command::Config),
        }
    }
}

fn coordinators_flag(coordinators: &[String]) -> Vec<Flag> {
    if coordinators.is_empty() {
        return Vec::new();
    }
    let key = "worker.coordinators".to_owned();
    vec![Flag { name: "--coordinator", key, value: coordinators.join(",") }]
}

fn assignment(text: &str) -> Result<Flag, String> {
    let (key, value) =
        text.split_once('=').ok_or("expected `KEY=VALUE`, such as `log.filter=debug`")?;
    Ok(Flag { name: "--set", key: key.trim().to_owned(), value: value.to_owned() })
}

fn scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(factor) if factor > 0.0 && factor <= SCALE_MAX => Ok(factor),
        _ => Err(format!("expected a number above 0 and at most {SCALE_MAX}, such as 0.01 or 10")),
    }
}

fn schema_target(text: &str) -> Result<SchemaTarget, String> {
    match text.split_once('.') {
        Some((catalog, schema))
            if !catalog.is_empty() && !schema.is_empty() && !schema.contains('.') =>
        {
            Ok(SchemaTarget { catalog: catalog.to_owned(), schema: schema.to_owned() })
        }
        Some(_) | None => Err("expected `CATALOG.SCHEMA`, such as `lake.sf1`".to_owned()),
    }
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
