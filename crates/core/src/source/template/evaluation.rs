//! The evaluation of a template for one object.

use super::{
    Function, Root,
    function::Surroundings,
    limit::{MAX_STEPS, MAX_TEXT_BYTES},
    place::{At, Flaw},
    print::{self, Output},
    root::Parsed,
    syntax::{Call, Node, Operand, Pipeline, Term, Variables},
    value::{Text, Value},
};
use crate::sanitize::quoted;

/// How many bytes of text count as one step.
const BYTES_PER_STEP: usize = 64;

struct Evaluation<'r> {
    around: Surroundings<'r>,
    output: Output,
    /// The variables, the last declared last.
    variables: Vec<(&'r str, Value<'r>)>,
    steps: usize,
}

/// How the evaluation goes on after a node.
#[derive(PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// Evaluates a template to its text.
pub(super) fn text(body: &[Node], root: &Root) -> Result<String, Flaw> {
    let parsed = Parsed::default();
    let mut evaluation = Evaluation {
        around: Surroundings { source: root.source(), parsed: &parsed },
        output: Output::default(),
        variables: vec![("$", root.value())],
        steps: 0,
    };
    evaluation.block(body, &root.value())?;
    Ok(evaluation.output.into_text())
}

// === impl Evaluation ===

impl<'r> Evaluation<'r> {
    /// Counts steps.
    fn spend(&mut self, at: At, steps: usize) -> Result<(), Flaw> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > MAX_STEPS {
            return Err(at.flaw(format!("the template takes more than {MAX_STEPS} steps for this object")));
        }
        Ok(())
    }

    // --- Nodes ---

    fn block(&mut self, nodes: &'r [Node], dot: &Value<'r>) -> Result<Flow, Flaw> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'r Node, dot: &Value<'r>) -> Result<Flow, Flaw> {
        match node {
            Node::Literal { at, text } => {
                self.spend(*at, 1)?;
                self.output.push(text).map_err(|why| at.flaw(why))?;
            }
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_none() {
                    self.output.action(&value).map_err(|why| pipeline.at.flaw(why))?;
                }
            }
            Node::Choice { is_with, branches, otherwise } => {
                let scope = self.variables.len();
                let mut chosen = (otherwise, dot.clone());
                for branch in branches {
                    let value = self.pipeline(&branch.condition, dot)?;
                    if value.is_true() {
                        chosen = (&branch.body, if *is_with { value } else { dot.clone() });
                        break;
                    }
                }
                let (nodes, dot) = chosen;
                let flow = self.block(nodes, &dot)?;
                self.variables.truncate(scope);
                return Ok(flow);
            }
            Node::Range { pipeline, body, otherwise } => return self.range(pipeline, body, otherwise, dot),
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn range(
        &mut self,
        pipeline: &'r Pipeline,
        body: &'r [Node],
        otherwise: &'r [Node],
        dot: &Value<'r>,
    ) -> Result<Flow, Flaw> {
        let (at, outside) = (pipeline.at, self.variables.len());
        let value = self.pipeline(pipeline, dot)?;
        let names = pipeline.variables.as_ref().map_or(&[][..], |variables| &variables.names);
        if names.len() > 1 && matches!(value, Value::Int(_)) {
            return Err(at.flaw("a range over a number has one variable"));
        }
        let scope = self.variables.len();
        // A map is sorted first.
        self.spend(at, value.rounds_len())?;
        let (mut is_empty, mut flow) = (true, Flow::Next);
        for (key, item) in value.rounds().map_err(|why| at.flaw(why))? {
            self.spend(at, 1)?;
            is_empty = false;
            match names {
                [only] => self.set(only, item.clone()),
                [first, second] => {
                    self.set(second, item.clone());
                    self.set(first, key);
                }
                _ => {}
            }
            let after = self.block(body, &item)?;
            self.variables.truncate(scope);
            if after == Flow::Break {
                break;
            }
        }
        if is_empty {
            flow = self.block(otherwise, dot)?;
        }
        self.variables.truncate(outside);
        Ok(flow)
    }

    // --- Values ---

    /// The value of a pipeline, which its variables get too.
    fn pipeline(&mut self, pipeline: &'r Pipeline, dot: &Value<'r>) -> Result<Value<'r>, Flaw> {
        let mut value = self.operand(&pipeline.first, dot)?;
        for call in &pipeline.then {
            value = self.call(call, Some(value), dot)?;
        }
        if let Some(Variables { names, is_assignment }) = &pipeline.variables {
            for name in names {
                if *is_assignment {
                    self.set(name, value.clone());
                } else {
                    self.variables.push((name, value.clone()));
                }
            }
        }
        Ok(value)
    }

    /// Sets the variable of this name that was declared last.
    fn set(&mut self, name: &str, value: Value<'r>) {
        if let Some((_, known)) = self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            *known = value;
        }
    }

    fn operand(&mut self, operand: &'r Operand, dot: &Value<'r>) -> Result<Value<'r>, Flaw> {
        self.spend(operand.at, 1 + operand.fields.len())?;
        let mut value = match &operand.term {
            Term::Nil => Value::Missing,
            Term::Bool(bool) => Value::Bool(*bool),
            Term::Int(int) => Value::Int(*int),
            Term::Float(float) => Value::Float(*float),
            Term::Text(text) => Value::Text(Text::Borrowed(text)),
            Term::Dot => dot.clone(),
            Term::Variable(name) => self.variable(operand.at, name)?,
            Term::Call(call) => self.call(call, None, dot)?,
            Term::Parentheses(pipeline) => self.pipeline(pipeline, dot)?,
        };
        for name in &operand.fields {
            value = value.field(name).map_err(|why| operand.at.flaw(why))?;
        }
        Ok(value)
    }

    /// The value of a variable. It has none if its declaration stands in a branch that is not taken.
    fn variable(&self, at: At, name: &str) -> Result<Value<'r>, Flaw> {
        let known = self.variables.iter().rev().find(|(known, _)| *known == name);
        known
            .map(|(_, value)| value.clone())
            .ok_or_else(|| at.flaw(format!("the variable `{}` has no value", quoted(name))))
    }

    /// The value of a function. The value of the command before it is its last argument.
    fn call(&mut self, call: &'r Call, piped: Option<Value<'r>>, dot: &Value<'r>) -> Result<Value<'r>, Flaw> {
        let Call { at, function, arguments } = call;
        let mut values = Vec::new();
        for argument in arguments {
            let value = self.operand(argument, dot)?;
            let is_decided = match function {
                Function::And => !value.is_true(),
                Function::Or => value.is_true(),
                _ => false,
            };
            if is_decided {
                return Ok(value);
            }
            values.push(value);
        }
        values.extend(piped);
        let bytes = values.iter().map(|value| value.as_text().map_or(0, str::len)).sum::<usize>();
        // JSON takes longer to read than other texts.
        let weight = if *function == Function::FromJson { 16 } else { 1 };
        self.spend(*at, 1 + bytes.saturating_mul(weight) / BYTES_PER_STEP)?;
        let result = function.call(&values, self.around).and_then(|value| match &value {
            Value::Text(Text::Shared(text)) if text.len() > MAX_TEXT_BYTES => Err(print::too_long()),
            _ => Ok(value),
        });
        let value = result.map_err(|why| at.flaw(format!("`{}`: {why}", function.name())))?;
        // A list or a map can be short as an argument and long as a text.
        self.spend(*at, value.as_text().map_or(0, str::len) / BYTES_PER_STEP)?;
        Ok(value)
    }
}
