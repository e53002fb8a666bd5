//! The watch of a process: one ordered stream of events per scope. A stream can break and be listed again.

use zonekeeper_core::{
    keeper::{Input, Time},
    source::{Resource, ResourceRef, Scope},
};

use super::{
    cluster::Cluster,
    join::{BACKEND, ROUTE},
    random::Random,
};

/// The streams of one process.
#[derive(Debug, Clone)]
pub struct Watch {
    streams: Vec<Stream>,
}

#[derive(Debug, Clone)]
struct Stream {
    scope: Scope,
    /// The number of breaks. Events from before a break never arrive.
    epoch: u32,
    broken: bool,
    /// The arrival of the last event. The next event does not overtake it.
    last: Time,
}

/// An event on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub stream: usize,
    pub epoch: u32,
}

impl Watch {
    /// New streams, which must be listed first.
    pub fn new(scopes: &[Scope]) -> Self {
        let stream =
            |scope: &Scope| Stream { scope: scope.clone(), epoch: 0, broken: true, last: Time::ZERO };
        Self { streams: scopes.iter().map(stream).collect() }
    }

    /// Whether an event still arrives.
    pub fn arrives(&self, ticket: Ticket) -> bool {
        self.streams[ticket.stream].epoch == ticket.epoch
    }

    /// Breaks a stream ("410 Gone"). Nothing arrives until it is listed again.
    pub fn cut(&mut self, stream: usize) {
        self.streams[stream].epoch += 1;
        self.streams[stream].broken = true;
    }

    /// The event of a changed object, if its stream is not broken.
    pub fn event(
        &mut self,
        resource: &ResourceRef,
        now: Time,
        random: &mut Random,
    ) -> Option<(usize, Ticket, Time)> {
        let at = self.streams.iter().position(|stream| stream.scope.covers(resource))?;
        let delay = if random.percent(5) { random.millis(500, 8_000) } else { random.millis(1, 300) };
        let stream = self.streams.get_mut(at).filter(|stream| !stream.broken)?;
        stream.last = stream.last.max(now + delay);
        Some((at, Ticket { stream: at, epoch: stream.epoch }, stream.last))
    }

    /// Lists a scope. Returns the events with their arrivals. In a storm, a resource can stay undecodable for a while.
    pub fn list(
        &mut self,
        at: usize,
        cluster: &Cluster,
        storm: bool,
        now: Time,
        random: &mut Random,
    ) -> Vec<(Ticket, Time, Input)> {
        let stream = &mut self.streams[at];
        stream.epoch += 1;
        stream.broken = false;
        stream.last = now;
        let ticket = Ticket { stream: at, epoch: stream.epoch };
        let resources = cluster.resources().filter(|resource| stream.scope.covers(resource));
        let (mut inputs, mut later) = (vec![Input::Listing(stream.scope.clone())], Vec::new());
        for resource in resources {
            let readable =
                Input::Resource { resource: resource.clone(), reduced: cluster.reduced(&resource) };
            if random.percent(2) {
                inputs.push(Input::Undecodable { resource });
                if storm && random.percent(50) {
                    later.push(readable);
                    continue;
                }
            }
            inputs.push(readable);
        }
        inputs.push(Input::Listed(stream.scope.clone()));
        let mut arrive = |input, delay| {
            stream.last = stream.last + delay;
            (ticket, stream.last, input)
        };
        let mut events: Vec<_> =
            inputs.into_iter().map(|input| arrive(input, random.millis(0, 100))).collect();
        events.extend(later.into_iter().map(|input| arrive(input, random.millis(100, 90_000))));
        events
    }
}

/// The scopes of all kinds, per namespace if `by_namespace`.
pub fn scopes(by_namespace: bool) -> Vec<Scope> {
    let namespaces = if by_namespace { vec![Some("shop"), Some("blog")] } else { vec![None] };
    let of_resource = |resource| {
        namespaces.iter().map(move |namespace| Scope { resource, namespace: namespace.map(str::to_owned) })
    };
    [Resource::INGRESS, Resource::SERVICE, Resource::DNS_ENDPOINT, ROUTE, BACKEND]
        .into_iter()
        .flat_map(of_resource)
        .collect()
}
