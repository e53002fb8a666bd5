//! The command line that the Helm chart of `ExternalDNS` makes of a values file.

use serde_json::Value;

use super::{
    arguments::Variables,
    command_line::{BadFile, CommandLine, documents, scalar},
};

/// A value that becomes one argument, with the default of the chart.
const SINGLE: [(&str, &str, Option<&str>); 10] = [
    ("logLevel", "log-level", Some("info")),
    ("logFormat", "log-format", Some("text")),
    ("interval", "interval", Some("1m")),
    ("policy", "policy", None),
    ("registry", "registry", Some("txt")),
    ("txtOwnerId", "txt-owner-id", None),
    ("txtPrefix", "txt-prefix", None),
    ("txtSuffix", "txt-suffix", None),
    ("gatewayNamespace", "gateway-namespace", None),
    ("annotationPrefix", "annotation-prefix", None),
];
/// More values that become one argument.
const FILTERS: [(&str, &str); 2] =
    [("labelFilter", "label-filter"), ("annotationFilter", "annotation-filter")];
/// A list that becomes an argument for each element, with the default of the chart.
const LISTS: [(&str, &str, &[&str]); 4] = [
    ("sources", "source", &["service", "ingress"]),
    ("domainFilters", "domain-filter", &[]),
    ("excludeDomains", "exclude-domains", &[]),
    ("managedRecordTypes", "managed-record-types", &[]),
];
/// A value that becomes a switch if it is true.
const SWITCHES: [(&str, &str); 2] =
    [("triggerLoopOnEvent", "events"), ("enableGatewayListenerSets", "gateway-listener-sets")];

/// The names under which another chart has the values of this one.
const PARENTS: [&str; 2] = ["external-dns", "externalDns"];

const TEMPLATE: &str = "the chart evaluates this template, and zonekeeper does not";
const RENDERED: &str = "give the Deployment instead: kubectl get deployment external-dns -o yaml | \
                        zonekeeper migrate-check --deployment -";

// === impl CommandLine ===

impl CommandLine {
    /// The arguments and the environment that the chart makes of its values. Variables whose value is elsewhere are taken from
    /// `process`.
    pub fn of_values(text: &str, process: &Variables) -> Result<Self, BadFile> {
        let mut documents = documents(text)?.into_iter();
        let values = documents.next().filter(Value::is_object).ok_or(BadFile::NoValues)?;
        if let (Some(_), Some(kind)) = (values.get("apiVersion"), values.get("kind").and_then(Value::as_str))
        {
            return Err(BadFile::NotValues(kind.to_owned()));
        }
        if let Some(key) = PARENTS.into_iter().find(|key| values.get(key).is_some_and(Value::is_object)) {
            return Err(BadFile::Nested(key));
        }
        // The value `env` has the form that it has in a container.
        let mut line = Self::with_environment(&values, process);
        for (name, flag, default) in SINGLE {
            line.add_single(&values, name, flag, default);
        }
        for (name, flag) in FILTERS {
            line.add_single(&values, name, flag, None);
        }
        for (name, flag, default) in LISTS {
            match values.get(name).and_then(Value::as_array) {
                Some(list) => list.iter().filter_map(scalar).for_each(|value| line.add(flag, &value)),
                None => default.iter().for_each(|value| line.add(flag, value)),
            }
        }
        for (name, flag) in SWITCHES {
            if values.get(name).and_then(Value::as_bool) == Some(true) {
                line.arguments.push(format!("--{flag}"));
            }
        }
        let provider = values.get("provider");
        let provider = provider.and_then(|provider| scalar(provider.get("name").unwrap_or(provider)));
        line.add("provider", provider.as_deref().unwrap_or("aws"));
        line.add_namespace(&values);
        line.add_extra(values.get("extraArgs"));
        Ok(line)
    }

    fn add_single(&mut self, values: &Value, name: &str, flag: &str, default: Option<&str>) {
        let value = values.get(name).and_then(scalar).filter(|value| !value.is_empty());
        if let Some(value) = value.as_deref().or(default) {
            self.add(flag, value);
        }
    }

    fn add_namespace(&mut self, values: &Value) {
        if values.get("namespaced").and_then(Value::as_bool) != Some(true) {
            return;
        }
        match values.get("sourceNamespace").and_then(scalar) {
            Some(namespace) => self.add("namespace", &namespace),
            None => self.leave_open(
                "--namespace".to_owned(),
                "with `namespaced: true`, it is the namespace of the release, which is not in this file",
                "add sourceNamespace to the file, or give --namespace",
            ),
        }
    }

