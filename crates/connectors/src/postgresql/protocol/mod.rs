//! The client's side of PostgreSQL's protocol 3: messages, the login, and the answers of the server. It knows no table.
//!
//! `postgres-protocol` writes the client's messages and proves passwords. What a server sends is read here, where it
//! stands, with every length checked.

mod answers;
mod cursor;
mod login;
mod messages;

pub(super) use answers::{NamedColumn, ServerError, TextRow, columns, text_row};
pub(super) use cursor::{Cursor, corrupt};
pub(super) use login::{Login, Unfit, ask_for_tls, log_in};
pub(super) use messages::{Kind, Messages};
