//! What OpenAPI does not tell of the Go types: their names, and which fields are no pointers.
//!
//! The names appear in the API server's decoding errors; a scalar that is no pointer is left out
//! of what the server stores when it is zero. Upstream: staging/src/k8s.io/api and
//! staging/src/k8s.io/apimachinery/pkg/apis/meta/v1, v1.36.

/// Definition → `field:GoType` of every field whose Go type is a named string.
const NAMED: &[(&str, &str)] = &[
    (
        "apps.v1.DaemonSetCondition",
        "type:v1.DaemonSetConditionType status:v1.ConditionStatus",
    ),
    (
        "apps.v1.DaemonSetUpdateStrategy",
        "type:v1.DaemonSetUpdateStrategyType",
    ),
    (
        "apps.v1.DeploymentCondition",
        "type:v1.DeploymentConditionType status:v1.ConditionStatus",
    ),
    (
        "apps.v1.DeploymentStrategy",
        "type:v1.DeploymentStrategyType",
    ),
    (
        "apps.v1.ReplicaSetCondition",
        "type:v1.ReplicaSetConditionType status:v1.ConditionStatus",
    ),
    (
        "apps.v1.StatefulSetCondition",
        "type:v1.StatefulSetConditionType status:v1.ConditionStatus",
    ),
    (
        "apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenDeleted:v1.PersistentVolumeClaimRetentionPolicyType whenScaled:v1.PersistentVolumeClaimRetentionPolicyType",
    ),
    (
        "apps.v1.StatefulSetSpec",
        "podManagementPolicy:v1.PodManagementPolicyType",
    ),
    (
        "apps.v1.StatefulSetUpdateStrategy",
        "type:v1.StatefulSetUpdateStrategyType",
    ),
    (
        "autoscaling.v2.ContainerResourceMetricSource",
        "name:v1.ResourceName",
    ),
    (
        "autoscaling.v2.ContainerResourceMetricStatus",
        "name:v1.ResourceName",
    ),
    (
        "autoscaling.v2.HPAScalingPolicy",
        "type:v2.HPAScalingPolicyType",
    ),
    (
        "autoscaling.v2.HPAScalingRules",
        "selectPolicy:v2.ScalingPolicySelect",
    ),
    (
        "autoscaling.v2.HorizontalPodAutoscalerCondition",
        "type:v2.HorizontalPodAutoscalerConditionType status:v1.ConditionStatus",
    ),
    ("autoscaling.v2.MetricSpec", "type:v2.MetricSourceType"),
    ("autoscaling.v2.MetricStatus", "type:v2.MetricSourceType"),
    ("autoscaling.v2.MetricTarget", "type:v2.MetricTargetType"),
    (
        "autoscaling.v2.ResourceMetricSource",
        "name:v1.ResourceName",
    ),
    (
        "autoscaling.v2.ResourceMetricStatus",
        "name:v1.ResourceName",
    ),
    (
        "batch.v1.CronJobSpec",
        "concurrencyPolicy:v1.ConcurrencyPolicy",
    ),
    (
        "batch.v1.JobCondition",
        "type:v1.JobConditionType status:v1.ConditionStatus",
    ),
    (
        "batch.v1.JobSpec",
        "completionMode:v1.CompletionMode podReplacementPolicy:v1.PodReplacementPolicy",
    ),
    (
        "batch.v1.PodFailurePolicyOnExitCodesRequirement",
        "operator:v1.PodFailurePolicyOnExitCodesOperator",
    ),
    (
        "batch.v1.PodFailurePolicyOnPodConditionsPattern",
        "type:v1.PodConditionType status:v1.ConditionStatus",
    ),
    (
        "batch.v1.PodFailurePolicyRule",
        "action:v1.PodFailurePolicyAction",
    ),
    (
        "batch.v1.UncountedTerminatedPods",
        "failed:types.UID succeeded:types.UID",
    ),
    (
        "coordination.v1.LeaseSpec",
        "strategy:v1.CoordinatedLeaseStrategy",
    ),
    ("core.v1.AppArmorProfile", "type:v1.AppArmorProfileType"),
    ("core.v1.AttachedVolume", "name:v1.UniqueVolumeName"),
    (
        "core.v1.AzureDiskVolumeSource",
        "cachingMode:v1.AzureDataDiskCachingMode kind:v1.AzureDataDiskKind",
    ),
    (
        "core.v1.Capabilities",
        "add:v1.Capability drop:v1.Capability",
    ),
    ("core.v1.ConfigMapNodeConfigSource", "uid:types.UID"),
    (
        "core.v1.Container",
        "imagePullPolicy:v1.PullPolicy restartPolicy:v1.ContainerRestartPolicy terminationMessagePolicy:v1.TerminationMessagePolicy",
    ),
    ("core.v1.ContainerPort", "protocol:v1.Protocol"),
    (
        "core.v1.ContainerResizePolicy",
        "resourceName:v1.ResourceName restartPolicy:v1.ResourceResizeRestartPolicy",
    ),
    (
        "core.v1.ContainerRestartRule",
        "action:v1.ContainerRestartRuleAction",
    ),
    (
        "core.v1.ContainerRestartRuleOnExitCodes",
        "operator:v1.ContainerRestartRuleOnExitCodesOperator",
    ),
    ("core.v1.ContainerStatus", "stopSignal:v1.Signal"),
    ("core.v1.EmptyDirVolumeSource", "medium:v1.StorageMedium"),
    ("core.v1.EndpointPort", "protocol:v1.Protocol"),
    (
        "core.v1.EphemeralContainer",
        "imagePullPolicy:v1.PullPolicy restartPolicy:v1.ContainerRestartPolicy terminationMessagePolicy:v1.TerminationMessagePolicy",
    ),
    ("core.v1.HTTPGetAction", "scheme:v1.URIScheme"),
    ("core.v1.HostPathVolumeSource", "type:v1.HostPathType"),
    ("core.v1.ImageVolumeSource", "pullPolicy:v1.PullPolicy"),
    ("core.v1.Lifecycle", "stopSignal:v1.Signal"),
    ("core.v1.LimitRangeItem", "type:v1.LimitType"),
    (
        "core.v1.LoadBalancerIngress",
        "ipMode:v1.LoadBalancerIPMode",
    ),
    (
        "core.v1.ModifyVolumeStatus",
        "status:v1.PersistentVolumeClaimModifyVolumeStatus",
    ),
    (
        "core.v1.NamespaceCondition",
        "type:v1.NamespaceConditionType status:v1.ConditionStatus",
    ),
    ("core.v1.NamespaceSpec", "finalizers:v1.FinalizerName"),
    ("core.v1.NamespaceStatus", "phase:v1.NamespacePhase"),
    ("core.v1.NodeAddress", "type:v1.NodeAddressType"),
    (
        "core.v1.NodeCondition",
        "type:v1.NodeConditionType status:v1.ConditionStatus",
    ),
    (
        "core.v1.NodeSelectorRequirement",
        "operator:v1.NodeSelectorOperator",
    ),
    (
        "core.v1.NodeStatus",
        "phase:v1.NodePhase volumesInUse:v1.UniqueVolumeName",
    ),
    ("core.v1.ObjectReference", "uid:types.UID"),
    (
        "core.v1.PersistentVolumeClaimCondition",
        "type:v1.PersistentVolumeClaimConditionType status:v1.ConditionStatus",
    ),
    (
        "core.v1.PersistentVolumeClaimSpec",
        "accessModes:v1.PersistentVolumeAccessMode volumeMode:v1.PersistentVolumeMode",
    ),
    (
        "core.v1.PersistentVolumeClaimStatus",
        "accessModes:v1.PersistentVolumeAccessMode allocatedResourceStatuses:v1.ClaimResourceStatus phase:v1.PersistentVolumeClaimPhase",
    ),
    (
        "core.v1.PersistentVolumeSpec",
        "accessModes:v1.PersistentVolumeAccessMode persistentVolumeReclaimPolicy:v1.PersistentVolumeReclaimPolicy volumeMode:v1.PersistentVolumeMode",
    ),
    (
        "core.v1.PersistentVolumeStatus",
        "phase:v1.PersistentVolumePhase",
    ),
    (
        "core.v1.PodCondition",
        "type:v1.PodConditionType status:v1.ConditionStatus",
    ),
    ("core.v1.PodOS", "name:v1.OSName"),
    (
        "core.v1.PodReadinessGate",
        "conditionType:v1.PodConditionType",
    ),
    (
        "core.v1.PodSecurityContext",
        "fsGroupChangePolicy:v1.PodFSGroupChangePolicy seLinuxChangePolicy:v1.PodSELinuxChangePolicy supplementalGroupsPolicy:v1.SupplementalGroupsPolicy",
    ),
    (
        "core.v1.PodSpec",
        "dnsPolicy:v1.DNSPolicy preemptionPolicy:v1.PreemptionPolicy restartPolicy:v1.RestartPolicy",
    ),
    (
        "core.v1.PodStatus",
        "phase:v1.PodPhase qosClass:v1.PodQOSClass resize:v1.PodResizeStatus",
    ),
    ("core.v1.PortStatus", "protocol:v1.Protocol"),
    (
        "core.v1.ReplicationControllerCondition",
        "type:v1.ReplicationControllerConditionType status:v1.ConditionStatus",
    ),
    (
        "core.v1.ResourceHealth",
        "health:v1.ResourceHealthStatus resourceID:v1.ResourceID",
    ),
    ("core.v1.ResourceQuotaSpec", "scopes:v1.ResourceQuotaScope"),
    ("core.v1.ResourceStatus", "name:v1.ResourceName"),
    (
        "core.v1.ScopedResourceSelectorRequirement",
        "scopeName:v1.ResourceQuotaScope operator:v1.ScopeSelectorOperator",
    ),
    ("core.v1.SeccompProfile", "type:v1.SeccompProfileType"),
    ("core.v1.Secret", "type:v1.SecretType"),
    ("core.v1.SecurityContext", "procMount:v1.ProcMountType"),
    ("core.v1.ServicePort", "protocol:v1.Protocol"),
    (
        "core.v1.ServiceSpec",
        "externalTrafficPolicy:v1.ServiceExternalTrafficPolicy internalTrafficPolicy:v1.ServiceInternalTrafficPolicy ipFamilies:v1.IPFamily ipFamilyPolicy:v1.IPFamilyPolicy sessionAffinity:v1.ServiceAffinity type:v1.ServiceType",
    ),
    ("core.v1.Taint", "effect:v1.TaintEffect"),
    (
        "core.v1.Toleration",
        "effect:v1.TaintEffect operator:v1.TolerationOperator",
    ),
    (
        "core.v1.TopologySpreadConstraint",
        "nodeAffinityPolicy:v1.NodeInclusionPolicy nodeTaintsPolicy:v1.NodeInclusionPolicy whenUnsatisfiable:v1.UnsatisfiableConstraintAction",
    ),
    (
        "core.v1.VolumeMount",
        "mountPropagation:v1.MountPropagationMode recursiveReadOnly:v1.RecursiveReadOnlyMode",
    ),
    (
        "core.v1.VolumeMountStatus",
        "recursiveReadOnly:v1.RecursiveReadOnlyMode",
    ),
    ("discovery.v1.EndpointPort", "protocol:v1.Protocol"),
    ("discovery.v1.EndpointSlice", "addressType:v1.AddressType"),
    ("meta.v1.Condition", "status:v1.ConditionStatus"),
    (
        "meta.v1.DeleteOptions",
        "propagationPolicy:v1.DeletionPropagation",
    ),
    (
        "meta.v1.LabelSelectorRequirement",
        "operator:v1.LabelSelectorOperator",
    ),
    (
        "meta.v1.ManagedFieldsEntry",
        "operation:v1.ManagedFieldsOperationType",
    ),
    ("meta.v1.ObjectMeta", "uid:types.UID"),
    ("meta.v1.OwnerReference", "uid:types.UID"),
    ("meta.v1.Preconditions", "uid:types.UID"),
    ("networking.v1.HTTPIngressPath", "pathType:v1.PathType"),
    ("networking.v1.IngressPortStatus", "protocol:v1.Protocol"),
    ("networking.v1.NetworkPolicyPort", "protocol:v1.Protocol"),
    (
        "networking.v1.NetworkPolicySpec",
        "policyTypes:v1.PolicyType",
    ),
    (
        "policy.v1.PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy:v1.UnhealthyPodEvictionPolicyType",
    ),
    (
        "scheduling.v1.PriorityClass",
        "preemptionPolicy:v1.PreemptionPolicy",
    ),
    (
        "storage.v1.StorageClass",
        "reclaimPolicy:v1.PersistentVolumeReclaimPolicy volumeBindingMode:v1.VolumeBindingMode",
    ),
];

