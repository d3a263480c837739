//! How components talk to the API server: they watch into informers, queue keys, reconcile them.
//!
//! Upstream: staging/src/k8s.io/client-go, v1.36.

mod component;
mod ctx;
mod expectations;
mod informer;
mod object_informer;
mod recorder;
mod workqueue;

pub use component::{Agenda, Component, is_watched};
pub use ctx::Ctx;
pub use expectations::Expectations;
pub use informer::{Delta, Informer, WatchCursor, WatchSink};
pub use object_informer::{ObjectChange, ObjectInformer};
pub use recorder::{EventType, Recorder, reference, reference_to};
pub use workqueue::{Item, WorkQueue, work_off};
