//! The guard: checks every request as a value, and again as HTTP just before it is sent.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use aws_sdk_route53::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, BeforeTransmitInterceptorContextRef},
    },
    error::BoxError,
    operation::{
        change_resource_record_sets::ChangeResourceRecordSetsInput, get_change::GetChangeInput,
        get_hosted_zone::GetHostedZoneInput, list_resource_record_sets::ListResourceRecordSetsInput,
    },
    types::{ChangeAction, ChangeBatch},
};
use zonekeeper_core::{dns::ZoneId, keeper::Time};

use super::endpoint::is_plain_text;
use crate::{driver::Clock, leadership::Leadership};

/// The permission to send one change: while this process leads, and until the deadline of the change.
#[derive(Debug, Clone)]
pub struct Permission {
    leadership: Leadership,
    /// The deadline, in microseconds of [`Time`]. At zero, no change may be sent.
    not_after: Arc<AtomicU64>,
}

/// An interceptor that lets through only the operations that we use, only on our zone, and only CREATE and UPSERT while
/// there is permission.
#[derive(Debug)]
pub struct Guard {
    zone: ZoneId,
    /// `None` for a client that never writes.
    permission: Option<Permission>,
    clock: Clock,
}

/// Why a request was not sent. All but [`Forbidden::TooLate`], [`Forbidden::NotLeading`] and [`Forbidden::PlainText`] are
/// defects of this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The deadline of the change has passed.
    #[error("the deadline of this change has passed")]
    TooLate,
    /// This process does not lead, so another one may write.
    #[error("this process does not lead any more")]
    NotLeading,
    /// The client is read-only.
    #[error("this client only reads")]
    ReadOnly,
    /// An action that is neither CREATE nor UPSERT.
    #[error("the action {0} is forbidden")]
    Action(String),
    /// Another zone.
    #[error("the zone {0} is not the configured zone")]
    OtherZone(String),
    /// An address without TLS that is not on this machine.
    #[error("the endpoint {0} has no TLS (https://), and is not on this machine")]
    PlainText(String),
    /// An operation that we do not use.
    #[error("the operation {0} is forbidden")]
    Operation(String),
}

// === impl Permission ===

impl Permission {
    /// Creates a permission that permits nothing until it is granted.
    pub fn new(leadership: Leadership) -> Self {
        Self { leadership, not_after: Arc::default() }
    }

    /// Permits changes until a deadline.
    pub fn grant(&self, until: Time) {
        self.not_after.store(until.micros(), Ordering::SeqCst);
    }

    /// Withdraws the permission.
    pub fn revoke(&self) {
        self.not_after.store(0, Ordering::SeqCst);
    }

    fn check(&self, now: Time) -> Result<(), Forbidden> {
        if !self.leadership.is_held(now) {
            return Err(Forbidden::NotLeading);
        }
        if now.micros() >= self.not_after.load(Ordering::SeqCst) {
            return Err(Forbidden::TooLate);
        }
        Ok(())
    }
}

// === impl Guard ===

impl Guard {
    /// Creates the guard of a client of `zone`. Without a permission, the client only reads.
    pub fn new(zone: ZoneId, permission: Option<Permission>, clock: Clock) -> Self {
        Self { zone, permission, clock }
    }

    fn check_zone(&self, id: Option<&str>) -> Result<(), Forbidden> {
        match id.and_then(ZoneId::new) {
            Some(id) if id == self.zone => Ok(()),
            _ => Err(Forbidden::OtherZone(id.unwrap_or_default().to_owned())),
        }
    }

    fn check_permission(&self) -> Result<(), Forbidden> {
        match &self.permission {
            None => Err(Forbidden::ReadOnly),
            Some(permission) => permission.check(self.clock.now()),
        }
    }

    fn check_change(&self, input: &ChangeResourceRecordSetsInput) -> Result<(), Forbidden> {
        self.check_zone(input.hosted_zone_id())?;
        for change in input.change_batch().map(ChangeBatch::changes).unwrap_or_default() {
            match change.action() {
                ChangeAction::Create | ChangeAction::Upsert => {}
                other => return Err(Forbidden::Action(other.as_str().to_owned())),
            }
        }
        self.check_permission()
    }