/// Optional strings that are pointers: an empty one is kept.
const POINTER_STRINGS: &[(&str, &str)] = &[
    ("autoscaling.v2.HPAScalingRules", "selectPolicy"),
    ("batch.v1.CronJobSpec", "timeZone"),
    (
        "batch.v1.JobSpec",
        "completionMode managedBy podReplacementPolicy",
    ),
    ("batch.v1.JobStatus", "failedIndexes"),
    (
        "batch.v1.PodFailurePolicyOnExitCodesRequirement",
        "containerName",
    ),
    ("batch.v1.SuccessPolicyRule", "succeededIndexes"),
    (
        "coordination.v1.LeaseSpec",
        "holderIdentity preferredHolder strategy",
    ),
    ("core.v1.AppArmorProfile", "localhostProfile"),
    ("core.v1.AzureDiskVolumeSource", "cachingMode fsType kind"),
    ("core.v1.AzureFilePersistentVolumeSource", "secretNamespace"),
    ("core.v1.CSIVolumeSource", "fsType"),
    ("core.v1.ClusterTrustBundleProjection", "name signerName"),
    ("core.v1.Container", "restartPolicy"),
    ("core.v1.ContainerStatus", "stopSignal"),
    ("core.v1.EndpointAddress", "nodeName"),
    ("core.v1.EndpointPort", "appProtocol"),
    ("core.v1.EphemeralContainer", "restartPolicy"),
    ("core.v1.GRPCAction", "service"),
    (
        "core.v1.GlusterfsPersistentVolumeSource",
        "endpointsNamespace",
    ),
    ("core.v1.HostPathVolumeSource", "type"),
    ("core.v1.ISCSIPersistentVolumeSource", "initiatorName"),
    ("core.v1.ISCSIVolumeSource", "initiatorName"),
    ("core.v1.Lifecycle", "stopSignal"),
    ("core.v1.LoadBalancerIngress", "ipMode"),
    ("core.v1.LocalVolumeSource", "fsType"),
    (
        "core.v1.PersistentVolumeClaimSpec",
        "storageClassName volumeAttributesClassName volumeMode",
    ),
    (
        "core.v1.PersistentVolumeClaimStatus",
        "currentVolumeAttributesClassName",
    ),
    (
        "core.v1.PersistentVolumeSpec",
        "volumeMode volumeAttributesClassName",
    ),
    ("core.v1.PodDNSConfigOption", "value"),
    (
        "core.v1.PodResourceClaim",
        "resourceClaimName resourceClaimTemplateName",
    ),
    ("core.v1.PodResourceClaimStatus", "resourceClaimName"),
    ("core.v1.PodSchedulingGroup", "podGroupName"),
    (
        "core.v1.PodSecurityContext",
        "fsGroupChangePolicy seLinuxChangePolicy supplementalGroupsPolicy",
    ),
    (
        "core.v1.PodSpec",
        "hostnameOverride preemptionPolicy runtimeClassName",
    ),
    ("core.v1.SeccompProfile", "localhostProfile"),
    ("core.v1.SecurityContext", "procMount"),
    ("core.v1.ServicePort", "appProtocol"),
    (
        "core.v1.ServiceSpec",
        "internalTrafficPolicy ipFamilyPolicy loadBalancerClass trafficDistribution",
    ),
    (
        "core.v1.TopologySpreadConstraint",
        "nodeAffinityPolicy nodeTaintsPolicy",
    ),
    ("core.v1.TypedLocalObjectReference", "apiGroup"),
    ("core.v1.TypedObjectReference", "apiGroup namespace"),
    ("core.v1.VolumeMount", "mountPropagation recursiveReadOnly"),
    ("core.v1.VolumeMountStatus", "recursiveReadOnly"),
    (
        "core.v1.WindowsSecurityContextOptions",
        "gmsaCredentialSpec gmsaCredentialSpecName runAsUserName",
    ),
    ("discovery.v1.Endpoint", "hostname nodeName zone"),
    ("discovery.v1.EndpointPort", "appProtocol name protocol"),
    ("meta.v1.DeleteOptions", "propagationPolicy"),
    ("meta.v1.Preconditions", "resourceVersion uid"),
    (
        "networking.v1.IngressClassParametersReference",
        "apiGroup namespace scope",
    ),
    ("networking.v1.IngressPortStatus", "error"),
    ("networking.v1.IngressSpec", "ingressClassName"),
    ("networking.v1.NetworkPolicyPort", "protocol"),
    (
        "policy.v1.PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy",
    ),
    ("scheduling.v1.PriorityClass", "preemptionPolicy"),
    ("storage.v1.StorageClass", "reclaimPolicy volumeBindingMode"),
];

