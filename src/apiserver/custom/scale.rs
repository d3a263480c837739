//! Where a custom object keeps the numbers of its `scale` subresource.
//!
//! Upstream: staging/src/k8s.io/apiextensions-apiserver/pkg/registry/customresource/etcd.go
//! (scaleFromCustomResource), v1.36.

use crate::api::Kind;
use crate::api::custom::ScalePaths;
use serde_json::{Map, Value};

/// Where objects of `kind` keep their replicas, as JSON pointers: those of custom kinds say it, all
/// others keep them in the same fields.
pub fn pointers(kind: Kind) -> ScalePaths {
    let own = match kind {
        Kind::Custom(kind) => kind.shape().scale.clone(),
        _ => None,
    };
    let paths = own.unwrap_or_else(|| ScalePaths {
        spec: ".spec.replicas".to_owned(),
        status: ".status.replicas".to_owned(),
        selector: ".spec.selector".to_owned(),
    });
    let pointer = |path: &str| path.replace('.', "/");
    ScalePaths {
        spec: pointer(&paths.spec),
        status: pointer(&paths.status),
        selector: pointer(&paths.selector),
    }
}

/// Puts `value` at `pointer`, in objects that are made where there are none.
pub fn put(json: &mut Value, pointer: &str, value: Value) {
    let mut place = json;
    for name in pointer.split('/').skip(1) {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[name];
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_missing_on_the_way_is_made() {
        let mut json = json!({"spec": null});
        put(&mut json, "/spec/pool/size", json!(3));
        assert_eq!(json, json!({"spec": {"pool": {"size": 3}}}));
        assert_eq!(pointers(Kind::Deployment).spec, "/spec/replicas");
    }
}
