//! Control endpoints in JSON, for tests in other languages.
//!
//! | request | does |
//! |---|---|
//! | `GET /_emulator/journal` | all requests and accepted changes |
//! | `GET`, `DELETE /_emulator/violations` | shows the violations; removes them |
//! | `GET`, `POST`, `DELETE /_emulator/faults` | shows the faults; adds one; removes all |
//! | `GET`, `PUT /_emulator/quota` | shows the rates; replaces both buckets with full ones |
//! | `PUT /_emulator/insync-after` | `{"millis": n}` |
//! | `GET /_emulator/zone`, `GET /_emulator/zone/{id}` | ids; the record sets as the AWS CLI lists them |
//! | `PATCH /_emulator/zone/{id}` | sets any of `record_limit`, `disabled_for_mutation`, `linked_service`, `wildcard_order` (`raw`, `escaped`), `tags` |
//! | `PUT`, `DELETE /_emulator/zone/{id}/protection` | `{"name": …, "type": …, "comment": …}` |

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Json, Router,
    extract::Path,
    http::StatusCode,
    routing::{any, get, put},
};
use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    faults::Fault,
    journal::{Journal, Violation},
    quota::Quota,
    zone::{HostedZone, LinkedService, RecordSet, WildcardOrder},
};

/// A listing in the output format of the AWS CLI.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    resource_record_sets: Vec<RecordSet>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Millis {
    millis: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZonePatch {
    record_limit: Option<usize>,
    disabled_for_mutation: Option<bool>,
    linked_service: Option<String>,
    wildcard_order: Option<Order>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Raw,
    Escaped,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Protection {
    name: String,
    #[serde(rename = "type")]
    rtype: String,
    #[serde(default)]
    comment: String,
}

type Answer<T> = Result<T, (StatusCode, String)>;

pub(super) fn router(state: State) -> Router {
    Router::new()
        .route("/_emulator/journal", get(journal))
        .route("/_emulator/violations", get(violations).delete(take_violations))
        .route("/_emulator/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_emulator/quota", get(quota).put(set_quota))
        .route("/_emulator/insync-after", put(set_insync_after))
        .route("/_emulator/zone", get(zones))
        .route("/_emulator/zone/{id}", get(zone).patch(patch_zone))
        .route("/_emulator/zone/{id}/protection", put(protect).delete(unprotect))
        .route("/_emulator/{*path}", any(unknown))
        .with_state(state)
}

type Shared = axum::extract::State<State>;

async fn unknown() -> (StatusCode, &'static str) {
    let known = "journal, violations, faults, quota, insync-after, zone, zone/{id}, zone/{id}/protection";
    (StatusCode::NOT_FOUND, known)
}

async fn journal(axum::extract::State(state): Shared) -> Json<Journal> {
    Json(state.journal())
}

async fn violations(axum::extract::State(state): Shared) -> Json<Vec<Violation>> {
    Json(state.violations())
}

async fn take_violations(axum::extract::State(state): Shared) -> Json<Vec<Violation>> {
    Json(state.take_violations())
}

async fn faults(axum::extract::State(state): Shared) -> Json<Vec<Fault>> {
    Json(state.with_faults(|faults| faults.iter().cloned().collect()))
}

async fn add_fault(axum::extract::State(state): Shared, Json(fault): Json<Fault>) -> StatusCode {
    state.with_faults(|faults| faults.add(fault));
    StatusCode::NO_CONTENT
}

async fn clear_faults(axum::extract::State(state): Shared) -> StatusCode {
    state.with_faults(crate::faults::Faults::clear);
    StatusCode::NO_CONTENT
}

async fn quota(axum::extract::State(state): Shared) -> Json<Quota> {
    Json(state.with_quota(|quota| quota.clone()))
}

async fn set_quota(axum::extract::State(state): Shared, Json(new): Json<Quota>) -> StatusCode {
    state.with_quota(|quota| *quota = new);
    StatusCode::NO_CONTENT
}

async fn set_insync_after(axum::extract::State(state): Shared, Json(delay): Json<Millis>) -> StatusCode {
    state.set_insync_after(Duration::from_millis(delay.millis));
    StatusCode::NO_CONTENT
}

async fn zones(axum::extract::State(state): Shared) -> Json<Vec<String>> {
    Json(state.zone_ids())
}

async fn zone(axum::extract::State(state): Shared, Path(id): Path<String>) -> Answer<Json<Listing>> {
    with(&state, &id, |zone| Json(Listing { resource_record_sets: zone.iter().cloned().collect() }))
}

async fn patch_zone(
    axum::extract::State(state): Shared,
    Path(id): Path<String>,
    Json(patch): Json<ZonePatch>,
) -> Answer<StatusCode> {
    with(&state, &id, |zone| {
        zone.record_limit = patch.record_limit.unwrap_or(zone.record_limit);
        zone.disabled_for_mutation = patch.disabled_for_mutation.unwrap_or(zone.disabled_for_mutation);
        if let Some(service_principal) = patch.linked_service {
            zone.linked_service = Some(LinkedService { service_principal, description: String::new() });
        }
        match patch.wildcard_order {
            Some(Order::Raw) => zone.set_wildcard_order(WildcardOrder::Raw),
            Some(Order::Escaped) => zone.set_wildcard_order(WildcardOrder::Escaped),
            None => {}
        }
        if let Some(tags) = patch.tags {
            zone.tags = tags;
        }
        StatusCode::NO_CONTENT
    })
}

async fn protect(
    axum::extract::State(state): Shared,
    Path(id): Path<String>,
    Json(wish): Json<Protection>,
) -> Answer<StatusCode> {
    with(&state, &id, |zone| zone.protect(&wish.name, &wish.rtype, &wish.comment))?
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(|refusal| (StatusCode::BAD_REQUEST, refusal.to_string()))
}

async fn unprotect(
    axum::extract::State(state): Shared,
    Path(id): Path<String>,
    Json(wish): Json<Protection>,
) -> Answer<StatusCode> {
    let found = with(&state, &id, |zone| zone.unprotect(&wish.name, &wish.rtype))?;
    Ok(if found { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
}

fn with<T>(state: &State, id: &str, f: impl FnOnce(&mut HostedZone) -> T) -> Answer<T> {
    state.with_zone(id, f).ok_or_else(|| (StatusCode::NOT_FOUND, format!("no zone {id}")))
}
