//! What one rule allows, whether rules cover others, and how they are written in messages.
//!
//! Upstream: pkg/apis/rbac/v1/evaluation_helpers.go,
//! staging/src/k8s.io/component-helpers/auth/rbac/validation/policy_comparator.go and
//! pkg/registry/rbac/validation/policy_compact.go, v1.36.

use super::Attributes;
use k8s_openapi::api::rbac::v1::PolicyRule;

const ALL: &str = "*";

fn list(field: Option<&Vec<String>>) -> &[String] {
    field.map_or(&[], Vec::as_slice)
}

fn has(list: &[String], word: &str) -> bool {
    list.iter().any(|known| known == word)
}

/// Whether `rule` allows what is asked.
pub fn allows(rule: &PolicyRule, asked: &Attributes) -> bool {
    if !has(&rule.verbs, ALL) && !has(&rule.verbs, &asked.verb) {
        return false;
    }
    if !asked.is_resource() {
        return covers_url(list(rule.non_resource_urls.as_ref()), &asked.path);
    }
    let (groups, names) = (
        list(rule.api_groups.as_ref()),
        list(rule.resource_names.as_ref()),
    );
    let resources = list(rule.resources.as_ref());
    (has(groups, ALL) || has(groups, &asked.group))
        && (has(resources, ALL) || covers_resource(resources, &asked.combined()))
        && (names.is_empty() || has(names, &asked.name))
}

/// Whether a list of resources holds `wanted`, itself or as `*/subresource`.
fn covers_resource(resources: &[String], wanted: &str) -> bool {
    let everywhere = |subresource: &str| has(resources, &format!("*/{subresource}"));
    has(resources, wanted)
        || wanted
            .split_once('/')
            .is_some_and(|(_, subresource)| everywhere(subresource))
}

fn covers_url(urls: &[String], wanted: &str) -> bool {
    urls.iter().any(|url| {
        let prefix = url.strip_suffix('*').map(|url| url.trim_end_matches('*'));
        url == wanted || prefix.is_some_and(|prefix| wanted.starts_with(prefix))
    })
}

/// `rule` as rules of one group, resource, verb and name each.
fn single(rule: &PolicyRule, out: &mut Vec<PolicyRule>) {
    let one = |word: &String| Some(vec![word.clone()]);
    let names = list(rule.resource_names.as_ref());
    for group in list(rule.api_groups.as_ref()) {
        for resource in list(rule.resources.as_ref()) {
            for verb in &rule.verbs {
                let bare = PolicyRule {
                    api_groups: one(group),
                    resources: one(resource),
                    verbs: vec![verb.clone()],
                    ..PolicyRule::default()
                };
                out.extend(names.iter().map(|name| PolicyRule {
                    resource_names: one(name),
                    ..bare.clone()
                }));
                if names.is_empty() {
                    out.push(bare);
                }
            }
        }
    }
    for url in list(rule.non_resource_urls.as_ref()) {
        out.extend(rule.verbs.iter().map(|verb| PolicyRule {
            non_resource_urls: one(url),
            verbs: vec![verb.clone()],
            ..PolicyRule::default()
        }));
    }
}

/// Whether `owned` gives all that the single rule `wanted` gives.
fn covers(owned: &PolicyRule, wanted: &PolicyRule) -> bool {
    let all = |owned: &[String], wanted: &[String]| {
        has(owned, ALL) || wanted.iter().all(|word| has(owned, word))
    };
    let of = |field: fn(&PolicyRule) -> &Option<Vec<String>>| {
        (list(field(owned).as_ref()), list(field(wanted).as_ref()))
    };
    let (groups, wanted_groups) = of(|rule| &rule.api_groups);
    let (resources, wanted_resources) = of(|rule| &rule.resources);
    let (urls, wanted_urls) = of(|rule| &rule.non_resource_urls);
    let (names, wanted_names) = of(|rule| &rule.resource_names);
    let covered = |resource: &String| covers_resource(resources, resource);
    all(&owned.verbs, &wanted.verbs)
        && all(groups, wanted_groups)
        && (has(resources, ALL) || wanted_resources.iter().all(covered))
        && wanted_urls.iter().all(|url| covers_url(urls, url))
        && match wanted_names {
            [] => names.is_empty(),
            wanted => names.is_empty() || wanted.iter().all(|name| has(names, name)),
        }
}

/// What of `wanted` the rules in `owned` do not give, one rule for each.
pub fn missing(owned: &[PolicyRule], wanted: &[PolicyRule]) -> Vec<PolicyRule> {
    let mut rules = Vec::new();
    for rule in wanted {
        single(rule, &mut rules);
    }
    rules.retain(|wanted| !owned.iter().any(|owned| covers(owned, wanted)));
    rules
}

/// The single rules `rules` with the verbs for the same objects together.
pub fn compact(rules: Vec<PolicyRule>) -> Vec<PolicyRule> {
    let mut out: Vec<PolicyRule> = Vec::new();
    for rule in rules {
        let same = out.iter_mut().find(|known| {
            rule.non_resource_urls.is_none()
                && known.api_groups == rule.api_groups
                && known.resources == rule.resources
                && known.resource_names == rule.resource_names
        });
        match same {
            Some(known) => known.verbs.extend(rule.verbs),
            None => out.push(rule),
        }
    }
    out
}

/// `["a" "b"]`
pub fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    format!("[{}]", words.join(" "))
}

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`
pub fn text(rule: &PolicyRule) -> String {
    let parts = [
        ("APIGroups", list(rule.api_groups.as_ref())),
        ("Resources", list(rule.resources.as_ref())),
        ("NonResourceURLs", list(rule.non_resource_urls.as_ref())),
        ("ResourceNames", list(rule.resource_names.as_ref())),
        ("Verbs", rule.verbs.as_slice()),
    ];
    let parts = parts.iter().filter(|(_, words)| !words.is_empty());
    let parts: Vec<String> = parts
        .map(|(name, words)| format!("{name}:{}", quoted(words)))
        .collect();
    format!("{{{}}}", parts.join(", "))
}
