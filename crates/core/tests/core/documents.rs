//! The generated pages of `docs/reference`.
//!
//! `UPDATE=1 cargo test --test core documents` writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    path::Path,
};

use zonekeeper_core::{
    plan::{Blocked, HandChange, Limit, Note, Reason, Subject},
    source::{
        ADOPT, AnnotationKey, DEFAULT_PREFIXES, HAND_OVER_TO, Kind, MAX_OBJECT_HOSTS, ObjectRef,
        PAUSED_UNTIL, PUBLISH,
    },
};

use crate::cases;

const GENERATED: &str =
    "<!-- Generated from the code: `make documents` writes it, `make test` compares it. -->";

#[test]
fn the_page_of_annotations_is_current() {
    let [newer, older] = DEFAULT_PREFIXES;
    let mut page = format!(
        "# Annotations\n\n{GENERATED}\n\nSet these on an Ingress or a Service, with one of ExternalDNS' prefixes, `{newer}` or \
         `{older}`. If both have a key with different values, `{newer}` wins, with a Warning. \
         `--annotation-prefix` replaces both prefixes. An unreadable value blocks the object's hostnames \
         ([InvalidField](reasons.md#invalidfield)). For an unreadable `ttl` the default is used, and an unreadable \
         `hand-over-to` has no effect, each with a Warning. zonekeeper reads {MAX_OBJECT_HOSTS} hostnames of one object. An \
         existing CNAME of this cluster stays a CNAME, also if its new target could have an alias.\n\n| annotation | example | meaning |\n|---|---|---|\n"
    );
    for key in AnnotationKey::ALL {
        writeln!(page, "| `{}` | `{}` | {} |", key.as_str(), key.example(), key.meaning()).unwrap();
    }
    writeln!(
        page,
        "\nThese have the prefix of zonekeeper:\n\n| annotation | example | meaning |\n|---|---|---|\n\
         | `{PUBLISH}` | `true` | Publishes an object without a hostname annotation. With `--publish all`, every object is published. |\n\
         | `{ADOPT}` | `true` | With `--adopt-by-annotation`, makes this cluster the owner of records without an owner at the object's hostnames, if they \
         are already as the object asks. It does not change the records. |\n\
         | `{HAND_OVER_TO}` | `Ingress/blog/web` | Hands the object's hostnames over to another object that asks for them, in \
         one request. |\n\
         | `{PAUSED_UNTIL}` | `2026-12-31T18:00:00Z` | Keeps the object's records as they are until then. The plan shows the \
         pending changes ([Paused](reasons.md#paused)). |"
    )
    .unwrap();
    is_current("annotations.md", &page);
}

#[test]
fn the_page_of_reasons_is_current() {
    let mut reasons: BTreeMap<&str, Vec<Blocked>> = BTreeMap::new();
    for blocked in cases::blocked().into_iter().chain(of_no_case()) {
        reasons.entry(blocked.reason.label()).or_default().push(blocked);
    }
    let mut page = format!(
        "# Reasons\n\n{GENERATED}\n\nA hostname that is not written is *blocked*, for exactly one reason. The plan, the log \
         and the metric `zonekeeper_blocked{{reason=…}}` show it. After 30 seconds the object gets a Warning. The records in \
         the zone stay as they are, and zonekeeper continues with all other hostnames.\n\nA hostname whose records are right but not ours is \
         *noted*: see [Notes](#notes) at the end.\n"
    );
    let labels: BTreeSet<&str> = reasons.keys().copied().collect();
    assert_eq!(labels, Reason::LABELS.into());
    for (label, blocked) in reasons {
        let example = blocked.iter().map(|it| it.reason.to_string()).min_by_key(String::len).unwrap();
        let fixes: BTreeSet<&str> = blocked.iter().map(|it| it.reason.fix()).collect();
        writeln!(page, "\n## {label}\n\n{}\n\n- as in: {example}", blocked[0].reason.meaning()).unwrap();
        for fix in fixes {
            writeln!(page, "- fix: {fix}").unwrap();
        }
        if let Some(by_hand) = blocked
            .iter()
            .map(|it| &it.remedy)
            .filter(|it| !it.is_empty())
            .min_by_key(|it| (!it.iter().any(is_deletion), it.len()))
        {
            page += "- the change batch that `zonekeeper plan` shows, for example:\n\n";
            for change in by_hand {
                writeln!(page, "      {change}").unwrap();
            }
        }
    }
    page += "\n# Notes\n\nThe records of the hostname are right, so nothing has to be written. zonekeeper does not keep them up \
             to date. The plan, the log and the metric `zonekeeper_noted{note=…}` show it. After 30 seconds the object gets a Warning, except for `OwnedBy`.\n";
    let notes = [Note::Unmanaged, Note::OwnershipLost, Note::OwnedBy { owner: "green".to_owned() }];
    assert_eq!(notes.each_ref().map(Note::label), Note::LABELS);
    for note in notes {
        writeln!(page, "\n## {}\n\n{}\n\n- as in: {note}", note.label(), note.meaning()).unwrap();
        writeln!(page, "- fix: {}", note.fix()).unwrap();
    }
    is_current("reasons.md", &page);
}

/// The reasons that no case has: they follow from time, from answers of Route 53, or from very large objects.
fn of_no_case() -> impl Iterator<Item = Blocked> {
    let denied_by_iam = |is_underscored| Reason::DeniedByIam {
        message: "User: … is not authorized to perform: …".to_owned(),
        is_underscored,
    };
    let reasons = [
        Reason::KindUnreadable { holder: ObjectRef::from_resource_label("ingress/shop/web") },
        Reason::TooBig(Limit::ObjectValues(160_000)),
        Reason::Paused { until: "2026-12-31T18:00:00Z".to_owned() },
        Reason::Contested,
        Reason::Braked { everywhere: false },
        Reason::RejectedByRoute53 { message: "Invalid Resource Record: …".to_owned() },
        denied_by_iam(false),
        denied_by_iam(true),
        Reason::Protected {
            message: "Resource record set [name='www.example.com.', type='A'] is protected: …".to_owned(),
        },
        Reason::ZoneFull { message: "Exceeded limit MAX_RRSETS_BY_ZONE …".to_owned() },
    ];
    let object = ObjectRef::new(Kind::Ingress, "shop", "web");
    let subject = Subject::Hostnames("www.example.com".to_owned());
    reasons.into_iter().map(move |reason| Blocked {
        subject: subject.clone(),
        object: object.clone(),
        reason,
        remedy: Vec::new(),
    })
}

fn is_deletion(change: &HandChange) -> bool {
    matches!(change, HandChange::Delete(_))
}

fn is_current(name: &str, page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name);
    if std::env::var_os("UPDATE").is_some() {
        fs::write(&path, page).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/reference/{name} is outdated: run `make documents`");
}
