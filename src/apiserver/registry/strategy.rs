//! What a kind says of itself when it is written.

use crate::api::field::FieldError;
use crate::api::{ApiType, Status};
use crate::apiserver::ApiServerConfig;
use crate::etcd::Etcd;

/// A kind's own rules. Validation never changes the object.
pub trait Strategy: ApiType {
    /// Fills in the fields that were left out, as upstream's `SetDefaults_*` do.
    fn default(&mut self) {}

    /// Sets what a new object may not choose itself: status, generation, allocated addresses.
    ///
    /// # Errors
    /// `Invalid` where an address or port asked for cannot be had.
    fn prepare_for_create(
        &mut self,
        _config: &ApiServerConfig,
        _etcd: &Etcd,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Sets what a changed object may not choose itself: the old status, the next generation.
    ///
    /// # Errors
    /// `Invalid` where an address or port asked for cannot be had.
    fn prepare_for_update(
        &mut self,
        _old: &Self,
        _config: &ApiServerConfig,
        _etcd: &Etcd,
    ) -> Result<(), Status> {
        Ok(())
    }

    /// Keeps everything but the status as `old` has it.
    fn prepare_for_status_update(&mut self, _old: &Self) {}

    /// What is wrong with a new object.
    fn validate(&self) -> Vec<FieldError> {
        Vec::new()
    }

    /// What is wrong with the change from `old` to this, besides the metadata that every object has.
    fn validate_update(&self, _old: &Self) -> Vec<FieldError> {
        self.validate()
    }
}
