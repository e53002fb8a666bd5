//! The clients: one type reads, another one also writes.

use aws_sdk_route53::{
    Client,
    types::{ChangeStatus, HostedZone, HostedZoneConfig, RrType},
};
use tracing::warn;
use zonekeeper_core::{
    dns::{BadName, Name, Zone, ZoneId},
    keeper::{Apply, ChangeId, Cursor, Failure, FailureClass, Page, Read},
};

use super::{
    access::{AccessError, Via},
    answer::CompleteAnswer,
    credentials::CredentialSource,
    failure::{RequestKind, UNTRUSTED, classify},
    guard::{Guard, Permission},
    record,
};
use crate::{
    driver::{Clock, ReadZone, WriteZone},
    leadership::Leadership,
};

/// A client that reads one zone. It has no method that writes, and its guard lets no change through.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Client,
    zone: ZoneId,
}

/// A client that reads and writes one zone.
#[derive(Debug, Clone)]
pub struct Writer {
    reader: Reader,
    permission: Permission,
}

/// The properties of a hosted zone.
#[derive(Debug, Clone)]
pub struct ZoneFacts {
    /// The id.
    pub id: ZoneId,
    /// The name.
    pub apex: Name,
    /// Whether it is a private zone, which answers only within its VPCs.
    pub is_private: bool,
}

/// Why a zone cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The SDK cannot be configured.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// There are no usable credentials.
    #[error("AWS credentials: {0}\n{1}")]
    Credentials(Failure, CredentialSource),
    /// The account has no such zone.
    #[error(
        "there is no hosted zone {0} in this AWS account: check --zone-id, and that the credentials belong to the account of the zone"
    )]
    NoSuchZone(ZoneId),
    /// The role may not read the zone.
    #[error(
        "reading the hosted zone {0} is not allowed: {1}\ngrant route53:GetHostedZone and route53:ListResourceRecordSets on it"
    )]
    Denied(ZoneId, Failure),
    /// The name of the zone cannot be read.
    #[error("the hosted zone's name `{0}` cannot be read: {1}")]
    Name(String, BadName),
    /// Another AWS service manages it.
    #[error(
        "the hosted zone {0} is managed by another AWS service ({1}): its records cannot be changed through Route 53"
    )]
    Linked(ZoneId, String),
    /// The server's certificate is not trusted.
    #[error(
        "the certificate of Route 53 is not trusted: {0}\nif another server answers instead (a proxy that inspects TLS, AWS_ENDPOINT_URL_ROUTE_53), name a bundle (PEM) with its certificate authority in SSL_CERT_FILE"
    )]
    Untrusted(Failure),
    /// Route 53 does not answer, or its answer cannot be used.
    #[error("Route 53 does not answer: {0}\ncheck the network, and AWS_ENDPOINT_URL_ROUTE_53 if it is set")]
    Service(Failure),
}

// === impl OpenError ===

impl OpenError {
    /// The failure of the request. None if Route 53 answered, and the zone cannot be used.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Credentials(failure, _)
            | Self::Denied(_, failure)
            | Self::Untrusted(failure)
            | Self::Service(failure) => Some(failure),
            Self::Access(_) | Self::NoSuchZone(_) | Self::Name(..) | Self::Linked(..) => None,
        }
    }
}

// === impl ZoneFacts ===

impl ZoneFacts {
    /// Creates the zone without any content, before its first listing.
    pub fn empty(&self) -> Zone {
        Zone::new(self.id.clone(), self.apex.clone()).private(self.is_private)
    }
}

// === impl Reader ===

impl Reader {
    /// Opens a zone for reading.
    pub async fn open(zone: ZoneId, clock: Clock, via: &Via) -> Result<(Self, ZoneFacts), OpenError> {
        connect(zone, None, clock, via).await
    }

    async fn facts(&self, via: &Via) -> Result<ZoneFacts, OpenError> {
        let out = self.client.get_hosted_zone().id(self.zone.as_str()).send().await.map_err(|error| {
            let failure = classify(RequestKind::Read, &error);
            match (failure.class, failure.code.as_str()) {
                // Route 53 answers InvalidInput for an id that no zone can have.
                (_, "NoSuchHostedZone" | "InvalidInput") => OpenError::NoSuchZone(self.zone.clone()),
                (_, "AccessDenied" | "AccessDeniedException") => {
                    OpenError::Denied(self.zone.clone(), failure)
                }
                (_, UNTRUSTED) => OpenError::Untrusted(failure),
                (FailureClass::Account, _) => OpenError::Credentials(failure, via.credential_source()),
                _ => OpenError::Service(failure),
            }
        })?;
        let incomplete = |field: &str| {
            let (code, message) =
                ("UnreadableAnswer".to_owned(), format!("the answer to GetHostedZone has no {field}"));
            OpenError::Service(Failure { class: FailureClass::Unknown, code, message })
        };
        let zone = out.hosted_zone().ok_or_else(|| incomplete("zone"))?;
        if let Some(service) = zone.linked_service() {
            let who = service.service_principal().or(service.description()).unwrap_or("unknown");
            return Err(OpenError::Linked(self.zone.clone(), who.to_owned()));
        }
        Ok(ZoneFacts {
            id: self.zone.clone(),
            apex: Name::from_route53(zone.name())
                .map_err(|why| OpenError::Name(zone.name().to_owned(), why))?,
            is_private: zone.config().is_some_and(HostedZoneConfig::private_zone),
        })
    }
}

