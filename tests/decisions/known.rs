//! What v1.36 answers where the recordings of v1.20 have something else.

/// Recording and document, our answer, why.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "books/kubernetes-in-action/Chapter04/cronjob.yaml.json 0",
        "no matches for kind \"CronJob\" in version \"batch/v1beta1\"",
        "the version is gone since v1.22, or v1.25",
    ),
    (
        "books/kubernetes-in-action/Chapter05/kubia-ingress-tls.yaml.json 0",
        "no matches for kind \"Ingress\" in version \"extensions/v1beta1\"",
        "the version is gone since v1.22, or v1.25",
    ),
    (
        "books/kubernetes-in-action/Chapter05/kubia-ingress.yaml.json 0",
        "no matches for kind \"Ingress\" in version \"extensions/v1beta1\"",
        "the version is gone since v1.22, or v1.25",
    ),
    (
        "books/the-kubernetes-book/api/crd.yml.json 0",
        "no matches for kind \"CustomResourceDefinition\" in version \"apiextensions.k8s.io/v1\"",
        "custom resources are not served yet",
    ),
    (
        "books/the-kubernetes-book/api/deprecate.yml.json 0",
        "no matches for kind \"Ingress\" in version \"extensions/v1beta1\"",
        "the version is gone since v1.22, or v1.25",
    ),
    (
        "refusals/029.yaml.json 0",
        "Pod \"p\" is invalid: metadata.ownerReferences.uid: Invalid value: \"\": must not be empty",
        "worded anew",
    ),
    (
        "refusals/054.yaml.json 0",
        "Pod \"p\" is invalid: spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1",
        "tells the limit since v1.26",
    ),
    (
        "refusals/056.yaml.json 0",
        "Pod in version \"v1\" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        "the decoder words wrong types anew",
    ),
    (
        "refusals/061.yaml.json 0",
        "Pod \"p\" is invalid: spec.containers[0].env[0].name: Invalid value: \"1=A\": a valid environment variable name must consist only of printable ASCII characters other than '='",
        "names of environment variables are relaxed since v1.34",
    ),
    (
        "refusals/092.yaml.json 0",
        "Pod \"p\" is invalid: spec.containers[0].securityContext: Invalid value: {\"Capabilities\":null,\"Privileged\":true,\"SELinuxOptions\":null,\"WindowsOptions\":null,\"RunAsUser\":null,\"RunAsGroup\":null,\"RunAsNonRoot\":null,\"ReadOnlyRootFilesystem\":null,\"AllowPrivilegeEscalation\":false,\"ProcMount\":null,\"SeccompProfile\":null,\"AppArmorProfile\":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
        "values are shown as JSON",
    ),
    (
        "refusals/094.yaml.json 0",
        "Pod \"p\" is invalid: spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
        "sidecars came with v1.28: forbidden elsewhere",
    ),
    (
        "refusals/100.yaml.json 0",
        "Pod in version \"v1\" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
        "the decoder words wrong types anew",
    ),
    (
        "refusals/106.yaml.json 0",
        "Deployment.apps \"d\" is invalid: [spec.selector: Required value, spec.template.metadata.labels: Invalid value: {\"app\":\"a\"}: `selector` does not match template `labels`]",
        "values are shown as JSON",
    ),
    (
        "refusals/107.yaml.json 0",
        "Deployment.apps \"d\" is invalid: [spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`, spec.template.spec.containers: Required value]",
        "values are shown as JSON",
    ),
    (
        "refusals/110.yaml.json 0",
        "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
        "the decoder words wrong types anew",
    ),
    (
        "refusals/113.yaml.json 0",
        "Deployment.apps \"d\" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
        "values are shown as JSON",
    ),
    (
        "refusals/115.yaml.json 0",
        "Deployment.apps \"d\" is invalid: spec.strategy.rollingUpdate.maxSurge: Invalid value: \"abc\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        "values are shown as JSON",
    ),
    (
        "refusals/121.yaml.json 0",
        "Deployment.apps \"d\" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for deployment",
        "values are shown as JSON",
    ),
    (
        "refusals/125.yaml.json 0",
        "Deployment in version \"v1\" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
        "the decoder words wrong types anew",
    ),
    (
        "refusals/173.yaml.json 0",
        "ConfigMap \"c\" is invalid: []: Too long: may not be more than 1048576 bytes",
        "sizes are worded anew",
    ),
    (
        "refusals/174.yaml.json 0",
        "Secret in version \"v1\" cannot be handled as a Secret: illegal base64 data at input byte 3",
        "the decoder words wrong types anew",
    ),
    (
        "refusals/183.yaml.json 0",
        "PersistentVolume \"c\" is invalid: [spec.capacity: Required value, spec.capacity: Unsupported value: null: supported values: \"storage\"]",
        "values are shown as JSON; an empty map is kept as none here, which v1.36 shows as {}",
    ),
    (
        "refusals/188.yaml.json 0",
        "Ingress.networking.k8s.io \"i\" is invalid: spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/191.yaml.json 0",
        "Ingress.networking.k8s.io \"i\" is invalid: spec.rules[0].host: Invalid value: \"Bad_Host\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/194.yaml.json 0",
        "Ingress.networking.k8s.io \"i\" is invalid: spec.rules[0].http.paths[0].backend: Invalid value: \"\": cannot set both port name & port number",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/195.yaml.json 0",
        "Ingress.networking.k8s.io \"i\" is invalid: spec.tls[0].hosts[0]: Invalid value: \"bad_host\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/197.yaml.json 0",
        "NetworkPolicy.networking.k8s.io \"n\" is invalid: spec.policyTypes[0]: Unsupported value: \"Nope\": supported values: \"Ingress\", \"Egress\"",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/200.yaml.json 0",
        "NetworkPolicy.networking.k8s.io \"n\" is invalid: spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: \"11.0.0.0/8\": must be a strict subset of `cidr`",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/201.yaml.json 0",
        "NetworkPolicy.networking.k8s.io \"n\" is invalid: spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        "the group is networking.k8s.io since v1.22",
    ),
    (
        "refusals/206.yaml.json 0",
        "LimitRange \"l\" is invalid: spec.limits[0].defaultRequest[cpu]: Invalid value: \"2\": default request value 2 is greater than default limit value 1",
        "values are shown as JSON",
    ),
    (
        "refusals/207.yaml.json 0",
        "ResourceQuota \"q\" is invalid: spec.hard[pods]: Invalid value: \"1500m\": must be an integer",
        "values are shown as JSON",
    ),
    (
        "refusals/217.yaml.json 0",
        "no matches for kind \"HorizontalPodAutoscaler\" in version \"autoscaling/v1\"",
        "the autoscaler is served as autoscaling/v2 alone so far",
    ),
];

