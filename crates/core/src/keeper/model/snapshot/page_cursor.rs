//! A series of pages. Each page shows the names on it, and the absence of names between them.

use std::{
    collections::BTreeMap,
    ops::{Bound, RangeBounds},
};

use crate::{
    dns::{Name, RecordSet},
    keeper::{
        contract::{Cursor, Page},
        time::Time,
    },
};

/// How far a series of pages has come.
#[derive(Debug, Clone)]
pub(super) struct PageCursor {
    /// The beginning of the part that no page has covered, as far as the order of names is certain.
    from: Bound<Name>,
    /// When the first page of that part was requested.
    since: Option<Time>,
    /// The name in which the next page begins: its record sets so far, and when they were requested. The next page does
    /// not repeat them.
    open: Option<(Name, Vec<RecordSet>, Time)>,
}

/// The names that one page shows, and the names that it shows to be absent.
#[derive(Debug)]
pub(super) struct Shown {
    /// Whole names, each with the request time of the first page that shows it. A name without record sets is absent.
    pub names: BTreeMap<Name, (Vec<RecordSet>, Time)>,
    /// The span in which all other names are absent, and the time of that observation.
    pub absent: Option<(Span, Time)>,
}

/// A range of names. A name with an uncertain place in the order is in no span.
#[derive(Debug, Clone)]
pub(super) struct Span {
    from: Bound<Name>,
    /// The beginning of the part after the span.
    end: Bound<Name>,
}

// === impl PageCursor ===

impl PageCursor {
    /// Starts at the first name of a zone, its apex.
    pub fn of_zone(apex: Name) -> Self {
        Self { from: Bound::Included(apex), since: None, open: None }
    }

    /// Starts at a name. If the first page does not begin with the name, the name is absent, wherever its place is.
    pub fn at(name: Name, requested: Time) -> Self {
        Self { from: Bound::Excluded(name.clone()), since: None, open: Some((name, Vec::new(), requested)) }
    }

    /// When the oldest page was requested that the next page is combined with.
    pub fn oldest(&self) -> Option<Time> {
        self.since.into_iter().chain(self.open.as_ref().map(|(_, _, since)| *since)).min()
    }

    /// Takes the next page.
    pub fn take(&mut self, page: Page, requested: Time) -> Shown {
        let open = self.open.take().map(|(name, sets, since)| (name, (sets, since)));
        let mut names: BTreeMap<Name, (Vec<RecordSet>, Time)> = open.into_iter().collect();
        for set in page.sets {
            names.entry(set.name().clone()).or_insert((Vec::new(), requested)).0.push(set);
        }
        if let Some(Cursor { name: next, .. }) = &page.next {
            let (sets, since) = names.remove(next).unwrap_or((Vec::new(), requested));
            self.open = Some((next.clone(), sets, since));
        }
        let since = *self.since.get_or_insert(requested);
        let (end, beyond) = match page.next.map(|next| next.name) {
            None => (Bound::Unbounded, Bound::Unbounded),
            // The span ends at the last name on the page whose place is certain.
            Some(next) if next.has_escapes() => {
                let last = names.keys().rfind(|name| !name.has_escapes()).cloned();
                let cut = last.map_or_else(|| self.from.clone(), Bound::Excluded);
                (cut.clone(), cut)
            }
            Some(next) => {
                self.since = None;
                (Bound::Included(next.clone()), Bound::Excluded(next))
            }
        };
        let span = Span { from: std::mem::replace(&mut self.from, beyond), end };
        let is_certain = span.first().is_none_or(|first| !first.has_escapes());
        Shown { names, absent: is_certain.then_some((span, since)) }
    }
}

// === impl Span ===

impl Span {
    /// The name at which the span begins.
    pub fn first(&self) -> Option<&Name> {
        match &self.from {
            Bound::Included(name) | Bound::Excluded(name) => Some(name),
            Bound::Unbounded => None,
        }
    }

    pub fn contains(&self, name: &Name) -> bool {
        !name.has_escapes() && is_within(name, &self.from) && self.is_before_end(name)
    }

    pub fn is_before_end(&self, name: &Name) -> bool {
        self.end == Bound::Unbounded || !is_within(name, &self.end)
    }
}

/// Whether a name is at or after a bound.
fn is_within(name: &Name, from: &Bound<Name>) -> bool {
    (from.as_ref(), Bound::Unbounded).contains(name)
}
