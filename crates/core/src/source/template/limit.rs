//! The limits of templates. They keep a template or an object of any content from holding up the others.

/// Maximum length of a template, in bytes.
pub const MAX_TEMPLATE_BYTES: usize = 64 << 10;

/// Maximum depth of parentheses and of blocks within each other.
pub const MAX_DEPTH: usize = 64;

/// Maximum number of variables at one place.
pub const MAX_VARIABLES: usize = 100;

/// Maximum number of steps of one evaluation. A step is an action, an operand, a round of a range, or the work on 64 bytes
/// of text.
pub const MAX_STEPS: usize = 100_000;

/// Maximum length of the evaluated text, and of each text that a function makes, in bytes: as many hostnames as are read of
/// one object, each of the maximum length.
pub const MAX_TEXT_BYTES: usize = 128 << 10;
