//! The translation between the types of the core and of the emulator, as in the real client.

use zonekeeper_core::{
    dns::{Name, RecordType, SetId},
    keeper::{Cursor, Failure, FailureClass, Page},
};
use zonekeeper_emulator::zone as service;

pub use crate::service_set::{change_to_service, set_from_service, zone_from_service};

pub fn start_to_service(cursor: &Cursor) -> service::Start {
    let rtype = cursor.rtype.as_ref().map(RecordType::as_str);
    let set_id = cursor.set_id.as_ref().map(SetId::as_str);
    service::Start::new(&cursor.name.to_route53(), rtype, set_id).unwrap()
}

pub fn page_from_service(page: &service::Page) -> Page {
    let next = page.next.as_ref().map(|next| Cursor {
        name: Name::from_route53(next.name()).unwrap(),
        rtype: next.rtype().map(RecordType::new),
        set_id: next.identifier().map(SetId::new),
    });
    Page { sets: page.sets.iter().map(set_from_service).collect(), next }
}

pub fn refusal_from_service(refusal: &service::Refusal) -> Failure {
    Failure::refused(refusal.code(), &refusal.message())
}

pub fn failure(class: FailureClass, code: &str, message: &str) -> Failure {
    Failure { class, code: code.to_owned(), message: message.to_owned() }
}
