//! The parser of templates.

use arcstr::ArcStr;

use super::{
    lexer::{self, Lexeme, Token},
    limit::{MAX_DEPTH, MAX_TEMPLATE_BYTES},
    place::{At, Flaw},
    syntax::{Branch, Node},
};
use crate::sanitize::quoted;

/// A parser. `pipeline.rs` has its part for the inside of actions.
pub(super) struct Parser<'t> {
    lexemes: Vec<Lexeme<'t>>,
    /// The index of the next lexeme.
    pub next: usize,
    /// The end of the text.
    end: At,
    /// The variables that are declared here.
    pub variables: Vec<ArcStr>,
    /// In how many ranges this is.
    ranges: usize,
    /// In how many blocks and parentheses this is.
    pub depth: usize,
}

/// What ends a block.
enum Stop {
    EndOfText,
    End(At),
    Else(At),
}

/// What begins a block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Control {
    If,
    With,
    Range,
}

/// Parses a template.
pub(super) fn parse(text: &str) -> Result<Vec<Node>, Flaw> {
    if text.len() > MAX_TEMPLATE_BYTES {
        let why = format!("the template has {} bytes, and {MAX_TEMPLATE_BYTES} are allowed", text.len());
        return Err(At::default().flaw(why));
    }
    let mut parser = Parser {
        lexemes: lexer::lexemes(text)?,
        next: 0,
        end: At { action: text.len(), offset: text.len() },
        variables: vec!["$".into()],
        ranges: 0,
        depth: 0,
    };
    let (body, stop) = parser.block()?;
    match stop {
        Stop::EndOfText => Ok(body),
        Stop::End(at) => Err(at.flaw("`end` ends nothing")),
        Stop::Else(at) => Err(at.flaw("`else` stands outside of `if`, `with` and `range`")),
    }
}

// === impl Control ===

impl Control {
    fn word(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::With => "with",
            Self::Range => "range",
        }
    }
}

// === impl Parser ===

impl<'t> Parser<'t> {
    // --- Lexemes ---

