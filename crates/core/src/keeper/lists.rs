//! Which objects have been seen, so that an unfinished list is never taken for the whole.

use std::collections::{BTreeMap, BTreeSet};

use super::Scope;
use crate::source::ObjectId;

/// The state of each scope's list.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    scopes: BTreeMap<Scope, List>,
}

#[derive(Debug, Clone, Default)]
struct List {
    /// Whether the scope has been listed to its end once.
    complete: bool,
    /// While it is listed again: the objects that have not been seen yet.
    unseen: Option<BTreeSet<ObjectId>>,
}

// === impl Lists ===

impl Lists {
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().map(|scope| (scope, List::default())).collect() }
    }

    /// A list begins; `known` are the objects of its scope.
    pub fn begin<'a>(&mut self, scope: &Scope, known: impl Iterator<Item = &'a ObjectId>) {
        self.scopes.entry(scope.clone()).or_default().unseen = Some(known.cloned().collect());
    }

    /// An object has been seen.
    pub fn see(&mut self, object: &ObjectId) {
        for (scope, list) in &mut self.scopes {
            if scope.kind == object.kind()
                && let Some(unseen) = &mut list.unseen
            {
                unseen.remove(object);
            }
        }
    }

    /// A list has come to its end; the objects that it did not show.
    pub fn end(&mut self, scope: &Scope) -> BTreeSet<ObjectId> {
        let list = self.scopes.entry(scope.clone()).or_default();
        list.complete = true;
        list.unseen.take().unwrap_or_default()
    }

    /// A scope cannot be listed. Whether that is the first thing known of it; it is then not waited for.
    pub fn unreadable(&mut self, scope: &Scope) -> bool {
        let list = self.scopes.entry(scope.clone()).or_default();
        !std::mem::replace(&mut list.complete, true)
    }

    /// The scopes that have not been listed to their end yet.
    pub fn missing(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(|(_, list)| !list.complete).map(|(scope, _)| scope)
    }
}
