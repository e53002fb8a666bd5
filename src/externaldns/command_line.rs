//! A command line of `ExternalDNS`, from a process or a file.

use serde_json::Value;

use super::{
    arguments::{Arguments, Variables},
    own_flags::OwnFlags,
    report::{Differs, Refused},
    table::flags,
    translation::Translation,
};

/// The arguments and the environment of an `ExternalDNS`.
#[derive(Debug, Default)]
pub struct CommandLine {
    /// The arguments, without the name of the program.
    pub arguments: Vec<String>,
    /// The environment.
    pub variables: Variables,
    /// Arguments that replace those of the same flags.
    pub others: Vec<String>,
    /// What else a file says that has no effect on zonekeeper.
    pub differs: Vec<Differs>,
    /// The values that a file leaves open.
    pub open: Vec<OpenValue>,
}

/// A value that is not in the file.
#[derive(Debug)]
pub struct OpenValue {
    /// The flag that it belongs to, without its `--`.
    pub flag: String,
    /// Whether a variable gives the flag.
    pub is_variable: bool,
    /// Why zonekeeper does not start, and how to give the value.
    pub refused: Refused,
}

/// Why a file gives no command line.
#[derive(Debug, thiserror::Error)]
pub enum BadFile {
    /// It is not YAML.
    #[error("it is not YAML: {0}")]
    Yaml(String),
    /// It holds no Deployment.
    #[error("it has no Deployment. Give the output of `kubectl get deployment external-dns -o yaml`")]
    NoDeployment,
    /// It holds several Deployments of `ExternalDNS`.
    #[error("it has {0} containers that look like ExternalDNS. Give a file with one of them")]
    Several(usize),
    /// It is not a mapping.
    #[error("it has no values. Give the output of `helm get values --all external-dns`")]
    NoValues,
    /// It is an object of Kubernetes.
    #[error("it is a {0} of Kubernetes, not a values file. Give a Deployment with --deployment")]
    NotValues(String),
    /// It holds values of another chart, with those of `ExternalDNS` under this key.
    #[error("it has values of another chart. Give a file with what is under `{0}`")]
    Nested(&'static str),
}

// === impl CommandLine ===

impl CommandLine {
    /// The environment of this process.
    pub fn environment() -> Variables {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
    }

    /// Translates it into flags of zonekeeper.
    pub fn translate(self, own: &OwnFlags) -> Translation {
        let Self { arguments, variables, others, differs, mut open } = self;
        let mut given = Arguments::parse(&arguments, own);
        let others = Arguments::parse(&others, own);
        // An argument of the person replaces one of the file. An argument replaces a variable, and so does a variable of
        // zonekeeper.
        let is_given = |open: &OpenValue| open.is_variable && given.has(&open.flag) || others.has(&open.flag);
        open.retain(|open| !is_given(open));
        open.retain(|open| {
            let flag = flags().find(|flag| open.is_variable && flag.name == open.flag);
            !flag.is_some_and(|flag| given.note_replaced(flag, &variables, own))
        });
        given.open = open.iter().map(|open| open.flag.clone()).collect();
        given.replace_with(others);
        given.add_variables(&variables, own);
        let mut translation = Translation::new(&given, &variables, own);
        translation.report.differs.extend(differs);
        translation.report.refused.extend(open.into_iter().map(|open| open.refused));
        translation
    }

    /// Adds a difference that a file shows.
    pub(super) fn differs(&mut self, given: impl Into<String>, why: impl Into<String>) {
        self.differs.push(Differs { given: given.into(), why: why.into(), is_given: true });
    }

    /// Adds an argument of a container.
    pub(super) fn add_argument(&mut self, argument: String) {
        match expand(&argument, &self.variables) {
            Some(expanded) => self.arguments.push(expanded),
            None => self.leave_open(
                argument,
                "the value of its variable is not in this file",
                "set the variable for this command",
            ),
        }
    }

    /// Adds an argument whose value a file leaves open. It can be the value of the flag before it.
    pub(super) fn leave_open(&mut self, argument: String, why: &str, instead: &str) {
        let is_flag = |argument: &String| argument.starts_with("--") && !argument.contains('=');
        let given = match self.arguments.pop_if(|last| is_flag(last) && !argument.starts_with("--")) {
            Some(flag) => format!("{flag} {argument}"),
            None => argument,
        };
        let flag = given.trim_start_matches("--").split(['=', ' ']).next().unwrap_or_default().to_owned();
        let refused = Refused { given, why: why.to_owned(), instead: instead.to_owned() };
        self.open.push(OpenValue { flag, is_variable: false, refused });
    }
}

/// Puts variables into a text as a kubelet does: `$(NAME)` is a variable, and `$$(NAME)` is not. None if a variable is not known.
pub(super) fn expand(text: &str, variables: &Variables) -> Option<String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('$') {
        expanded.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
            expanded.push_str(variables.get(name)?);
            rest = after;
        } else {
            expanded.push('$');
        }
    }
    Some(expanded + rest)
}

/// Parses the documents of a file.
pub(super) fn documents(text: &str) -> Result<Vec<Value>, BadFile> {
    serde_saphyr::from_multiple(text).map_err(|why| BadFile::Yaml(why.without_snippet().to_string()))
}

/// A number, a text or a boolean as an argument has it.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_true) => Some(is_true.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}
