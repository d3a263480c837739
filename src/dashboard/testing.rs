//! For the tests of the views.

use crate::cluster::ClusterConfig;
use crate::session::Session;
use crate::sim::SimDuration;

/// A new cluster half a minute after its start.
pub fn session() -> Session {
    let mut session = Session::new(ClusterConfig::default());
    session.advance(session.start() + SimDuration::secs(30), u32::MAX);
    session
}
