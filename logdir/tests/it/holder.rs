//! A log directory's lock in another process's hands. The tests of every crate above include this file.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A process that holds a lock on `path` by `fcntl.CALL` until it is dropped. `lockf` makes the same call as Java's
/// `FileChannel.tryLock`, which is how a broker holds it.
#[derive(Debug)]
pub(crate) struct Holder(Child);

impl Holder {
    pub(crate) fn of(path: &Path, call: &str) -> Self {
        let script = format!(
            "import fcntl, sys\nf = open(sys.argv[1], 'r+b')\nfcntl.{call}(f, fcntl.LOCK_EX | fcntl.LOCK_NB)\n\
             print('held', flush=True)\nsys.stdin.read()\n"
        );
        let mut child = Command::new("python3")
            .args(["-c", &script])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed to hold a lock from another process");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output is piped"));
        output.read_line(&mut line).expect("it says that it holds the lock");
        assert_eq!(line, "held\n");
        Self(child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // The end of its input ends it.
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