    /// Checks a request line and a body. `path` begins with `/2013-04-01/`.
    fn check_request(&self, method: &str, path: &str, body: Option<&[u8]>) -> Result<(), Forbidden> {
        let unused = || Forbidden::Operation(format!("{method} {path}"));
        let path = path.split('?').next().unwrap_or_default().trim_end_matches('/');
        let parts: Vec<&str> = path.strip_prefix("/2013-04-01/").ok_or_else(unused)?.split('/').collect();
        match (method, parts.as_slice()) {
            ("GET", ["hostedzone", id] | ["hostedzone", id, "rrset"]) => self.check_zone(Some(id)),
            ("GET", ["change", _]) => Ok(()),
            ("POST", ["hostedzone", id, "rrset"]) => {
                self.check_zone(Some(id))?;
                let body = String::from_utf8_lossy(body.unwrap_or_default());
                // A body without a readable action is forbidden too.
                let other = |action: &str| !["CREATE", "UPSERT"].contains(&action);
                let mut actions = actions(&body).peekable();
                let is_empty = actions.peek().is_none();
                if let Some(action) = actions.find(|action| other(action)).or(is_empty.then_some("none")) {
                    return Err(Forbidden::Action(action.to_owned()));
                }
                self.check_permission()
            }
            _ => Err(unused()),
        }
    }
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "zonekeeper's guard"
    }

    fn read_before_serialization(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input();
        if let Some(input) = input.downcast_ref::<ChangeResourceRecordSetsInput>() {
            self.check_change(input)?;
        } else if let Some(input) = input.downcast_ref::<ListResourceRecordSetsInput>() {
            self.check_zone(input.hosted_zone_id())?;
        } else if let Some(input) = input.downcast_ref::<GetHostedZoneInput>() {
            self.check_zone(input.id())?;
        } else if input.downcast_ref::<GetChangeInput>().is_none() {
            return Err(Forbidden::Operation(format!("{input:?}")).into());
        }
        Ok(())
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        // The endpoint may have a path of its own in front of this one.
        let uri = request.uri();
        if is_plain_text(uri) {
            let endpoint = uri.find("/2013-04-01/").and_then(|at| uri.get(..at)).unwrap_or(uri);
            return Err(Forbidden::PlainText(endpoint.to_owned()).into());
        }
        let path = uri.find("/2013-04-01/").and_then(|at| uri.get(at..)).unwrap_or(uri);
        Ok(self.check_request(request.method(), path, request.body().bytes())?)
    }
}

/// The actions in the body of a request.
fn actions(body: &str) -> impl Iterator<Item = &str> {
    body.split("<Action").skip(1).map(|rest| {
        let action = rest.strip_prefix('>').and_then(|rest| rest.split_once("</Action>"));
        action.map_or("unreadable", |(action, _)| action)
    })
}

#[cfg(test)]
mod tests {
    use std::{net::Ipv4Addr, sync::atomic::AtomicUsize};

    use aws_credential_types::provider::future;
    use aws_sdk_route53::{
        Client, Config,
        config::{
            BehaviorVersion, Credentials, ProvideCredentials, Region,
            interceptors::BeforeTransmitInterceptorContextMut, retry::RetryConfig,
        },
        types::{Change, ResourceRecordSet, RrType},
    };
    use tokio::net::TcpListener;

    use super::*;
    use crate::error_chain;

    fn guard(until: Option<u64>) -> Guard {
        let permission = until.map(|until| {
            let permission = Permission::new(Leadership::forever());
            permission.grant(Time::after_start(std::time::Duration::from_secs(until)));
            permission
        });
        Guard::new(ZoneId::new("Z1").unwrap(), permission, Clock::start())
    }

    fn input(zone: &str, action: ChangeAction) -> ChangeResourceRecordSetsInput {
        let set = ResourceRecordSet::builder().name("a.example.com").r#type(RrType::A).build().unwrap();
        let change = Change::builder().action(action).resource_record_set(set).build().unwrap();
        ChangeResourceRecordSetsInput::builder()
            .hosted_zone_id(zone)
            .change_batch(ChangeBatch::builder().changes(change).build().unwrap())
            .build()
            .unwrap()
    }

