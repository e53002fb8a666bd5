//! A server as a process.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

/// A server as a process. It ends when this is dropped, and also when the test process ends in any other way: a
/// shell waits for that, because nobody drops what is static.
pub struct Server {
    name: &'static str,
    log: PathBuf,
    process: Child,
    guardian: Child,
}

// === impl Server ===

impl Server {
    /// Starts a program that lies in `assets`, in a folder of its own, which goes with it.
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
            .unwrap();
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

    /// Stops the test if the process has ended.
    pub fn must_run(&mut self) {
        if let Some(status) = self.process.try_wait().unwrap() {
            panic!("{} has ended ({status}):\n{}", self.name, self.end_of_log());
        }
    }

    /// What it has said so far, on both streams.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The last lines of that.
    pub fn end_of_log(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Ends the process by its id; the guardian first, which would do the same.
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
