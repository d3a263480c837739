//! Endpoints and EndpointSlice: upstream's types, with addresses that versions share.
//!
//! Upstream: staging/src/k8s.io/api/core/v1/types.go, staging/src/k8s.io/api/discovery/v1/types.go,
//! v1.36. The objects of a Service with hundreds of Pods are written whenever one of these changes,
//! and the store keeps every version a while: so what two versions both say is held once.

use k8s_openapi::api::core::v1::{EndpointAddress, EndpointPort};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointPort as SlicePort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::{Metadata, NamespaceResourceScope, Resource};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// The addresses behind a Service, in the older of the two kinds that say them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Endpoints {
    /// The metadata that every object has.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// The addresses, by the ports that they share.
    pub subsets: Option<Vec<EndpointSubset>>,
}

/// Some of the addresses behind a Service, in the newer kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSlice {
    /// The metadata that every object has.
    #[serde(default)]
    pub metadata: ObjectMeta,
    /// What kind of address all of them are: `IPv4`, `IPv6` or `FQDN`.
    #[serde(default)]
    pub address_type: String,
    /// The endpoints.
    pub endpoints: Option<Vec<Arc<Endpoint>>>,
    /// The ports of all of them.
    pub ports: Option<Vec<SlicePort>>,
}

/// Addresses that have the same ports.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSubset {
    /// Those that take traffic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Vec<Arc<EndpointAddress>>>,
    /// Those that do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_ready_addresses: Option<Vec<Arc<EndpointAddress>>>,
    /// The ports of all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ports: Option<Vec<EndpointPort>>,
}

macro_rules! object {
    ($type:ident, $group:literal, $api_version:literal, $plural:literal) => {
        impl Resource for $type {
            const API_VERSION: &'static str = $api_version;
            const GROUP: &'static str = $group;
            const KIND: &'static str = stringify!($type);
            const VERSION: &'static str = "v1";
            const URL_PATH_SEGMENT: &'static str = $plural;
            type Scope = NamespaceResourceScope;
        }

        impl Metadata for $type {
            type Ty = ObjectMeta;

            fn metadata(&self) -> &ObjectMeta {
                &self.metadata
            }

            fn metadata_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}

object!(Endpoints, "", "v1", "endpoints");
object!(
    EndpointSlice,
    "discovery.k8s.io",
    "discovery.k8s.io/v1",
    "endpointslices"
);

impl Serialize for Endpoints {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", Self::API_VERSION)?;
        map.serialize_entry("kind", Self::KIND)?;
        map.serialize_entry("metadata", &self.metadata)?;
        if let Some(subsets) = &self.subsets {
            map.serialize_entry("subsets", subsets)?;
        }
        map.end()
    }
}

impl Serialize for EndpointSlice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("apiVersion", Self::API_VERSION)?;
        map.serialize_entry("kind", Self::KIND)?;
        map.serialize_entry("addressType", &self.address_type)?;
        if let Some(endpoints) = &self.endpoints {
            map.serialize_entry("endpoints", endpoints)?;
        }
        map.serialize_entry("metadata", &self.metadata)?;
        if let Some(ports) = &self.ports {
            map.serialize_entry("ports", ports)?;
        }
        map.end()
    }
}
