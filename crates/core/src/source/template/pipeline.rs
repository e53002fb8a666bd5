//! The parser of pipelines: what is inside of actions.

use arcstr::ArcStr;

use super::{
    Function,
    lexer::Token,
    limit::MAX_VARIABLES,
    parser::{Control, Parser},
    place::{At, Flaw},
    syntax::{Call, Operand, Pipeline, Term, Variables},
};
use crate::sanitize::quoted;

/// Go's functions and actions outside the supported language.
const UNSUPPORTED: [&str; 9] =
    ["block", "call", "define", "html", "js", "println", "slice", "template", "urlquery"];

// === impl Parser ===

impl Parser<'_> {
    /// Reads a pipeline and its end.
    pub fn pipeline(&mut self, end: &Token<'_>, control: Option<Control>) -> Result<Pipeline, Flaw> {
        self.skip_space();
        let at = self.at();
        let variables = self.variables(control)?;
        let first = self.command()?;
        let mut then = Vec::new();
        loop {
            self.skip_space();
            if self.takes(end) {
                break;
            }
            if !self.takes(&Token::Pipe) {
                return Err(match self.peek() {
                    Some(Token::Close) => at.flaw("the parenthesis before this is not closed"),
                    _ => self.unexpected(),
                });
            }
            self.skip_space();
            let at = self.at();
            let word = self.word().ok_or_else(|| {
                at.flaw("a function is expected after `|`; it gets the value before `|` as its last argument")
            })?;
            then.push(self.call(at, word, true)?);
        }
        if let Some(Variables { names, is_assignment: false }) = &variables {
            self.variables.extend(names.iter().cloned());
            if self.variables.len() > MAX_VARIABLES {
                return Err(at.flaw(format!("more than {MAX_VARIABLES} variables are declared")));
            }
        }
        Ok(Pipeline { at, variables, first, then })
    }

    /// Reads the variables before `:=` or `=`, if there are some.
    fn variables(&mut self, control: Option<Control>) -> Result<Option<Variables>, Flaw> {
        let (start, mut names) = (self.next, Vec::new());
        loop {
            let at = self.at();
            let Some(&Token::Variable(name)) = self.peek() else { break };
            self.next += 1;
            self.skip_space();
            names.push((at, ArcStr::from(name)));
            if self.takes(&Token::Comma) {
                if control != Some(Control::Range) || names.len() > 1 {
                    return Err(at.flaw("only `range` has two variables"));
                }
                self.skip_space();
                continue;
            }
            let is_assignment = self.takes(&Token::Assign);
            if !is_assignment && !self.takes(&Token::Declare) {
                break;
            }
            for (at, name) in names.iter().filter(|_| is_assignment) {
                self.is_declared(*at, name)?;
            }
            let names = names.into_iter().map(|(_, name)| name).collect();
            return Ok(Some(Variables { names, is_assignment }));
        }
        if names.len() > 1 {
            return Err(self.at().flaw("`:=` or `=` stands behind the variables of `range`"));
        }
        self.next = start;
        Ok(None)
    }

    fn is_declared(&self, at: At, name: &str) -> Result<(), Flaw> {
        if self.variables.iter().any(|known| **known == *name) {
            return Ok(());
        }
        Err(at.flaw(format!("the variable `{}` is not declared; declare it with `:=`", quoted(name))))
    }

    /// Reads the first command of a pipeline.
    fn command(&mut self) -> Result<Operand, Flaw> {
        self.skip_space();
        let at = self.at();
        if let Some(&Token::Word(word)) = self.peek()
            && !matches!(word, "true" | "false" | "nil")
        {
            self.next += 1;
            let call = self.call(at, word, false)?;
            return Ok(Operand { at, term: Term::Call(call), fields: Vec::new() });
        }
        let operand = self.operand()?.ok_or_else(|| self.unexpected())?;
        if matches!(operand.term, Term::Nil) {
            return Err(at.flaw("`nil` stands only as an argument"));
        }
        self.skip_space();
        match self.peek() {
            Some(Token::Pipe | Token::Close | Token::Right) | None => Ok(operand),
            _ => Err(self.at().flaw("only functions have arguments")),
        }
    }

    /// Reads the arguments of a function.
    fn call(&mut self, at: At, name: &str, is_piped: bool) -> Result<Call, Flaw> {
        let function = function(name).map_err(|why| at.flaw(why))?;
        let mut arguments = Vec::new();
        while self.takes(&Token::Space) {
            match self.operand()? {
                Some(argument) => arguments.push(argument),
                None => break,
            }
        }
        if !matches!(self.peek(), Some(Token::Pipe | Token::Close | Token::Right)) {
            return Err(self.unexpected());
        }
        let (least, most) = function.arity();
        let count = arguments.len() + usize::from(is_piped);
        if count < least || most.is_some_and(|most| count > most) {
            let bound = if most.is_some() { "" } else { "at least " };
            let noun = if least == 1 { "argument" } else { "arguments" };
            return Err(at.flaw(format!("`{name}` needs {bound}{least} {noun}, not {count}")));
        }
        if let Some(Operand { at, term: Term::Text(text), .. }) = arguments.first() {
            function.check_constant(text).map_err(|why| at.flaw(format!("`{name}`: {why}")))?;
        }
        Ok(Call { at, function, arguments })
    }

    /// Reads an operand with its fields. `None` if there is none.
    fn operand(&mut self) -> Result<Option<Operand>, Flaw> {
        let at = self.at();
        let Some(term) = self.term(at)? else { return Ok(None) };
        let is_before_fields = match term {
            // The dot of `.Name` belongs to the field.
            Term::Dot => !self.takes(&Token::Dot),
            Term::Variable(_) | Term::Parentheses(_) => true,
            _ => false,
        };
        let mut fields = Vec::new();
        while let Some(&Token::Field(name)) = self.peek().filter(|_| is_before_fields) {
            self.next += 1;
            fields.push(ArcStr::from(name));
        }
        match self.peek() {
            Some(Token::Space | Token::Pipe | Token::Close | Token::Right) => {
                Ok(Some(Operand { at, term, fields }))
            }
            _ => Err(self.unexpected()),
        }
    }

    /// Reads the beginning of an operand, except a dot and what follows it.
    fn term(&mut self, at: At) -> Result<Option<Term>, Flaw> {
        let term = match self.peek() {
            Some(Token::Dot | Token::Field(_)) => return Ok(Some(Term::Dot)),
            Some(Token::Left) => {
                self.next += 1;
                self.enter(at)?;
                let pipeline = self.pipeline(&Token::Right, None)?;
                self.depth -= 1;
                return Ok(Some(Term::Parentheses(Box::new(pipeline))));
            }
            Some(Token::Variable(name)) => {
                self.is_declared(at, name)?;
                Term::Variable(ArcStr::from(*name))
            }
            Some(Token::Int(number)) => Term::Int(*number),
            Some(Token::Float(number)) => Term::Float(*number),
            Some(Token::Text(text)) => Term::Text(text.as_str().into()),
            Some(Token::Word("true")) => Term::Bool(true),
            Some(Token::Word("false")) => Term::Bool(false),
            Some(Token::Word("nil")) => Term::Nil,
            Some(Token::Word(word)) => {
                function(word).map_err(|why| at.flaw(why))?;
                let why = format!("`{word}` is a function; as an argument it stands in parentheses");
                return Err(at.flaw(why));
            }
            _ => return Ok(None),
        };
        self.next += 1;
        Ok(Some(term))
    }
}

/// The function of a name; the error says what else the name is.
fn function(name: &str) -> Result<Function, String> {
    if let Some(function) = Function::named(name) {
        return Ok(function);
    }
    if UNSUPPORTED.contains(&name) {
        return Err(format!("`{name}` is not supported"));
    }
    if matches!(name, "if" | "with" | "range" | "else" | "end" | "break" | "continue") {
        return Err(format!("`{name}` stands only at the beginning of an action"));
    }
    let name = quoted(name);
    Err(format!("there is no function `{name}`; a field begins with a dot, as `.Name`"))
}
