//! The state of an emulator and its operations.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use super::{
    error::ApiError,
    request::{Call, Operation},
    wire::{self, ChangeBatch},
    xml::Element,
};
use crate::{
    faults::{Decision, Faults},
    journal::{AcceptedChange, Journal, Request, Violation},
    quota::Quota,
    zone::{self, Action, HostedZone, Start},
};

/// Record sets on a page if `maxitems` is absent. The API reference gives no number, and clients report 100.
const DEFAULT_ITEMS: usize = 100;
/// Maximum of zones on a page (`ListHostedZones`, API reference).
const MAX_ZONES: usize = 100;
/// Maximum of ids in one `ListTagsForResources` (API reference).
const MAX_TAGGED: usize = 10;
/// Maximum of VPCs of a private zone ("Quotas" in the Developer Guide).
const MAX_VPCS: usize = 300;

/// The state of an emulator.
#[derive(Debug, Default)]
pub(super) struct World {
    pub zones: BTreeMap<String, HostedZone>,
    pub journal: Journal,
    pub violations: Vec<Violation>,
    pub quota: Quota,
    pub faults: Faults,
    pub keeper_access_key: Option<String>,
    pub insync_after: Duration,
    pub access_log: bool,
    /// Zones with a change request under way.
    busy: BTreeSet<String>,
    submitted: BTreeMap<String, Submitted>,
}

/// The time and the caller of an operation.
#[derive(Debug, Clone)]
pub(super) struct Context {
    pub sequence: u64,
    pub access_key: String,
    /// The time since the start.
    pub now: Duration,
    /// The time in RFC 3339.
    pub time: String,
}

#[derive(Debug)]
struct Submitted {
    at: Duration,
    time: String,
    comment: Option<String>,
}

// === impl World ===

impl World {
    /// Records a request. Returns its number.
    pub(super) fn arrive(&mut self, call: &Call, time: String) -> u64 {
        let sequence = self.journal.requests.len() as u64 + 1;
        self.journal.requests.push(Request {
            sequence,
            time,
            operation: call.operation.name().to_owned(),
            access_key: call.access_key.clone().ok(),
            session_token: call.session_token.clone(),
            target: call.target.clone(),
            parameters: call.parameters.clone(),
            status: None,
            error: None,
        });
        sequence
    }

    /// Records the answer to a request.
    pub(super) fn answered(&mut self, sequence: u64, status: u16, error: Option<String>) {
        let index = usize::try_from(sequence).unwrap_or_default().wrapping_sub(1);
        if let Some(request) = self.journal.requests.get_mut(index) {
            (request.status, request.error) = (Some(status), error);
        }
    }

    /// Checks the caller and the quota of a request, and decides about its faults.
    pub(super) fn admit(
        &mut self,
        call: &Call,
        body: &str,
        sequence: u64,
        now: Duration,
    ) -> Result<(String, Decision), ApiError> {
        let access_key = call.access_key.clone()?;
        self.check_wall(call, body, &access_key, sequence)?;
        self.quota.request(now)?;
        Ok((access_key, self.faults.decide(call.operation.name(), now)))
    }

    /// Marks a zone as changing. Fails if it is changing already.
    pub(super) fn occupy(&mut self, zone: &str) -> bool {
        self.busy.insert(zone.to_owned())
    }

    /// Removes the mark.
    pub(super) fn vacate(&mut self, zone: &str) {
        self.busy.remove(zone);
    }

    /// Carries out an operation.
    pub(super) fn execute(
        &mut self,
        call: &Call,
        body: &str,
        context: &Context,
    ) -> Result<Element, ApiError> {
        match &call.operation {
            Operation::ChangeResourceRecordSets { zone } => self.change(zone, body, context),
            Operation::ListResourceRecordSets { zone } => self.list(zone, call),
            Operation::GetHostedZone { zone } => self.zone(zone).map(get_hosted_zone),
            Operation::GetHostedZoneLimit { zone, kind } => {
                self.zone(zone).and_then(|zone| limit(zone, kind))
            }
            Operation::GetChange { id } => self.get_change(id, context.now),
            Operation::ListHostedZones => self.list_zones(call),
            Operation::ListHostedZonesByName => self.list_zones_by_name(call),
            Operation::ListTagsForResource { kind, id } => {
                Ok(Element::new("ListTagsForResourceResponse").with([self.tags(kind, id)?]))
            }
            Operation::ListTagsForResources { kind } => {
                let ids = wire::parse_resource_ids(body)?;
                if !(1..=MAX_TAGGED).contains(&ids.len()) {
                    let message = format!("Member must have length between 1 and {MAX_TAGGED}");
                    return Err(ApiError::invalid_input(message));
                }
                let sets = ids.iter().map(|id| self.tags(kind, id)).collect::<Result<Vec<_>, _>>()?;
                Ok(Element::new("ListTagsForResourcesResponse")
                    .with([Element::new("ResourceTagSets").with(sets)]))
            }
            Operation::Unknown => Err(ApiError::new(
                404,
                "UnknownOperationException",
                &format!("The emulator does not know {} {}", call.method, call.target),
            )),
        }
    }

