//! A folder for the files of one test.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

/// An empty folder. A drop removes it.
pub struct Scratch(PathBuf);

// === impl Scratch ===

impl Scratch {
    /// Creates a folder. No other test may use the same name.
    pub fn new(name: &str) -> Self {
        let folder = format!("{name}-{}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }
}

impl Deref for Scratch {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