/// Optional booleans and numbers that are no pointers: false and 0 are left out.
const VALUES: &[(&str, &str)] = &[
    ("apps.v1.DaemonSetSpec", "minReadySeconds"),
    (
        "apps.v1.DaemonSetStatus",
        "numberAvailable numberUnavailable observedGeneration updatedNumberScheduled",
    ),
    ("apps.v1.DeploymentSpec", "minReadySeconds paused"),
    (
        "apps.v1.DeploymentStatus",
        "availableReplicas observedGeneration readyReplicas replicas unavailableReplicas updatedReplicas",
    ),
    ("apps.v1.ReplicaSetSpec", "minReadySeconds"),
    (
        "apps.v1.ReplicaSetStatus",
        "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    ),
    ("apps.v1.StatefulSetOrdinals", "start"),
    ("apps.v1.StatefulSetSpec", "minReadySeconds"),
    (
        "apps.v1.StatefulSetStatus",
        "currentReplicas observedGeneration readyReplicas updatedReplicas",
    ),
    ("autoscaling.v1.ScaleSpec", "replicas"),
    (
        "autoscaling.v2.HorizontalPodAutoscalerStatus",
        "currentReplicas",
    ),
    ("batch.v1.JobStatus", "active failed succeeded"),
    (
        "core.v1.AWSElasticBlockStoreVolumeSource",
        "partition readOnly",
    ),
    ("core.v1.AzureFilePersistentVolumeSource", "readOnly"),
    ("core.v1.AzureFileVolumeSource", "readOnly"),
    ("core.v1.CSIPersistentVolumeSource", "readOnly"),
    ("core.v1.CephFSPersistentVolumeSource", "readOnly"),
    ("core.v1.CephFSVolumeSource", "readOnly"),
    ("core.v1.CinderPersistentVolumeSource", "readOnly"),
    ("core.v1.CinderVolumeSource", "readOnly"),
    ("core.v1.Container", "stdin stdinOnce tty"),
    ("core.v1.ContainerImage", "sizeBytes"),
    ("core.v1.ContainerPort", "hostPort"),
    ("core.v1.ContainerStateTerminated", "signal"),
    ("core.v1.EphemeralContainer", "stdin stdinOnce tty"),
    ("core.v1.Event", "count"),
    ("core.v1.EventSeries", "count"),
    ("core.v1.FCVolumeSource", "readOnly"),
    ("core.v1.FlexPersistentVolumeSource", "readOnly"),
    ("core.v1.FlexVolumeSource", "readOnly"),
    (
        "core.v1.GCEPersistentDiskVolumeSource",
        "partition readOnly",
    ),
    ("core.v1.GlusterfsPersistentVolumeSource", "readOnly"),
    ("core.v1.GlusterfsVolumeSource", "readOnly"),
    (
        "core.v1.ISCSIPersistentVolumeSource",
        "chapAuthDiscovery chapAuthSession readOnly",
    ),
    (
        "core.v1.ISCSIVolumeSource",
        "chapAuthDiscovery chapAuthSession readOnly",
    ),
    ("core.v1.NFSVolumeSource", "readOnly"),
    ("core.v1.NodeSpec", "unschedulable"),
    ("core.v1.PersistentVolumeClaimVolumeSource", "readOnly"),
    ("core.v1.PodCondition", "observedGeneration"),
    ("core.v1.PodSpec", "hostIPC hostNetwork hostPID"),
    ("core.v1.PodStatus", "observedGeneration"),
    ("core.v1.PortworxVolumeSource", "readOnly"),
    (
        "core.v1.Probe",
        "failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds",
    ),
    ("core.v1.QuobyteVolumeSource", "readOnly"),
    ("core.v1.RBDPersistentVolumeSource", "readOnly"),
    ("core.v1.RBDVolumeSource", "readOnly"),
    ("core.v1.ReplicationControllerSpec", "minReadySeconds"),
    (
        "core.v1.ReplicationControllerStatus",
        "availableReplicas fullyLabeledReplicas observedGeneration readyReplicas",
    ),
    (
        "core.v1.ScaleIOPersistentVolumeSource",
        "readOnly sslEnabled",
    ),
    ("core.v1.ScaleIOVolumeSource", "readOnly sslEnabled"),
    ("core.v1.ServicePort", "nodePort"),
    (
        "core.v1.ServiceSpec",
        "healthCheckNodePort publishNotReadyAddresses",
    ),
    ("core.v1.StorageOSPersistentVolumeSource", "readOnly"),
    ("core.v1.StorageOSVolumeSource", "readOnly"),
    ("core.v1.VolumeMount", "readOnly"),
    ("core.v1.VolumeMountStatus", "readOnly"),
    ("events.v1.Event", "deprecatedCount"),
    ("meta.v1.Condition", "observedGeneration"),
    ("meta.v1.ObjectMeta", "generation"),
    ("networking.v1.ServiceBackendPort", "number"),
    ("policy.v1.PodDisruptionBudgetStatus", "observedGeneration"),
    ("scheduling.v1.PriorityClass", "globalDefault"),
];

fn entry<'a>(table: &[(&str, &'a str)], definition: &str, field: &str) -> Option<&'a str> {
    let (_, fields) = table.iter().find(|(name, _)| *name == definition)?;
    fields
        .split(' ')
        .find(|one| one.split(':').next() == Some(field))
}

