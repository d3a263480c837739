//! Which taints a toleration is for.
//!
//! Upstream: staging/src/k8s.io/api/core/v1/toleration.go, v1.36. Left out: the operators that compare
//! numbers, which are alpha.

use k8s_openapi::api::core::v1::{Pod, Taint, Toleration};

/// Whether `toleration` is for `taint`.
pub fn matches(toleration: &Toleration, taint: &Taint) -> bool {
    let text = |field: &Option<String>| field.clone().unwrap_or_default();
    let (key, effect) = (text(&toleration.key), text(&toleration.effect));
    let exists = toleration.operator.as_deref() == Some("Exists");
    (effect.is_empty() || effect == taint.effect)
        && ((key.is_empty() && exists) || key == taint.key)
        && (exists || text(&toleration.value) == text(&taint.value))
}

/// Whether one of `tolerations` is for `taint`.
pub fn any(tolerations: &[Toleration], taint: &Taint) -> bool {
    let mut all = tolerations.iter();
    all.any(|toleration| matches(toleration, taint))
}

/// The Pod's first toleration that is for `taint`.
pub fn of<'a>(pod: &'a Pod, taint: &Taint) -> Option<&'a Toleration> {
    let spec = pod.spec.iter();
    let mut all = spec.flat_map(|spec| spec.tolerations.iter().flatten());
    all.find(|toleration| matches(toleration, taint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toleration_is_for_a_key_a_value_and_an_effect() {
        let taint = Taint {
            key: "a".to_owned(),
            value: Some("b".to_owned()),
            effect: "NoExecute".to_owned(),
            time_added: None,
        };
        let tolerates = |key: &str, operator: &str, value: &str, effect: &str| {
            let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            let toleration = Toleration {
                key: given(key),
                operator: given(operator),
                value: given(value),
                effect: given(effect),
                toleration_seconds: None,
            };
            matches(&toleration, &taint)
        };
        assert!(tolerates("a", "", "b", "") && tolerates("a", "Equal", "b", "NoExecute"));
        assert!(tolerates("a", "Exists", "", "") && tolerates("", "Exists", "", ""));
        assert!(!tolerates("a", "Equal", "c", "") && !tolerates("x", "Exists", "", ""));
        assert!(!tolerates("a", "Exists", "", "NoSchedule") && !tolerates("", "", "", ""));
    }
}
