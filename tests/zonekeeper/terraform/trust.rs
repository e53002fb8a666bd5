//! The trust policies of the Terraform module, checked with an independent IAM evaluator.

use serde_json::{Value, json};

use super::Plan;
use crate::iam_policy::verdicts;

const ROLE: &str = "arn:aws:iam::444455556666:role/zonekeeper-prod";
const POD_ROLE: &str = "arn:aws:iam::111122223333:role/zonekeeper";
const SERVICE: &str = "pods.eks.amazonaws.com";
const PROVIDER: &str = "arn:aws:iam::444455556666:oidc-provider/accounts.google.com";

/// The principal and the context of a request for a role.
struct Holder {
    run: &'static str,
    principal: &'static str,
    action: &'static str,
    context: Value,
}

/// The session tags of EKS Pod Identity.
fn session_tags(account: &str) -> Value {
    json!({
        "aws:RequestTag/eks-cluster-arn": format!("arn:aws:eks:eu-west-1:{account}:cluster/prod"),
        "aws:RequestTag/kubernetes-namespace": "zonekeeper",
        "aws:RequestTag/kubernetes-service-account": "zonekeeper",
    })
}

/// The context of a request by a role.
fn by_role(role: &str, mut context: Value) -> Value {
    context["aws:PrincipalArn"] = role.into();
    context
}

fn holders() -> Vec<Holder> {
    let holder = |run, principal, action, context| Holder { run, principal, action, context };
    let token = json!({
        "accounts.google.com:aud": "sts.amazonaws.com",
        "accounts.google.com:sub": "system:serviceaccount:zonekeeper:zonekeeper",
    });
    let dns = "arn:aws:iam::111122223333:role/dns/zonekeeper";
    let external_id = json!({"sts:ExternalId": "prod-eu"});
    let own_tags = || session_tags("444455556666");
    let other_tags = by_role(POD_ROLE, session_tags("111122223333"));
    vec![
        holder("pod_identity", SERVICE, "sts:AssumeRole", own_tags()),
        holder("pod_identity_in_another_account", SERVICE, "sts:AssumeRole", own_tags()),
        holder("irsa_with_a_new_provider", PROVIDER, "sts:AssumeRoleWithWebIdentity", token),
        holder("assume_role_by_pod_identity", POD_ROLE, "sts:AssumeRole", other_tags),
        holder("assume_role_by_zonekeeper", dns, "sts:AssumeRole", by_role(dns, external_id)),
    ]
}

// === impl Holder ===

impl Holder {
    /// A request with this trust policy. The policies of the principal allow everything.
    fn asks(&self, trust: &Value, principal: &str, context: &Value) -> Value {
        let everything = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        });
        // A service and a provider have no policies.
        let policy = if principal.contains(":role/") { everything } else { Value::Null };
        json!({
            "policy": policy, "trust": trust, "principal": principal, "action": self.action, "resource": ROLE,
            "context": context,
        })
    }

    /// Requests that differ from the right one in one part.
    fn others(&self, trust: &Value) -> Vec<Value> {
        let mut others = Vec::new();
        for key in self.context.as_object().unwrap().keys() {
            let (mut without, mut changed) = (self.context.clone(), self.context.clone());
            without.as_object_mut().unwrap().remove(key);
            changed[key] = format!("{}-other", changed[key].as_str().unwrap()).into();
            others.extend([without, changed].map(|context| self.asks(trust, self.principal, &context)));
        }
        let principals = [
            "ec2.amazonaws.com",
            "arn:aws:iam::444455556666:oidc-provider/other.example.com",
            "arn:aws:iam::444455556666:role/other",
            "arn:aws:iam::111122223333:role/other",
        ];
        let by = |principal: &str| {
            let context = self.context.clone();
            if principal.contains(":role/") { by_role(principal, context) } else { context }
        };
        others.extend(principals.map(|principal| self.asks(trust, principal, &by(principal))));
        others
    }
}

#[tokio::test]
async fn only_one_service_account_gets_a_role() {
    let plans = Plan::all().await;
    for holder in holders() {
        let plan = plans.iter().find(|plan| plan.run == holder.run).unwrap();
        let [role] = plan.resources("aws_iam_role")[..] else { panic!("{}: several roles", holder.run) };
        // The evaluator knows only the issuers that the reference of AWS lists. This is one of them.
        let trust =
            role["assume_role_policy"].as_str().unwrap().replace("issuer.example.com", "accounts.google.com");
        let trust: Value = serde_json::from_str(&trust).unwrap();
        let right = holder.asks(&trust, holder.principal, &holder.context);
        let questions = [vec![right], holder.others(&trust)].concat();
        let found = verdicts(questions.clone()).await;
        for (at, (question, allowed)) in questions.iter().zip(found).enumerate() {
            assert_eq!(allowed, at == 0, "{}: {question:#}", holder.run);
        }
    }
}
