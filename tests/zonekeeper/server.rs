//! A server as a separate process.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A server process. It ends on a drop, and also at the end of the test process. A shell waits for that end,
/// because Rust does not drop statics.
pub struct Server {
    name: &'static str,
    log: PathBuf,
    process: Child,
    guardian: Child,
}

// === impl Server ===

impl Server {
    /// Starts a program from `assets`, with `folder` as its working directory. The end of the test process
    /// removes the folder.
    pub fn start(name: &'static str, assets: &Path, folder: &Path, arguments: Vec<String>) -> Self {
        let log = folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).unwrap();
        let process = Command::new(assets.join(name))
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}: run `make tools`"));
        let guardian = Command::new("sh")
            .args(["-c", "cat; kill -9 \"$0\"; rm -rf \"$1\"", &process.id().to_string()])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { name, log, process, guardian }
    }

    /// Fails the test if the process has ended.
    pub fn must_run(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("{} has ended ({status}):\n{}", self.name, self.end_of_log());
        }
    }

    /// The output of the process so far, from both streams.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of the output.
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Sends a signal to the process.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Ends the shell, and then the process.
    pub fn stop(&mut self) {
        for child in [&mut self.guardian, &mut self.process] {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}