    #[test]
    fn a_change_is_sent_only_with_permission_to_our_zone_and_with_two_actions() {
        let open = guard(Some(3_600));
        assert_eq!(open.check_change(&input("Z1", ChangeAction::Create)), Ok(()));
        assert_eq!(open.check_change(&input("/hostedzone/Z1", ChangeAction::Upsert)), Ok(()));
        assert_eq!(
            open.check_change(&input("Z1", ChangeAction::from("DELETE"))),
            Err(Forbidden::Action("DELETE".to_owned()))
        );
        assert_eq!(
            open.check_change(&input("Z2", ChangeAction::Create)),
            Err(Forbidden::OtherZone("Z2".to_owned()))
        );
        assert_eq!(guard(None).check_change(&input("Z1", ChangeAction::Create)), Err(Forbidden::ReadOnly));
        let closed = guard(Some(0));
        assert_eq!(closed.check_change(&input("Z1", ChangeAction::Create)), Err(Forbidden::TooLate));
    }

    #[test]
    fn a_permission_that_is_revoked_permits_nothing() {
        let permission = Permission::new(Leadership::forever());
        permission.grant(Time::NEVER);
        assert_eq!(permission.check(Time::ZERO), Ok(()));
        permission.revoke();
        assert_eq!(permission.check(Time::ZERO), Err(Forbidden::TooLate));
    }

    #[test]
    fn a_finished_request_is_not_sent_after_leadership_is_lost() {
        let leadership = Leadership::forever();
        let permission = Permission::new(leadership.clone());
        permission.grant(Time::NEVER);
        let guard = Guard::new(ZoneId::new("Z1").unwrap(), Some(permission), Clock::start());
        let (path, body) = ("/2013-04-01/hostedzone/Z1/rrset", Some("<Action>CREATE</Action>".as_bytes()));
        assert_eq!(guard.check_change(&input("Z1", ChangeAction::Create)), Ok(()));
        leadership.set_end(Time::ZERO);
        assert_eq!(guard.check_request("POST", path, body), Err(Forbidden::NotLeading));
        assert_eq!(guard.check_request("GET", path, None), Ok(()));
        // Leadership ends at its time, even if nobody reports that.
        leadership.set_end(guard.clock.now());
        assert_eq!(guard.check_request("POST", path, body), Err(Forbidden::NotLeading));
    }

