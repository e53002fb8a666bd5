//! Constants in a template: numbers, and texts in double quotes.

use std::str::Chars;

/// A number, which is an integer unless it has a point or an exponent.
#[derive(Debug, PartialEq)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

/// Reads the decimal number at the beginning of a text. Returns the rest.
pub(super) fn number(text: &str) -> Result<(Number, &str), &'static str> {
    let mut last = None;
    let is_end = |c: char| {
        let is_sign = matches!(c, '+' | '-') && matches!(last, None | Some('e' | 'E'));
        last = Some(c);
        !(c.is_alphanumeric() || c == '_' || c == '.' || is_sign)
    };
    let end = text.find(is_end).unwrap_or(text.len());
    let (number, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let digits = number.trim_start_matches(['+', '-']);
    if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_digit() || ".eE+-".contains(c)) {
        return Err("only decimal numbers are supported");
    }
    if digits.chars().all(|c| c.is_ascii_digit()) {
        if digits.len() > 1 && digits.starts_with('0') {
            return Err("a number with a leading zero is not supported; it would be octal");
        }
        let number = number.parse().map_err(|_| "the number is too large for 64 bits")?;
        return Ok((Number::Int(number), rest));
    }
    let number = number.parse().ok().filter(|number: &f64| number.is_finite());
    Ok((Number::Float(number.ok_or("this is no number")?), rest))
}

/// Reads a text up to its closing double quote. Returns the rest.
pub(super) fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let (mut out, mut chars) = (String::new(), text.chars());
    loop {
        match chars.next() {
            Some('"') => return Ok((out, chars.as_str())),
            Some('\\') => out.push(escape(&mut chars)?),
            None | Some('\n') => return Err("the text constant does not end on its line"),
            Some(c) => out.push(c),
        }
    }
}

/// Reads an escape behind its backslash.
fn escape(chars: &mut Chars<'_>) -> Result<char, &'static str> {
    let unknown = "the text constant has an unknown escape";
    Ok(match chars.next().ok_or("the text constant does not end on its line")? {
        c @ ('\\' | '"') => c,
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\u{b}',
        'x' => code(chars, 2)
            .filter(char::is_ascii)
            .ok_or("`\\x` stands before two hexadecimal digits up to 7f")?,
        'u' => code(chars, 4).ok_or(unknown)?,
        'U' => code(chars, 8).ok_or(unknown)?,
        _ => return Err(unknown),
    })
}

/// The character of a hexadecimal code.
fn code(chars: &mut Chars<'_>, digits: u32) -> Option<char> {
    let mut code = 0_u32;
    for _ in 0..digits {
        code = code.checked_mul(16)?.checked_add(chars.next()?.to_digit(16)?)?;
    }
    char::from_u32(code)
}
