//! Volumes in words. Left out: the kinds of volume that no node here can mount; they are named
//! `<unknown>`.

use super::writer::Writer;
use k8s_openapi::api::core::v1::{ProjectedVolumeSource, Volume};

/// Writes the volumes of a Pod, or of a template with `space` before them.
pub fn write(w: &mut Writer, volumes: &[Volume], space: &str) {
    if volumes.is_empty() {
        w.line(0, &format!("{space}Volumes:\t<none>"));
        return;
    }
    w.line(0, &format!("{space}Volumes:"));
    let indent = if space.is_empty() { "" } else { " " };
    for volume in volumes {
        w.line(1, &format!("{indent}{}:", volume.name));
        source(w, volume);
    }
}

fn source(w: &mut Writer, volume: &Volume) {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    if let Some(host) = &volume.host_path {
        w.field(2, "Type", "HostPath (bare host directory volume)");
        w.field(2, "Path", &host.path);
        w.field(2, "HostPathType", text(&host.type_));
    } else if let Some(empty) = &volume.empty_dir {
        w.field(
            2,
            "Type",
            "EmptyDir (a temporary directory that shares a pod's lifetime)",
        );
        w.field(2, "Medium", text(&empty.medium));
        let limit = empty.size_limit.as_ref().map(|limit| limit.0.clone());
        w.field(2, "SizeLimit", limit.unwrap_or("<unset>".to_owned()));
    } else if let Some(secret) = &volume.secret {
        w.field(2, "Type", "Secret (a volume populated by a Secret)");
        w.field(2, "SecretName", text(&secret.secret_name));
        w.field(2, "Optional", secret.optional.unwrap_or(false));
    } else if let Some(map) = &volume.config_map {
        w.field(2, "Type", "ConfigMap (a volume populated by a ConfigMap)");
        w.field(2, "Name", &map.name);
        w.field(2, "Optional", map.optional.unwrap_or(false));
    } else if let Some(claim) = &volume.persistent_volume_claim {
        w.field(
            2,
            "Type",
            "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        );
        w.field(2, "ClaimName", &claim.claim_name);
        w.field(2, "ReadOnly", claim.read_only.unwrap_or(false));
    } else if let Some(down) = &volume.downward_api {
        w.field(
            2,
            "Type",
            "DownwardAPI (a volume populated by information about the pod)",
        );
        w.line(2, "Items:");
        for item in down.items.iter().flatten() {
            if let Some(field) = &item.field_ref {
                w.line(3, &format!("{} -> {}", field.field_path, item.path));
            }
            if let Some(resource) = &item.resource_field_ref {
                w.line(3, &format!("{} -> {}", resource.resource, item.path));
            }
        }
    } else if let Some(projected) = &volume.projected {
        w.field(
            2,
            "Type",
            "Projected (a volume that contains injected data from multiple sources)",
        );
        projections(w, projected);
    } else {
        w.line(1, "<unknown>");
    }
}

fn projections(w: &mut Writer, projected: &ProjectedVolumeSource) {
    for source in projected.sources.iter().flatten() {
        if let Some(secret) = &source.secret {
            w.field(2, "SecretName", &secret.name);
            w.field(2, "Optional", secret.optional.unwrap_or(false));
        } else if source.downward_api.is_some() {
            w.field(2, "DownwardAPI", true);
        } else if let Some(map) = &source.config_map {
            w.field(2, "ConfigMapName", &map.name);
            w.field(2, "Optional", map.optional.unwrap_or(false));
        } else if let Some(token) = &source.service_account_token {
            let seconds = token.expiration_seconds.unwrap_or(0);
            w.field(2, "TokenExpirationSeconds", seconds);
        }
    }
}