impl ReadZone for Reader {
    async fn list(&self, read: &Read) -> Result<Page, Failure> {
        let (name, rtype, set_id) = match &read.start {
            None => (None, None, None),
            Some(Cursor { name, rtype, set_id }) => (Some(name), rtype.as_ref(), set_id.as_ref()),
        };
        let out = self
            .client
            .list_resource_record_sets()
            .hosted_zone_id(self.zone.as_str())
            .set_start_record_name(name.map(Name::to_route53))
            .set_start_record_type(rtype.map(|rtype| RrType::from(rtype.as_str())))
            .set_start_record_identifier(set_id.map(|id| id.as_str().to_owned()))
            .max_items(i32::from(read.max_items))
            .send()
            .await
            .map_err(|error| classify(RequestKind::Read, &error))?;
        let read_set = |set| match record::from_sdk(set) {
            Ok(set) => Some(set),
            Err(error) => {
                warn!(%error, "a record set of the zone cannot be read and is ignored");
                None
            }
        };
        let unreadable = |problem: String| {
            let code = "UnreadableAnswer".to_owned();
            Failure {
                class: FailureClass::Unknown,
                code,
                message: format!("ListResourceRecordSets: {problem}"),
            }
        };
        let next = match out.next_record_name() {
            Some(name) if out.is_truncated() => Some(Cursor {
                name: Name::from_route53(name)
                    .map_err(|why| unreadable(format!("next name `{name}`: {why}")))?,
                rtype: out
                    .next_record_type()
                    .map(|rtype| zonekeeper_core::dns::RecordType::new(rtype.as_str())),
                set_id: out.next_record_identifier().map(zonekeeper_core::dns::SetId::new),
            }),
            None if out.is_truncated() => {
                return Err(unreadable("the page is truncated, but names no next record set".to_owned()));
            }
            _ => None,
        };
        Ok(Page { sets: out.resource_record_sets().iter().filter_map(read_set).collect(), next })
    }

    async fn count(&self) -> Result<u64, Failure> {
        let sent = self.client.get_hosted_zone().id(self.zone.as_str()).send().await;
        let out = sent.map_err(|error| classify(RequestKind::Read, &error))?;
        let count = out.hosted_zone().and_then(HostedZone::resource_record_set_count);
        count.and_then(|count| u64::try_from(count).ok()).ok_or_else(|| Failure {
            class: FailureClass::Unknown,
            code: "UnreadableAnswer".to_owned(),
            message: "the answer to GetHostedZone has no record set count".to_owned(),
        })
    }

    async fn is_in_sync(&self, change: &ChangeId) -> Result<bool, Failure> {
        let sent = self.client.get_change().id(&*change.0).send().await;
        let out = sent.map_err(|error| classify(RequestKind::Read, &error))?;
        Ok(out.change_info().is_some_and(|info| *info.status() == ChangeStatus::Insync))
    }
}

// === impl Writer ===

impl Writer {
    /// Opens a zone for reading, and for writing while this process leads.
    pub async fn open(
        zone: ZoneId,
        clock: Clock,
        leadership: Leadership,
        via: &Via,
    ) -> Result<(Self, ZoneFacts), OpenError> {
        let permission = Permission::new(leadership);
        let (reader, facts) = connect(zone, Some(permission.clone()), clock, via).await?;
        Ok((Self { reader, permission }, facts))
    }
}

impl ReadZone for Writer {
    async fn list(&self, read: &Read) -> Result<Page, Failure> {
        self.reader.list(read).await
    }

    async fn count(&self) -> Result<u64, Failure> {
        self.reader.count().await
    }

    async fn is_in_sync(&self, change: &ChangeId) -> Result<bool, Failure> {
        self.reader.is_in_sync(change).await
    }
}

impl WriteZone for Writer {
    async fn apply(&self, apply: &Apply) -> Result<ChangeId, Failure> {
        let batch = record::to_sdk(&apply.batch, apply.digest).map_err(|error| Failure {
            class: FailureClass::Refused,
            code: "BatchNotBuilt".to_owned(),
            message: error.to_string(),
        })?;
        self.permission.grant(apply.not_after);
        let request = self.reader.client.change_resource_record_sets();
        let sent = request.hosted_zone_id(self.reader.zone.as_str()).change_batch(batch).send().await;
        self.permission.revoke();
        let out = sent.map_err(|error| classify(RequestKind::Change, &error))?;
        let id = out.change_info().map(|info| info.id().trim_start_matches("/change/"));
        id.filter(|id| !id.is_empty()).map(|id| ChangeId(id.into())).ok_or_else(|| Failure {
            class: FailureClass::Unknown,
            code: "UnreadableAnswer".to_owned(),
            message: "the answer to ChangeResourceRecordSets has no change id".to_owned(),
        })
    }
}

async fn connect(
    zone: ZoneId,
    permission: Option<Permission>,
    clock: Clock,
    via: &Via,
) -> Result<(Reader, ZoneFacts), OpenError> {
    let config = via
        .client()
        .await?
        .interceptor(Guard::new(zone.clone(), permission, clock))
        .interceptor(CompleteAnswer)
        .build();
    let reader = Reader { client: Client::from_conf(config), zone };
    let facts = reader.facts(via).await?;
    Ok((reader, facts))
}
