//! A Pod's volumes: their names and sources.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidateVolumes, validateVolumeSource) and
//! pkg/apis/core/v1/defaults.go, v1.36.

use super::super::pod::default::{pull_policy, set};
use super::super::rules::{Errors, meta, name, refuse, required, text};
use super::super::storage::claim;
use super::disk::{self, Iscsi};
use super::{Sources, local, projected};
use crate::api::field::{FieldError, Path};
use crate::sim::{SortedMap, SortedSet};
use k8s_openapi::api::core::v1::{
    CSIVolumeSource, EphemeralVolumeSource, ISCSIVolumeSource, Volume,
};

/// Fills in what a volume's author left out.
pub fn default(volume: &mut Volume) {
    const READABLE: i32 = 0o644;
    if is_empty(volume) {
        volume.empty_dir = Some(Default::default());
    }
    if let Some(source) = volume.config_map.as_mut() {
        source.default_mode.get_or_insert(READABLE);
    }
    if let Some(source) = volume.secret.as_mut() {
        source.default_mode.get_or_insert(READABLE);
    }
    if let Some(source) = volume.downward_api.as_mut() {
        source.default_mode.get_or_insert(READABLE);
        for file in source.items.iter_mut().flatten() {
            file.field_ref
                .iter_mut()
                .for_each(|field| set(&mut field.api_version, "v1"));
        }
    }
    if let Some(source) = volume.projected.as_mut() {
        source.default_mode.get_or_insert(READABLE);
        for projection in source.sources.iter_mut().flatten() {
            if let Some(token) = projection.service_account_token.as_mut() {
                token.expiration_seconds.get_or_insert(3_600);
            }
            let files = projection.downward_api.iter_mut();
            for file in files.filter_map(|source| source.items.as_mut()).flatten() {
                file.field_ref
                    .iter_mut()
                    .for_each(|field| set(&mut field.api_version, "v1"));
            }
        }
    }
    if let Some(source) = volume.host_path.as_mut() {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = volume.image.as_mut() {
        let policy = pull_policy(text(source.reference.as_ref()));
        set(&mut source.pull_policy, policy);
    }
    if let Some(source) = volume.ephemeral.as_mut()
        && let Some(template) = source.volume_claim_template.as_mut()
    {
        claim::default_spec(&mut template.spec);
    }
    default_disks(volume);
}

fn is_empty(volume: &Volume) -> bool {
    let named = Volume {
        name: volume.name.clone(),
        ..Volume::default()
    };
    *volume == named
}

fn default_disks(volume: &mut Volume) {
    if let Some(source) = volume.iscsi.as_mut() {
        set(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = volume.rbd.as_mut() {
        set(&mut source.pool, "rbd");
        set(&mut source.user, "admin");
        set(&mut source.keyring, "/etc/ceph/keyring");
    }
    if let Some(source) = volume.scale_io.as_mut() {
        set(&mut source.storage_mode, "ThinProvisioned");
        set(&mut source.fs_type, "xfs");
    }
    if let Some(source) = volume.azure_disk.as_mut() {
        super::persistent::default_azure_disk(source);
    }
}

/// Adds what is wrong with a Pod's volumes; the good ones by their names. `pod` is the Pod's name,
/// where they are a Pod's and not a template's.
pub fn volumes<'a>(
    volumes: &'a [Volume],
    pod: Option<&str>,
    at: &Path<'_>,
    errors: &mut Errors,
) -> SortedMap<&'a str, &'a Volume> {
    let mut good = SortedMap::new();
    let named = pod.filter(|name| !name.is_empty());
    let mut created = SortedSet::new();
    if let Some(pod) = named {
        let ephemeral = volumes.iter().filter(|volume| volume.ephemeral.is_some());
        created.extend(ephemeral.map(|volume| format!("{pod}-{}", volume.name)));
    }
    for (index, volume) in volumes.iter().enumerate() {
        let at = at.index(index);
        let of_name = at.child("name");
        let before = errors.len();
        sources(volume, pod, &at, errors);
        match volume.name.as_str() {
            "" => errors.push(FieldError::required(&of_name, "")),
            name => refuse(name::dns_label(name), name, &of_name, errors),
        }
        if good.contains_key(volume.name.as_str()) {
            errors.push(FieldError::duplicate(&of_name, &volume.name));
        }
        if errors.len() == before {
            good.insert(volume.name.as_str(), volume);
        }
        if let Some(claim) = &volume.persistent_volume_claim
            && created.contains(&claim.claim_name)
        {
            let detail = "must not reference a PVC that gets created for an ephemeral volume";
            let at = at.child("persistentVolumeClaim");
            let at = at.child("claimName");
            errors.push(FieldError::invalid(&at, &claim.claim_name, detail));
        }
    }
    good
}

fn sources(v: &Volume, pod: Option<&str>, at: &Path<'_>, errors: &mut Errors) {
    let mut all = Sources {
        at,
        errors,
        count: 0,
    };
    all.take(v.empty_dir.as_ref(), "emptyDir", local::empty_dir);
    all.take(v.host_path.as_ref(), "hostPath", local::host_path);
    all.take(v.git_repo.as_ref(), "gitRepo", local::git_repo);
    let gce = ("gcePersistentDisk", "persistentDisk");
    all.take_as(v.gce_persistent_disk.as_ref(), gce, |source, at, errors| {
        disk::partitioned(("pdName", &source.pd_name), source.partition, at, errors);
    });
    let aws = v.aws_elastic_block_store.as_ref();
    all.take(aws, "awsElasticBlockStore", |source, at, errors| {
        disk::partitioned(
            ("volumeID", &source.volume_id),
            source.partition,
            at,
            errors,
        );
    });
    all.take(v.secret.as_ref(), "secret", local::secret);
    all.take(v.nfs.as_ref(), "nfs", disk::nfs);
    all.take(v.iscsi.as_ref(), "iscsi", |source, at, errors| {
        iscsi(source, at, errors);
    });
    if let Some(source) = &v.iscsi
        && source.initiator_name.is_some()
        && v.name.len() + 1 + source.target_portal.len() > 64
    {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
        all.errors
            .push(FieldError::invalid(&at.child("name"), &v.name, detail));
    }
    remote_sources(v, &mut all);
    later_sources(v, pod, &mut all);
    all.finish();
}

/// The sources in between, in upstream's order.
fn remote_sources(v: &Volume, all: &mut Sources<'_, '_>) {
    all.take(v.glusterfs.as_ref(), "glusterfs", |source, at, errors| {
        let fields = [("endpoints", &*source.endpoints), ("path", &source.path)];
        disk::all_required(&fields, at, errors);
    });
    all.take(v.flocker.as_ref(), "flocker", disk::flocker);
    let claim = v.persistent_volume_claim.as_ref();
    all.take(claim, "persistentVolumeClaim", local::claim);
    all.take(v.rbd.as_ref(), "rbd", |source, at, errors| {
        disk::rbd(&source.monitors, &source.image, at, errors);
    });
    all.take(v.cinder.as_ref(), "cinder", |source, at, errors| {
        required(&source.volume_id, &at.child("volumeID"), errors);
        secret_name(
            source.secret_ref.as_ref().map(|s| s.name.as_str()),
            at,
            errors,
        );
    });
    all.take_as(
        v.cephfs.as_ref(),
        ("cephFS", "cephfs"),
        |source, at, errors| {
            disk::monitors(&source.monitors, at, errors);
        },
    );
    all.take(v.quobyte.as_ref(), "quobyte", disk::quobyte);
    let downward = ("downwarAPI", "downwardAPI");
    all.take_as(v.downward_api.as_ref(), downward, projected::downward_api);
    all.take(v.fc.as_ref(), "fc", disk::fibre_channel);
    all.take(
        v.flex_volume.as_ref(),
        "flexVolume",
        |source, at, errors| {
            disk::flex(&source.driver, source.options.as_ref(), at, errors);
        },
    );
    all.take(v.config_map.as_ref(), "configMap", local::config_map);
}

/// The sources that came to Kubernetes later, in upstream's order.
fn later_sources(v: &Volume, pod: Option<&str>, all: &mut Sources<'_, '_>) {
    all.take(v.azure_file.as_ref(), "azureFile", |source, at, errors| {
        let fields = [
            ("secretName", &*source.secret_name),
            ("shareName", &source.share_name),
        ];
        disk::all_required(&fields, at, errors);
    });
    all.take(v.vsphere_volume.as_ref(), "vsphereVolume", disk::vsphere);
    let photon = v.photon_persistent_disk.as_ref();
    all.take(photon, "photonPersistentDisk", disk::photon);
    all.take(v.portworx_volume.as_ref(), "portworxVolume", disk::portworx);
    all.take(v.azure_disk.as_ref(), "azureDisk", disk::azure_disk);
    all.take(v.storageos.as_ref(), "storageos", |source, at, errors| {
        let volume = text(source.volume_name.as_ref());
        let namespace = text(source.volume_namespace.as_ref());
        disk::storage_os(volume, namespace, at, errors);
        secret_name(
            source.secret_ref.as_ref().map(|s| s.name.as_str()),
            at,
            errors,
        );
    });
    all.take(v.projected.as_ref(), "projected", projected::projected);
    all.take(v.scale_io.as_ref(), "scaleIO", |source, at, errors| {
        let fields = [
            ("gateway", &*source.gateway),
            ("system", &source.system),
            ("volumeName", text(source.volume_name.as_ref())),
        ];
        disk::all_required(&fields, at, errors);
    });
    all.take(v.csi.as_ref(), "csi", csi);
    all.take(v.ephemeral.as_ref(), "ephemeral", |source, at, errors| {
        ephemeral(source, at, errors);
    });
    if v.ephemeral.is_some()
        && let Some(pod) = pod.filter(|name| !name.is_empty() && !v.name.is_empty())
    {
        let claim = format!("{pod}-{}", v.name);
        for wrong in name::dns_subdomain(&claim) {
            let detail = format!("PVC name {claim:?}: {wrong}");
            let at = all.at.child("name");
            all.errors.push(FieldError::invalid(&at, &v.name, detail));
        }
    }
    all.take(v.image.as_ref(), "image", |source, at, errors| {
        local::image(source, pod.is_some(), at, errors);
    });
}

fn csi(source: &CSIVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    disk::csi_driver(&source.driver, &at.child("driver"), errors);
    let Some(secret) = &source.node_publish_secret_ref else {
        return;
    };
    if secret.name.is_empty() {
        let at = at.child("nodePublishSecretRef");
        errors.push(FieldError::required(&at.child("name"), ""));
    } else {
        let wrong = name::dns_subdomain(&secret.name);
        refuse(wrong, &secret.name, &at.child("name"), errors);
    }
}

fn secret_name(name: Option<&str>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(name) = name {
        let at = at.child("secretRef");
        required(name, &at.child("name"), errors);
    }
}

fn iscsi(source: &ISCSIVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let chap = source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    let common = Iscsi {
        portal: &source.target_portal,
        iqn: &source.iqn,
        lun: source.lun,
        initiator: source.initiator_name.as_deref(),
        chap_without_secret: chap && source.secret_ref.is_none(),
        prefix_text: "must be valid format starting with iqn, eui, or naa",
    };
    disk::iscsi(&common, at, errors);
}

fn ephemeral(source: &EphemeralVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("volumeClaimTemplate");
    let Some(template) = &source.volume_claim_template else {
        errors.push(FieldError::required(&at, ""));
        return;
    };
    if let Some(metadata) = &template.metadata {
        let at = at.child("metadata");
        meta::annotations(
            metadata.annotations.as_ref(),
            &at.child("annotations"),
            errors,
        );
        meta::labels(metadata.labels.as_ref(), &at.child("labels"), errors);
        for (field, given) in [
            ("name", metadata.name.is_some()),
            ("generateName", metadata.generate_name.is_some()),
            ("namespace", metadata.namespace.is_some()),
            ("ownerReferences", metadata.owner_references.is_some()),
            ("finalizers", metadata.finalizers.is_some()),
        ] {
            if given {
                errors.push(FieldError::forbidden(&at.child(field), "cannot be set"));
            }
        }
    }
    claim::validate_spec(&template.spec, &at.child("spec"), errors);
}