    pub fn peek(&self) -> Option<&Token<'t>> {
        self.lexemes.get(self.next).map(|lexeme| &lexeme.token)
    }

    /// The place of the next lexeme.
    pub fn at(&self) -> At {
        self.lexemes.get(self.next).map_or(self.end, |lexeme| lexeme.at)
    }

    fn take(&mut self) -> Option<Token<'t>> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    /// Whether the next lexeme is this one, which is taken then.
    pub fn takes(&mut self, token: &Token<'_>) -> bool {
        let takes = self.peek() == Some(token);
        self.next += usize::from(takes);
        takes
    }

    /// Takes a word.
    pub fn word(&mut self) -> Option<&'t str> {
        let Some(&Token::Word(word)) = self.peek() else { return None };
        self.next += 1;
        Some(word)
    }

    pub fn skip_space(&mut self) {
        self.takes(&Token::Space);
    }

    /// Takes the end of an action.
    fn close(&mut self, word: &str) -> Result<(), Flaw> {
        self.skip_space();
        if self.takes(&Token::Close) {
            Ok(())
        } else {
            Err(self.at().flaw(format!("`{word}` stands alone in its action")))
        }
    }

    pub fn enter(&mut self, at: At) -> Result<(), Flaw> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(
                at.flaw(format!("more than {MAX_DEPTH} blocks and parentheses are within each other"))
            );
        }
        Ok(())
    }

    /// The error of the next lexeme.
    pub fn unexpected(&self) -> Flaw {
        let why = match self.peek() {
            None | Some(Token::Close) => "a value is missing before the end of the action".to_owned(),
            Some(token) => format!("{} is not expected here", shown(token)),
        };
        self.at().flaw(why)
    }

    // --- Blocks ---

    /// Reads nodes up to `end`, `else` or the end of the text.
    fn block(&mut self) -> Result<(Vec<Node>, Stop), Flaw> {
        let mut nodes = Vec::new();
        loop {
            let at = self.at();
            match self.take() {
                None => return Ok((nodes, Stop::EndOfText)),
                Some(Token::Literal(text)) => nodes.push(Node::Literal { at, text: text.into() }),
                Some(_) => {
                    self.skip_space();
                    let (at, word) = (self.at(), self.keyword());
                    match word {
                        Some("end") => {
                            self.close("end")?;
                            return Ok((nodes, Stop::End(at)));
                        }
                        Some("else") => return Ok((nodes, Stop::Else(at))),
                        Some(word) => nodes.push(self.control(at, word)?),
                        None => {
                            let pipeline = self.pipeline(&Token::Close, None)?;
                            nodes.push(Node::Action(pipeline));
                        }
                    }
                }
            }
        }
    }

    /// Takes a keyword, if the next lexeme is one.
    fn keyword(&mut self) -> Option<&'t str> {
        match self.peek() {
            Some(Token::Word(word @ ("if" | "with" | "range" | "else" | "end" | "break" | "continue"))) => {
                let word = *word;
                self.next += 1;
                Some(word)
            }
            _ => None,
        }
    }

    /// Reads an action with a keyword.
    fn control(&mut self, at: At, word: &str) -> Result<Node, Flaw> {
        let control = match word {
            "if" => Control::If,
            "with" => Control::With,
            "range" => Control::Range,
            word => {
                self.close(word)?;
                if self.ranges == 0 {
                    return Err(at.flaw(format!("`{word}` stands outside of `range`")));
                }
                return Ok(if word == "break" { Node::Break } else { Node::Continue });
            }
        };
        self.enter(at)?;
        let scope = self.variables.len();
        let node = match control {
            Control::Range => self.range(at)?,
            control => self.choice(at, control)?,
        };
        self.variables.truncate(scope);
        self.depth -= 1;
        Ok(node)
    }

    fn choice(&mut self, at: At, control: Control) -> Result<Node, Flaw> {
        let (is_with, mut branches) = (control == Control::With, Vec::new());
        loop {
            let condition = self.pipeline(&Token::Close, Some(control))?;
            let (body, stop) = self.block()?;
            branches.push(Branch { condition, body });
            if matches!(stop, Stop::Else(_)) {
                self.skip_space();
                if self.takes(&Token::Word(control.word())) {
                    continue;
                }
            }
            let otherwise = self.otherwise(at, control, stop)?;
            return Ok(Node::Choice { is_with, branches, otherwise });
        }
    }

    fn range(&mut self, at: At) -> Result<Node, Flaw> {
        let pipeline = self.pipeline(&Token::Close, Some(Control::Range))?;
        self.ranges += 1;
        let (body, stop) = self.block()?;
        self.ranges -= 1;
        let otherwise = self.otherwise(at, Control::Range, stop)?;
        Ok(Node::Range { pipeline, body, otherwise })
    }

    /// Reads the rest of a block after its body: the block of `else`, if there is one.
    fn otherwise(&mut self, at: At, control: Control, stop: Stop) -> Result<Vec<Node>, Flaw> {
        let (nodes, stop) = match stop {
            Stop::Else(_) => {
                self.close("else")?;
                self.block()?
            }
            stop => (Vec::new(), stop),
        };
        match stop {
            Stop::End(_) => Ok(nodes),
            Stop::Else(at) => Err(at.flaw("the block has a second `else`")),
            Stop::EndOfText => Err(at.flaw(format!("`{}` has no `end`", control.word()))),
        }
    }
}

/// A lexeme as it is written.
fn shown(token: &Token<'_>) -> String {
    match token {
        Token::Literal(text) | Token::Variable(text) | Token::Word(text) => format!("`{}`", quoted(text)),
        Token::Field(name) => format!("`.{}`", quoted(name)),
        Token::Text(text) => format!("the text \"{}\"", quoted(text)),
        Token::Int(number) => format!("`{number}`"),
        Token::Float(number) => format!("`{number}`"),
        Token::Open => "`{{`".to_owned(),
        Token::Close => "`}}`".to_owned(),
        Token::Space => "a space".to_owned(),
        Token::Dot => "`.`".to_owned(),
        Token::Pipe => "`|`".to_owned(),
        Token::Left => "`(`".to_owned(),
        Token::Right => "`)`".to_owned(),
        Token::Comma => "`,`".to_owned(),
        Token::Declare => "`:=`".to_owned(),
        Token::Assign => "`=`".to_owned(),
    }
}