/// The Go name of a field's string type, or of its items'.
pub fn named(definition: &str, field: &str) -> Option<&'static str> {
    entry(NAMED, definition, field)?
        .split_once(':')
        .map(|(_, go)| go)
}

/// Whether the server leaves an optional field out when it holds its type's zero value.
pub fn drops_zero(definition: &str, field: &str, kind: &str) -> bool {
    match kind {
        "string" => entry(POINTER_STRINGS, definition, field).is_none(),
        "bool" | "int32" | "int64" => entry(VALUES, definition, field).is_some(),
        _ => kind.starts_with("[]") || kind.starts_with("{}"),
    }
}

/// The entries above that name no field of `table`.
#[cfg(test)]
pub fn unused(table: &str) -> Vec<String> {
    let mut stale = Vec::new();
    for (definition, fields) in [NAMED, POINTER_STRINGS, VALUES].concat() {
        let line = table
            .lines()
            .find(|line| line.split(' ').next() == Some(definition))
            .unwrap_or_default();
        for field in fields.split(' ').filter_map(|one| one.split(':').next()) {
            let known = line
                .split(' ')
                .skip(1)
                .any(|one| one.split(['!', '~', ':']).next() == Some(field));
            if !known {
                stale.push(format!("{definition} {field}"));
            }
        }
    }
    stale
}
