//! Probes and lifecycle hooks.
//!
//! Upstream: pkg/apis/core/validation/validation.go, v1.36. Left out: stopSignal, which is behind
//! a feature gate that is off.

use super::super::rules::{Errors, name, number, one_of, refuse, required, text};
use crate::api::field::{FieldError, Path};
use k8s_openapi::api::core::v1::{
    Container, ExecAction, GRPCAction, HTTPGetAction, Lifecycle, LifecycleHandler, Probe,
    SleepAction, TCPSocketAction,
};

/// What a probe or a hook does.
#[derive(Default)]
struct Handler<'a> {
    exec: Option<&'a ExecAction>,
    http: Option<&'a HTTPGetAction>,
    tcp: Option<&'a TCPSocketAction>,
    grpc: Option<&'a GRPCAction>,
    sleep: Option<&'a SleepAction>,
}

/// Adds what is wrong with a container's probes and hooks. `grace` is the Pod's.
pub fn probes(c: &Container, grace: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    if let Some(hooks) = &c.lifecycle {
        lifecycle(hooks, grace, &at.child("lifecycle"), errors);
    }
    if let Some(probe) = &c.liveness_probe {
        let at = at.child("livenessProbe");
        self::probe(probe, grace, &at, errors);
        succeeds_once(probe, &at, errors);
    }
    if let Some(probe) = &c.readiness_probe {
        let at = at.child("readinessProbe");
        self::probe(probe, grace, &at, errors);
        if let Some(seconds) = probe.termination_grace_period_seconds {
            let detail = "must not be set for readinessProbes";
            let at = at.child("terminationGracePeriodSeconds");
            errors.push(FieldError::invalid_value(&at, seconds, detail));
        }
    }
    if let Some(probe) = &c.startup_probe {
        let at = at.child("startupProbe");
        self::probe(probe, grace, &at, errors);
        succeeds_once(probe, &at, errors);
    }
}

fn succeeds_once(probe: &Probe, at: &Path<'_>, errors: &mut Errors) {
    let threshold = probe.success_threshold.unwrap_or(0);
    if threshold != 1 {
        let at = at.child("successThreshold");
        errors.push(FieldError::invalid_value(&at, threshold, "must be 1"));
    }
}

fn probe(probe: &Probe, grace: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    let what = Handler {
        exec: probe.exec.as_ref(),
        http: probe.http_get.as_ref(),
        tcp: probe.tcp_socket.as_ref(),
        grpc: probe.grpc.as_ref(),
        sleep: None,
    };
    handler(&what, grace, at, errors);
    for (field, value) in [
        ("initialDelaySeconds", probe.initial_delay_seconds),
        ("timeoutSeconds", probe.timeout_seconds),
        ("periodSeconds", probe.period_seconds),
        ("successThreshold", probe.success_threshold),
        ("failureThreshold", probe.failure_threshold),
    ] {
        number::non_negative(value, &at.child(field), errors);
    }
    if let Some(seconds) = probe.termination_grace_period_seconds.filter(|s| *s <= 0) {
        let at = at.child("terminationGracePeriodSeconds");
        errors.push(FieldError::invalid_value(
            &at,
            seconds,
            "must be greater than 0",
        ));
    }
}

fn lifecycle(hooks: &Lifecycle, grace: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    fn of(hook: &LifecycleHandler) -> Handler<'_> {
        Handler {
            exec: hook.exec.as_ref(),
            http: hook.http_get.as_ref(),
            tcp: hook.tcp_socket.as_ref(),
            sleep: hook.sleep.as_ref(),
            grpc: None,
        }
    }
    if let Some(hook) = &hooks.post_start {
        handler(&of(hook), grace, &at.child("postStart"), errors);
    }
    if let Some(hook) = &hooks.pre_stop {
        handler(&of(hook), grace, &at.child("preStop"), errors);
    }
}

fn handler(handler: &Handler<'_>, grace: Option<i64>, at: &Path<'_>, errors: &mut Errors) {
    let mut count = 0;
    let mut first = |field: &str, given: bool, errors: &mut Errors| {
        if !given {
            return false;
        }
        if count > 0 {
            let detail = "may not specify more than 1 handler type";
            errors.push(FieldError::forbidden(&at.child(field), detail));
            return false;
        }
        count += 1;
        true
    };
    if first("exec", handler.exec.is_some(), errors)
        && let Some(exec) = handler.exec
        && exec.command.as_ref().is_none_or(Vec::is_empty)
    {
        errors.push(FieldError::required(&at.child("exec").child("command"), ""));
    }
    if first("httpGet", handler.http.is_some(), errors)
        && let Some(get) = handler.http
    {
        http_get(get, &at.child("httpGet"), errors);
    }
    if first("tcpSocket", handler.tcp.is_some(), errors)
        && let Some(tcp) = handler.tcp
    {
        number::port_or_name(&tcp.port, &at.child("tcpSocket").child("port"), errors);
    }
    if first("grpc", handler.grpc.is_some(), errors)
        && let Some(grpc) = handler.grpc
    {
        number::port(grpc.port, &at.child("grpc").child("port"), errors);
    }
    if first("sleep", handler.sleep.is_some(), errors)
        && let Some(sleep) = handler.sleep
        && let Some(grace) = grace
        && !(0..=grace).contains(&sleep.seconds)
    {
        let detail =
            format!("must be non-negative and less than terminationGracePeriodSeconds ({grace})");
        errors.push(FieldError::invalid_value(
            &at.child("sleep"),
            sleep.seconds,
            detail,
        ));
    }
    if count == 0 {
        errors.push(FieldError::required(at, "must specify a handler type"));
    }
}

fn http_get(get: &HTTPGetAction, at: &Path<'_>, errors: &mut Errors) {
    required(text(get.path.as_ref()), &at.child("path"), errors);
    number::port_or_name(&get.port, &at.child("port"), errors);
    let scheme = text(get.scheme.as_ref());
    one_of(scheme, &["HTTP", "HTTPS"], &at.child("scheme"), errors);
    for header in get.http_headers.iter().flatten() {
        let at = at.child("httpHeaders");
        refuse(name::header(&header.name), &header.name, &at, errors);
    }
}
