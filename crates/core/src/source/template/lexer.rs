//! The lexemes of a template.

use super::{
    constant::{self, Number},
    place::{At, Flaw},
};

/// What trim markers remove.
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// The smallest parts of a template. Those after [`Open`](Self::Open) are inside of actions.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'t> {
    /// Text outside of actions, with the spaces removed that trim markers remove.
    Literal(&'t str),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// Spaces; they separate the arguments of a function.
    Space,
    /// `.`
    Dot,
    /// `.Name`
    Field(&'t str),
    /// `$` or `$name`, with the dollar sign.
    Variable(&'t str),
    /// A keyword, the name of a function, `true`, `false` or `nil`.
    Word(&'t str),
    Int(i64),
    Float(f64),
    Text(String),
    /// `|`
    Pipe,
    /// `(`
    Left,
    /// `)`
    Right,
    /// `,`
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// A token and its place.
#[derive(Debug)]
pub(super) struct Lexeme<'t> {
    pub at: At,
    pub token: Token<'t>,
}

struct Lexer<'t> {
    text: &'t str,
    /// The text after the last lexeme.
    rest: &'t str,
    /// Where the current action begins.
    action: usize,
    lexemes: Vec<Lexeme<'t>>,
}

/// Reads the lexemes of a template.
pub(super) fn lexemes(text: &str) -> Result<Vec<Lexeme<'_>>, Flaw> {
    let mut lexer = Lexer { text, rest: text, action: 0, lexemes: Vec::new() };
    let mut trims = false;
    loop {
        let (literal, inside) = match lexer.rest.split_once("{{") {
            Some((literal, inside)) => (literal, Some(inside)),
            None => (lexer.rest, None),
        };
        lexer.action = lexer.offset();
        let marked =
            inside.and_then(|inside| inside.strip_prefix('-')).filter(|rest| rest.starts_with(SPACES));
        let start = if trims { literal.trim_start_matches(SPACES) } else { literal };
        let trimmed = if marked.is_some() { start.trim_end_matches(SPACES) } else { start };
        if !trimmed.is_empty() {
            let at = lexer.at();
            lexer.lexemes.push(Lexeme { at, token: Token::Literal(trimmed) });
        }
        let Some(inside) = inside else { return Ok(lexer.lexemes) };
        lexer.action += literal.len();
        lexer.rest = marked.unwrap_or(inside);
        // A comment begins directly behind the braces, or behind one space and the marker.
        let comment = marked.and_then(|rest| rest.strip_prefix(SPACES)).unwrap_or(inside).strip_prefix("/*");
        trims = match comment {
            Some(comment) => lexer.comment(comment)?,
            None => lexer.action()?,
        };
    }
}

// === impl Lexer ===

impl<'t> Lexer<'t> {
    /// The place of the rest.
    fn at(&self) -> At {
        At { action: self.action, offset: self.offset() }
    }

    fn offset(&self) -> usize {
        self.text.len().saturating_sub(self.rest.len())
    }

    /// The place where the action begins.
    fn start(&self) -> At {
        At { action: self.action, offset: self.action }
    }

    /// Reads a comment up to the end of its action. Returns whether the spaces after it are removed.
    fn comment(&mut self, comment: &'t str) -> Result<bool, Flaw> {
        let end = comment.split_once("*/").map(|(_, rest)| rest);
        let rest = end.ok_or_else(|| self.start().flaw("the comment has no `*/`"))?;
        let (rest, trims) = close(rest).ok_or_else(|| {
            self.start()
                .flaw("a comment fills its action: the braces stand directly behind `*/`, or behind ` -`")
        })?;
        self.rest = rest;
        Ok(trims)
    }

    /// Reads an action up to its end. Returns whether the spaces after it are removed.
    fn action(&mut self) -> Result<bool, Flaw> {
        let at = self.start();
        self.lexemes.push(Lexeme { at, token: Token::Open });
        loop {
            let at = self.at();
            if let Some((rest, trims)) = close(self.rest) {
                self.lexemes.push(Lexeme { at, token: Token::Close });
                self.rest = rest;
                return Ok(trims);
            }
            let token = self.token(at)?;
            self.lexemes.push(Lexeme { at, token });
        }
    }

    /// Reads a token inside an action.
    fn token(&mut self, at: At) -> Result<Token<'t>, Flaw> {
        let mut rest = self.rest.chars();
        let first =
            rest.next().ok_or_else(|| self.start().flaw("the action does not end: it has no `}}`"))?;
        let rest = rest.as_str();
        let simple = match first {
            '|' => Some(Token::Pipe),
            '(' => Some(Token::Left),
            ')' => Some(Token::Right),
            ',' => Some(Token::Comma),
            '=' => Some(Token::Assign),
            _ => None,
        };
        if let Some(token) = simple {
            self.rest = rest;
            return Ok(token);
        }
        match first {
            ' ' | '\t' | '\r' | '\n' => Ok(self.spaces()),
            ':' => {
                self.rest = rest.strip_prefix('=').ok_or_else(|| at.flaw("`:` stands only in `:=`"))?;
                Ok(Token::Declare)
            }
            '"' => self.quoted(at, rest),
            '`' => self.raw(at, rest),
            '\'' => Err(at.flaw("character constants are not supported; write a text in double quotes")),
            '.' if !rest.starts_with(|c: char| c.is_ascii_digit()) => {
                let name = self.name(at, rest)?;
                Ok(if name.is_empty() { Token::Dot } else { Token::Field(name) })
            }
            '$' => {
                let name = self.name(at, rest)?;
                let length = '$'.len_utf8() + name.len();
                Ok(Token::Variable(self.text.get(at.offset..at.offset + length).unwrap_or_default()))
            }
            '.' | '+' | '-' | '0'..='9' => self.number(at),
            c if is_of_name(c) => Ok(Token::Word(self.name(at, self.rest)?)),
            c => Err(at.flaw(format!("an action has no `{}` outside of text constants", c.escape_debug()))),
        }
    }

    /// Reads spaces, except the one before a trim marker.
    fn spaces(&mut self) -> Token<'t> {
        while let Some(rest) = self.rest.strip_prefix(SPACES) {
            self.rest = rest;
            if close(rest).is_some() {
                break;
            }
        }
        Token::Space
    }

    /// Reads the name at the beginning of `rest`, which may be empty.
    fn name(&mut self, at: At, rest: &'t str) -> Result<&'t str, Flaw> {
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        let (name, rest) = rest.split_at_checked(end).unwrap_or((rest, ""));
        match rest.chars().next() {
            Some(c) if !SPACES.contains(&c) && !".,|:()".contains(c) && !rest.starts_with("}}") => {
                let hint = "a name has only letters, digits and `_`; read other keys as `index .Labels \"app-name\"`";
                Err(at.flaw(format!("`{}` cannot stand in or behind a name: {hint}", c.escape_debug())))
            }
            _ => {
                self.rest = rest;
                Ok(name)
            }
        }
    }

    fn number(&mut self, at: At) -> Result<Token<'t>, Flaw> {
        let (number, rest) = constant::number(self.rest).map_err(|why| at.flaw(why))?;
        self.rest = rest;
        Ok(match number {
            Number::Int(number) => Token::Int(number),
            Number::Float(number) => Token::Float(number),
        })
    }

    /// Reads a text constant in double quotes, behind its first quote.
    fn quoted(&mut self, at: At, rest: &'t str) -> Result<Token<'t>, Flaw> {
        let (text, rest) = constant::quoted(rest).map_err(|why| at.flaw(why))?;
        self.rest = rest;
        Ok(Token::Text(text))
    }

    /// Reads a text constant in back quotes, behind its first quote.
    fn raw(&mut self, at: At, rest: &'t str) -> Result<Token<'t>, Flaw> {
        let (text, rest) = rest
            .split_once('`')
            .ok_or_else(|| at.flaw("the text constant does not end: it has no second back quote"))?;
        self.rest = rest;
        Ok(Token::Text(text.replace('\r', "")))
    }
}

/// The text after the end of an action, if it ends here, and whether the spaces after it are removed.
fn close(rest: &str) -> Option<(&str, bool)> {
    if let Some(rest) = rest.strip_prefix("}}") {
        return Some((rest, false));
    }
    let rest = rest.strip_prefix(SPACES)?.strip_prefix("-}}")?;
    Some((rest, true))
}

fn is_of_name(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
