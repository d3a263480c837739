//! PersistentVolume, PersistentVolumeClaim and StorageClass.

pub mod claim;
mod class;
mod volume;

use super::rules::{Errors, one_of};
use crate::api::field::{FieldError, Path};

const MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

/// Adds what is wrong with how volumes may be mounted.
fn access_modes(modes: &[String], none: &str, at: &Path<'_>, errors: &mut Errors) {
    let at = at.child("accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(&at, none));
    }
    for mode in modes {
        one_of(mode, &MODES, &at, errors);
    }
    let alone = |mode: &&String| *mode == "ReadWriteOncePod";
    let other = |mode: &&String| MODES.contains(&mode.as_str()) && !alone(mode);
    if modes.iter().any(|m| alone(&m)) && modes.iter().any(|m| other(&m)) {
        let detail = "may not use ReadWriteOncePod with other access modes";
        errors.push(FieldError::forbidden(&at, detail));
    }
}
