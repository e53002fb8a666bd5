//! The command line in a Deployment of `ExternalDNS`.

use serde_json::Value;

use super::{
    arguments::Variables,
    command_line::{BadFile, CommandLine, OpenValue, documents, expand, scalar},
    report::Refused,
    table::flags,
};

// === impl CommandLine ===

impl CommandLine {
    /// The arguments and the environment of the container in a Deployment. Variables whose value is elsewhere, in a Secret for
    /// example, are taken from `process`.
    pub fn of_deployment(text: &str, process: &Variables) -> Result<Self, BadFile> {
        let documents = documents(text)?;
        let listed = |document: &Value| match document.get("items").and_then(Value::as_array) {
            Some(items) => items.clone(),
            None => vec![document.clone()],
        };
        let deployments: Vec<Value> = documents
            .iter()
            .flat_map(listed)
            .filter(|document| document.get("kind").and_then(Value::as_str) == Some("Deployment"))
            .collect();
        let containers: Vec<&Value> = deployments
            .iter()
            .filter_map(|deployment| deployment.pointer("/spec/template/spec/containers")?.as_array())
            .flatten()
            .collect();
        let candidates: Vec<&Value> = containers.iter().copied().filter(|it| is_externaldns(it)).collect();
        let container = match (&containers[..], &candidates[..]) {
            (_, [container]) | ([container], []) => container,
            (_, []) => return Err(BadFile::NoDeployment),
            (_, several) => return Err(BadFile::Several(several.len())),
        };
        Ok(Self::of_container(container, process))
    }

    fn of_container(container: &Value, process: &Variables) -> Self {
        let mut line = Self::with_environment(container, process);
        let list = |name: &str| container.get(name).and_then(Value::as_array).into_iter().flatten();
        if list("envFrom").next().is_some() {
            let why = "its variables are not in this file; set those of ExternalDNS for this command";
            line.differs("envFrom", why);
        }
        let mut command = list("command").filter_map(scalar);
        if let Some(program) = command.next() {
            let why =
                "the image starts zonekeeper by itself: remove `command`, and keep its arguments as `args`";
            line.differs(format!("command: {program}"), why);
        }
        for argument in command.chain(list("args").filter_map(scalar)) {
            line.add_argument(argument);
        }
        line
    }

    /// A command line without arguments, with the environment of a container.
    pub(super) fn with_environment(container: &Value, process: &Variables) -> Self {
        let mut line = Self { variables: process.clone(), ..Self::default() };
        for variable in container.get("env").and_then(Value::as_array).into_iter().flatten() {
            let Some(name) = variable.get("name").and_then(Value::as_str) else { continue };
            let value = variable.get("value").and_then(scalar);
            let known = value.and_then(|value| expand(&value, &line.variables));
            if let Some(value) = known {
                line.variables.insert(name.to_owned(), value);
            } else if ["value", "valueFrom"].iter().any(|source| variable.get(*source).is_some())
                && !process.contains_key(name)
                && let Some(flag) = flags().find(|flag| flag.variable() == name)
            {
                let why = "its value is not in this file".to_owned();
                let instead = format!("set {name} for this command");
                let refused = Refused { given: name.to_owned(), why, instead };
                line.open.push(OpenValue { flag: flag.name.to_owned(), is_variable: true, refused });
            }
        }
        line
    }
}

fn is_externaldns(container: &Value) -> bool {
    let text = |name: &str| container.get(name).and_then(Value::as_str).unwrap_or_default();
    let lists = ["command", "args"].into_iter().filter_map(|name| container.get(name)?.as_array()).flatten();
    let names_provider = lists
        .filter_map(Value::as_str)
        .any(|argument| argument.starts_with("--provider") || argument.starts_with("--source"));
    names_provider || text("name") == "external-dns" || text("image").contains("external-dns")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEPLOYMENT: &str = "
apiVersion: v1
kind: Service
metadata: {name: external-dns}
---
apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
        - {name: proxy, image: proxy, args: [--listen]}
        - name: dns
          image: example.com/external-dns
          command: [/external-dns, --provider=aws]
          args: [--source=ingress, --txt-owner-id=$(CLUSTER)-$(REGION), --annotation-filter=$$(a), --label-filter=$(SECRET)]
          envFrom: [{configMapRef: {name: more}}]
          env:
            - {name: REGION, value: eu}
            - {name: CLUSTER, value: prod-$(REGION)}
            - {name: SECRET, valueFrom: {secretKeyRef: {name: a, key: b}}}
            - {name: EXTERNAL_DNS_POLICY, value: upsert-only}
            - {name: EXTERNAL_DNS_TXT_PREFIX, valueFrom: {secretKeyRef: {name: a, key: b}}}
            - {name: EXTERNAL_DNS_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
";

    fn given(found: impl IntoIterator<Item = impl ToString>) -> Vec<String> {
        found.into_iter().map(|it| it.to_string().split(':').next().unwrap_or_default().to_owned()).collect()
    }

    #[test]
    fn a_deployment_has_arguments_and_an_environment() {
        let process = [("EXTERNAL_DNS_NAMESPACE".to_owned(), "shop".to_owned())].into();
        let line = CommandLine::of_deployment(DEPLOYMENT, &process).unwrap();
        assert_eq!(
            line.arguments,
            ["--provider=aws", "--source=ingress", "--txt-owner-id=prod-eu-eu", "--annotation-filter=$(a)"]
        );
        assert_eq!(line.variables.get("EXTERNAL_DNS_POLICY").map(String::as_str), Some("upsert-only"));
        assert_eq!(line.variables.get("EXTERNAL_DNS_NAMESPACE").map(String::as_str), Some("shop"));
        assert_eq!(given(&line.differs), ["envFrom", "command"]);
        assert_eq!(
            given(line.open.iter().map(|open| &open.refused)),
            ["EXTERNAL_DNS_TXT_PREFIX", "--label-filter=$(SECRET)"]
        );
    }

    #[test]
    fn a_list_of_objects_may_hold_the_deployment() {
        let container = "{name: external-dns, args: [--source=ingress]}";
        let deployment =
            format!("{{kind: Deployment, spec: {{template: {{spec: {{containers: [{container}]}}}}}}}}");
        let list = format!("kind: List\nitems: [{{kind: Service}}, {deployment}]");
        assert_eq!(
            CommandLine::of_deployment(&list, &Variables::new()).unwrap().arguments,
            ["--source=ingress"]
        );
        let two = format!("kind: List\nitems: [{deployment}, {deployment}]");
        for (text, expected) in [
            (two.as_str(), "2 containers"),
            ("kind: Service", "no Deployment"),
            ("a: [", "not YAML"),
            ("", "no Deployment"),
            ("- 1", "no Deployment"),
        ] {
            let error = CommandLine::of_deployment(text, &Variables::new()).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
