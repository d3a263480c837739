//! The paths of the HTTP API and what they name.
//!
//! Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, v1.36. The table of
//! kinds decides which paths there are. Left out: proxy paths of nodes.

use super::custom::Kinds;
use super::version::Version;
use crate::api::{Kind, ObjectKey};

/// The longest path that is read.
const PATH_LIMIT: usize = 4_096;

/// What a path below `/api` or `/apis` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResourcePath {
    /// The kind of its objects.
    pub kind: Kind,
    /// Empty for all namespaces, and for kinds of cluster scope.
    pub namespace: String,
    /// Empty for a collection.
    pub name: String,
    /// Empty for the object itself.
    pub subresource: String,
    /// The version in which it is asked for, where that is not the stored one.
    pub version: Option<&'static Version>,
    /// The old form of a watch: `/api/v1/watch/…`.
    pub watch: bool,
}

impl ResourcePath {
    /// Reads a path to one of `kinds`; `None` where nothing is served there.
    pub fn parse(path: &str, kinds: Kinds<'_>) -> Option<Self> {
        let parts = segments(path)?;
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (watch, rest) = match rest {
            ["watch", rest @ ..] => (true, rest),
            rest => (false, rest),
        };
        let other = |plural: &str| Version::of_resource(group, version, plural);
        let kind_of = |plural: &str| {
            let known = other(plural).map(|version| version.of);
            known.or_else(|| kinds.of_resource(group, version, plural))
        };
        let (plural, namespace, rest) = match rest {
            ["namespaces", namespace, plural, rest @ ..]
                if kind_of(plural).is_some_and(Kind::is_namespaced) =>
            {
                (*plural, *namespace, rest)
            }
            [plural, rest @ ..] => (*plural, "", rest),
            [] => return None,
        };
        let kind = kind_of(plural)?;
        let (name, subresource) = match rest {
            [] => ("", ""),
            [name] => (*name, ""),
            [name, subresource] => (*name, *subresource),
            // What stands behind it is a path of whoever is asked.
            [name, "proxy", ..] => (*name, "proxy"),
            _ => return None,
        };
        let served = subresource.is_empty() || kind.row().subresources.contains(&subresource);
        // An object of a namespaced kind has its path in its namespace only.
        let homeless = kind.is_namespaced() && namespace.is_empty() && !name.is_empty();
        if !served || homeless || (!name.is_empty() && !is_segment(name)) {
            return None;
        }
        Some(Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
            version: other(plural),
            watch,
        })
    }

    /// The key of the object that it names.
    pub fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind, self.namespace.as_str(), self.name.as_str())
    }

    /// The namespace it is limited to.
    pub fn namespace(&self) -> Option<&str> {
        Some(self.namespace.as_str()).filter(|namespace| !namespace.is_empty())
    }
}

/// The parts of a path between its slashes; `None` where it is too long or malformed.
pub fn segments(path: &str) -> Option<Vec<String>> {
    if path.len() > PATH_LIMIT {
        return None;
    }
    let parts = path.trim_matches('/').split('/');
    parts.map(percent_decoded).collect()
}

/// The path of `key`'s object.
pub fn path_of(key: &ObjectKey) -> String {
    let row = key.kind.row();
    let root = match row.group {
        "" => format!("/api/{}", row.version),
        group => format!("/apis/{group}/{}", row.version),
    };
    match key.namespace.as_str() {
        "" => format!("{root}/{}/{}", row.plural, key.name),
        namespace => format!("{root}/namespaces/{namespace}/{}/{}", row.plural, key.name),
    }
}

/// Whether a name can stand in a path.
pub fn is_segment(name: &str) -> bool {
    name != "." && name != ".." && !name.contains(['/', '%'])
}

/// `text` with `%xx` decoded; `None` where that is malformed or no UTF-8.
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources() {
        for (path, want) in [
            ("/api/v1/pods", Some((Kind::Pod, "", "", ""))),
            ("/api/v1/namespaces", Some((Kind::Namespace, "", "", ""))),
            ("/api/v1/namespaces/a", Some((Kind::Namespace, "", "a", ""))),
            (
                "/api/v1/namespaces/a/finalize",
                Some((Kind::Namespace, "", "a", "finalize")),
            ),
            (
                "/api/v1/namespaces/a/pods/b/log",
                Some((Kind::Pod, "a", "b", "log")),
            ),
            (
                "/apis/apps/v1/namespaces/a/deployments/web%2Dx/scale",
                Some((Kind::Deployment, "a", "web-x", "scale")),
            ),
            (
                "/api/v1/namespaces/a/services/http:b:80/proxy/x/y",
                Some((Kind::Service, "a", "http:b:80", "proxy")),
            ),
            ("/api/v1/namespaces/a/configmaps/b/proxy/x", None),
            ("/apis/apps/v1/namespaces/a/deployments/x/log", None),
            ("/apis/apps/v1beta1/deployments", None),
            (
                "/apis/events.k8s.io/v1/namespaces/a/events/e",
                Some((Kind::Event, "a", "e", "")),
            ),
            ("/api/v1/pods/b", None),
            ("/api/v1/namespaces/a/nodes/b", None),
            ("/api/v1/nodes/b/%2e%2e", None),
            ("/api/v1", None),
            ("/api/v1/pods/%zz", None),
        ] {
            let found = ResourcePath::parse(path, Kinds::of_table());
            let found = found.as_ref().map(|p| {
                (
                    p.kind,
                    p.namespace.as_str(),
                    p.name.as_str(),
                    p.subresource.as_str(),
                )
            });
            assert_eq!(found, want, "{path}");
        }
        for kind in Kind::ALL {
            let namespace = if kind.is_namespaced() { "n" } else { "" };
            let key = ObjectKey::new(*kind, namespace, "x");
            let parsed =
                ResourcePath::parse(&path_of(&key), Kinds::of_table()).expect("its own path");
            assert_eq!(parsed.key(), key);
        }
        assert!(
            ResourcePath::parse("/api/v1/watch/pods", Kinds::of_table())
                .expect("a path")
                .watch
        );
    }
}