    /// Adds the value `extraArgs`, a list of arguments or a map from flags to values.
    fn add_extra(&mut self, extra: Option<&Value>) {
        match extra {
            Some(Value::Array(arguments)) => {
                for argument in arguments.iter().filter_map(scalar) {
                    self.add_extra_argument(argument);
                }
            }
            Some(Value::Object(flags)) => {
                for (flag, value) in flags {
                    match value {
                        Value::Null | Value::Bool(true) => self.add_extra_argument(format!("--{flag}")),
                        Value::Bool(false) => self.add_extra_argument(format!("--no-{flag}")),
                        Value::Array(values) => {
                            values.iter().filter_map(scalar).for_each(|value| self.add(flag, &value));
                        }
                        value => {
                            if let Some(value) = scalar(value) {
                                self.add(flag, &value);
                            }
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, flag: &str, value: &str) {
        self.add_extra_argument(format!("--{flag}={value}"));
    }

    /// Adds an argument, unless it is a template of Helm.
    fn add_extra_argument(&mut self, argument: String) {
        if argument.contains("{{") {
            self.leave_open(argument, TEMPLATE, RENDERED);
        } else {
            self.add_argument(argument);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &str) -> CommandLine {
        CommandLine::of_values(values, &Variables::new()).unwrap()
    }

    #[test]
    fn defaults_are_those_of_the_chart() {
        let arguments = [
            "--log-level=info",
            "--log-format=text",
            "--interval=1m",
            "--registry=txt",
            "--source=service",
            "--source=ingress",
            "--provider=aws",
        ];
        assert_eq!(line("image: {tag: v0.22.0}").arguments, arguments);
    }

    #[test]
    fn each_value_becomes_the_argument_of_the_chart() {
        let values = "
provider: {name: aws}
policy: sync
sources: [ingress]
registry: noop
logLevel: debug
logFormat: json
interval: 5m
triggerLoopOnEvent: true
txtOwnerId: 42
txtPrefix: ''
txtSuffix: -x
namespaced: true
sourceNamespace: shop
gatewayNamespace: gateways
enableGatewayListenerSets: true
domainFilters: [a.example.com, b.example.com]
excludeDomains: [c.example.com]
labelFilter: a=b
annotationFilter: c
annotationPrefix: example.com/
managedRecordTypes: [A, TXT]
env: [{name: EXTERNAL_DNS_ONCE, value: '1'}]
extraArgs: [--aws-zone-type=public, --events-emit, RecordReady]
";
        let line = line(values);
        assert_eq!(
            line.arguments.join(" "),
            "--log-level=debug --log-format=json --interval=5m --policy=sync --registry=noop --txt-owner-id=42 --txt-suffix=-x \
             --gateway-namespace=gateways --annotation-prefix=example.com/ --label-filter=a=b --annotation-filter=c \
             --source=ingress --domain-filter=a.example.com --domain-filter=b.example.com --exclude-domains=c.example.com \
             --managed-record-types=A --managed-record-types=TXT --events --gateway-listener-sets --provider=aws \
             --namespace=shop --aws-zone-type=public --events-emit RecordReady"
        );
        assert_eq!(line.variables.get("EXTERNAL_DNS_ONCE").map(String::as_str), Some("1"));
    }

    #[test]
    fn extra_arguments_may_be_a_map() {
        let values = "
provider: google
extraArgs: {aws-batch-change-size: 500, once: true, events: false, publish-host-ip: null, zone-id-filter: [Z1, Z2]}
";
        let arguments = line(values).arguments.join(" ");
        let (_, extra) = arguments.split_once("--provider=google ").unwrap();
        let mut extra: Vec<&str> = extra.split(' ').collect();
        extra.sort_unstable();
        assert_eq!(
            extra,
            [
                "--aws-batch-change-size=500",
                "--no-events",
                "--once",
                "--publish-host-ip",
                "--zone-id-filter=Z1",
                "--zone-id-filter=Z2"
            ]
        );
    }

    #[test]
    fn what_only_helm_knows_is_refused() {
        let open = line("namespaced: true\nextraArgs: ['--txt-owner-id={{ .Release.Name }}']").open;
        let given: Vec<&str> = open.iter().map(|open| open.refused.given.as_str()).collect();
        assert_eq!(given, ["--namespace", "--txt-owner-id={{ .Release.Name }}"]);
    }

    #[test]
    fn what_holds_no_values_of_this_chart_is_an_error() {
        for (text, expected) in [
            ("", "no values"),
            ("[]", "no values"),
            ("text", "no values"),
            ("{apiVersion: apps/v1, kind: Deployment}", "a Deployment of Kubernetes"),
            ("external-dns: {txtOwnerId: prod}", "under `external-dns`"),
        ] {
            let error = CommandLine::of_values(text, &Variables::new()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
