//! The file that a cluster is saved in: a backup that any build can load, in the form in which the
//! page exports a cluster, so that either can open what the other saved.

use crate::cluster::Cluster;
use crate::session::{Saved, Session, TEXT_LIMIT};
use std::path::Path;
use std::sync::Arc;

/// Reads what was saved at `path`; `None` where there is no such file yet.
///
/// # Errors
/// What is wrong with it, for a person. A damaged file is never overwritten silently.
pub fn load(path: &Path) -> Result<Option<Cluster>, String> {
    let shown = path.display();
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
    };
    if size > u64::from(TEXT_LIMIT) {
        return Err(format!("{shown} is over {TEXT_LIMIT} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let cannot = |why: String| format!("cannot restore {shown}: {why}");
    let saved = Saved::parse(&text).map_err(cannot)?;
    let (cluster, refused) = match &saved.base {
        Some(base) if saved.tape.is_empty() => Cluster::restore(base).map_err(cannot)?,
        _ => {
            let session = Session::restore(saved).map_err(cannot)?;
            (session.cluster().clone(), Vec::new())
        }
    };
    for object in refused {
        eprintln!("warning: left out of {shown}: {object}");
    }
    Ok(Some(cluster))
}

/// Saves a cluster: first beside the file, then in its place, so that a crash leaves one of the two.
///
/// # Errors
/// What is wrong, for a person.
pub fn save(path: &Path, cluster: &Cluster) -> Result<(), String> {
    let saved = Saved::of_backup(Arc::new(cluster.backup()));
    let text = serde_json::to_vec(&saved).map_err(|error| format!("cannot save: {error}"))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
