//! The manifests in the examples menu.

/// (title, text)
pub const EXAMPLES: &[(&str, &str)] = &[
    (
        "Deployment: ten web servers",
        include_str!("../../static/examples/deploy.yml"),
    ),
    (
        "Service: a node port for them",
        include_str!("../../static/examples/svc.yml"),
    ),
    (
        "Pod with a readiness probe",
        include_str!("../../static/examples/pod.yml"),
    ),
    (
        "An image that does not exist",
        include_str!("../../static/examples/bad-image.yml"),
    ),
];
