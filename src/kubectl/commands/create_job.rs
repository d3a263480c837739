//! `kubectl create job` and `kubectl create cronjob`.
//!
//! Upstream: staging/src/k8s.io/kubectl/pkg/cmd/create/{create_job,create_cronjob}.go, v1.36.

use super::create::{command, make, metadata, name};
use super::{Pending, Verb};
use crate::api::meta::MetaExt;
use crate::api::{Kind, ObjectKey};
use crate::kubectl::failure::Failure;
use crate::kubectl::flags::{DRY_RUN, Flag, OUTPUT, Takes, flag};
use crate::kubectl::resource::{self, Named};
use crate::kubectl::shell::Shell;
use serde_json::{Value, json};

const JOB_FLAGS: &[Flag] = &[flag("image", Takes::Text), flag("from", Takes::Text)];
const CRON_FLAGS: &[Flag] = &[
    flag("image", Takes::Text),
    flag("schedule", Takes::Text),
    flag("restart", Takes::Text),
];

pub const JOB: Verb = Verb {
    name: "create job",
    usage: "create job NAME (--image=image | --from=cronjob/name) [-- COMMAND] [args...]",
    about: "Create a Job",
    flags: &[DRY_RUN, OUTPUT, JOB_FLAGS],
    run: job,
};

pub const CRON_JOB: Verb = Verb {
    name: "create cronjob",
    usage: "create cronjob NAME --image=image --schedule='0/5 * * * ?' [-- COMMAND] [args...]",
    about: "Create a CronJob",
    flags: &[DRY_RUN, OUTPUT, CRON_FLAGS],
    run: cron_job,
};

/// A Pod template with one container.
fn template(name: &str, image: &str, command: &[String], restart: &str) -> Value {
    let mut container = json!({"image": image, "name": name, "resources": {}});
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    json!({"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}})
}

fn job(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let (name, command) = (name(shell)?, command(shell));
    let [image, from] = ["image", "from"].map(|flag| shell.words.text(flag).map(str::to_owned));
    let mut metadata = metadata(shell, &name, None);
    let spec = match (image, from) {
        (Some(image), None) => json!({"template": template(&name, &image, &command, "Never")}),
        (None, Some(_)) if !command.is_empty() => {
            return Err(Failure::client("cannot specify --from and command"));
        }
        (None, Some(from)) => from_cron_job(shell, &from, &mut metadata)?,
        _ => {
            let message = "either --image or --from must be specified";
            return Err(Failure::client(message));
        }
    };
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": spec,
        "status": {},
    });
    make(shell, job, "failed to create job")?;
    Ok(None)
}

/// The spec that the CronJob `from` has for its Jobs; `metadata` gets what comes with it.
fn from_cron_job(
    shell: &mut Shell<'_>,
    from: &str,
    metadata: &mut Value,
) -> Result<Value, Failure> {
    let only = || Failure::client("from must be an existing cronjob");
    let named = Named::parse(&[from.to_owned()], shell.api.kinds())?;
    let Named::Objects(objects) = named else {
        return Err(only());
    };
    let [(Kind::CronJob, name)] = objects.as_slice() else {
        return Err(only());
    };
    let key = ObjectKey::new(Kind::CronJob, shell.namespace, name.as_str());
    let found = resource::read(shell, &key)?;
    let uid = found.uid().to_owned();
    let template = found.to_json()["spec"]["jobTemplate"].take();
    let given = &template["metadata"];
    let mut annotations = given["annotations"].clone();
    annotations["cronjob.kubernetes.io/instantiate"] = json!("manual");
    metadata["annotations"] = annotations;
    if !given["labels"].is_null() {
        metadata["labels"] = given["labels"].clone();
    }
    metadata["ownerReferences"] = json!([{
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": name,
        "uid": uid,
        "controller": true,
    }]);
    Ok(template["spec"].clone())
}

fn cron_job(shell: &mut Shell<'_>) -> Result<Option<Pending>, Failure> {
    let (name, command) = (name(shell)?, command(shell));
    let needed = |flag: &str| {
        let text = shell.words.text(flag);
        text.ok_or_else(|| Failure::client(format!("{flag} must be specified")))
    };
    let (image, schedule) = (needed("image")?, needed("schedule")?);
    let restart = shell.words.text("restart").unwrap_or("OnFailure");
    let template = template(&name, image, &command, restart);
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata(shell, &name, None),
        "spec": {
            "schedule": schedule,
            "jobTemplate": {"metadata": {"name": name}, "spec": {"template": template}},
        },
        "status": {},
    });
    make(shell, job, "failed to create cronjob")?;
    Ok(None)
}
