//! The fields of the log.

/// The kind of a field's values. A field has one kind in all lines, so that a search engine can store it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// A time of RFC 3339.
    Time,
    /// A name or an id, to be compared as a whole.
    Keyword,
    /// A sentence, to be searched by words.
    Text,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
}

/// A field of the log.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// The name. It has no dots: search engines take `object.uid` for a field of an object `object`.
    pub name: &'static str,
    /// The kind of its values.
    pub kind: FieldKind,
    /// The meaning.
    pub means: &'static str,
}

/// All fields, by name.
pub static FIELDS: [Field; 50] = [
    keyword("addresses", "addresses of a host name"),
    keyword("after", "content of the record set after a change"),
    keyword("approved_at", "time of an approval as it was written"),
    keyword("batch_digest", "digest of the batch; the comment of the change in CloudTrail has it too"),
    number("batch_units", "number of hostnames in a rejected batch"),
    keyword("before", "content of the record set before a change; missing for a new one"),
    keyword("brake_released_until", "end of a release of the brake as it was written"),
    keyword("change_id", "id of the change at Route 53"),
    keyword("cluster", "cluster or folder of the objects"),
    text("detail", "the reason or the note in a sentence"),
    keyword("digest", "digest of an approval as it was written"),
    keyword("dns_name", "hostname, or name of the record set"),
    flag("done", "whether everything was written when the process stopped"),
    text("error", "the error"),
    keyword("error_code", "code of a failed request; see failures.md"),
    keyword("field", "field of an object that has no effect, or another effect than it seems"),
    text("fix", "what a person can do"),
    keyword("folder", "folder of the objects"),
    number("generation", "generation of an object"),
    keyword("host", "host name of which the addresses are looked up"),
    keyword("kind", "kind of objects"),
    keyword("lease", "the Lease, as namespace/name"),
    keyword("lease_before", "holder of the Lease before"),
    keyword("lease_holder", "holder of the Lease"),
    keyword("lease_identity", "this process in the Lease"),
    keyword("level", "`ERROR`, `WARN`, `INFO`, `DEBUG` or `TRACE`"),
    text("message", "what happened: a constant sentence"),
    keyword("metrics_address", "address of the probes and metrics"),
    keyword("mode", "`dry-run`, `approve` or `apply`"),
    keyword("namespace", "namespace of the objects"),
    keyword("note", "note of a hostname; see reasons.md"),
    keyword("object", "the object, as in `Ingress/shop/web`"),
    keyword("object_uid", "uid of the object"),
    keyword("owner", "owner id of this process"),
    keyword("publish", "which objects are published"),
    keyword("reason", "reason why a hostname is blocked; see reasons.md"),
    keyword("record_set_identifier", "set identifier of the record set; missing without a routing policy"),
    keyword("record_type", "type of the record set"),
    keyword("request", "request that failed"),
    keyword("seed", "seed of the random waits of this process"),
    keyword("state", "state of an object"),
    time("timestamp", "time of the line, in UTC"),
    keyword("unit_digest", "digest of the unit"),
    number("waiting", "number of Events that wait"),
    text("why", "why this happens"),
    keyword("zone_id", "id of the zone"),
    keyword("zone_name", "name of the zone"),
    keyword("zone_plan", "name of the ZonePlan"),
    flag("zone_private", "whether the zone is private"),
    number("zone_record_sets", "number of record sets in the zone"),
];

const fn time(name: &'static str, means: &'static str) -> Field {
    Field { name, kind: FieldKind::Time, means }
}

const fn keyword(name: &'static str, means: &'static str) -> Field {
    Field { name, kind: FieldKind::Keyword, means }
}

const fn text(name: &'static str, means: &'static str) -> Field {
    Field { name, kind: FieldKind::Text, means }
}

const fn number(name: &'static str, means: &'static str) -> Field {
    Field { name, kind: FieldKind::Number, means }
}

const fn flag(name: &'static str, means: &'static str) -> Field {
    Field { name, kind: FieldKind::Flag, means }
}
