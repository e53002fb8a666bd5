//! Resolves the host names of load balancers, for Services that lead to their addresses.
//!
//! It sits between a source of objects and the driver, and passes all inputs on. The objects say which host names they look
//! up, and the answers become resources of their own. The resolver of the operating system answers, as for ExternalDNS.

mod names;

use std::{collections::BTreeSet, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    net::lookup_host,
    time::{Instant, sleep_until, timeout},
};
use zonekeeper_core::{
    dns::Name,
    keeper::Input,
    source::{Resource, Rules, Scope},
};

use self::names::Names;
use crate::driver::{Handle, Objects, Until};

/// How long a look-up may take.
const WITHIN: Duration = Duration::from_secs(5);
/// How many host names are looked up at the same time.
const AT_ONCE: usize = 16;

/// A source of objects whose host names are resolved.
pub struct Resolving<O, R = SystemResolver> {
    objects: O,
    resolver: R,
}

/// Looks up the addresses of host names.
pub trait Resolver: Clone + Send + Sync + 'static {
    /// The addresses of a host name, or why there are none.
    fn look_up(&self, host: Name) -> impl Future<Output = Result<BTreeSet<IpAddr>, String>> + Send;
}

/// The resolver of the operating system.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

// === impl SystemResolver ===

impl Resolver for SystemResolver {
    async fn look_up(&self, host: Name) -> Result<BTreeSet<IpAddr>, String> {
        // With the last dot, the search domains of the pod are not tried.
        let found = timeout(WITHIN, lookup_host((format!("{host}."), 0))).await;
        let found = found.map_err(|_| format!("no answer within {WITHIN:?}"))?;
        Ok(found.map_err(|error| error.to_string())?.map(|address| address.ip()).collect())
    }
}

// === impl Resolving ===

impl<O> Resolving<O> {
    /// Resolves the host names of the objects of a source.
    pub fn new(objects: O) -> Self {
        Self { objects, resolver: SystemResolver }
    }
}

impl<O: Objects, R: Resolver> Objects for Resolving<O, R> {
    type Error = O::Error;

    /// Follows the objects, and resolves host names if addresses are in the scopes. The list of addresses is complete when the objects are listed and the first answers have come, or do
    /// not come in time.
    async fn follow(
        self,
        scopes: Vec<Scope>,
        rules: Arc<Rules>,
        driver: Handle,
        until: Until,
    ) -> Result<(), O::Error> {
        let (own, others): (Vec<_>, Vec<_>) =
            scopes.into_iter().partition(|scope| scope.resource == Resource::ADDRESS);
        if own.is_empty() {
            return self.objects.follow(others, rules, driver, until).await;
        }
        let mut names = Names::new(&others);
        let mut look_ups = FuturesUnordered::new();
        let (handle, mut inputs) = driver.through();
        let (resolver, mut source) = (self.resolver, pin!(self.objects.follow(others, rules, handle, until)));
        let (mut is_over, mut is_listed) = (false, false);
        let mut news: Vec<Input> = own.iter().cloned().map(Input::Listing).collect();
        loop {
            if !news.is_empty() && !driver.send_all(news).await {
                return Ok(());
            }
            let complete = names.complete().filter(|_| !is_listed);
            if complete.is_some_and(|at| at <= Instant::now()) {
                is_listed = true;
                news = names.unanswered().chain(own.iter().cloned().map(Input::Listed)).collect();
                continue;
            }
            if is_over && (is_listed || !until.ends()) && inputs.is_empty() {
                return Ok(());
            }
            let room = AT_ONCE.saturating_sub(look_ups.len());
            for host in names.due(Instant::now(), room) {
                let (resolver, asked) = (resolver.clone(), host.clone());
                look_ups.push(async move { (host, resolver.look_up(asked).await) });
            }
            news = tokio::select! {
                Some(inputs) = inputs.recv() => {
                    let now = Instant::now();
                    inputs.into_iter().flat_map(|input| names.note(input, now)).collect()
                }
                Some((host, answer)) = look_ups.next() => names.answered(&host, answer, Instant::now()),
                ended = &mut source, if !is_over => {
                    ended?;
                    is_over = true;
                    Vec::new()
                }
                () = sleep_until(names.next_due()), if look_ups.len() < AT_ONCE => Vec::new(),
                () = sleep_until(complete.unwrap_or_else(Instant::now)), if complete.is_some() => Vec::new(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use serde_json::json;
    use zonekeeper_core::source::{Object, ServiceRules};

    use super::*;

    /// A cluster with Services whose load balancers have these host names.
    struct Services(&'static [&'static str]);

    /// Knows one host name.
    #[derive(Clone)]
    struct Known;

    impl Resolver for Known {
        async fn look_up(&self, host: Name) -> Result<BTreeSet<IpAddr>, String> {
            match host.as_str() {
                "known.test" => Ok(BTreeSet::from([[192, 0, 2, 1].into()])),
                _ => Err("no such host".to_owned()),
            }
        }
    }

    impl Objects for Services {
        type Error = Infallible;

        async fn follow(
            self,
            scopes: Vec<Scope>,
            rules: Arc<Rules>,
            driver: Handle,
            _: Until,
        ) -> Result<(), Infallible> {
            for scope in scopes {
                driver.send(Input::Listing(scope.clone())).await;
                for host in self.0 {
                    let service = json!({
                        "metadata": {
                            "name": host, "namespace": "shop",
                            "annotations": {"external-dns.kubernetes.io/hostname": "www.example.com"},
                        },
                        "spec": {"type": "LoadBalancer"},
                        "status": {"loadBalancer": {"ingress": [{"hostname": host}]}},
                    });
                    let object = Object::Service(Box::new(serde_json::from_value(service).unwrap()));
                    let resource = object.resource_ref().unwrap();
                    driver.send(Input::Resource { resource, reduced: object.reduce(&rules) }).await;
                }
                driver.send(Input::Listed(scope)).await;
            }
            Ok(())
        }
    }

    /// What the driver hears until the source of a command ends.
    async fn heard(hosts: &'static [&'static str]) -> Vec<String> {
        let (handle, mut inputs) = Handle::alone();
        let services = ServiceRules { resolve_host_names: true, ..ServiceRules::default() };
        let rules = Arc::new(Rules { services, ..Rules::default() });
        let scopes =
            [Resource::SERVICE, Resource::ADDRESS].map(|resource| Scope { resource, namespace: None });
        let resolving = Resolving { objects: Services(hosts), resolver: Known };
        resolving.follow(scopes.to_vec(), rules, handle, Until::Done).await.unwrap();
        let mut heard = Vec::new();
        let mut all = Vec::new();
        while let Some(inputs) = inputs.recv().await {
            all.extend(inputs);
        }
        for input in all {
            heard.push(match input {
                Input::Listing(scope) => format!("listing {}", scope.resource),
                Input::Listed(scope) => format!("listed {}", scope.resource),
                Input::Resource { resource, reduced } => {
                    format!("{resource}{}", if reduced.is_some() { "" } else { " is gone" })
                }
                Input::Undecodable { resource } => format!("{resource} is unreadable"),
                other => format!("{other:?}"),
            });
        }
        heard
    }

    #[tokio::test]
    async fn addresses_are_listed_after_the_first_answers() {
        let mut heard = heard(&["known.test", "gone.test"]).await;
        assert_eq!(heard.first().unwrap(), "listing Address");
        assert_eq!(heard.pop().unwrap(), "listed Address");
        for input in ["Address/known.test", "Address/gone.test is unreadable", "listed Service"] {
            assert!(heard.iter().any(|it| it == input), "{input}: {heard:?}");
        }
    }
}
