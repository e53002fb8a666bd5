//! The text of values.

use std::fmt::Write as _;

use super::{limit::MAX_TEXT_BYTES, shape::Shape, value::Value};

/// A text of limited length.
#[derive(Debug, Default)]
pub(super) struct Output(String);

// === impl Output ===

impl Output {
    /// Adds a text.
    pub fn push(&mut self, text: &str) -> Result<(), String> {
        if self.0.len().saturating_add(text.len()) > MAX_TEXT_BYTES {
            return Err(too_long());
        }
        self.0.push_str(text);
        Ok(())
    }

    /// Adds the value of an action.
    pub fn action(&mut self, value: &Value<'_>) -> Result<(), String> {
        if matches!(value, Value::Missing) { self.push("<no value>") } else { self.value(value) }
    }

    /// Adds a value as Go's `Sprint` writes it.
    fn value(&mut self, value: &Value<'_>) -> Result<(), String> {
        match value.pointed() {
            Value::Missing | Value::Unset | Value::Pointer(_) => self.push("<nil>"),
            Value::Bool(bool) => self.push(if *bool { "true" } else { "false" }),
            Value::Int(int) => self.push(&int.to_string()),
            Value::Float(float) => self.push(&decimal(*float)),
            Value::Text(text) => self.push(text.as_str()),
            Value::Shaped(shaped) if shaped.is_map() => self.entries("map[", value, |out, key| {
                out.value(key)?;
                out.push(":")
            }),
            Value::Shaped(shaped) => match shaped.shape {
                Shape::Object | Shape::Time | Shape::Struct(_) => {
                    Err(format!("{} has no text; read one of its fields", shaped.noun()))
                }
                _ => self.entries("[", value, |_, _| Ok(())),
            },
        }
    }

    /// Adds the entries of a list or a map.
    fn entries(
        &mut self,
        open: &str,
        value: &Value<'_>,
        key: impl Fn(&mut Self, &Value<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let mut separator = open;
        for (name, entry) in value.rounds()? {
            self.push(separator)?;
            key(self, &name)?;
            self.value(&entry)?;
            separator = " ";
        }
        if separator == open {
            self.push(open)?;
        }
        self.push("]")
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

/// The error of a text above the limit.
pub(super) fn too_long() -> String {
    format!("the text is longer than {MAX_TEXT_BYTES} bytes")
}

/// The values one after another, with a space between two of which neither is a text.
pub(super) fn joined(values: &[Value<'_>]) -> Result<String, String> {
    let (mut out, mut is_after_text) = (Output::default(), true);
    for value in values {
        let is_text = matches!(value.pointed(), Value::Text(_));
        if !is_text && !is_after_text {
            out.push(" ")?;
        }
        out.value(value)?;
        is_after_text = is_text;
    }
    Ok(out.into_text())
}

/// Checks the verbs of a format.
pub(super) fn check_format(format: &str) -> Result<(), String> {
    let mut rest = format;
    while let Some((_, verb)) = rest.split_once('%') {
        let mut chars = verb.chars();
        if !chars.next().is_some_and(|verb| "sdvq%".contains(verb)) {
            return Err("the supported verbs are %s, %d, %v, %q and %%".to_owned());
        }
        rest = chars.as_str();
    }
    Ok(())
}

/// A format in which each verb is replaced by the next value.
pub(super) fn formatted(format: &str, values: &[Value<'_>]) -> Result<String, String> {
    check_format(format)?;
    let (mut out, mut values, mut rest) = (Output::default(), values.iter(), format);
    while let Some((text, verb)) = rest.split_once('%') {
        out.push(text)?;
        let mut chars = verb.chars();
        let verb = chars.next().unwrap_or('%');
        rest = chars.as_str();
        if verb == '%' {
            out.push("%")?;
            continue;
        }
        let value = values.next().ok_or("the format has more verbs than values")?;
        match (verb, value.pointed()) {
            ('v', _) | ('d', Value::Int(_)) | ('s', Value::Text(_)) => out.value(value)?,
            ('q', Value::Text(text)) => out.push(&in_quotes(text.as_str()))?,
            ('d', other) => return Err(format!("%d needs a whole number, not {}", other.noun())),
            (verb, other) => {
                return Err(format!("%{verb} needs a text, not {}; %v takes any value", other.noun()));
            }
        }
    }
    out.push(rest)?;
    if values.next().is_some() {
        return Err("the format has fewer verbs than values".to_owned());
    }
    Ok(out.into_text())
}

/// A number as Go's `%v` writes it: with an exponent from a million on, and below 0.0001.
fn decimal(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    match exponent.parse::<i32>() {
        Ok(exponent @ (..-4 | 6..)) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

/// A text in double quotes, with the escapes of Go.
fn in_quotes(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => drop(write!(out, "\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
