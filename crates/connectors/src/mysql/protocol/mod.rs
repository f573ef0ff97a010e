//! The client's side of the MySQL protocol: packets, the login, and the answers of the server. It knows no table.
//!
//! `mysql_common` gives constants, the client's packets of the connection phase, and scrambles. What a server sends is
//! read here, with every length checked.

mod cursor;
mod packets;
mod greeting;
mod authentication;
mod answers;

pub(super) use answers::{
    ColumnDefinition, NamedColumn, ServerError, is_end_of_rows, is_error, statement_id,
};
pub(super) use authentication::{Login, authenticate};
pub(super) use cursor::{Cursor, Malformed};
pub(super) use greeting::{Flavour, Greeting, capabilities, tls_request};
pub(super) use packets::Packets;
