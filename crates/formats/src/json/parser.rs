//! RFC 8259, one value after the other, without copying: what a value means is its column's business. So a number
//! stays its text and a decimal is never a double.

use std::borrow::Cow;

/// Jackson's `StreamReadConstraints.DEFAULT_MAX_DEPTH`.
const MAX_DEPTH: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Boolean(bool),
    Number(&'a str),
    /// What is between the quotes, escapes and all.
    Text(&'a str),
    /// With its brackets.
    Array(&'a str),
    /// With its braces.
    Object(&'a str),
}

/// Where the text stops to be JSON.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) at: usize,
}

type Result<T> = std::result::Result<T, Malformed>;

/// Hands each member of the object that `text` starts with to `each`. As Hive does, it does not look at what comes
/// after the object.
pub(super) fn members<'a>(text: &'a str, each: &mut dyn FnMut(&'a str, Value<'a>)) -> Result<()> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_blanks();
    parser.object(0, each)
}

/// Hands each element of the array that `text` starts with to `each`.
pub(super) fn elements<'a>(text: &'a str, each: &mut dyn FnMut(Value<'a>)) -> Result<()> {
    Parser { text, at: 0 }.array(0, each)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn malformed<T>(&self) -> Result<T> {
        Err(Malformed { at: self.at })
    }

    fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.peek() != Some(byte) {
            return self.malformed();
        }
        self.at += 1;
        Ok(())
    }

    /// What was read since `start`.
    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                Ok(Value::Number(self.since(start)))
            }
            Some(b'{') => {
                self.object(depth, &mut |_, _| {})?;
                Ok(Value::Object(self.since(start)))
            }
            Some(b'[') => {
                self.array(depth, &mut |_| {})?;
                Ok(Value::Array(self.since(start)))
            }
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Boolean(true)),
            Some(b'f') => self.word("false", Value::Boolean(false)),
            _ => self.malformed(),
        }
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>> {
        if !self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            return self.malformed();
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize, each: &mut dyn FnMut(&'a str, Value<'a>)) -> Result<()> {
        if depth > MAX_DEPTH {
            return self.malformed();
        }
        self.expect(b'{')?;
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            return self.expect(b'}');
        }
        loop {
            self.skip_blanks();
            let key = self.string()?;
            self.skip_blanks();
            self.expect(b':')?;
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            each(key, value);
            self.skip_blanks();
            if self.peek() != Some(b',') {
                return self.expect(b'}');
            }
            self.at += 1;
        }
    }

    fn array(&mut self, depth: usize, each: &mut dyn FnMut(Value<'a>)) -> Result<()> {
        if depth > MAX_DEPTH {
            return self.malformed();
        }
        self.expect(b'[')?;
        self.skip_blanks();
        if self.peek() == Some(b']') {
            return self.expect(b']');
        }
        loop {
            self.skip_blanks();
            let value = self.value(depth + 1)?;
            each(value);
            self.skip_blanks();
            if self.peek() != Some(b',') {
                return self.expect(b']');
            }
            self.at += 1;
        }
    }

    fn string(&mut self) -> Result<&'a str> {
        self.expect(b'"')?;
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => {
                    let text = self.since(start);
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    match self.peek() {
                        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                            self.at += 1
                        }
                        Some(b'u') if hex(self.text, self.at + 1).is_some() => self.at += 5,
                        _ => return self.malformed(),
                    }
                }
                None | Some(0..b' ') => return self.malformed(),
                Some(_) => self.at += 1,
            }
        }
    }

    fn number(&mut self) -> Result<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        // `01` and `1a` are no numbers.
        match self.peek() {
            Some(b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'.') => self.malformed(),
            _ => Ok(()),
        }
    }

    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { self.malformed() } else { Ok(()) }
    }
}

/// The code unit of the four hexadecimal digits at `at`.
fn hex(text: &str, at: usize) -> Option<u16> {
    let digits = text.get(at..at + 4)?;
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// The text that is between the quotes of `raw`. Half of a surrogate pair is U+FFFD.
pub(super) fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        let mut length = 2;
        text.push(match escape {
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = hex(rest, at + 2).unwrap_or(0xfffd);
                length = 6;
                let second = rest.get(at + 6..at + 8).filter(|next| *next == "\\u");
                let second = second.and_then(|_| hex(rest, at + 8));
                let pair = [first, second.unwrap_or(0)];
                match char::decode_utf16(pair).next() {
                    Some(Ok(character)) => {
                        length = if character.len_utf16() == 2 { 12 } else { 6 };
                        character
                    }
                    _ => char::REPLACEMENT_CHARACTER,
                }
            }
            other => char::from(other),
        });
        rest = rest.get(at + length..).unwrap_or_default();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The text of an array or an object without the blanks between its parts.
pub(super) fn compact(raw: &str) -> String {
    let mut in_text = false;
    let mut escaped = false;
    let keep = |character: &char| {
        let kept = in_text || !matches!(character, ' ' | '\t' | '\n' | '\r');
        if in_text && escaped {
            escaped = false;
        } else if *character == '"' {
            in_text = !in_text;
        } else {
            escaped = in_text && *character == '\\';
        }
        kept
    };
    raw.chars().filter(keep).collect()
}
