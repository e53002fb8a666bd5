//! The progress of object lists: an unfinished list must not be taken for a complete one.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{ResourceRef, Scope};

/// The state of each scope's list.
#[derive(Debug, Clone)]
pub(super) struct Lists {
    scopes: BTreeMap<Scope, List>,
}

#[derive(Debug, Clone, Default)]
struct List {
    /// Whether the scope was listed to its end once, or cannot be listed.
    complete: bool,
    /// During a list: the known objects that it has not shown yet.
    unseen: Option<BTreeSet<ResourceRef>>,
}

// === impl Lists ===

impl Lists {
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self { scopes: scopes.into_iter().map(|scope| (scope, List::default())).collect() }
    }

    /// Begins a list. `known` are the known resources of the scope.
    pub fn begin(&mut self, scope: &Scope, known: BTreeSet<ResourceRef>) {
        self.scopes.entry(scope.clone()).or_default().unseen = Some(known);
    }

    /// Marks a resource as seen.
    pub fn see(&mut self, resource: &ResourceRef) {
        for (scope, list) in &mut self.scopes {
            if scope.covers(resource)
                && let Some(unseen) = &mut list.unseen
            {
                unseen.remove(resource);
            }
        }
    }

    /// Ends a list. Returns the resources that it did not show.
    pub fn end(&mut self, scope: &Scope) -> BTreeSet<ResourceRef> {
        let list = self.scopes.entry(scope.clone()).or_default();
        list.complete = true;
        list.unseen.take().unwrap_or_default()
    }

    /// Counts a scope that cannot be listed as complete. Returns whether it was incomplete before.
    pub fn deny(&mut self, scope: &Scope) -> bool {
        let list = self.scopes.entry(scope.clone()).or_default();
        !std::mem::replace(&mut list.complete, true)
    }

    /// The scopes that are not complete yet.
    pub fn missing(&self) -> impl Iterator<Item = &Scope> {
        self.scopes.iter().filter(|(_, list)| !list.complete).map(|(scope, _)| scope)
    }
}