    /// Rejects a DELETE with the keeper's access key and records a violation, before any fault or quota.
    fn check_wall(
        &mut self,
        call: &Call,
        body: &str,
        access_key: &str,
        sequence: u64,
    ) -> Result<(), ApiError> {
        let Operation::ChangeResourceRecordSets { zone } = &call.operation else { return Ok(()) };
        if self.keeper_access_key.as_deref() != Some(access_key) {
            return Ok(());
        }
        let batch = ChangeBatch::parse(body).map(|batch| batch.changes);
        let deletes = match &batch {
            Ok(changes) => changes.iter().any(|change| change.action == Action::Delete),
            // An unreadable batch with a DELETE is a violation too, because the client sent it.
            Err(_) => body.contains(Action::Delete.as_str()),
        };
        if !deletes {
            return Ok(());
        }
        let resource = format!("arn:aws:route53:::hostedzone/{zone}");
        self.violations.push(Violation {
            request: sequence,
            zone_id: zone.clone(),
            access_key: access_key.to_owned(),
            batch: batch.unwrap_or_default(),
        });
        Err(ApiError::new(
            403,
            "AccessDenied",
            &format!(
                "User: {access_key} is not authorized to perform: route53:ChangeResourceRecordSets on resource: \
                 {resource} because no identity-based policy allows the route53:ChangeResourceRecordSets action"
            ),
        ))
    }

    fn zone(&self, id: &str) -> Result<&HostedZone, ApiError> {
        self.zones.get(id).ok_or_else(|| ApiError::no_such_hosted_zone(id))
    }

    fn change(&mut self, id: &str, body: &str, context: &Context) -> Result<Element, ApiError> {
        let zone = self.zones.get_mut(id).ok_or_else(|| ApiError::no_such_hosted_zone(id))?;
        let ChangeBatch { comment, changes } = ChangeBatch::parse(body)?;
        zone::check_comment(comment.as_deref().unwrap_or_default())?;
        let cost = changes.iter().map(|change| change.action.cost() as u64).sum();
        self.quota.changes(cost, context.now)?;
        let current = |zone: &HostedZone| -> Vec<_> {
            let find = |set: &zone::RecordSet| {
                zone.get(&set.name, &set.rtype, set.set_identifier.as_deref()).cloned()
            };
            changes.iter().map(|change| find(&change.set)).collect()
        };
        let before = current(zone);
        if let Err(refusal) = zone.change(&changes) {
            self.quota.give_back_changes(cost);
            return Err(refusal.into());
        }
        let after = current(zone);
        let change_id = format!("C{:012}EMULATED", self.submitted.len() + 1);
        for ((change, before), after) in changes.iter().zip(before).zip(after) {
            // A DELETE and a CREATE of one key are two changes, so each shows its own half.
            let deleted = change.action == Action::Delete;
            let replaced = deleted && after.is_some();
            let recreated = change.action == Action::Create && before.is_some();
            self.journal.changes.push(AcceptedChange {
                sequence: self.journal.changes.len() as u64 + 1,
                request: context.sequence,
                change_id: change_id.clone(),
                zone_id: id.to_owned(),
                access_key: context.access_key.clone(),
                action: change.action,
                before: before.filter(|_| !recreated),
                after: after.filter(|_| !replaced),
                comment: comment.clone(),
                time: context.time.clone(),
            });
        }
        let submitted = Submitted { at: context.now, time: context.time.clone(), comment };
        let info = change_info(&change_id, &submitted, false);
        self.submitted.insert(change_id, submitted);
        Ok(Element::new("ChangeResourceRecordSetsResponse").with([info]))
    }

