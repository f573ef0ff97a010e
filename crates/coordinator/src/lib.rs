//! Client protocols, sessions and the life of a query. A door (MySQL, HTTP) only translates; it
//! must never know one particular connector.

pub mod mysql;
pub mod session;
pub mod statement;
