//! Statements as a session sees them.
