//! A PersistentVolume's source.
//!
//! Upstream: pkg/apis/core/validation/validation.go (ValidatePersistentVolumeSpec) and
//! pkg/apis/core/v1/zz_generated.defaults.go, v1.36.

use super::super::pod::default::set;
use super::super::rules::{Errors, name, refuse, required, text};
use super::disk::{self, Iscsi};
use super::{Sources, local};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, CSIPersistentVolumeSource, ISCSIPersistentVolumeSource,
    PersistentVolumeSpec,
};

pub(super) fn default_azure_disk(source: &mut AzureDiskVolumeSource) {
    source
        .caching_mode
        .get_or_insert_with(|| "ReadWrite".to_owned());
    source.kind.get_or_insert_with(|| "Shared".to_owned());
    source.fs_type.get_or_insert_with(|| "ext4".to_owned());
    source.read_only.get_or_insert(false);
}

/// Fills in what the source's author left out.
pub fn default(spec: &mut PersistentVolumeSpec) {
    if let Some(source) = spec.host_path.as_mut() {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = spec.iscsi.as_mut() {
        set(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = spec.rbd.as_mut() {
        set(&mut source.pool, "rbd");
        set(&mut source.user, "admin");
        set(&mut source.keyring, "/etc/ceph/keyring");
    }
    if let Some(source) = spec.scale_io.as_mut() {
        set(&mut source.storage_mode, "ThinProvisioned");
        set(&mut source.fs_type, "xfs");
    }
    if let Some(source) = spec.azure_disk.as_mut() {
        default_azure_disk(source);
    }
}

/// Adds what is wrong with the source of the volume `volume`; `tied` says that it names its nodes.
pub fn sources(
    s: &PersistentVolumeSpec,
    (volume, tied): (&str, bool),
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let mut all = Sources {
        at,
        errors,
        count: 0,
    };
    all.take(s.host_path.as_ref(), "hostPath", local::host_path);
    let gce = ("gcePersistentDisk", "persistentDisk");
    all.take_as(s.gce_persistent_disk.as_ref(), gce, |source, at, errors| {
        disk::partitioned(("pdName", &source.pd_name), source.partition, at, errors);
    });
    let aws = s.aws_elastic_block_store.as_ref();
    all.take(aws, "awsElasticBlockStore", |source, at, errors| {
        disk::partitioned(
            ("volumeID", &source.volume_id),
            source.partition,
            at,
            errors,
        );
    });
    all.take(s.glusterfs.as_ref(), "glusterfs", |source, at, errors| {
        let fields = [("endpoints", &*source.endpoints), ("path", &source.path)];
        disk::all_required(&fields, at, errors);
        if let Some(namespace) = &source.endpoints_namespace {
            let at = at.child("endpointsNamespace");
            if namespace.is_empty() {
                let detail = "if the endpointnamespace is set, it must be a valid namespace name";
                errors.push(FieldError::invalid(&at, namespace, detail));
            } else {
                refuse(name::dns_label(namespace), namespace, &at, errors);
            }
        }
    });
    all.take(s.flocker.as_ref(), "flocker", disk::flocker);
    all.take(s.nfs.as_ref(), "nfs", disk::nfs);
    all.take(s.rbd.as_ref(), "rbd", |source, at, errors| {
        disk::rbd(&source.monitors, &source.image, at, errors);
    });
    all.take(s.quobyte.as_ref(), "quobyte", disk::quobyte);
    all.take_as(
        s.cephfs.as_ref(),
        ("cephFS", "cephfs"),
        |source, at, errors| {
            disk::monitors(&source.monitors, at, errors);
        },
    );
    all.take(s.iscsi.as_ref(), "iscsi", |source, at, errors| {
        iscsi(source, volume, at, errors);
    });
    all.take(s.cinder.as_ref(), "cinder", |source, at, errors| {
        required(&source.volume_id, &at.child("volumeID"), errors);
        if let Some(secret) = &source.secret_ref {
            named_secret(secret.name.as_ref(), secret.namespace.as_ref(), at, errors);
        }
    });
    all.take(s.fc.as_ref(), "fc", disk::fibre_channel);
    later_sources(s, tied, &mut all);
    all.finish();
}

fn later_sources(s: &PersistentVolumeSpec, tied: bool, all: &mut Sources<'_, '_>) {
    if let Some(source) = &s.flex_volume {
        all.count += 1;
        let at = all.at.child("flexVolume");
        disk::flex(&source.driver, source.options.as_ref(), &at, all.errors);
    }
    all.take(s.azure_file.as_ref(), "azureFile", |source, at, errors| {
        let fields = [
            ("secretName", &*source.secret_name),
            ("shareName", &source.share_name),
        ];
        disk::all_required(&fields, at, errors);
        if let Some(namespace) = &source.secret_namespace {
            required(namespace, &at.child("secretNamespace"), errors);
        }
    });
    all.take(s.vsphere_volume.as_ref(), "vsphereVolume", disk::vsphere);
    let photon = s.photon_persistent_disk.as_ref();
    all.take(photon, "photonPersistentDisk", disk::photon);
    all.take(s.portworx_volume.as_ref(), "portworxVolume", disk::portworx);
    all.take(s.azure_disk.as_ref(), "azureDisk", disk::azure_disk);
    all.take(s.scale_io.as_ref(), "scaleIO", |source, at, errors| {
        let fields = [
            ("gateway", &*source.gateway),
            ("system", &source.system),
            ("volumeName", text(source.volume_name.as_ref())),
        ];
        disk::all_required(&fields, at, errors);
    });
    let node_affinity = all.at.child("nodeAffinity");
    all.take(s.local.as_ref(), "local", |source, at, errors| {
        local::local(source, at, errors);
        if !tied {
            let detail = "Local volume requires node affinity";
            errors.push(FieldError::required(&node_affinity, detail));
        }
    });
    all.take(s.storageos.as_ref(), "storageos", |source, at, errors| {
        let volume = text(source.volume_name.as_ref());
        let namespace = text(source.volume_namespace.as_ref());
        disk::storage_os(volume, namespace, at, errors);
        if let Some(secret) = &source.secret_ref {
            named_secret(secret.name.as_ref(), secret.namespace.as_ref(), at, errors);
        }
    });
    all.take(s.csi.as_ref(), "csi", csi);
}

fn iscsi(source: &ISCSIPersistentVolumeSource, volume: &str, at: &Path<'_>, errors: &mut Errors) {
    let chap = source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    if source.initiator_name.is_some() && volume.len() + 1 + source.target_portal.len() > 64 {
        let detail = "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";
        let at = at.child("targetportal");
        errors.push(FieldError::invalid(&at, &source.target_portal, detail));
    }
    let common = Iscsi {
        portal: &source.target_portal,
        iqn: &source.iqn,
        lun: source.lun,
        initiator: source.initiator_name.as_deref(),
        chap_without_secret: chap && source.secret_ref.is_none(),
        prefix_text: "must be valid format",
    };
    disk::iscsi(&common, at, errors);
    if let Some(secret) = &source.secret_ref {
        let at = at.child("secretRef");
        required(text(secret.name.as_ref()), &at.child("name"), errors);
    }
}

fn named_secret(
    name: Option<&String>,
    namespace: Option<&String>,
    at: &Path<'_>,
    errors: &mut Errors,
) {
    let at = at.child("secretRef");
    required(text(name), &at.child("name"), errors);
    required(text(namespace), &at.child("namespace"), errors);
}

fn csi(source: &CSIPersistentVolumeSource, at: &Path<'_>, errors: &mut Errors) {
    disk::csi_driver(&source.driver, &at.child("driver"), errors);
    required(&source.volume_handle, &at.child("volumeHandle"), errors);
    for (field, secret) in [
        (
            "controllerPublishSecretRef",
            &source.controller_publish_secret_ref,
        ),
        (
            "controllerExpandSecretRef",
            &source.controller_expand_secret_ref,
        ),
        ("nodePublishSecretRef", &source.node_publish_secret_ref),
        ("nodeExpandSecretRef", &source.node_expand_secret_ref),
    ] {
        let Some(secret) = secret else { continue };
        let at = at.child(field);
        let (of_name, of_namespace) = (at.child("name"), at.child("namespace"));
        match text(secret.name.as_ref()) {
            "" => errors.push(FieldError::required(&of_name, "")),
            name => refuse(name::dns_subdomain(name), name, &of_name, errors),
        }
        match text(secret.namespace.as_ref()) {
            "" => errors.push(FieldError::required(&of_namespace, "")),
            namespace => refuse(name::dns_label(namespace), namespace, &of_namespace, errors),
        }
    }
}
