//! Pages that follow each other, and what each tells of the names on it and between them.

use std::{
    collections::BTreeMap,
    ops::{Bound, RangeBounds},
};

use crate::{
    dns::{Name, RecordSet},
    keeper::{Page, Time},
};

/// How far pages that follow each other have come.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// Where what has not been told begins, as far as the place of names in the order is certain.
    from: Bound<Name>,
    /// When the first page that lies beyond was requested.
    since: Option<Time>,
    /// The name that the next page begins in, its sets so far, and since when they are known: of what comes before the
    /// next page within that name, the next page says nothing.
    open: Option<(Name, Vec<RecordSet>, Time)>,
}

/// What a page tells.
#[derive(Debug)]
pub(super) struct Told {
    /// Whole names, and when the first page that shows them was requested. A name without sets is not there.
    pub names: BTreeMap<Name, (Vec<RecordSet>, Time)>,
    /// Which other names are not there either, and since when that is known.
    pub absent: Option<(Span, Time)>,
}

/// Names that follow each other. Those whose place in the order is not certain are in none.
#[derive(Debug, Clone)]
pub(super) struct Span {
    from: Bound<Name>,
    /// Where what follows begins.
    end: Bound<Name>,
}

// === impl Walk ===

impl Walk {
    /// From the first name of a zone, which is its apex.
    pub fn of_zone(apex: Name) -> Self {
        Self { from: Bound::Included(apex), since: None, open: None }
    }

    /// From a name on. What is not at the beginning of the first page is not there, wherever the name's place is.
    pub fn at(name: Name, requested: Time) -> Self {
        Self { from: Bound::Excluded(name.clone()), since: None, open: Some((name, Vec::new(), requested)) }
    }

    /// When the oldest page was requested that what comes next is put together with.
    pub fn oldest(&self) -> Option<Time> {
        self.since.into_iter().chain(self.open.as_ref().map(|(_, _, since)| *since)).min()
    }

    /// Takes the next page.
    pub fn take(&mut self, page: Page, requested: Time) -> Told {
        let open = self.open.take().map(|(name, sets, since)| (name, (sets, since)));
        let mut names: BTreeMap<Name, (Vec<RecordSet>, Time)> = open.into_iter().collect();
        for set in page.sets {
            names.entry(set.name().clone()).or_insert((Vec::new(), requested)).0.push(set);
        }
        if let Some(next) = &page.next {
            let (sets, since) = names.remove(&next.name).unwrap_or((Vec::new(), requested));
            self.open = Some((next.name.clone(), sets, since));
        }
        let since = *self.since.get_or_insert(requested);
        let (end, beyond) = match page.next.map(|next| next.name) {
            None => (Bound::Unbounded, Bound::Unbounded),
            // The last name before it whose place is certain tells.
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
        Told { names, absent: is_certain.then_some((span, since)) }
    }
}

// === impl Span ===

impl Span {
    /// The name at whose place it begins.
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
