//! What may leave, and whether now: checked as a value, and again as HTTP just before it is sent.

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

use crate::{driver::Clock, leadership::Leadership};

/// Whether a change may leave: while this process leads, and until the time of that change is over.
#[derive(Debug, Clone)]
pub struct Permission {
    leadership: Leadership,
    /// In microseconds of [`Time`]; at zero, none may.
    not_after: Arc<AtomicU64>,
}

/// Lets through the operations that we use, on our zone, with CREATE and UPSERT, while there is permission.
#[derive(Debug)]
pub struct Guard {
    zone: ZoneId,
    /// `None` for a client that never writes.
    permission: Option<Permission>,
    clock: Clock,
}

/// Why a request was not sent. Anything but [`Forbidden::TooLate`] and [`Forbidden::NotLeading`] is a defect of this
/// program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The right to send it has ended.
    #[error("the time in which this change could be sent has passed")]
    TooLate,
    /// Another process may write by now.
    #[error("this process does not lead any more")]
    NotLeading,
    /// This client does not write.
    #[error("this client does not write")]
    ReadOnly,
    /// An action that is neither CREATE nor UPSERT.
    #[error("the action {0} is never sent")]
    Action(String),
    /// Another zone.
    #[error("the zone {0} is not ours")]
    OtherZone(String),
    /// An operation that we do not use.
    #[error("the operation {0} is not used")]
    Operation(String),
}

// === impl Permission ===

impl Permission {
    /// Permits nothing yet, and nothing at all while this process does not lead.
    pub fn new(leadership: Leadership) -> Self {
        Self { leadership, not_after: Arc::default() }
    }

    /// Permits changes until a time.
    pub fn grant(&self, until: Time) {
        self.not_after.store(until.micros(), Ordering::SeqCst);
    }

    /// Permits nothing any more.
    pub fn revoke(&self) {
        self.not_after.store(0, Ordering::SeqCst);
    }

    fn check(&self, now: Time) -> Result<(), Forbidden> {
        if !self.leadership.holds(now) {
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
    /// Guards a client of `zone`; without permission it only reads.
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

    /// Checks a request line and body. `path` begins with `/2013-04-01/`.
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
                // Nor a body that cannot be looked into.
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
        // The path of a URI, whether or not the endpoint has one of its own.
        let uri = request.uri();
        let path = uri.find("/2013-04-01/").and_then(|at| uri.get(at..)).unwrap_or(uri);
        Ok(self.check_request(request.method(), path, request.body().bytes())?)
    }
}

/// The actions in a request's body.
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
    use crate::causes;

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
    fn a_change_leaves_only_with_permission_to_our_zone_and_with_two_actions() {
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
    fn a_change_that_is_made_does_not_leave_once_leadership_is_lost() {
        let leadership = Leadership::forever();
        let permission = Permission::new(leadership.clone());
        permission.grant(Time::NEVER);
        let guard = Guard::new(ZoneId::new("Z1").unwrap(), Some(permission), Clock::start());
        let (path, body) = ("/2013-04-01/hostedzone/Z1/rrset", Some("<Action>CREATE</Action>".as_bytes()));
        assert_eq!(guard.check_change(&input("Z1", ChangeAction::Create)), Ok(()));
        leadership.lasts(Time::ZERO);
        assert_eq!(guard.check_request("POST", path, body), Err(Forbidden::NotLeading));
        assert_eq!(guard.check_request("GET", path, None), Ok(()));
        // It ends by itself, whether or not somebody notices.
        leadership.lasts(guard.clock.now());
        assert_eq!(guard.check_request("POST", path, body), Err(Forbidden::NotLeading));
    }

    #[test]
    fn a_request_leaves_only_as_one_that_we_use() {
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
    /// Credentials for whoever asks. They are asked for when a request has been made and not signed.
    #[derive(Debug, Clone)]
    struct Purse {
        leadership: Leadership,
        /// Whether leadership is lost meanwhile.
        is_slow: bool,
        asked: Arc<AtomicUsize>,
    }

    impl ProvideCredentials for Purse {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            self.asked.fetch_add(1, Ordering::SeqCst);
            if self.is_slow {
                self.leadership.lasts(Time::ZERO);
            }
            future::ProvideCredentials::ready(Ok(Credentials::new("key", "secret", None, None, "tests")))
        }
    }

    /// An interceptor that makes another request of one that has been checked, made and signed.
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

    /// What became of a change.
    struct Fate {
        error: String,
        /// Whether credentials were asked for.
        was_made: bool,
        /// Whether a server saw it.
        has_left: bool,
    }

    /// Sends a change with the SDK, to a server that hangs up on everybody.
    async fn send(change: ChangeResourceRecordSetsInput, is_slow: bool, rewrite: Rewrite) -> Fate {
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
        let purse = Purse { leadership, is_slow, asked: Arc::default() };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("us-east-1"))
            .endpoint_url(url)
            .credentials_provider(purse.clone())
            .retry_config(RetryConfig::disabled())
            .interceptor(Guard::new(ZoneId::new("Z1").unwrap(), Some(permission), Clock::start()))
            .interceptor(rewrite)
            .build();
        let (zone, batch) = (change.hosted_zone_id, change.change_batch);
        let request = Client::from_conf(config).change_resource_record_sets();
        let sent = request.set_hosted_zone_id(zone).set_change_batch(batch).send().await;
        server.abort();
        Fate {
            error: causes::text(&sent.unwrap_err()),
            was_made: purse.asked.load(Ordering::SeqCst) > 0,
            has_left: arrived.load(Ordering::SeqCst) > 0,
        }
    }

    const AS_IT_IS: Rewrite = Rewrite { path: None, body: None };

    #[tokio::test]
    async fn a_change_that_may_not_be_is_not_even_made() {
        let fate = send(input("Z1", ChangeAction::Create), false, AS_IT_IS).await;
        assert!(fate.was_made && fate.has_left, "{}", fate.error);
        for (change, expected) in [
            (input("Z1", ChangeAction::Delete), Forbidden::Action("DELETE".to_owned())),
            (input("Z2", ChangeAction::Create), Forbidden::OtherZone("Z2".to_owned())),
        ] {
            let fate = send(change, false, AS_IT_IS).await;
            assert!(fate.error.contains(&expected.to_string()), "{}", fate.error);
            assert!(!fate.was_made && !fate.has_left, "{expected}");
        }
    }

    #[tokio::test]
    async fn a_change_that_is_made_is_looked_at_again_before_it_leaves() {
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
            let fate = send(input("Z1", ChangeAction::Create), is_slow, Rewrite { path, body }).await;
            assert!(fate.error.contains(&expected.to_string()), "{}", fate.error);
            assert!(fate.was_made && !fate.has_left, "{expected}");
        }
    }
}
