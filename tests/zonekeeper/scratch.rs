//! A folder for the files of one test.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

/// An empty folder, which is removed when this is dropped.
pub struct Scratch(PathBuf);

// === impl Scratch ===

impl Scratch {
    /// A folder with a name that no other test uses.
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
