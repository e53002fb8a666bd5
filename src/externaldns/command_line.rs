//! A command line of `ExternalDNS`, from a process or a file.

use serde_json::Value;

use super::{
    arguments::{Arguments, Variables},
    own_flags::OwnFlags,
    report::{Differs, Refused},
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
    /// What a file leaves open.
    pub refused: Vec<Refused>,
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
        let Self { arguments, variables, others, differs, refused } = self;
        let mut given = Arguments::parse(&arguments, own);
        given.replace_with(Arguments::parse(&others, own));
        given.add_variables(&variables, own);
        let mut translation = Translation::new(&given, &variables, own);
        translation.report.differs.extend(differs);
        translation.report.refused.extend(refused);
        translation
    }

    /// Adds a difference that a file shows.
    pub(super) fn differs(&mut self, given: impl Into<String>, why: impl Into<String>) {
        self.differs.push(Differs { given: given.into(), why: why.into(), is_given: true });
    }

    /// Adds something that a file leaves open.
    pub(super) fn refuse(&mut self, given: impl Into<String>, why: &str, instead: impl Into<String>) {
        let (given, instead) = (given.into(), instead.into());
        self.refused.push(Refused { given, why: why.to_owned(), instead });
    }
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
