//! zonekeeper's core: every decision, without a network, a clock or a runtime.
//!
//! zonekeeper watches Ingress and Service objects, computes the DNS records that they ask for, and creates or
//! updates them in one Route 53 hosted zone. It never deletes. This page is the map of the core. The crate
//! `zonekeeper` carries out the core's decisions and adds none.
//!
//! # Flow
//!
//! ```text
//!   API server                                                     Route 53
//!       │ objects                                      record sets │  ▲ batches
//!       ▼                                                          ▼  │
//!   source/   facts (endpoints) ──► claims         snapshot (dns::Zone)    history
//!                                     │                    │                  │
//!                                     └──────►  plan/  ◄───┴──────────────────┘
//!                                                 │ units · blocked · noted · leftovers · orphans
//!                                                 ▼
//!                                              keeper/   time, order, pace, failures
//!                                                 │ effects
//!                                                 ▼
//!                                              driver    (the crate `zonekeeper`: carries out effects)
//! ```
//!
//! - [`dns`]: names in Route 53's order, record sets, TXT syntax, alias targets, the zone. It knows no Kubernetes.
//! - [`source`]: the [`Index`](source::Index) joins resources. An object becomes [`Facts`](source::Facts), which hold its
//!   endpoints. [`Claims`](source::Claims) index
//!   (object, endpoint) by hostname and set identifier. [`Visibility`](source::Visibility) says which objects are
//!   readable. This module knows no zone.
//! - [`plan`]: claims, the zone and the history become a [`Plan`](plan::Plan), hostname by hostname
//!   ([`View::host`](plan::View::host)). `decision.rs` is the table of decisions. This module knows no time.
//! - [`keeper`]: the loop. [`Keeper::handle`](keeper::Keeper::handle) takes an input and its time, and returns effects.
//! - [`lease`]: leader election among several processes. It uses nothing of the keeper but [`Time`](keeper::Time).
//!
//! Each module depends only on the modules before it.
//!
//! # Guarantees
//!
//! 1. **No deletion.** [`Change`](plan::Change) has two variants, create and replace. It cannot express a deletion. A
//!    [`HandChange`](plan::HandChange) can, but the program only shows it to people and never sends it.
//! 2. **Records of others stay untouched.** The first write of a set is a CREATE, which Route 53 rejects if the set
//!    exists. A replacement needs an ownership record of ours, in the snapshot and in a read less than 10 seconds
//!    old. So does a CREATE that relies on an existing ownership record. An [`Adoption`](plan::Adoption) writes
//!    ownership records only.
//! 3. **A unit is atomic.** All record sets of a key and their ownership records travel in one batch, or none of them.
//! 4. **A mistake costs only its own unit.** That unit is blocked for one [`Reason`](plan::Reason) with a fix. All
//!    other units continue. No input causes a panic.
//! 5. **A plan shows exactly the changes that are sent.** Both come from the same units, and a digest covers each unit.
//! 6. **No blind resend.** If an answer is lost, the keeper reads the names of one unit, because a batch is accepted as a
//!    whole. If they do not show the result, it reads all names of the batch. Then it plans again.
//! 7. **Only changes cause work.** A change of facts or of the zone marks the hostnames that depend on it
//!    ([`View::affected`](plan::View::affected)). The keeper plans only those again.
//! 8. **Equal inputs give equal effects.** Time is an argument, and jitter is a hash. The simulator
//!    (`tests/core/simulation`) replays any run from its seed, and checks these guarantees on the zone itself.
//!
//! # One Ingress on its way to Route 53
//!
//! ```
//! use k8s_openapi::api::networking::v1::Ingress;
//! use zonekeeper_core::{
//!     dns::{Name, Zone, ZoneId},
//!     plan::{Batch, History, Plan, Settings, View},
//!     source::{Claims, Object, Rules},
//! };
//!
//! // The API server sends an object; its controller has given it a load balancer.
//! let ingress: Ingress = serde_json::from_str(r#"{
//!     "metadata": {"namespace": "shop", "name": "web",
//!         "annotations": {"external-dns.kubernetes.io/hostname": "www.example.com"}},
//!     "status": {"loadBalancer": {"ingress": [{"hostname": "web-1.eu-west-1.elb.amazonaws.com"}]}}
//! }"#)?;
//! let object = Object::Ingress(Box::new(ingress));
//!
//! // The object is reduced to facts and dropped. Its endpoint becomes a claim on a hostname of the zone.
//! let apex = Name::from_hostname("example.com")?;
//! let mut claims = Claims::new(apex.clone());
//! let id = object.id().ok_or("an object has a name")?;
//! claims.set(&id, object.facts(&Rules::default()));
//!
//! // The claims, the zone and the history give a plan. Here it is one unit of four changes.
//! let settings = Settings::new("blue".parse()?);
//! let zone = Zone::new(ZoneId::new("Z0123456789").ok_or("a zone id")?, apex);
//! let history = History::default();
//! let plan = Plan::new(&View::new(&zone, &claims, &settings, &history));
//! let unit = plan.units.first().ok_or("a unit")?;
//! let written: Vec<String> = unit.changes().iter().map(ToString::to_string).collect();
//! assert_eq!(written, [
//!     "create www.example.com A alias web-1.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true",
//!     "create a-www.example.com TXT \"heritage=external-dns,external-dns/owner=blue,\
//!         external-dns/resource=ingress/shop/web\" ttl=300",
//!     "create www.example.com AAAA alias web-1.eu-west-1.elb.amazonaws.com (Z32O12XQLNTSW2) health=true",
//!     "create aaaa-www.example.com TXT \"heritage=external-dns,external-dns/owner=blue,\
//!         external-dns/resource=ingress/shop/web\" ttl=300",
//! ]);
//!
//! // Units are packed into requests. Route 53 accepts or rejects a request as a whole.
//! let batches = Batch::pack(&plan.units);
//! assert_eq!(batches.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The [`Keeper`](keeper::Keeper) takes the same steps one by one. `Input::Resource` marks the hostname, and 50 ms later the
//! keeper plans it. A cycle takes the unit. If the unit replaces a record set, the keeper reads its names again
//! (`Effect::Read`), plans the hostname with the fresh read, and goes on if the unit is still planned. It sends the unit
//! (`Effect::Apply`). The answer patches the snapshot and causes the
//! audit line (`Report::Accepted`). `GetChange` is repeated until all name servers have the change.
//!
//! # Glossary
//!
//! | word | meaning | code |
//! |---|---|---|
//! | resource | anything that is watched: an Ingress, a Service | [`source::Resource`] |
//! | object | a resource that can ask for hostnames, written `Ingress/shop/web` | [`source::Object`] |
//! | facts | the few fields kept of an object: its endpoints, its controls, its problems | [`source::Facts`] |
//! | endpoint | one wanted key: content, TTL, routing, alias options | [`source::Endpoint`] |
//! | key | a hostname with a set identifier, or with none | [`source::ClaimKey`] |
//! | claim | an object together with one of its endpoints | [`source::Claim`] |
//! | visibility | which objects and kinds are readable | [`source::Visibility`] |
//! | holder | the object whose claim is followed if several objects claim the same key | `plan/holder.rs` |
//! | desired | the record sets that a claim asks for | `plan/desired.rs` |
//! | record set | name, type and set identifier, with values or an alias | [`dns::RecordSet`] |
//! | ownership record | the TXT beside a record set that says who manages it, in `ExternalDNS`' format | `plan/ownership.rs` |
//! | history | earlier observations on which a plan depends | [`plan::History`] |
//! | decision | a row of the table of decisions | `plan/decision.rs` |
//! | change | a creation or a replacement of a record set, with the role of the set | [`plan::Change`] |
//! | unit | all changes of one key, written together or not at all | [`plan::Unit`] |
//! | adoption | a unit that makes existing records ours, with changes of ownership records only | [`plan::Adoption`] |
//! | plan | units, blocked and noted claims, leftovers, orphans | [`plan::Plan`] |
//! | batch | units packed into one `ChangeResourceRecordSets` request | [`plan::Batch`] |
//! | blocked | not written, for exactly one reason with a fix | [`plan::Blocked`] |
//! | noted | right, but not ours, so that zonekeeper does not keep it up to date | [`plan::Noted`] |
//! | leftover | an owned record set that no object wants, at a claimed hostname | [`plan::Stale`] |
//! | orphan | an owned record set at a hostname that no object claims | [`plan::Stale`] |
//! | snapshot | the zone as last listed, patched with every accepted batch | `keeper/model/snapshot/` |
//!
//! # Where to make a change
//!
//! - A new kind of object: a file in `source/`, and a variant of [`source::Object`].
//! - A new reason: a variant of [`plan::Reason`]. It does not compile without a text and a fix.
//! - A new rule about time: the part of `keeper/` that owns the subject.
//! - Another result for a situation: a file in `tests/cases`.

pub mod dns;
pub mod keeper;
pub mod lease;
pub mod plan;
mod sanitize;
pub mod source;
mod text_order;
