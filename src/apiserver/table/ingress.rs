//! Ingresses as rows.

use super::{Cell, Column, age_of};
use crate::api::meta::MetaExt;
use crate::sim::{SimTime, SortedSet};
use k8s_openapi::api::networking::v1::{Ingress, IngressRule};

pub(super) const COLUMNS: &[Column] = &[
    Column::name(),
    Column::text("Class"),
    Column::text("Hosts"),
    Column::text("Address"),
    Column::text("Ports"),
    Column::text("Age"),
];

/// How many hosts are told.
const SHOWN: usize = 3;

pub(super) fn cells(ingress: &Ingress, now: SimTime) -> Vec<Cell> {
    let spec = ingress.spec.clone().unwrap_or_default();
    let ports = match spec.tls.is_none_or(|tls| tls.is_empty()) {
        true => "80",
        false => "80, 443",
    };
    vec![
        Cell::text(ingress.name()),
        Cell::Text(spec.ingress_class_name.unwrap_or("<none>".to_owned())),
        Cell::Text(hosts(spec.rules.as_deref().unwrap_or_default())),
        Cell::Text(addresses(ingress)),
        Cell::text(ports),
        age_of(&ingress.metadata, now),
    ]
}

/// The first three hosts, and how many more rules there are.
fn hosts(rules: &[IngressRule]) -> String {
    let (mut shown, mut more) = (Vec::new(), false);
    for rule in rules {
        more |= shown.len() == SHOWN;
        if let Some(host) = rule
            .host
            .as_deref()
            .filter(|host| !more && !host.is_empty())
        {
            shown.push(host);
        }
    }
    match shown.join(",") {
        list if list.is_empty() => "*".to_owned(),
        list if more => format!("{list} + {} more...", rules.len() - SHOWN),
        list => list,
    }
}

/// The addresses or names that its load balancer has given.
fn addresses(ingress: &Ingress) -> String {
    let status = ingress.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let points = balancer.and_then(|balancer| balancer.ingress.as_ref());
    let filled = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let found = points
        .into_iter()
        .flatten()
        .filter_map(|point| filled(&point.ip).or(filled(&point.hostname)));
    let found = SortedSet::from_iter(found);
    found.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::codec;
    use serde_json::json;

    #[test]
    fn hosts_are_cut_after_three() {
        let rules = |hosts: &[&str]| -> Vec<IngressRule> {
            let rule = |host: &&str| codec::from_value(json!({"host": host})).expect("a rule");
            hosts.iter().map(rule).collect()
        };
        assert_eq!(hosts(&rules(&[])), "*");
        assert_eq!(hosts(&rules(&["", "a"])), "a");
        assert_eq!(hosts(&rules(&["a", "b", "c"])), "a,b,c");
        assert_eq!(
            hosts(&rules(&["a", "b", "c", "d", "e"])),
            "a,b,c + 2 more..."
        );
    }

    #[test]
    fn an_ingress_with_certificates_has_a_second_port() {
        let ingress = codec::from_value(json!({
            "metadata": {"name": "x"},
            "spec": {"ingressClassName": "nginx", "tls": [{"hosts": ["a"]}], "rules": [{"host": "a"}]},
            "status": {"loadBalancer": {"ingress": [{"hostname": "lb"}, {"ip": "1.2.3.4"}]}}
        }));
        let cells = cells(&ingress.expect("it decodes"), SimTime::default());
        let texts: Vec<String> = cells.iter().map(ToString::to_string).collect();
        assert_eq!(texts[..5], ["x", "nginx", "a", "1.2.3.4,lb", "80, 443"]);
    }
}
