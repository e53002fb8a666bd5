//! The syntax tree of a template.

use arcstr::ArcStr;

use super::{Function, place::At};

/// A part of a template.
#[derive(Debug)]
pub(super) enum Node {
    /// Text outside of actions.
    Literal { at: At, text: Box<str> },
    /// `{{pipeline}}`.
    Action(Pipeline),
    /// `if` or `with`, whose branches are tried in order.
    Choice { is_with: bool, branches: Vec<Branch>, otherwise: Vec<Self> },
    /// `range`.
    Range { pipeline: Pipeline, body: Vec<Self>, otherwise: Vec<Self> },
    /// `break`.
    Break,
    /// `continue`.
    Continue,
}

/// A condition and what follows from it.
#[derive(Debug)]
pub(super) struct Branch {
    pub condition: Pipeline,
    pub body: Vec<Node>,
}

/// Commands of which each gets the value of the one before it.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub at: At,
    /// The variables that get its value.
    pub variables: Option<Variables>,
    pub first: Operand,
    /// The commands after the first.
    pub then: Vec<Call>,
}

/// The variables before `:=` or `=`: two of them only in a range.
#[derive(Debug)]
pub(super) struct Variables {
    pub names: Vec<ArcStr>,
    /// Whether they exist before.
    pub is_assignment: bool,
}

/// A function with its arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub at: At,
    pub function: Function,
    pub arguments: Vec<Operand>,
}

/// A value in a command.
#[derive(Debug)]
pub(super) struct Operand {
    pub at: At,
    pub term: Term,
    /// The fields after the term: `.Spec.Type`.
    pub fields: Vec<ArcStr>,
}

/// The beginning of an operand.
#[derive(Debug)]
pub(super) enum Term {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(ArcStr),
    Dot,
    Variable(ArcStr),
    Call(Call),
    Parentheses(Box<Pipeline>),
}
