//! The file that a cluster is saved in.

use crate::session::{Saved, Session};
use std::path::Path;

/// The largest file that is read, in bytes.
const FILE_LIMIT: u64 = 256 * 1_024 * 1_024;

/// Reads what was saved at `path`; `None` where there is no such file yet.
///
/// # Errors
/// What is wrong with it, for a person. A damaged file is never overwritten silently.
pub fn load(path: &Path) -> Result<Option<Session>, String> {
    let shown = path.display();
    let size = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("cannot read {shown}: {error}")),
    };
    if size > FILE_LIMIT {
        return Err(format!("{shown} is over {FILE_LIMIT} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read {shown}: {e}"))?;
    let saved: Saved =
        serde_json::from_str(&text).map_err(|e| format!("{shown} holds no cluster: {e}"))?;
    let session = Session::restore(saved).map_err(|e| format!("cannot restore {shown}: {e}"))?;
    Ok(Some(session))
}

/// Saves a session: first beside the file, then in its place, so that a crash leaves one of the two.
///
/// # Errors
/// What is wrong, for a person.
pub fn save(path: &Path, session: &Session) -> Result<(), String> {
    let text = serde_json::to_vec(&session.save()).map_err(|e| format!("cannot save: {e}"))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let written = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, path));
    written.map_err(|error| format!("cannot write {}: {error}", path.display()))
}
