//! A server of one's own: started on a free port, ended when it is dropped.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A running `kubarium serve`.
pub struct Server {
    child: Child,
    /// `127.0.0.1:port`
    pub address: String,
    folder: PathBuf,
}

/// A folder of this test alone.
pub fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("http-{}-{count}", std::process::id());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

impl Server {
    /// Starts a server and waits until it serves.
    pub fn start(options: &[&str]) -> Self {
        let folder = folder();
        let mut child = Command::new(env!("CARGO_BIN_EXE_kubarium"))
            .args(["serve", "--port", "0", "--kubeconfig"])
            .arg(folder.join("kubeconfig"))
            .args(options)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let Some(address) = line
            .trim()
            .strip_prefix("Serving Kubernetes API at http://")
        else {
            let mut errors = String::new();
            let mut stderr = child.stderr.take().expect("piped");
            stderr.read_to_string(&mut errors).expect("its errors");
            panic!("the server said {line:?} and {errors:?}");
        };
        Self {
            address: address.to_owned(),
            child,
            folder,
        }
    }

    /// The kubeconfig it wrote.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The folder of this test.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Asks it to end, and waits; answers how it ended and what it complained of.
    pub fn stop(&mut self) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("kill runs").success());
        let late = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                let mut errors = String::new();
                if let Some(mut stderr) = self.child.stderr.take() {
                    stderr.read_to_string(&mut errors).expect("its errors");
                }
                return (status, errors);
            }
            assert!(Instant::now() < late, "the server does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed leaves it running; one that ended it leaves nothing to do.
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
