//! The value of a variable.

use std::fmt;

/// One value, of a system variable or a user variable.
#[derive(Debug, Clone, PartialEq)]
pub enum VariableValue {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond [`VariableValue::Int`]: `sql_select_limit`.
    UInt(u64),
    Double(f64),
    Text(String),
}

impl VariableValue {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// As SHOW VARIABLES prints it: a switch is `ON` or `OFF`. `None` is NULL.
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(on) => Some(if *on { "ON" } else { "OFF" }.to_owned()),
            Self::Int(_) | Self::UInt(_) | Self::Double(_) | Self::Text(_) => {
                Some(self.to_string())
            }
        }
    }

    /// The bytes that it takes, about.
    pub(super) fn size_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::UInt(_) | Self::Double(_) => 8,
        }
    }
}

/// As an expression sees it: a switch is 1 or 0.
impl fmt::Display for VariableValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("NULL"),
            Self::Bool(on) => write!(f, "{}", u8::from(*on)),
            Self::Int(number) => write!(f, "{number}"),
            Self::UInt(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}
