//! zonekeeper's core: what is decided, without a network, a clock or a runtime.
//!
//! zonekeeper watches Ingress and Service objects, computes the DNS records that they ask for, and creates or
//! updates them in one Route 53 hosted zone. It never deletes. This page is the map of how; the crate around this
//! one only carries out what is decided here.
//!
//! # Flow
//!
//! ```text
//!   API server                                                     Route 53
//!       │ objects                                      record sets │  ▲ batches
//!       ▼                                                          ▼  │
//!   source/            facts ──► claims            snapshot (dns::Zone)
//!                                   │                      │
//!                                   └──────►  plan/  ◄─────┘
//!                                               │ units · blocked · leftovers · orphans
//!                                               ▼
//!                                            keeper/   when, in which order, how fast, and what if it fails
//!                                               │ effects
//!                                               ▼
//!                                            driver    (the crate `zonekeeper`: performs effects, adds nothing)
//! ```
//!
//! - [`dns`]: names in Route 53's order, record sets, TXT syntax, alias targets, the zone. Knows no Kubernetes.
//! - [`source`]: an object becomes [`Facts`](source::Facts), facts become [`Claims`](source::Claims). Knows no zone.
//! - [`plan`]: claims and a zone become a [`Plan`](plan::Plan): a function of its arguments, hostname by hostname
//!   ([`View::host`](plan::View::host)). Knows no time.
//! - [`keeper`]: the loop. [`Keeper::handle`](keeper::Keeper::handle) takes what has happened and at what time, and
//!   returns what is to be done.
//! - [`lease`]: who of several processes may write, which the keeper is told. Knows no keeper but its
//!   [`Time`](keeper::Time).
//!
//! Each depends on those before it and on nothing else.
//!
//! # What always holds
//!
//! 1. **Nothing is deleted.** [`Change`](plan::Change) has two variants, create and replace; a deletion cannot be
//!    written down. Only [`HandChange`](plan::HandChange), which is shown to people and sent by nobody, knows one.
//! 2. **What is not ours is not touched.** The first write of a set is a CREATE, which Route 53 refuses if something
//!    is there. A set is replaced only if an ownership TXT says that it is ours, in the snapshot and in a read made
//!    less than 10 seconds before; the same holds for a CREATE that relies on an ownership TXT which is there already.
//!    To make ours what is not, by an [`Adoption`](plan::Adoption), writes TXTs only.
//! 3. **A unit is whole.** All types of a hostname and their TXTs travel in one batch, or none of them.
//! 4. **A mistake costs its own unit.** What cannot be written is blocked for one stated
//!    [`Reason`](plan::Reason) with a way out; everything else goes on. No input makes anything here panic.
//! 5. **What a plan shows is what is sent**: both come from the same units, and a digest covers each.
//! 6. **Nothing is sent twice blindly.** Where no answer came, the names of one unit are read, which tell of the whole
//!    batch; only if they do not, all names are. Then it is planned again.
//! 7. **Work follows what has changed.** A change of facts or of the zone marks the hostnames whose decision rests on
//!    it ([`View::affected`](plan::View::affected)); only those are planned again.
//! 8. **The same inputs give the same effects.** Time is an argument, jitter a hash. The simulator
//!    (`tests/core/simulation`) replays any run from its seed and checks all of this on the zone itself.
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
//!     "metadata": {"namespace": "shop", "name": "web"},
//!     "spec": {"rules": [{"host": "www.example.com"}]},
//!     "status": {"loadBalancer": {"ingress": [{"hostname": "web-1.eu-west-1.elb.amazonaws.com"}]}}
//! }"#)?;
//! let object = Object::Ingress(Box::new(ingress));
//!
//! // It is reduced to facts and dropped; the facts become a claim on a hostname of the zone.
//! let apex = Name::from_hostname("example.com")?;
//! let mut claims = Claims::new(apex.clone());
//! let id = object.id().ok_or("an object has a name")?;
//! claims.set(&id, object.facts(&Rules::default()));
//!
//! // What is claimed and what the zone holds give a plan: here four changes, which are one unit.
//! let settings = Settings::new("blue".parse()?);
//! let zone = Zone::new(ZoneId::new("Z0123456789").ok_or("a zone id")?, apex);
//! let past = History::default();
//! let plan = Plan::new(&View { zone: &zone, claims: &claims, settings: &settings, history: &past });
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
//! // Units are packed into requests; a request is accepted or refused as a whole.
//! let batches = Batch::pack(plan.units);
//! assert_eq!(batches.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! In the loop the [`Keeper`](keeper::Keeper) does the same piece by piece: `Input::Facts` marks the hostname;
//! 50 ms later it is planned; a cycle takes the unit, reads its names again (`Effect::Read`), plans it once more from
//! what was read and, if nothing has changed, sends it (`Effect::Apply`). The answer patches the snapshot and is
//! reported (`Report::Accepted`, the audit line); `GetChange` is asked until all name servers have it.
//!
//! # Glossary
//!
//! | word | means | where |
//! |---|---|---|
//! | object | an Ingress, a Service; written `Ingress/shop/web` | [`source::Object`] |
//! | facts | what is kept of an object, with its problems | [`source::Facts`] |
//! | claim | one object asking for one (hostname, set identifier) | [`source::Claim`] |
//! | holder | the object that a claimed key follows where several ask for it | `plan/holder.rs` |
//! | desired | what the zone should hold for a key | `plan/desired.rs` |
//! | record set | name, type and set identifier, with values or an alias | [`dns::RecordSet`] |
//! | ownership | the TXT beside a record set that says whose it is, as `ExternalDNS` writes it | `plan/ownership.rs` |
//! | unit | all sets of a key with their TXTs, written together or not at all | [`plan::Unit`] |
//! | plan | units to write, blocked units, leftovers, orphans | [`plan::Plan`] |
//! | batch | the units of one `ChangeResourceRecordSets` request | [`plan::Batch`] |
//! | blocked | not written, for exactly one reason with a way out | [`plan::Blocked`] |
//! | adoption | a unit of TXTs only, which makes ours what is there | `plan/adoption.rs` |
//! | leftover | an owned set that nothing asks for, beside wanted ones | [`plan::Stale`] |
//! | orphan | an owned set of a hostname that nothing asks for any more | [`plan::Stale`] |
//! | snapshot | the zone as last listed, patched by each accepted batch | `keeper/model/snapshot/` |
//!
//! # Where a change belongs
//!
//! A further kind of object: a file in `source/` and a variant of [`source::Object`]. A further reason: a variant of
//! [`plan::Reason`], which does not compile until it has a text and a way out. Another rule of time: the state
//! machine in `keeper/` that has its name. A situation that should come out differently: a file in `tests/cases`.

pub mod dns;
pub mod keeper;
pub mod lease;
pub mod plan;
mod shown;
pub mod source;