    fn list(&self, id: &str, call: &Call) -> Result<Element, ApiError> {
        let zone = self.zone(id)?;
        let (name, rtype, identifier) =
            (call.parameter("name"), call.parameter("type"), call.parameter("identifier"));
        let start = match (name, rtype, identifier) {
            (None, None, None) => None,
            (None, ..) | (_, None, Some(_)) => {
                let message =
                    "Invalid request: a start type needs a start name, a start identifier needs both";
                return Err(ApiError::invalid_input(message.to_owned()));
            }
            (Some(name), rtype, identifier) => {
                if let Some(rtype) = rtype.filter(|rtype| !zone::TYPES.contains(rtype)) {
                    return Err(ApiError::invalid_input(format!(
                        "1 validation error detected: Value '{rtype}' at 'type' failed to satisfy constraint: Member \
                         must satisfy enum value set: [{}]",
                        zone::TYPES.join(", ")
                    )));
                }
                Some(Start::new(name, rtype, identifier)?)
            }
        };
        let max_items = max_items(call, DEFAULT_ITEMS, zone::MAX_ITEMS)?;
        let page = zone.list(start.as_ref(), max_items);
        let next = page.next.as_ref();
        Ok(Element::new("ListResourceRecordSetsResponse")
            .with([Element::new("ResourceRecordSets").with(page.sets.iter().map(wire::record_set))])
            .with_text("IsTruncated", next.is_some())
            .with_some("NextRecordName", next.map(Start::name))
            .with_some("NextRecordType", next.and_then(Start::rtype))
            .with_some("NextRecordIdentifier", next.and_then(Start::identifier))
            .with_text("MaxItems", max_items))
    }

    fn get_change(&self, id: &str, now: Duration) -> Result<Element, ApiError> {
        let submitted = self.submitted.get(id).ok_or_else(|| {
            ApiError::new(404, "NoSuchChange", &format!("Could not find resource with ID: {id}"))
        })?;
        let insync = now.saturating_sub(submitted.at) >= self.insync_after;
        Ok(Element::new("GetChangeResponse").with([change_info(id, submitted, insync)]))
    }

    fn list_zones(&self, call: &Call) -> Result<Element, ApiError> {
        let max_items = max_items(call, MAX_ZONES, MAX_ZONES)?;
        let marker = call.parameter("marker").unwrap_or_default();
        let private = call.parameter("hostedzonetype") == Some("PrivateHostedZone");
        let mut zones = self
            .zones
            .range(marker.to_owned()..)
            .map(|(_, zone)| zone)
            .filter(|zone| !private || zone.is_private());
        let page: Vec<_> = zones.by_ref().take(max_items).map(hosted_zone).collect();
        let next = zones.next();
        Ok(Element::new("ListHostedZonesResponse")
            .with([Element::new("HostedZones").with(page)])
            .with_text("Marker", marker)
            .with_text("IsTruncated", next.is_some())
            .with_some("NextMarker", next.map(HostedZone::id))
            .with_text("MaxItems", max_items))
    }

    fn list_zones_by_name(&self, call: &Call) -> Result<Element, ApiError> {
        let max_items = max_items(call, MAX_ZONES, MAX_ZONES)?;
        let (name, id) = (call.parameter("dnsname"), call.parameter("hostedzoneid"));
        let id = id.map(|id| id.strip_prefix("/hostedzone/").unwrap_or(id));
        if name.is_none() && id.is_some() {
            let message = "Invalid request: a start zone id needs a start name";
            return Err(ApiError::invalid_input(message.to_owned()));
        }
        let first = (name.map(zone::place).transpose()?.unwrap_or_default(), id.unwrap_or_default());
        // The sort key of an accepted name cannot fail.
        let mut zones: Vec<_> = self
            .zones
            .values()
            .filter_map(|zone| Some(((zone::place(zone.name()).ok()?, zone.id()), zone)))
            .filter(|(place, _)| *place >= first)
            .collect();
        zones.sort_by(|(a, _), (b, _)| a.cmp(b));
        let next = zones.get(max_items).map(|(_, zone)| *zone);
        Ok(Element::new("ListHostedZonesByNameResponse")
            .with([Element::new("HostedZones")
                .with(zones.iter().take(max_items).map(|(_, zone)| hosted_zone(zone)))])
            .with_some("DNSName", name)
            .with_some("HostedZoneId", id)
            .with_text("IsTruncated", next.is_some())
            .with_some("NextDNSName", next.map(HostedZone::name))
            .with_some("NextHostedZoneId", next.map(HostedZone::id))
            .with_text("MaxItems", max_items))
    }