/// What we answer to this document, where that is not what was recorded.
pub fn words(name: &str) -> Option<&'static str> {
    let found = KNOWN.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, words, _)| *words)
}

/// Kind (`*`: every kind), how a difference begins (without indices), why.
const NEW: &[(&str, &str, &str)] = &[
    (
        "*",
        ".metadata.generation is only ours",
        "every kind has it since v1.34",
    ),
    (
        "Namespace",
        ".metadata.labels",
        "the label kubernetes.io/metadata.name came with v1.21",
    ),
    (
        "Service",
        ".spec.internalTrafficPolicy is only ours",
        "came with v1.21",
    ),
    (
        "Service",
        ".spec.ipFamilies is only ours",
        "came with v1.20, on since v1.21",
    ),
    (
        "Service",
        ".spec.ipFamilyPolicy is only ours",
        "came with v1.20, on since v1.21",
    ),
    (
        "Service",
        ".spec.allocateLoadBalancerNodePorts is only ours",
        "on since v1.22",
    ),
    (
        "Service",
        ".spec.clusterIP is only ours",
        "a dry run of v1.20 allocated nothing",
    ),
    (
        "Service",
        ".spec.clusterIPs is only ours",
        "a dry run of v1.20 allocated nothing",
    ),
    (
        "Service",
        ".spec.ports[].nodePort",
        "a dry run of v1.20 allocated nothing",
    ),
    (
        "Job",
        ".metadata.labels.batch.kubernetes.io/",
        "came with v1.27",
    ),
    ("Job", ".spec.selector.matchLabels", "came with v1.27"),
    (
        "Job",
        ".spec.template.metadata.labels.batch.kubernetes.io/",
        "came with v1.27",
    ),
    (
        "Job",
        ".spec.completionMode is only ours",
        "came with v1.21",
    ),
    ("Job", ".spec.suspend is only ours", "came with v1.21"),
    (
        "Job",
        ".spec.manualSelector is only ours",
        "defaulted since v1.36",
    ),
    (
        "Job",
        ".spec.podReplacementPolicy is only ours",
        "came with v1.28",
    ),
    (
        "StatefulSet",
        ".spec.persistentVolumeClaimRetentionPolicy is only ours",
        "came with v1.23",
    ),
    (
        "StatefulSet",
        ".spec.updateStrategy.rollingUpdate.maxUnavailable is only ours",
        "on since v1.35",
    ),
    (
        "StatefulSet",
        ".status.availableReplicas is only ours",
        "came with v1.22",
    ),
    (
        "PersistentVolume",
        ".metadata.finalizers is only theirs",
        "comes with its controller",
    ),
    (
        "PersistentVolume",
        ".status.lastPhaseTransitionTime is only ours",
        "came with v1.28",
    ),
    (
        "PersistentVolumeClaim",
        ".metadata.finalizers is only theirs",
        "comes with its controller",
    ),
];

/// Whether a difference between two objects is one between v1.20 and v1.36.
pub fn is_new(kind: &str, difference: &str) -> bool {
    let parts: Vec<&str> = difference
        .split('[')
        .map(|part| match part.split_once(']') {
            Some((index, rest)) if index.parse::<u32>().is_ok() => rest,
            _ => part,
        })
        .collect();
    let text = parts.join("[]");
    let found = |(of, begins, _): &&(&str, &str, &str)| {
        (*of == "*" || *of == kind) && text.starts_with(begins)
    };
    NEW.iter().any(|one| found(&one))
}
