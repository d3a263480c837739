//! Where a volume's bytes come from: what Pods and PersistentVolumes have in common.
//!
//! Upstream: pkg/apis/core/validation/validation.go (validateVolumeSource and what it calls), v1.36.

mod disk;
mod local;
pub mod persistent;
pub mod pod;
mod projected;

pub use local::{descending_path, non_reserved_path};

use super::rules::Errors;
use crate::api::field::{FieldError, Path};

/// The sources of one volume: exactly one must be given.
struct Sources<'a, 'e> {
    at: &'a Path<'a>,
    errors: &'e mut Errors,
    count: usize,
}

impl Sources<'_, '_> {
    /// Checks `source`, whose mistakes stand below the field `name`; refuses a second one, named by
    /// the field `other`. (Upstream spells a few of the two differently.)
    fn take_as<T>(
        &mut self,
        source: Option<&T>,
        (other, name): (&str, &str),
        check: impl FnOnce(&T, &Path<'_>, &mut Errors),
    ) {
        let Some(source) = source else { return };
        if self.count > 0 {
            let detail = "may not specify more than 1 volume type";
            self.errors
                .push(FieldError::forbidden(&self.at.child(other), detail));
            return;
        }
        self.count += 1;
        check(source, &self.at.child(name), self.errors);
    }

    fn take<T>(
        &mut self,
        source: Option<&T>,
        name: &str,
        check: impl FnOnce(&T, &Path<'_>, &mut Errors),
    ) {
        self.take_as(source, (name, name), check);
    }

    fn finish(self) {
        if self.count == 0 {
            let detail = "must specify a volume type";
            self.errors.push(FieldError::required(self.at, detail));
        }
    }
}