    fn tags(&self, kind: &str, id: &str) -> Result<Element, ApiError> {
        if kind != "hostedzone" {
            return Err(ApiError::new(
                404,
                "NoSuchHealthCheck",
                &format!("No health check found with ID: {id}"),
            ));
        }
        let tags = self.zone(id)?.tags.iter();
        let tags =
            tags.map(|(key, value)| Element::new("Tag").with_text("Key", key).with_text("Value", value));
        Ok(Element::new("ResourceTagSet")
            .with_text("ResourceType", kind)
            .with_text("ResourceId", id)
            .with([Element::new("Tags").with(tags)]))
    }
}

fn max_items(call: &Call, default: usize, most: usize) -> Result<usize, ApiError> {
    let Some(text) = call.parameter("maxitems") else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(n) if n > 0 => Ok(n.min(most)),
        _ => Err(ApiError::invalid_input(format!(
            "1 validation error detected: Value '{text}' at 'maxItems' failed to satisfy constraint: Member must have \
             value greater than or equal to 1"
        ))),
    }
}

fn change_info(id: &str, submitted: &Submitted, insync: bool) -> Element {
    Element::new("ChangeInfo")
        .with_text("Id", format!("/change/{id}"))
        .with_text("Status", if insync { "INSYNC" } else { "PENDING" })
        .with_text("SubmittedAt", &submitted.time)
        .with_some("Comment", submitted.comment.as_ref())
}

fn hosted_zone(zone: &HostedZone) -> Element {
    let config = Element::new("Config")
        .with_some("Comment", zone.comment.as_ref())
        .with_text("PrivateZone", zone.is_private());
    Element::new("HostedZone")
        .with_text("Id", format!("/hostedzone/{}", zone.id()))
        .with_text("Name", zone.name())
        .with_text("CallerReference", format!("emulator-{}", zone.id()))
        .with([config])
        .with_text("ResourceRecordSetCount", zone.len())
        .with(zone.linked_service.as_ref().map(|owner| {
            Element::new("LinkedService")
                .with_text("ServicePrincipal", &owner.service_principal)
                .with_text("Description", &owner.description)
        }))
        .with(zone.disabled_for_mutation.then(|| {
            Element::new("Features").with_text("AcceleratedRecoveryStatus", "ENABLING_HOSTED_ZONE_LOCKED")
        }))
}

fn get_hosted_zone(zone: &HostedZone) -> Element {
    let answer = Element::new("GetHostedZoneResponse").with([hosted_zone(zone)]);
    if zone.is_private() {
        let vpcs = zone
            .vpcs
            .iter()
            .map(|vpc| Element::new("VPC").with_text("VPCRegion", &vpc.region).with_text("VPCId", &vpc.id));
        return answer.with([Element::new("VPCs").with(vpcs)]);
    }
    let servers =
        zone.name_servers().iter().map(|server| Element::text("NameServer", server.trim_end_matches('.')));
    answer.with([Element::new("DelegationSet").with([Element::new("NameServers").with(servers)])])
}

fn limit(zone: &HostedZone, kind: &str) -> Result<Element, ApiError> {
    let (value, count) = match kind {
        "MAX_RRSETS_BY_ZONE" => (zone.record_limit, zone.len()),
        "MAX_VPCS_ASSOCIATED_BY_ZONE" if zone.is_private() => (MAX_VPCS, zone.vpcs.len()),
        "MAX_VPCS_ASSOCIATED_BY_ZONE" => {
            let message = "The hosted zone is public: the limit holds for private hosted zones";
            return Err(ApiError::new(400, "HostedZoneNotPrivate", message));
        }
        _ => {
            return Err(ApiError::invalid_input(format!(
                "1 validation error detected: Value '{kind}' at 'type' failed to satisfy constraint: Member must \
                 satisfy enum value set: [MAX_RRSETS_BY_ZONE, MAX_VPCS_ASSOCIATED_BY_ZONE]"
            )));
        }
    };
    Ok(Element::new("GetHostedZoneLimitResponse")
        .with([Element::new("Limit").with_text("Type", kind).with_text("Value", value)])
        .with_text("Count", count))
}