    #[test]
    fn only_requests_that_we_use_are_sent() {
        let open = guard(Some(3_600));
        for (method, path, body, allowed) in [
            ("GET", "/2013-04-01/hostedzone/Z1/rrset?maxitems=300", None, true),
            ("GET", "/2013-04-01/hostedzone/Z1", None, true),
            ("GET", "/2013-04-01/change/C1", None, true),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", Some("<Action>CREATE</Action>"), true),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset/", Some("<Action>UPSERT</Action>"), true),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", Some("<Action>DELETE</Action>"), false),
            (
                "POST",
                "/2013-04-01/hostedzone/Z1/rrset",
                Some("<Action>CREATE</Action><Action>X</Action>"),
                false,
            ),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", Some("<Action a=\"b\">CREATE</Action>"), false),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", Some("<Action>CREATE"), false),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", Some("<ChangeBatch/>"), false),
            ("POST", "/2013-04-01/hostedzone/Z1/rrset", None, false),
            ("POST", "/2013-04-01/hostedzone/Z2/rrset", Some("<Action>CREATE</Action>"), false),
            ("POST", "/2013-04-01/hostedzone", Some("x"), false),
            ("DELETE", "/2013-04-01/hostedzone/Z1", None, false),
            ("GET", "/2013-04-01/hostedzone", None, false),
            ("GET", "/2012-12-12/hostedzone/Z1", None, false),
        ] {
            let checked = open.check_request(method, path, body.map(str::as_bytes));
            assert_eq!(checked.is_ok(), allowed, "{method} {path} {checked:?}");
        }
        let reader = guard(None);
        let body = Some("<Action>CREATE</Action>".as_bytes());
        assert_eq!(
            reader.check_request("POST", "/2013-04-01/hostedzone/Z1/rrset", body),
            Err(Forbidden::ReadOnly)
        );
    }

    /// A credentials provider. The SDK asks it after a request is built and before it is signed.
    #[derive(Debug, Clone)]
    struct Provider {
        leadership: Leadership,
        /// Whether leadership is lost while the provider works.
        is_slow: bool,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Provider {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.is_slow {
                self.leadership.set_end(Time::ZERO);
            }
            future::ProvideCredentials::ready(Ok(Credentials::new("key", "secret", None, None, "tests")))
        }
    }

    /// An interceptor that changes a request after it was checked, built and signed.
    #[derive(Debug)]
    struct Rewrite {
        path: Option<&'static str>,
        body: Option<&'static str>,
    }

    impl Intercept for Rewrite {
        fn name(&self) -> &'static str {
            "rewrite"
        }

        fn modify_before_transmit(
            &self,
            context: &mut BeforeTransmitInterceptorContextMut<'_>,
            _components: &RuntimeComponents,
            _config: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            let request = context.request_mut();
            if let Some(path) = self.path {
                let (server, _) = request.uri().split_once("/2013-04-01/").unwrap();
                request.set_uri(format!("{server}{path}")).unwrap();
            }
            if let Some(body) = self.body {
                *request.body_mut() = body.into();
            }
            Ok(())
        }
    }

    /// The result of sending a change.
    struct Sent {
        error: String,
        /// Whether the request was built.
        was_built: bool,
        /// Whether the server was contacted.
        has_arrived: bool,
    }

    /// Sends a change with the SDK, to a server that closes every connection.
    async fn send(change: ChangeResourceRecordSetsInput, is_slow: bool, rewrite: Rewrite) -> Sent {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (url, arrived) = (format!("http://{}", listener.local_addr().unwrap()), Arc::default());
        let guests: Arc<AtomicUsize> = Arc::clone(&arrived);
        let server = tokio::spawn(async move {
            while let Ok(_guest) = listener.accept().await {
                guests.fetch_add(1, Ordering::SeqCst);
            }
        });
        let leadership = Leadership::forever();
        let permission = Permission::new(leadership.clone());
        permission.grant(Time::NEVER);
        let provider = Provider { leadership, is_slow, asked: Arc::default() };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(url)
            .credentials_provider(provider.clone())
            .retry_config(RetryConfig::disabled())
            .interceptor(Guard::new(ZoneId::new("Z1").unwrap(), Some(permission), Clock::start()))
            .interceptor(rewrite)
            .build();
        let (zone, batch) = (change.hosted_zone_id, change.change_batch);
        let request = Client::from_conf(config).change_resource_record_sets();
        let sent = request.set_hosted_zone_id(zone).set_change_batch(batch).send().await;
        server.abort();
        Sent {
            error: error_chain::text(&sent.unwrap_err()),
            was_built: provider.asked.load(Ordering::SeqCst) > 0,
            has_arrived: arrived.load(Ordering::SeqCst) > 0,
        }
    }

    const AS_IT_IS: Rewrite = Rewrite { path: None, body: None };

    #[tokio::test]
    async fn a_forbidden_change_is_not_even_built() {
        let sent = send(input("Z1", ChangeAction::Create), false, AS_IT_IS).await;
        assert!(sent.was_built && sent.has_arrived, "{}", sent.error);
        for (change, expected) in [
            (input("Z1", ChangeAction::Delete), Forbidden::Action("DELETE".to_owned())),
            (input("Z2", ChangeAction::Create), Forbidden::OtherZone("Z2".to_owned())),
        ] {
            let sent = send(change, false, AS_IT_IS).await;
            assert!(sent.error.contains(&expected.to_string()), "{}", sent.error);
            assert!(!sent.was_built && !sent.has_arrived, "{expected}");
        }
    }

    #[tokio::test]
    async fn a_change_is_checked_again_after_it_is_built() {
        let delete = "<Change><Action>DELETE</Action></Change>";
        for (is_slow, path, body, expected) in [
            (true, None, None, Forbidden::NotLeading),
            (false, None, Some(delete), Forbidden::Action("DELETE".to_owned())),
            (false, Some("/2013-04-01/hostedzone/Z2/rrset"), None, Forbidden::OtherZone("Z2".to_owned())),
            (
                false,
                Some("/2013-04-01/hostedzone/Z1/dnssec"),
                None,
                Forbidden::Operation("POST /2013-04-01/hostedzone/Z1/dnssec".to_owned()),
            ),
        ] {
            let sent = send(input("Z1", ChangeAction::Create), is_slow, Rewrite { path, body }).await;
            assert!(sent.error.contains(&expected.to_string()), "{}", sent.error);
            assert!(sent.was_built && !sent.has_arrived, "{expected}");
        }
    }
}
